//! The command line with an engine, on the CPU: what each command gives, in small.

use serde_json::Value;
use tempfile::tempdir;

use crate::program::{Said, command, run};

fn json(said: &Said) -> Value {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// Lines of a training, by their kind.
fn events<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|l| l["event"] == kind).collect()
}

fn lines(said: &Said) -> Vec<Value> {
    said.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

const TINY: &str = "--device cpu --set batch=8 --set eval_count=16 --set probe.boards=4 --set probe.every=4 \
                    --set metrics_every=1 --set checkpoint_every=3 --set steps=6";

#[test]
fn the_shipped_model_solves() {
    let folder = tempdir().unwrap();
    let solved = json(&run(folder.path(), "solve 1...34....4....1 --device cpu --json"));
    assert_eq!((solved["valid"].as_bool(), solved["model"].as_str()), (Some(true), Some("sudoku4")));
    assert_eq!(solved["answer"].as_str().map(str::len), Some(16));
    let mean = solved["confidence_mean"].as_f64().unwrap();
    assert!(mean > 0.5 && solved["confidence_least"].as_f64().unwrap() <= mean);
    let said = run(folder.path(), "solve 1...34....4....1 --device cpu");
    assert!(said.out.contains("Solved: each row") && said.err.starts_with("CPU"), "{}{}", said.out, said.err);
    let wrong_board = run(folder.path(), "solve 1...34....4....1 --device cpu --model sudoku6");
    assert_eq!(wrong_board.code, 2);
    assert!(wrong_board.err.contains("6×6"), "{}", wrong_board.err);
}

#[test]
fn evaluation_is_one_object() {
    let folder = tempdir().unwrap();
    let made =
        json(&run(folder.path(), "eval --model sudoku4 --generate 24 --seed 3 --iterations 6,1 --device cpu --json"));
    assert_eq!((made["model"].as_str(), made["puzzles"].as_u64()), (Some("sudoku4"), Some(24)));
    let keys: Vec<&String> = made["iterations"].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 2);
    let at = &made["iterations"]["6"];
    assert_eq!(at["total"]["of"].as_u64(), Some(24));
    for bucket in ["0", "1-2", "3-10", "11-50", "51+"] {
        assert!(at["by_bucket"][bucket]["of"].is_u64(), "{bucket} is missing in {at}");
    }
    let summed: u64 = at["by_bucket"].as_object().unwrap().values().map(|c| c["of"].as_u64().unwrap()).sum();
    assert_eq!(summed, 24);

    run(folder.path(), "puzzles generate --size 4 --count 30 --out p.csv.gz");
    let few = json(&run(
        folder.path(),
        "eval --model sudoku4 --puzzles p.csv.gz --limit-per-bucket 2 --iterations 6 --device cpu --json",
    ));
    assert!(few["puzzles"].as_u64().unwrap() <= 10);
    let table = run(folder.path(), "eval --model sudoku4 --puzzles p.csv.gz --device cpu");
    assert!(table.code == 0 && table.out.contains("30 puzzles"), "{}{}", table.out, table.err);
    let other = run(folder.path(), "eval --model sudoku6 --puzzles p.csv.gz --device cpu");
    assert!(other.code == 2 && other.err.contains("Line 2: this is a 4×4 puzzle"), "{}", other.err);
}

#[test]
fn logits_are_written_by_iterations() {
    let folder = tempdir().unwrap();
    run(folder.path(), "puzzles generate --size 4 --count 5 --out p.csv");
    let said = run(
        folder.path(),
        "logits --model sudoku4 --puzzles p.csv --limit 3 --iterations 6,1 --device cpu --out x.safetensors",
    );
    assert_eq!((said.code, said.out.as_str()), (0, "x.safetensors: 3 boards\n"), "{}", said.err);
    let inspected = run(folder.path(), "inspect x.safetensors --json");
    // Numbers, but no model: the answer is no.
    assert_eq!(inspected.code, 1);
    let json: Value = serde_json::from_str(&inspected.out).unwrap();
    let shape = |name: &str| {
        json["tensors"].as_array().unwrap().iter().find(|t| t["name"] == name).map(|t| t["shape"].to_string())
    };
    assert_eq!((shape("logits.6"), shape("state_norm.1")), (Some("[3,16,4]".into()), Some("[3,16]".into())));
}

