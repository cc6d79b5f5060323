use super::*;
use crate::config::Study;
use crate::trace::Score;

const STUDY: &str = r#"
name = "small"
question = "Does it run?"
base = "poh4"
seeds = [3]
evaluate = { iterations = [1, 4], puzzles = 20 }
[[cell]]
name = "a"
set = ["recipe.steps=7", "recipe.iterations=4"]
"#;

fn run() -> StudyRun {
    Study::from_toml(STUDY).expect("a study").runs().remove(0)
}

fn place(out: &Path, program: &Path) -> Place {
    Place {
        study: "small".into(),
        evaluate: Evaluate { iterations: vec![1, 4], puzzles: 20 },
        out: out.to_owned(),
        device: "cpu".into(),
        program: program.to_owned(),
        interrupted: Arc::default(),
    }
}

/// A stand-in for the program: trains in no time, and scores the same always.
#[cfg(unix)]
fn program(folder: &Path, train: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("program");
    let eval = r#"echo '{"model":"m","puzzles":20,"iterations":{"1":{"total":{"solved":3,"of":20}},"4":{"total":{"solved":9,"of":20}}}}'"#;
    let script = format!(
        "#!/bin/sh\necho $1 >> {}/calls\nif [ $1 = train ]; then\n{train}\nelse\n{eval}\nfi\n",
        folder.display()
    );
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
    path
}

#[cfg(unix)]
#[test]
fn a_run_is_trained_evaluated_and_then_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let train = r#"echo '{"event":"prepared","step":0,"device":{"name":"toy"}}'; echo '{"event":"end","step":7}'"#;
    let place = place(&folder.path().join("out"), &program(folder.path(), train));
    assert!(matches!(perform(&place, &run(), "1 of 1"), Done::Finished(text) if text.contains("45.0 % at 4")));
    let result = store::now(StudyResult::read(&place.out.join("a-s3.json"))).expect("read").expect("there");
    assert_eq!((result.device.as_str(), result.seed, result.trained_iterations), ("toy", 3, 4));
    assert_eq!((result.percent(1), result.config_hash), (Some(15.0), run().hash));
    assert!(result.command.starts_with("loopscope train poh4 ") && result.command.contains("steps=7"));
    assert_eq!(perform(&place, &run(), "1 of 1"), Done::Kept);
    assert_eq!(std::fs::read_to_string(folder.path().join("calls")).expect("called"), "train\neval\n");
    // Other puzzles: only the evaluation is asked again.
    let more = Place { evaluate: Evaluate { iterations: vec![8], puzzles: 20 }, ..place };
    assert!(matches!(perform(&more, &run(), "1 of 1"), Done::Failed(m) if m.contains("fewer than 20")));
}

#[cfg(unix)]
#[test]
fn what_fails_is_recorded_and_what_is_interrupted_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = place(&folder.path().join("out"), &program(folder.path(), "echo 'error: loss is NaN' >&2; exit 4"));
    assert!(matches!(perform(&place, &run(), "1 of 1"), Done::Failed(m) if m.contains("exit code 4: loss is NaN")));
    let file = place.out.join("a-s3.json");
    let result = store::now(StudyResult::read(&file)).expect("read").expect("there");
    assert_eq!((result.status, result.evaluation.iterations.len()), (Status::Failed, 0));
    std::fs::remove_file(&file).expect("removed");
    place.interrupted.store(true, Ordering::SeqCst);
    assert_eq!(perform(&place, &run(), "1 of 1"), Done::Left);
    assert!(!file.exists());
}

#[test]
fn a_run_of_other_settings_is_put_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = place(folder.path(), Path::new("nothing"));
    let (run, files) = (run(), Files::of(&place, &run()));
    assert_eq!(put_aside(&run, &files), Ok(false));
    store::now(RunFolder::create(&files.run, &run.config)).expect("a run");
    assert_eq!(put_aside(&run, &files), Ok(true));
    let other = StudyRun { hash: "0".repeat(16), ..run };
    assert_eq!(put_aside(&other, &files), Ok(false));
    assert!(!files.run.exists());
    assert_eq!(std::fs::read_dir(folder.path().join("runs")).expect("there").count(), 1);
}

#[test]
fn lines_of_the_program_are_understood() {
    assert_eq!(reading(r#"{"event":"metrics","step":20,"loss":0.5}"#), Some((20, 0.5)));
    assert_eq!(reading("no JSON"), None);
    let lines = "{\"event\":\"prepared\",\"step\":0,\"device\":{\"name\":\"one\"}}\n\
                 {\"event\":\"prepared\",\"step\":9,\"device\":{\"name\":\"two\"}}\n{\"event\":\"end\",\"step\":9}\n";
    assert_eq!((device(lines, 9), device(lines, 10), ended_at(lines)), ("one".into(), "two".into(), Some(9)));
    let score = |iterations| Score { iterations, total: Count { solved: 1, of: 2 }, by_bucket: Vec::new() };
    let text = crate::report::evaluation_json("m", &[score(1), score(16)], crate::trace::Work::default());
    let found = scores(&text).expect("scores");
    assert_eq!(
        found.iterations.into_iter().collect::<Vec<_>>(),
        [(1, Count { solved: 1, of: 2 }), (16, Count { solved: 1, of: 2 })]
    );
}
