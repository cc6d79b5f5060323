//! Figures, tables and means from made-up probes: with everything, with little, and with bad numbers.

use super::*;
use crate::report::{IterationsCsv, Size};
use crate::trace::{HaltingReading, RoutingReading, RunStamp, Step};

/// A reading whose loss falls with step and iteration, towards a floor.
fn one(step: u32, i: u32, heads: usize) -> IterationReading {
    let (k, t) = (step as f32 / 250.0, i as f32);
    let routing = (heads > 0).then(|| {
        let raw: Vec<f32> = (0..heads).map(|h| 1.0 + 0.2 * k * (h as f32 + 1.0) / heads as f32).collect();
        let sum: f32 = raw.iter().sum();
        let load: Vec<f32> = raw.iter().map(|w| w / sum).collect();
        let entropy = (heads as f32).ln() * (1.0 - 0.02 * k - 0.1 / t);
        RoutingReading { entropy, top1_share: 0.5, load }
    });
    let halting = (heads > 0).then(|| HaltingReading { share: 1.0 - 1.0 / t, ponder_cost: 4.0 - 3.0 / t });
    IterationReading {
        loss: 0.05 + 1.3 / (1.0 + 0.3 * k) / t,
        right_share: 1.0 - 0.5 / t,
        residual: 0.8 / (t * t),
        attention_entropy: 2.0 + 0.5 / k + 0.1 * (17.0 * k).sin(),
        routing,
        halting,
        milliseconds: 12.0 + if i == 1 { 8.0 } else { 0.5 * (i % 3) as f32 },
    }
}

fn probe(step: u32, iterations: u32, heads: usize) -> ProbeReport {
    let solved = |i: u32| (64 * i * step / (i * step + 1500)).min(64);
    ProbeReport {
        stamp: Some(RunStamp {
            run: "sudoku4".into(),
            config_hash: "0123456789abcdef".into(),
            seed: 7,
            device: "CPU (flex, 2 threads)".into(),
        }),
        step: Step(step),
        epoch: Some(3),
        boards: 64,
        trained_iterations: 6,
        gradient_norm: Some(0.75),
        solved: (1..=iterations).map(solved).collect(),
        readings: (1..=iterations).map(|i| one(step, i, heads)).collect(),
    }
}

fn probes(count: u32, iterations: u32, heads: usize) -> Vec<ProbeReport> {
    (1..=count).map(|k| probe(250 * k, iterations, heads)).collect()
}

fn names(figures: &[Figure]) -> Vec<&str> {
    figures.iter().map(|f| f.name.as_str()).collect()
}

/// Draws them all; for a person to look at with LOOPSCOPE_FIGURES=folder.
fn sheets(run: &RunProbes, look: &str) -> Vec<Figure> {
    let all = figures(run, Size::default()).expect("they can be drawn");
    for f in &all {
        assert!(f.svg.starts_with("<svg") && f.svg.trim_end().ends_with("</svg>"), "{}", f.name);
        assert!(!f.svg.contains("NaN") && !f.svg.contains("inf"), "{}", f.name);
        if let Some(folder) = std::env::var_os("LOOPSCOPE_FIGURES") {
            let file = std::path::Path::new(&folder).join(format!("inner-outer-{look}-{}.svg", f.name));
            std::fs::write(file, &f.svg).expect("writable");
        }
    }
    all
}

fn has(figures: &[Figure], name: &str, words: &[&str]) {
    let figure = figures.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{:?}", names(figures)));
    for word in words {
        assert!(figure.svg.contains(word), "{name} lacks “{word}”");
    }
}