#[test]
fn traces_are_recorded_and_shown() {
    let folder = tempdir().unwrap();
    let said = run(
        folder.path(),
        "trace record --model sudoku4 --puzzle 1...34....4....1 --iterations 12 --device cpu --out t.trace",
    );
    assert!(said.code == 0 && said.out.starts_with("t.trace: 12 iterations of sudoku4."), "{}{}", said.out, said.err);
    let shown = run(folder.path(), "trace show t.trace --svg c.svg --png c.png");
    assert!(shown.code == 0 && shown.out.contains("answer at the last iteration, 12"), "{}{}", shown.out, shown.err);
    assert!(std::fs::read_to_string(folder.path().join("c.svg")).unwrap().starts_with("<svg"));
    assert!(std::fs::read(folder.path().join("c.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(run(folder.path(), "trace show t.trace --csv").out.lines().count(), 13);
    assert_eq!(run(folder.path(), "trace show t.trace --json").out.lines().count(), 13);
    assert!(run(folder.path(), "trace show t.trace --number 2").err.contains("it holds 1"));
}

#[test]
fn a_run_is_made_measured_and_resumed() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), &format!("train sudoku4 --json --steps 4 {TINY}"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = lines(&said);
    assert_eq!(events(&told, "prepared")[0]["steps"].as_u64(), Some(6));
    assert!(!events(&told, "metrics").is_empty() && !events(&told, "checkpoint").is_empty());
    let end = events(&told, "end")[0];
    assert_eq!((end["reason"].as_str(), end["step"].as_u64()), (Some("steps"), Some(4)));
    assert_eq!(end["run"].as_str(), Some("runs/sudoku4-seed1"));
    for file in ["config.toml", "steps.csv"] {
        assert!(folder.path().join("runs/sudoku4-seed1").join(file).is_file(), "{file}");
    }
    let taken = run(folder.path(), &format!("train sudoku4 --out runs/sudoku4-seed1 {TINY}"));
    assert!(taken.code == 2 && taken.err.contains("--resume"), "{}", taken.err);

    // A step beyond the checkpoint, as a crash leaves it, is made again or goes.
    let boards = folder.path().join("runs/sudoku4-seed1/boards");
    std::fs::copy(boards.join("step-00000004.trace"), boards.join("step-00000005.trace")).unwrap();
    let resumed = run(folder.path(), "train --resume runs/sudoku4-seed1 --device cpu --json");
    let told = lines(&resumed);
    assert_eq!(events(&told, "prepared")[0]["step"].as_u64(), Some(4));
    assert_eq!(events(&told, "end")[0]["reason"].as_str(), Some("finished"));
    // A run folder is a model.
    let scores =
        json(&run(folder.path(), "eval --model runs/sudoku4-seed1 --generate 4 --iterations 6 --device cpu --json"));
    assert_eq!(scores["puzzles"].as_u64(), Some(4));
    let inspected = json(&run(folder.path(), "inspect runs/sudoku4-seed1 --json"));
    assert_eq!(inspected["card"]["step"].as_u64(), Some(6));

    // Training step × iteration: before any training, at the probe, at the end; as one file as well.
    let shown = run(folder.path(), "trace steps runs/sudoku4-seed1 --out t.trace --svg map.svg");
    assert!(shown.out.contains("3 recorded steps of 4 boards, 24 iterations each"), "{}{}", shown.out, shown.err);
    let table = run(folder.path(), "trace steps t.trace --csv").out;
    let steps: std::collections::BTreeSet<&str> = table.lines().skip(1).filter_map(|l| l.split(',').next()).collect();
    assert_eq!((steps.into_iter().collect::<Vec<_>>(), table.lines().count()), (vec!["0", "4", "6"], 1 + 3 * 24 * 5));
    assert!(run(folder.path(), "trace show t.trace --number 12").out.starts_with("Trace 12 of 12. sudoku4 at step 6"));
    let bytes = std::fs::read(folder.path().join("t.trace")).unwrap();
    std::fs::write(folder.path().join("cut.trace"), &bytes[..bytes.len() / 2]).unwrap();
    let cut = run(folder.path(), "trace steps cut.trace");
    assert!(cut.code == 2 && cut.err.contains("damaged or cut short"), "{}", cut.err);

    // The same run without a pause ends with the same weights.
    let whole = run(folder.path(), &format!("train sudoku4 --json --out runs/whole {TINY}"));
    let weights = |told: &[Value]| folder.path().join(events(told, "end")[0]["weights"].as_str().unwrap());
    let (paused, whole) = (weights(&told), weights(&lines(&whole)));
    assert_eq!(tensors(&paused), tensors(&whole), "a pause changed the weights");
}

/// Its card says so to the end, also after a pause; a model that does not fit leaves no run behind.
#[test]
fn a_run_starts_from_a_model() {
    let folder = tempdir().unwrap();
    let line = format!("train sudoku4 --out run --json --steps 2 --set start_from=sudoku4 {TINY}");
    assert_eq!(run(folder.path(), &line).code, 0);
    assert_eq!(run(folder.path(), "train --resume run --device cpu").code, 0);
    let card = json(&run(folder.path(), "inspect run --json"))["card"].take();
    let said = card["provenance"]["began_with"].as_str().unwrap();
    assert!(said.starts_with("Began with the weights of sudoku4 after"), "{said}");
    assert!(card["provenance"]["command"].as_str().unwrap().contains("start_from"), "{card}");
    // Six tiny steps do not undo what it knew.
    let scores = json(&run(folder.path(), "eval --model run --generate 50 --iterations 6 --device cpu --json"));
    assert!(scores["iterations"]["6"]["total"]["solved"].as_u64().unwrap() > 25, "{scores}");

    let refused = run(folder.path(), &format!("train sudoku4 --out other --set start_from=sudoku6 {TINY}"));
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("model.box_cols is 3 instead of 2"), "{}", refused.err);
    assert!(!folder.path().join("other").exists());
}

/// Everything behind the header of a safetensors file.
fn tensors(file: &std::path::Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

/// Exit code 4: the learning rate is far too large.
#[test]
fn a_training_that_diverges_says_so() {
    let folder = tempdir().unwrap();
    let line = format!("train sudoku4 {TINY} --set peak_lr=1e30 --set warmup=0 --set steps=200 --json");
    let said = run(folder.path(), &line);
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(said.err.contains("error: "), "{}", said.err);
    assert_eq!(events(&lines(&said), "end")[0]["reason"].as_str(), Some("stopped"));
}

/// Ctrl-C: a checkpoint, exit code 0, and the run goes on.
#[cfg(unix)]
#[test]
fn ctrl_c_pauses() {
    use std::io::{BufRead, BufReader};
    let folder = tempdir().unwrap();
    let line = format!("train sudoku4 --json {TINY} --set steps=100000 --set checkpoint_every=100000 --out run");
    let mut child =
        command(folder.path()).args(line.split_whitespace()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let value: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if value["event"] == "metrics" && told.iter().all(|t: &Value| t["event"] != "metrics") {
            let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
            assert!(kill.success());
        }
        told.push(value);
    }
    assert!(child.wait().unwrap().success());
    let end = events(&told, "end")[0];
    assert_eq!(end["reason"].as_str(), Some("interrupted"));
    assert!(folder.path().join(end["weights"].as_str().unwrap()).is_file());
    let resumed = run(folder.path(), "train --resume run --device cpu --json --steps 1");
    assert_eq!(events(&lines(&resumed), "prepared")[0]["step"], end["step"]);
}

/// A routed network trains, its tables have what a router does, the figures are drawn from them, and the
/// trace of its answer can be shown.
#[test]
fn a_routed_run_is_reported() {
    let folder = tempdir().unwrap();
    let settings = "--set recipe.steps=6 --set recipe.warmup=2 --set batch=8 --set eval_count=12 --set probe.every=3 \
                    --set probe.metrics_every=2 --set probe.multiples=[1,2] --set probe.boards=8";
    let said = run(folder.path(), &format!("train poh4-hrm --device cpu --out run {settings}"));
    assert_eq!(said.code, 0, "{}", said.err);
    let steps = std::fs::read_to_string(folder.path().join("run/steps.csv")).unwrap();
    assert!(steps.lines().next().unwrap().ends_with("head_top1_4,route_spread,router_gradient_norm"), "{steps}");
    let table = std::fs::read_to_string(folder.path().join("run/iterations.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 2 * 12, "{table}");
    assert!(table.lines().nth(1).unwrap().starts_with("2,poh4-hrm,"), "{table}");

    let said = run(folder.path(), "report inner-outer run");
    assert_eq!(said.code, 0, "{}", said.err);
    for file in ["convergence-step-3.svg", "head-load.svg", "entropy.svg", "iterations.jsonl", "tables.md"] {
        assert!(folder.path().join("run/figures").join(file).is_file(), "{file}: {}", said.out);
    }
    let words = "trace record --model run --puzzle 1...34....4....1 --iterations 4 --knocked-out 1.2 --device cpu --out a.trace";
    let said = run(folder.path(), words);
    assert_eq!(said.code, 0, "{}", said.err);
    let shown = run(folder.path(), "trace show a.trace --routing");
    assert_eq!(shown.out.lines().count(), 1 + 4 * 2 * 16, "iterations, blocks, cells: {}", shown.err);
    let words = "trace record --model run --puzzle 1...34....4....1 --knocked-out 3.1 --device cpu --out b.trace";
    let refused = run(folder.path(), words);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("head 3.1") && refused.err.contains("2 blocks of 4 heads"), "{}", refused.err);
}

#[test]
fn a_study_runs_once_and_is_kept() {
    let folder = tempdir().unwrap();
    let study = "name = \"tiny\"\nquestion = \"Does it run?\"\nbase = \"poh4\"\nseeds = [1]\n\
        set = [\"recipe.steps=3\", \"recipe.warmup=1\", \"recipe.batch=4\", \"probe.every=0\", \"puzzles.eval_count=10\"]\n\
        [evaluate]\niterations = [1, 2]\npuzzles = 10\n\
        [[cell]]\nname = \"soft\"\nset = []\n[[cell]]\nname = \"none\"\nset = [\"model.poh.route_mode=none\"]\n";
    std::fs::write(folder.path().join("tiny.toml"), study).unwrap();
    let said = run(folder.path(), "study tiny.toml --out out --jobs 2 --device cpu");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for cell in ["soft", "none"] {
        let result = std::fs::read_to_string(folder.path().join(format!("out/{cell}-s1.json"))).unwrap();
        let result: Value = serde_json::from_str(&result).unwrap();
        assert_eq!(result["status"], "finished");
        assert_eq!(result["evaluation"]["iterations"]["2"]["of"], 10);
    }
    let again = run(folder.path(), "study tiny.toml --out out --device cpu");
    assert_eq!(again.out.matches("its result is there").count(), 2, "{}", again.out);
}

#[test]
fn two_models_are_compared() {
    let folder = tempdir().unwrap();
    let probe = |more: &str| {
        let words = format!("probe compare --model sudoku4 --device cpu --generate 30 --iterations 6,24 --json {more}");
        json(&run(folder.path(), &words))
    };
    let same = probe("--with sudoku4");
    for row in same["rows"].as_array().unwrap() {
        assert_eq!((row["first"].as_u64(), row["second"].as_u64()), (Some(0), Some(0)), "{row}");
        assert_eq!((row["p"].as_f64(), row["found"].as_str()), (Some(1.0), Some("not_found")), "{row}");
    }
    let fresh = probe("--with fresh:sudoku4 --csv c.csv --svg c.svg");
    let row = &fresh["rows"][0];
    assert!(row["first"].as_u64().unwrap() >= 28 && row["second"] == 0, "{row}");
    assert_eq!(row["found"].as_str(), Some("first"));
    assert!(row["p"].as_f64().unwrap() < 1e-6);
    // The boards and the answers are those that scaling tells.
    let scaling =
        json(&run(folder.path(), "probe scaling --model sudoku4 --device cpu --generate 30 --iterations 6,24 --json"));
    let solved = |row: &Value| row["both"].as_u64().unwrap() + row["first"].as_u64().unwrap();
    for k in 0..2 {
        assert_eq!(Some(solved(&fresh["rows"][k])), scaling[0]["rows"][k]["total"]["solved"].as_u64());
    }
    let csv = std::fs::read_to_string(folder.path().join("c.csv")).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(std::fs::read_to_string(folder.path().join("c.svg")).unwrap().contains("A · sudoku4"));

    let one = "probe compare --model sudoku4 --with poh4 --puzzle 1...34....4....1 --iterations 24 --device cpu";
    let found = json(&run(folder.path(), &format!("{one} --json")));
    assert_eq!((found["rows"].as_array().map(Vec::len), found["blanks"].as_u64()), (Some(24), Some(11)));
    let said = run(folder.path(), one);
    assert!(said.out.contains("A is sudoku4, B is poh4") && said.out.contains("divergence (nats)"), "{}", said.out);
    let other = run(folder.path(), "probe compare --model sudoku4 --with sudoku6 --device cpu");
    assert_eq!(other.code, 2);
    assert!(other.err.contains("only models of one board"), "{}", other.err);
}
