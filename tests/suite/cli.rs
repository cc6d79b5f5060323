//! The command line without an engine: help, exit codes, messages, puzzles.

use std::io::Read;
use std::process::Stdio;

use tempfile::tempdir;

use crate::program::{command, run, run_words};

/// The help of every command, as it is shown.
#[test]
fn help() {
    let folder = tempdir().unwrap();
    let commands = [
        "",
        "solve",
        "train",
        "bench",
        "eval",
        "logits",
        "probe",
        "probe scaling",
        "probe compare",
        "probe interventions",
        "probe spectrum",
        "probe stopping",
        "probe perturb",
        "probe fixed-points",
        "probe inside",
        "probe heads",
        "probe verify",
        "puzzles",
        "puzzles generate",
        "puzzles rate",
        "puzzles search",
        "puzzles check",
        "puzzles report",
        "trace",
        "trace record",
        "trace show",
        "trace steps",
        "study",
        "claims",
        "report",
        "report inner-outer",
        "report speed",
        "inspect",
        "export",
        "open",
    ];
    for name in commands {
        let said = run(folder.path(), &format!("{name} --help"));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{name}");
        assert!(said.out.contains("Example"), "{name} has no example:\n{}", said.out);
        let snapshot = if name.is_empty() { "help".to_owned() } else { format!("help_{}", name.replace(' ', "_")) };
        insta::assert_snapshot!(snapshot, said.out);
    }
}

#[test]
fn version() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), "--version");
    assert_eq!((said.code, said.out.trim()), (0, concat!("loopscope ", env!("CARGO_PKG_VERSION"))));
}

/// Exit code 2, with a message that says what is wrong and what would be right.
#[test]
fn bad_usage_and_bad_input() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("nonsense.safetensors", "this is no model");
    write("nonsense.trace", "this is no trace");
    write("bad.toml", "[recipe]\npeak_lrr = 1.0\n");
    write("empty.txt", "");
    write("two.txt", "1...34....4....1\n1...34....4....1\n");
    let cases: [(&str, &[&str]); 33] = [
        ("sovle 1...34....4....1", &["unrecognized subcommand", "solve"]),
        ("solve", &["<PUZZLE>"]),
        ("solve 11..............", &["1 stands twice in row 1"]),
        ("solve 1...", &["4 cells", "16, 36 or 81"]),
        ("solve 123....4........", &["no solution"]),
        ("solve missing.csv", &["no file “missing.csv”"]),
        ("solve empty.txt", &["empty.txt", "no puzzle"]),
        ("solve 1...34....4....1 --model nowhere", &["“nowhere” is neither a shipped model", "run folder"]),
        ("solve 1...34....4....1 --iterations 0", &["--iterations"]),
        ("train", &["PRESET|FILE.toml"]),
        ("train sudoku5", &["no preset “sudoku5”", "sudoku4, sudoku6, sudoku9"]),
        ("train missing.toml", &["missing.toml", "no such file"]),
        ("train bad.toml", &["bad.toml", "peak_lrr", "“recipe.peak_lr”"]),
        ("train sudoku4 --set bacth=3", &["“bacth”", "recipe.batch"]),
        ("train sudoku4 --set batch", &["key=value"]),
        ("train sudoku4 --set heads=3", &["multiple of 4"]),
        ("train sudoku4 --time-limit soon", &["“soon” is no time", "25m"]),
        ("train sudoku4 --resume runs/x", &["cannot be used with"]),
        ("train --resume nowhere", &["nowhere", "holds no run"]),
        ("eval --model sudoku4", &["--puzzles", "--generate"]),
        ("eval --model nowhere --generate 5", &["neither a shipped model"]),
        ("puzzles generate --size 5 --count 1", &["“5” is no size of board"]),
        ("puzzles generate --size 4 --count 1 --clues 9-4", &["“9-4” is no number of clues"]),
        ("puzzles generate --size 9 --count 1 --clues 5", &["out of reach"]),
        ("puzzles search --bucket 5 --count 1 --out x.csv", &["“5” is no bucket", "11-50"]),
        ("puzzles search --bucket 0 --bucket 0 --count 1 --out x.csv", &["--bucket 0 is given twice"]),
        ("puzzles search --bucket 0 --count 1 --out two.txt", &["two.txt", "Line 2", "of no search"]),
        ("puzzles report --minutes 0", &["“0” is no number of minutes"]),
        ("puzzles report --against two.txt", &["two.txt", "no puzzle in it has a rating"]),
        ("puzzles rate pack:sudoku5", &["no pack “sudoku5”", "there is sudoku9"]),
        ("inspect nonsense.safetensors", &["nonsense.safetensors"]),
        ("trace show nonsense.trace", &["nonsense.trace", "no Loopscope trace"]),
        ("trace record --model sudoku4 --puzzle two.txt --out x.trace", &["two.txt", "holds 2 puzzles"]),
    ];
    for (line, wanted) in cases {
        let said = run(folder.path(), line);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{line}\n{}", said.err);
        for want in wanted {
            assert!(said.err.contains(want), "{line}: “{want}” is missing in\n{}", said.err);
        }
    }
    assert!(!folder.path().join("runs").exists(), "a refused command left a run folder");
}

/// Exit code 3.
#[test]
fn a_device_that_is_not_there() {
    let folder = tempdir().unwrap();
    let said = run_words(folder.path(), &["solve", "1...34....4....1", "--device", "a card that no one has"]);
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
    assert!(said.err.starts_with("error: "), "{}", said.err);
}