#[test]
fn figures_say_what_they_show() {
    let probes = probes(40, 96, 8);
    let run = RunProbes::new("poh4-seed7", &probes, &[]).expect("probes");
    assert!(run.notes().is_empty(), "{:?}", run.notes());
    let all = sheets(&run, "all");
    assert_eq!(
        names(&all),
        [
            "convergence-step-250",
            "convergence-step-5000",
            "convergence-step-10000",
            "learning-curve",
            "solved",
            "entropy",
            "route-entropy-by-iteration",
            "milliseconds",
            "head-load",
            "halting"
        ]
    );
    let words = [
        "poh4-seed7 · loss by iteration at step 250 · 64 evaluation boards",
        "First drop from iteration 1 to 2: 0.5000 nats",
        "last, 95 to 96: 1.10e-4 nats",
        "efficiency, last / first: 0.022 %",
        "−0.5000",
        "−47.6 %",
        "trained with 6",
        "Loss (nats)",
        "Iteration",
    ];
    has(&all, "convergence-step-250", &words);
    has(&all, "learning-curve", &["After iteration 6 (T)", "After iteration 96 (the longest)", "Step", "10,000"]);
    has(&all, "solved", &["with 95 % Wilson intervals", "Solved (%)", "100", "<polygon"]);
    let words = ["Attention entropy (nats)", "Routing entropy (nats)", "Each probe", "Mean of 4 probes"];
    has(&all, "entropy", &words);
    has(&all, "route-entropy-by-iteration", &["8 heads, alike at ln 8 = 2.08 nats", "Step 5,000", "Step 10,000"]);
    has(&all, "milliseconds", &["over 40 probes and 4 iterations a bar", "Time (ms)", "14.4"]);
    has(&all, "head-load", &["Head 1", "Head 8", "All alike", "Mean weight (%)"]);
    has(&all, "halting", &["Halted cells (%)", "Ponder cost", "Step 250"]);
}

#[test]
fn little_is_drawn_as_far_as_it_goes() {
    let plain = probes(3, 6, 0);
    let run = RunProbes::new("sudoku4", &plain, &[500]).expect("a probe");
    let all = sheets(&run, "plain");
    assert_eq!(names(&all), ["convergence-step-500", "learning-curve", "solved", "entropy", "milliseconds"]);
    has(&all, "milliseconds", &["over 3 probes", "20.0", "12.5"]);
    // Where there is one line there is no legend, so the title says which it is.
    has(&all, "learning-curve", &["loss of 64 evaluation boards · after iteration 6 (T)"]);
    has(&all, "solved", &["intervals · after iteration 6 (T)"]);
    assert_eq!(
        run.notes(),
        ["There is no router: no routing entropy and no head load.", "No cell can halt: no halting statistics."]
    );

    let two = probes(1, 2, 2);
    let run = RunProbes::new("two", &two, &[]).expect("a probe");
    let all = sheets(&run, "two");
    has(&all, "convergence-step-250", &["The only drop from iteration 1 to 2: 0.5000 nats"]);
    has(&all, "halting", &["halting by iteration · step 250"]);
    let one = probes(1, 1, 0);
    let run = RunProbes::new("one", &one, &[]).expect("a probe");
    has(&sheets(&run, "one"), "convergence-step-250", &["there is nothing to compare it with"]);
}

