//! The examples, run as they are: each usage into a buffer, and what it shows.

use loopscope::report::{IterationsCsv, StepsCsv};

#[expect(dead_code, reason = "the tests have a main of their own")]
#[path = "../../examples/poh/main.rs"]
mod usages;

/// What a usage writes.
fn shown(name: &str) -> String {
    let mut out = Vec::new();
    usages::run(&[name.to_owned()], &mut out).unwrap_or_else(|e| panic!("{name}: {e:#}"));
    String::from_utf8(out).expect("text")
}

/// The lines that begin so, without that.
fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines().filter_map(|l| l.strip_prefix(start)).collect()
}

/// All numbers of a line.
fn numbers(line: &str) -> Vec<f32> {
    line.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').filter_map(|w| w.parse().ok()).collect()
}

/// The rows of a table after a line that begins so; they are indented.
fn table(text: &str, header: &str) -> Vec<Vec<f32>> {
    let rows = text.lines().skip_while(|l| !l.starts_with(header)).skip(1);
    rows.take_while(|l| l.starts_with(' ')).map(numbers).collect()
}

#[test]
fn names() {
    let mut out = Vec::new();
    let unknown = usages::run(&["parity".into(), "topk".into()], &mut out).expect_err("no such usage").to_string();
    for (name, ..) in usages::USAGES {
        assert!(unknown.contains("“topk”") && unknown.contains(name), "{unknown}");
    }
    assert!(out.is_empty(), "nothing has run");
}

#[test]
fn drop_in() {
    let text = shown("drop-in");
    assert!(text.contains("x [2, 10, 512] → y [2, 10, 512]") && text.contains("18,965,680"), "{text}");
    let blocks = table(&text, "block ");
    assert_eq!(blocks.len(), 6, "{text}");
    for block in blocks {
        let [_, sum, routing, most_routing, attention, most_attention] = block[..] else { panic!("{block:?}") };
        assert!((sum - 1.0).abs() < 1e-4, "α sums to {sum}");
        assert!(routing > 0.5 * most_routing && routing <= most_routing, "{routing}");
        assert!(attention > 0.5 * most_attention && attention <= most_attention, "{attention}");
    }
}

#[test]
fn top_k() {
    let text = shown("top-k");
    let tokens = lines(&text, "token ");
    assert_eq!(tokens.len(), 6, "{text}");
    for token in tokens {
        let alpha = &numbers(token)[1..];
        assert!(alpha.len() == 2 && (alpha.iter().sum::<f32>() - 1.0).abs() < 2e-3, "{token}");
    }
    let blocks = lines(&text, "block ");
    assert_eq!(blocks.len(), 4, "{text}");
    assert!(blocks.iter().all(|b| b.ends_with("75.0 % zeros; heads of each token: 2 2 2 2 2 2")), "{text}");
    let gradients: Vec<f32> =
        lines(&text, "gradient of the router, ").iter().filter_map(|l| numbers(l).last().copied()).collect();
    let [renormalised, through, none] = gradients[..] else { panic!("{text}") };
    assert!(renormalised > 0.0 && through > 0.0 && none == 0.0, "{text}");
}

#[test]
fn refinement() {
    let text = shown("refinement");
    let start = lines(&text, "g = 0: iteration ");
    assert!(start.len() == 3 && start.iter().all(|l| l.ends_with("changes nothing, to the last bit")), "{text}");
    let half: Vec<Vec<f32>> = lines(&text, "g = 0.5: iteration ").into_iter().map(numbers).collect();
    assert!(half.len() == 3 && half.iter().all(|l| l[1] > 0.05), "{text}");
    assert!(text.contains("a gradient reaches: outer_gain\n"), "{text}");
}

#[test]
fn halting() {
    let text = shown("halting");
    let iterations: Vec<Vec<f32>> = lines(&text, "iteration ").into_iter().map(numbers).collect();
    assert!(iterations.len() == 5 && iterations.iter().all(|i| (i[2] - 1.0).abs() < 1e-5), "{text}");
    assert!(iterations.windows(2).all(|w| w[0][1] <= w[1][1]), "who has halted stays so: {text}");
    assert!(iterations[4][1] > iterations[0][1], "{text}");
    let tokens = table(&text, "token ");
    assert_eq!(tokens.len(), 12, "{text}");
    let mut ponder = 0.0;
    for token in &tokens {
        let (weights, sum, count) = (&token[1..6], token[6], token[7] as usize);
        assert!((sum - 1.0).abs() < 1e-5, "{text}");
        assert!(weights[..count].iter().all(|w| *w > 0.0) && weights[count..].iter().all(|w| *w == 0.0), "{text}");
        ponder += (count as f32 + weights[count - 1]) / 12.0;
    }
    assert!(tokens.iter().any(|t| t[7] != tokens[0][7]), "each token by itself: {text}");
    let far = lines(&text, "answer against Σ weight · state: largest difference ")[0];
    assert!(far.parse::<f32>().is_ok_and(|d| d < 1e-5), "{far}");
    let [told, penalty, cost] = numbers(lines(&text, "ponder ")[0])[..] else { panic!("{text}") };
    assert!((told - ponder).abs() < 1e-3 && (cost - penalty * told).abs() < 1e-5, "{ponder}: {text}");
}

#[test]
fn logging() {
    let text = shown("logging");
    assert_eq!(lines(&text, "step ").len(), 8, "{text}");
    assert_eq!(lines(&text, "probe at step "), ["4: 6 iterations", "8: 6 iterations"], "{text}");
    // What is shown is what the readers of the library read.
    assert_eq!(lines(&text, "read back: "), ["8 steps", "2 probes, 12 iterations"], "{text}");
    let tables = lines(&text, "  ");
    assert_eq!(tables.len(), 8, "{text}");
    let shown = |rows: &[&str]| rows.join("\n") + "\n";
    let steps = StepsCsv::parse(&shown(&tables[..4])).expect("a table");
    assert_eq!(steps.iter().map(|m| m.step.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(steps.iter().all(|m| m.loss.is_finite() && m.loss_by_iteration.len() == 3));
    let probes = IterationsCsv::parse(&shown(&tables[4..])).expect("a table");
    assert_eq!((probes.len(), probes[0].solved.len(), probes[0].boards), (1, 3, 16));
}

#[test]
fn parity() {
    let text = shown("parity");
    for count in ["18,914,304", "18,965,680", "19,227,824", "18,981,040", "20,499,504", "4,469,257"] {
        assert_eq!(text.matches(count).count(), 1, "{count}: {text}");
    }
    for share in ["+51376 (+0.2716 %)", "(+1.6576 %)", "(+23.6290 %)"] {
        assert!(text.contains(share), "{share}: {text}");
    }
}