#[test]
fn puzzles_are_made_checked_and_rated() {
    let folder = tempdir().unwrap();
    for (size, count) in [(4, 20), (6, 10), (9, 5)] {
        let line = format!("puzzles generate --size {size} --count {count} --seed 7");
        let (first, again) = (run(folder.path(), &line), run(folder.path(), &line));
        assert_eq!((first.code, first.err.as_str()), (0, ""));
        assert_eq!(first.out, again.out, "a seed must give the same puzzles");
        assert_eq!(first.out.lines().count(), count + 1);
        let made = run(folder.path(), &format!("{line} --out made/p{size}.csv.gz"));
        assert_eq!(made.out, format!("made/p{size}.csv.gz: {count} puzzles\n"));

        let checked = run(folder.path(), &format!("puzzles check made/p{size}.csv.gz"));
        assert_eq!((checked.code, checked.out), (0, format!("{count} puzzles, all with exactly one solution\n")));
        let rated = run(folder.path(), &format!("puzzles rate made/p{size}.csv.gz --json"));
        let json: serde_json::Value = serde_json::from_str(&rated.out).unwrap();
        assert_eq!(
            (json["puzzles"].as_u64(), json["rated_in_file"].as_u64()),
            (Some(count as u64), Some(count as u64))
        );
        assert_eq!(json["same_bucket"].as_f64(), Some(1.0), "the file was rated by the same program");
    }
}

/// A search that was broken off makes the file that it would have made at once, packed or not.
#[test]
fn a_search_goes_on_where_it_stopped() {
    let folder = tempdir().unwrap();
    let search = |file: &str, count: usize, more: &str| {
        let buckets = "--bucket 1-2 --bucket 3-10 --bucket 11-50";
        let said =
            run(folder.path(), &format!("puzzles search {buckets} --count {count} --seed 4 --out {file} {more}"));
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        (said.out, std::fs::read(folder.path().join(file)).unwrap())
    };
    let (said, whole) = search("deep/whole.csv.gz", 3, "--threads 1");
    assert!(said.contains("9 puzzles, 9 of them new") && said.contains("11-50"), "{said}");
    search("broken.csv.gz", 1, "");
    let (said, broken) = search("broken.csv.gz", 3, "--json");
    assert_eq!(broken, whole);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((json["finished"].as_bool(), json["buckets"][2]["puzzles"].as_u64()), (Some(true), Some(3)));
    let checked = run(folder.path(), "puzzles check broken.csv.gz");
    assert_eq!((checked.code, checked.out.as_str()), (0, "9 puzzles, all with exactly one solution\n"));
}

#[test]
fn rates_and_agreement_in_one_command() {
    let folder = tempdir().unwrap();
    let text = "puzzle,rating\n1...34....4....1,0\n1...34....4....1,60\n";
    std::fs::write(folder.path().join("rated.csv"), text).unwrap();
    let said = run(folder.path(), "puzzles report --minutes 0.01 --threads 2 --against rated.csv --json");
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, json["within_five_points"].as_bool()), (1, Some(false)));
    assert_eq!(json["agreement"]["largest_difference"].as_f64(), Some(50.0));
    assert_eq!(json["rates"][1]["bucket"].as_str(), Some("51+"));
    let fine = run(folder.path(), "puzzles report --minutes 0.01 --against pack:sudoku9");
    assert_eq!(fine.code, 0, "{}", fine.err);
    assert!(fine.out.contains("at most 0.0 percentage points; 100.0 %"), "{}", fine.out);
}

/// Exit code 1 and every error with its line.
#[test]
fn faulty_files_are_told_line_by_line() {
    let folder = tempdir().unwrap();
    let text = "puzzle,solution\n\
                1...34....4....1,\n\
                1...34....4...,\n\
                11..............,\n\
                \n\
                1...............,\n\
                1...34....4....1,1234341221434312\n\
                1...34....4...x1,\n\
                123....4........,\n";
    std::fs::write(folder.path().join("faulty.csv"), text).unwrap();
    let said = run(folder.path(), "puzzles check faulty.csv");
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    insta::assert_snapshot!("faulty_puzzles", said.out);
    let json = run(folder.path(), "puzzles check faulty.csv --json");
    let lines: Vec<serde_json::Value> = json.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let places: Vec<_> = lines.iter().filter_map(|l| l["line"].as_u64()).collect();
    assert_eq!(places, [3, 4, 6, 7, 8, 9]);
    assert_eq!(lines.last().unwrap()["errors"].as_u64(), Some(6));
}

/// A reader that has seen enough is no error.
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["puzzles", "generate", "--size", "4", "--count", "20000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() && err.is_empty(), "{status}: {err}");
}

#[test]
fn the_readers_take_damaged_input() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), "dev fuzz --cases 5000 --seed 3");
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains(" 0 panics"), "{}", said.out);
}

/// The README's table of speeds is what the kept results say.
#[test]
fn the_table_of_speeds_is_up_to_date() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = std::fs::read_dir(root.join("benches/results")).expect("results are kept");
    let mut files: Vec<String> =
        results.flatten().map(|e| format!("benches/results/{}", e.file_name().to_string_lossy())).collect();
    files.sort();
    let said = run(root, &format!("report speed {} --into README.md --check", files.join(" ")));
    assert_eq!(said.code, 0, "{}{}; run `cargo xtask speed --table`", said.out, said.err);
}

/// CLAIMS.md is what the ledger and the result files say.
#[test]
fn claims_are_up_to_date() {
    let said = run(std::path::Path::new(env!("CARGO_MANIFEST_DIR")), "claims --check");
    assert_eq!(said.code, 0, "{}{}; run `loopscope claims`", said.out, said.err);
}