/// A file of the first schema has solved counts alone.
#[test]
fn the_first_schema_has_the_solved_share() {
    let text = "step,boards,trained_iterations,iteration,solved\n5,64,2,1,3\n5,64,2,2,4\n10,64,2,1,9\n10,64,2,2,12\n";
    let mut probes = IterationsCsv::parse(text).expect("readable");
    let run = RunProbes::new("old", &probes, &[]).expect("probes");
    assert_eq!(names(&sheets(&run, "old")), ["solved"]);
    insta::assert_snapshot!(run.notes().join("\n"), @"No probe (2 probes, steps 5 to 10) has more than solved counts: they are of the first schema of iterations.csv. Loss, entropies, times, head load and halting were not read and cannot be shown; probes that this version makes have them.");
    insta::assert_snapshot!(tables(&run, &[], &[]), @r"
    # old: iterations and steps

    2 probes, steps 5 to 10; 64 evaluation boards; trained with 2 iterations, run with 2.

    - No probe (2 probes, steps 5 to 10) has more than solved counts: they are of the first schema of iterations.csv. Loss, entropies, times, head load and halting were not read and cannot be shown; probes that this version makes have them.
    - Solved counts boards whose every empty cell is right. The interval is Wilson's with 95 %: it is of these boards and this one training, and says nothing of other seeds.

    ## Step 5

    | iteration | solved | solved, % | 95 % Wilson |
    |---:|---:|---:|---:|
    | 1 | 3 of 64 | 4.7 | 1.6 to 12.9 |
    | 2 (T) | 4 of 64 | 6.2 | 2.5 to 15.0 |

    ## Step 10

    | iteration | solved | solved, % | 95 % Wilson |
    |---:|---:|---:|---:|
    | 1 | 9 of 64 | 14.1 | 7.6 to 24.6 |
    | 2 (T) | 12 of 64 | 18.8 | 11.1 to 30.0 |
    ");
    insta::assert_snapshot!(summary_text(&summary(&run)), @r"
    old: 2 probes, steps 5 to 10, 64 boards; trained with 2 iterations, run with 2

         step          iteration  loss, nats   solved       of     share      95 % interval
            5                  1           –        3       64     4.7 %      1.6 to 12.9 %
                  2 (T, longest)           –        4       64     6.2 %      2.5 to 15.0 %
           10                  1           –        9       64    14.1 %      7.6 to 24.6 %
                  2 (T, longest)           –       12       64    18.8 %     11.1 to 30.0 %
    ");
    assert!(json_lines(&probes).starts_with(r#"{"schema":2,"run_id":null,"#));

    // Gone on with by this version, and further.
    probes.push(ProbeReport { trained_iterations: 2, ..probe(15, 4, 0) });
    let run = RunProbes::new("resumed", &probes, &[]).expect("probes");
    assert_eq!(
        names(&sheets(&run, "resumed")),
        ["convergence-step-15", "learning-curve", "solved", "entropy", "milliseconds"]
    );
    insta::assert_snapshot!(run.notes().join("\n"), @r"
    2 of 3 probes (steps 5 to 10) hold solved counts alone, of the first schema of iterations.csv: they are missing in all but the solved share.
    Not all probes were run equally long: curves against steps are of iteration 2, the longest that all have; some have 4.
    There is no router: no routing entropy and no head load.
    No cell can halt: no halting statistics.
    ");
}

#[test]
fn bad_numbers_leave_gaps() {
    let mut bad = probes(40, 24, 2);
    for (i, value) in [f32::NAN, f32::INFINITY, 0.0, f32::NEG_INFINITY, f32::MAX].into_iter().enumerate() {
        let reading = &mut bad[i * 3].readings[i + 1];
        reading.loss = value;
        reading.residual = value;
        reading.attention_entropy = value;
        reading.milliseconds = value;
        if let Some(routing) = &mut reading.routing {
            routing.entropy = value;
            routing.load[0] = value;
        }
        reading.halting = Some(HaltingReading { share: value, ponder_cost: value });
    }
    bad[39].readings[0].loss = f32::NAN;
    bad[39].readings.iter_mut().for_each(|r| r.milliseconds = f32::NAN);
    let run = RunProbes::new("bad", &bad, &[250, 1000, 10_000]).expect("probes");
    has(&sheets(&run, "bad"), "convergence-step-10000", &["no number · last", "no efficiency"]);
    let mut nothing = probes(2, 3, 0);
    nothing.iter_mut().flat_map(|p| &mut p.readings).for_each(|r| {
        (r.loss, r.milliseconds, r.attention_entropy) = (f32::NAN, f32::NAN, f32::NAN);
    });
    let run = RunProbes::new("nothing", &nothing, &[]).expect("probes");
    sheets(&run, "nothing");
    assert!(tables(&run, &[], &[]).contains("| no number |"));
    assert!(json_lines(&nothing).lines().all(|l| l.contains(r#""loss":null"#)));
}

#[test]
fn steps_are_chosen_or_refused() {
    let all = probes(12, 3, 0);
    let chosen = |steps: &[u32]| {
        let run = RunProbes::new("r", &all, steps)?;
        Ok::<Vec<u32>, SelectionError>(run.chosen.iter().map(|p| p.step.0).collect())
    };
    assert_eq!(chosen(&[]), Ok(vec![250, 1500, 3000]));
    assert_eq!(chosen(&[3000, 500, 3000]), Ok(vec![500, 3000]));
    insta::assert_snapshot!(chosen(&[250, 700]).expect_err("none"), @"there is no probe of step 700; the nearest is of step 750 (12 probes, steps 250 to 3,000)");
    assert_eq!(RunProbes::new("r", &[], &[]).expect_err("none"), SelectionError::NoProbes);
    let lone = probes(1, 3, 0);
    assert_eq!(RunProbes::new("r", &lone, &[]).expect("one").chosen.len(), 1);
    insta::assert_snapshot!(RunProbes::new("r", &lone, &[9]).expect_err("none"), @"there is no probe of step 9; the nearest is of step 250 (1 probe, step 250)");
}

#[test]
fn drops_are_those_of_the_specification() {
    let of = |loss: &[f32]| {
        let readings = loss.iter().map(|l| IterationReading { loss: *l, ..one(1, 1, 0) }).collect();
        Drops::of(&ProbeReport { readings, ..ProbeReport::default() })
    };
    let found = of(&[2.0, 1.0, 0.5, 0.25]).expect("four");
    assert_eq!((found.first_drop, found.last_drop, found.efficiency_percent), (1.0, Some(0.25), Some(25.0)));
    let two = of(&[2.0, 1.0]).expect("two");
    assert_eq!((two.first_drop, two.last_drop, two.efficiency_percent), (1.0, None, None));
    let rises = of(&[1.0, 2.0, 3.0]).expect("three");
    assert_eq!((rises.first_drop, rises.last_drop, rises.efficiency_percent), (-1.0, Some(-1.0), None));
    assert_eq!((of(&[1.0]), of(&[])), (None, None));
}

#[test]
fn running_means_begin_at_twenty_probes() {
    let points = |n: u32| (0..n).map(|i| [f64::from(i), f64::from(i % 2)]).collect::<Vec<_>>();
    assert_eq!(numbers::moving_average(&points(19)), None);
    let (window, mean) = numbers::moving_average(&points(20)).expect("twenty");
    assert_eq!((window, mean.len(), mean[0], mean[18]), (2, 19, [0.5, 0.5], [18.5, 0.5]));
    assert_eq!(numbers::moving_average(&points(9000)).map(|m| m.0), Some(50));
}

#[test]
fn places_for_words_are_apart() {
    assert_eq!(draw::spread(1, 1), [1]);
    assert_eq!(draw::spread(2, 2), [1, 2]);
    assert_eq!(draw::spread(4, 4), [1, 2, 3, 4]);
    assert_eq!(draw::spread(96, 6), [1, 2, 6, 12, 24, 48, 96]);
    for n in [9, 24, 100, 1024, 1 << 20] {
        let all = draw::spread(n, 6);
        assert!(all.contains(&1) && all.contains(&n) && all.contains(&6), "{n}: {all:?}");
        assert!(all.len() <= 12 && all.windows(2).all(|w| w[0] < w[1]), "{n}: {all:?}");
    }
}

#[test]
fn tables_have_every_number() {
    let probes = vec![probe(250, 3, 2), probe(500, 3, 2)];
    let run = RunProbes::new("poh4_a", &probes, &[500]).expect("probes");
    insta::assert_snapshot!(tables(&run, &["From runs/poh4_a.".into()], &[]), @r"
    # poh4\_a: iterations and steps

    2 probes, steps 250 to 500; 64 evaluation boards; trained with 6 iterations, run with 3.
    Run `sudoku4`, seed 7, configuration `0123456789abcdef`, on CPU (flex, 2 threads).

    - From runs/poh4\_a.
    - Solved counts boards whose every empty cell is right. The interval is Wilson's with 95 %: it is of these boards and this one training, and says nothing of other seeds.
    - Loss is cross-entropy in nats, mean over the empty cells of all boards, decoded after each iteration; Δ is its change from the iteration before. Residual is ‖S_t − S_(t−1)‖ / ‖S_(t−1)‖. Entropies are in nats, means over blocks, heads and cells. ms is the wall time of an iteration, reading it included.
    - Routing entropy is that of a cell's weights over the heads, head load the mean weight of heads 1, 2, …. Front head is the share of cells in which the head leads that leads most often.
    - Ponder cost is the mean over the cells of iterations and remainder so far (the halting mass where halting is the original's).

    ## Step 500, epoch 3, gradient norm 0.7500

    First drop from iteration 1 to 2: 0.4062 nats · last, 2 to 3: 0.1354 nats · efficiency, last / first: 33.3 %.

    | iteration | loss | Δ | Δ % | solved | solved, % | 95 % Wilson | right cells, % | residual | attention entropy | routing entropy | front head, % | head load, % | halted, % | ponder cost | ms |
    |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
    | 1 | 0.8625 |  |  | 16 of 64 | 25.0 | 16.0 to 36.8 | 50.0 | 0.8000 | 2.3029 | 0.5961 | 50.0 | 46.2 · 53.8 | 0.0 | 1.0000 | 20.00 |
    | 2 | 0.4562 | −0.4062 | −47.1 | 25 of 64 | 39.1 | 28.1 to 51.3 | 75.0 | 0.2000 | 2.3029 | 0.6308 | 50.0 | 46.2 · 53.8 | 50.0 | 2.5000 | 13.00 |
    | 3 | 0.3208 | −0.1354 | −29.7 | 32 of 64 | 50.0 | 38.1 to 61.9 | 83.3 | 0.0889 | 2.3029 | 0.6423 | 50.0 | 46.2 · 53.8 | 66.7 | 3.0000 | 12.00 |
    ");
    insta::assert_snapshot!(json_lines(&probes[..1]), @r#"
    {"schema":2,"run_id":"sudoku4","config_hash":"0123456789abcdef","seed":7,"device":"CPU (flex, 2 threads)","epoch":3,"step":250,"boards":64,"trained_iterations":6,"iteration":1,"loss":1.05,"solved":9,"right_share":0.5,"gradient_norm":0.75,"residual":0.8,"attention_entropy":2.4038603,"route_entropy":0.6099695,"route_top1_share":0.5,"halted_share":0.0,"ponder_cost":1.0,"ms_forward":20.0,"head_load":[0.47826084,0.5217391]}
    {"schema":2,"run_id":"sudoku4","config_hash":"0123456789abcdef","seed":7,"device":"CPU (flex, 2 threads)","epoch":3,"step":250,"boards":64,"trained_iterations":6,"iteration":2,"loss":0.55,"solved":16,"right_share":0.75,"gradient_norm":0.75,"residual":0.2,"attention_entropy":2.4038603,"route_entropy":0.64462686,"route_top1_share":0.5,"halted_share":0.5,"ponder_cost":2.5,"ms_forward":13.0,"head_load":[0.47826084,0.5217391]}
    {"schema":2,"run_id":"sudoku4","config_hash":"0123456789abcdef","seed":7,"device":"CPU (flex, 2 threads)","epoch":3,"step":250,"boards":64,"trained_iterations":6,"iteration":3,"loss":0.38333336,"solved":21,"right_share":0.8333333,"gradient_norm":0.75,"residual":0.08888889,"attention_entropy":2.4038603,"route_entropy":0.6561793,"route_top1_share":0.5,"halted_share":0.6666666,"ponder_cost":3.0,"ms_forward":12.0,"head_load":[0.47826084,0.5217391]}
    "#);
}

#[test]
fn means_are_over_runs() {
    let seeds: Vec<Vec<ProbeReport>> = (0..3u32)
        .map(|seed| {
            let mut all = probes(4 - seed.min(1), 24, 0);
            for p in &mut all {
                p.solved.iter_mut().for_each(|s| *s = (*s + 4 * seed).min(64));
                p.readings.iter_mut().for_each(|r| r.loss += 0.01 * seed as f32);
            }
            all
        })
        .collect();
    let runs: Vec<RunProbes> =
        seeds.iter().zip(1..).map(|(p, i)| RunProbes::new(format!("seed{i}"), p, &[]).expect("probes")).collect();
    let found = means(&runs, &[]).expect("one configuration");
    let [last] = &found[..] else { panic!("{found:?}") };
    // The first run has a probe more than the others.
    assert_eq!(last.steps, [750, 750, 750]);
    insta::assert_snapshot!(means_text(last), @r"
    Mean over 3 runs at step 750

            iteration  loss, nats       95 % t interval    n  solved, %    95 % t interval    n
                    1      0.7442      0.7194 to 0.7691    3       39.1       23.5 to 54.6    3
                6 (T)      0.1740      0.1492 to 0.1989    3       81.2       65.7 to 96.8    3
     24 (4T, longest)      0.0885      0.0637 to 0.1134    3       96.9      86.6 to 107.1    3
    ");
    let by_step = means(&runs, &[250, 750]).expect("one configuration");
    assert_eq!(by_step.iter().map(|m| m.steps[0]).collect::<Vec<_>>(), [250, 750]);
    let page = tables(&runs[0], &[], &by_step);
    insta::assert_snapshot!(&page[page.find("## Mean").expect("means")..], @r"
    ## Mean over 3 runs at step 250

    The interval is Student's t of the mean with 95 %, with n − 1 degrees of freedom, of runs that are independent: it tells how far seeds differ. It knows nothing of how few boards a probe has, has no width where all runs agree, and of shares near 0 or 100 % it may reach beyond them. One run has no interval.

    Runs: seed1, seed2, seed3.

    | iteration | loss | sd of loss | 95 % t of loss | n of loss | solved, % | sd of solved | 95 % t of solved | n of solved |
    |---:|---:|---:|---:|---:|---:|---:|---:|---:|
    | 1 | 1.0600 | 0.0100 | 1.0352 to 1.0848 | 3 | 20.3 | 6.2 | 4.8 to 35.8 | 3 |
    | 6 (T) | 0.2267 | 0.0100 | 0.2018 to 0.2515 | 3 | 56.2 | 6.2 | 40.7 to 71.8 | 3 |
    | 24 (4T, longest) | 0.1017 | 0.0100 | 0.0768 to 0.1265 | 3 | 85.9 | 6.2 | 70.4 to 101.5 | 3 |

    ## Mean over 3 runs at step 750

    | iteration | loss | sd of loss | 95 % t of loss | n of loss | solved, % | sd of solved | 95 % t of solved | n of solved |
    |---:|---:|---:|---:|---:|---:|---:|---:|---:|
    | 1 | 0.7442 | 0.0100 | 0.7194 to 0.7691 | 3 | 39.1 | 6.2 | 23.5 to 54.6 | 3 |
    | 6 (T) | 0.1740 | 0.0100 | 0.1492 to 0.1989 | 3 | 81.2 | 6.2 | 65.7 to 96.8 | 3 |
    | 24 (4T, longest) | 0.0885 | 0.0100 | 0.0637 to 0.1134 | 3 | 96.9 | 4.1 | 86.6 to 107.1 | 3 |
    ");

    let alone = means(&runs[..1], &[]).expect("one run");
    assert!(alone[0].rows.iter().all(|r| r.solved.is_some_and(|m| m.n == 1 && m.interval.is_none())));
    let other = vec![ProbeReport { trained_iterations: 8, ..probe(333, 24, 0) }];
    let other = RunProbes::new("other", &other, &[]).expect("a probe");
    insta::assert_snapshot!(means(&[runs[0].clone(), other], &[]).expect_err("another T"), @"there are no means over the runs: seed1 was trained with 6 iterations and other with 8; give runs of one configuration");
    let apart = [probe(333, 24, 0)];
    let apart = RunProbes::new("apart", &apart, &[]).expect("a probe");
    let found = means(&[runs[0].clone(), apart], &[]).expect("the last of each");
    assert_eq!(found[0].steps, [1000, 333]);
    assert!(means_text(&found[0]).starts_with("Mean over 2 runs at the last probe of each (no step is common"));
}
