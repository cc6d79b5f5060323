//! The list must not rot: it fits the source as it is now and leaves no test out. What the tool says of what
//! it saw is tested with faults that are made up.

use std::collections::BTreeSet;

use super::*;

fn source(file: &str) -> String {
    std::fs::read_to_string(cargo::root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// All tests of the suite, as cargo prints them.
fn tests_there_are() -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for entry in std::fs::read_dir(cargo::root().join("tests/suite/poh")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for test in text.split("#[test]").skip(1) {
            let name = test.split_once("fn ").unwrap().1.split_once('(').unwrap().0;
            out.insert(format!("poh::{module}::{name}"));
        }
    }
    out
}

#[test]
fn every_fault_fits_the_source() {
    let mut trouble = Vec::new();
    for Fault { name, file, old, new, .. } in FAULTS {
        let times = source(file).matches(old).count();
        if times != 1 {
            trouble.push(format!("{name}: {times} times in {file}: {old}"));
        }
        assert_ne!(old, new, "{name}");
    }
    assert!(trouble.is_empty(), "not there exactly once:\n{}", trouble.join("\n"));
    let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len(), "two faults have one name");
}

#[test]
fn every_test_is_named_and_every_name_is_a_test() {
    let there = tests_there_are();
    assert!(there.len() >= 38, "{there:?}");
    let named: BTreeSet<String> = FAULTS.iter().flat_map(|f| f.tests).map(|test| (*test).to_owned()).collect();
    let none: BTreeSet<String> = BTreeSet::new();
    assert_eq!(named.difference(&there).cloned().collect::<BTreeSet<_>>(), none, "named, but not there");
    assert_eq!(there.difference(&named).cloned().collect::<BTreeSet<_>>(), none, "no fault names them");
    for fault in FAULTS {
        let once: BTreeSet<_> = fault.tests.iter().collect();
        assert!(!once.is_empty() && once.len() == fault.tests.len(), "{}", fault.name);
    }
}

#[test]
fn the_copy_is_told_apart() {
    for manifest in ["Cargo.toml", "Cargo.lock"] {
        let text = source(manifest);
        let apart = tree::apart(&text).unwrap_or_else(|| panic!("{manifest}"));
        assert_eq!(apart.replacen("-mutants", "", 1), text, "{manifest}");
        assert!(apart.contains("-mutants\"\nde"), "{manifest}: the version of another package");
    }
    assert_eq!(tree::apart("name = \"other\"\nversion = \"1.0.0\"\n"), None);
}

#[test]
fn a_fault_goes_into_the_copy_and_out_again() {
    let top = std::env::temp_dir().join(format!("loopscope-mutants-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&top);
    let put = |file: &str, text: &str| {
        let file = top.join("repository").join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    const PACKAGE: &str = "name = \"loopscope\"\nversion = \"0.1.0\"\n";
    for (file, text) in [
        ("Cargo.toml", PACKAGE),
        ("Cargo.lock", PACKAGE),
        ("src/a.rs", "one two"),
        ("src/b.rs", "b"),
        (".git/head", "x"),
        ("tests/node_modules/c.js", "c"),
    ] {
        put(file, text);
    }
    let renew = || Tree::renew(&top.join("repository"), top.join("target")).unwrap();
    let tree = renew();
    let there = |file: &str| std::fs::read_to_string(tree.top().join(file)).ok();
    assert_eq!(there("Cargo.lock").unwrap(), PACKAGE.replace("0.1.0", "0.1.0-mutants"));
    assert_eq!((there(".git/head"), there("tests/node_modules/c.js")), (None, None));

    let fault = |old| Fault { file: "src/a.rs", old, new: "three", ..MADE_UP };
    let planted = tree.plant(&fault("two")).unwrap();
    assert_eq!(there("src/a.rs").unwrap(), "one three");
    planted.take_out().unwrap();
    assert_eq!(there("src/a.rs").unwrap(), "one two");
    assert!(tree.plant(&fault("o")).is_err_and(|e| e.contains("2 times")));
    assert!(tree.plant(&fault("four")).is_err_and(|e| e.contains("0 times")));

    // What was left behind goes, what is the same keeps its time.
    let time = || std::fs::metadata(tree.top().join("src/b.rs")).unwrap().modified().unwrap();
    let before = time();
    drop(tree.plant(&fault("one")).unwrap());
    put("src/c.rs", "c");
    renew();
    assert_eq!((there("src/a.rs").unwrap(), there("src/c.rs").unwrap()), ("one two".into(), "c".into()));
    std::fs::remove_file(top.join("repository/src/c.rs")).unwrap();
    renew();
    assert_eq!((there("src/c.rs"), time()), (None, before));
    std::fs::remove_dir_all(&top).unwrap();
}

#[test]
fn faults_are_chosen_by_a_part_of_their_name() {
    assert_eq!(chosen(None).unwrap().len(), FAULTS.len());
    assert!(chosen(Some("rotary")).unwrap().iter().all(|fault| fault.name.contains("rotary")));
    assert!(chosen(Some("no such fault")).is_err());
}

#[test]
fn the_harness_is_read() {
    let said = "running 3 tests\ntest poh::b ... FAILED\ntest poh::c ... ok\ntest poh::a ... ok\n\nfailures:\n\
                test result: FAILED. 2 passed; 1 failed; 0 ignored\n";
    let ran = suite::read(said).unwrap();
    assert_eq!((ran.passed, ran.failed), (vec!["poh::a".into(), "poh::c".into()], vec!["poh::b".into()]));
    assert_eq!(suite::read("running 3 tests\ntest poh::b ... FAILED\n"), None, "it came to no end");
}

#[test]
fn strings_are_escaped() {
    assert_eq!(json::text("a \"b\"\\\nα"), r#""a \"b\"\\\u000aα""#);
    assert_eq!(json::texts(&["a", "b"]), r#"["a", "b"]"#);
}

const MADE_UP: Fault =
    Fault { name: "made-up", wrong: "“all”", file: "f", old: "a", new: "b", tests: &["poh::a", "poh::b"] };

fn report(failed: Done<&[&str]>, whole: bool) -> Report {
    let failed = failed.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let tests = ["poh::a", "poh::b", "poh::c"].map(str::to_owned).to_vec();
    Report { verdicts: vec![Verdict { fault: &MADE_UP, seconds: 7, failed }], tests, whole }
}

#[test]
fn all_named_tests_must_fail() {
    let caught = report(Ok(&["poh::a", "poh::b", "poh::c"]), true);
    assert!(caught.holds() && caught.text().contains("+ poh::c"), "{}", caught.text());
    assert!(caught.text().ends_with("\n1 of 1 faults caught; 3 of 3 tests can fail\n"), "{}", caught.text());
    let half = report(Ok(&["poh::a", "poh::c"]), false);
    assert!(!half.holds() && half.text().contains("- poh::b"), "{}", half.text());
    let error = report(Err("it does not build".into()), false);
    assert!(!error.holds() && error.text().contains("it does not build"), "{}", error.text());
}

#[test]
fn a_test_that_never_fails_is_told_unless_a_part_was_asked_for() {
    let whole = report(Ok(&["poh::a", "poh::b"]), true);
    assert!(!whole.holds() && whole.text().contains("no fault makes poh::c fail"), "{}", whole.text());
    assert!(whole.json().contains("\"never_failed\": [\"poh::c\"],\n  \"holds\": false"), "{}", whole.json());
    let part = report(Ok(&["poh::a", "poh::b"]), false);
    assert!(part.holds() && !part.text().contains("poh::c"), "{}", part.text());
    assert!(part.json().contains("\"never_failed\": null,\n  \"holds\": true"), "{}", part.json());
    assert!(part.json().contains("\"missed\": [], \"besides\": [], \"error\": null"), "{}", part.json());
}
