//! `loopscope claims`: the page of claims, from the ledger and the results of studies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::failure::{Answer, Failure, Outcome};
use super::output;
use crate::config::{Interventions, Study};
use crate::measure::Recording;
use crate::report::claims::{Evidence, Ledger, Probes, StudyFile, StudyResult, page};
use crate::report::measured::scaling::ModelScaling;
use crate::report::measured::spectrum::ModelSpectrum;
use crate::store;

const HELP: &str = "\
Paths in the ledger are from the folder that the command is given in. Exit code 1 says that --check found
another page than would be written.

Examples:
  loopscope claims
  loopscope claims --check";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The folder of results: RESULTS/STUDY/CELL-sSEED.json
    #[arg(long, value_name = "FOLDER", default_value = "claims/results")]
    results: PathBuf,
    /// The claims and how they are tested
    #[arg(long, value_name = "FILE.toml", default_value = "claims/ledger.toml")]
    ledger: PathBuf,
    /// The page to write
    #[arg(long, value_name = "FILE.md", default_value = "CLAIMS.md")]
    out: PathBuf,
    /// Write nothing; say whether the page is what would be written
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let ledger = Ledger::from_toml(&text(&args.ledger)?).map_err(|e| Failure::file(&args.ledger, e))?;
    let evidence = ledger
        .studies
        .iter()
        .map(|study| Ok((study.name.clone(), evidence(study, &args.results)?)))
        .collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let page = page(&ledger, &evidence, &probes(&args.results)?);
    let shown = args.out.display();
    if args.check {
        let there = std::fs::read_to_string(&args.out).unwrap_or_default();
        if there == page {
            output::line(format_args!("{shown} is up to date."))?;
            return Ok(Answer::Yes);
        }
        output::line(format_args!("{shown} is not what would be written; run `loopscope claims`."))?;
        return Ok(Answer::No);
    }
    store::now(store::replace(&args.out, page.as_bytes()))
        .map_err(|e| Failure::file(&args.out, format!("cannot be written: {e}")))?;
    output::line(format_args!("{shown}: {}", output::count(ledger.claims.len(), "claim")))?;
    Ok(Answer::Yes)
}

fn evidence(file: &StudyFile, results: &Path) -> Result<Evidence, Failure> {
    let path = Path::new(&file.file);
    let study = Study::from_toml(&text(path)?).map_err(|e| Failure::file(path, e))?;
    if study.name != file.name {
        let message = format!("this study is named “{}”, in the ledger “{}”", study.name, file.name);
        return Err(Failure::file(path, message));
    }
    let folder = results.join(&file.name);
    let mut found = Vec::new();
    let there = store::now(store::list(&folder))
        .map_err(|e| Failure::file(&folder, format!("the folder cannot be read: {e}")))?;
    for entry in there.iter().filter(|e| !e.folder && e.name.ends_with(".json")) {
        found.extend(store::now(StudyResult::read(&folder.join(&entry.name))).map_err(Failure::input)?);
    }
    // The same page on every system.
    let folder = folder.display().to_string().replace('\\', "/");
    Ok(Evidence::new(study, &file.file, &folder, found))
}

/// What was measured outside of studies, of models as they are.
fn probes(results: &Path) -> Result<Probes, Failure> {
    let spectra = probed(results, "spectrum", |one: &ModelSpectrum| {
        (one.settings.interventions != Interventions::default()).then_some("under interventions")
    })?;
    // A board that leaves early keeps its answer, which hides that the model would have lost it.
    let scaling = probed(results, "scaling", |one: &ModelScaling| {
        let Recording { iterations, seed, interventions, .. } = one.settings;
        if interventions != Interventions::default() {
            return Some("under interventions");
        }
        let plain = Recording { seed, ..Recording::plain(iterations) };
        (one.settings != plain).then_some("with boards that leave early, from another start or with a disturbance")
    })?;
    Ok(Probes { spectra, scaling })
}

/// The output of `loopscope probe KIND --json`, an array of one entry a model: of all files in the folder of that
/// name. `otherwise` tells how an entry was measured that is not of its model as it is.
fn probed<T: DeserializeOwned>(
    results: &Path,
    kind: &str,
    otherwise: impl Fn(&T) -> Option<&'static str>,
) -> Result<Vec<T>, Failure> {
    let folder = results.join(kind);
    let mut found = Vec::new();
    let there = store::now(store::list(&folder)).unwrap_or_default();
    for entry in there.iter().filter(|e| !e.folder && e.name.ends_with(".json")) {
        let path = folder.join(&entry.name);
        let all: Vec<T> = serde_json::from_str(&text(&path)?)
            .map_err(|e| Failure::file(&path, format!("this is no output of `loopscope probe {kind} --json`: {e}")))?;
        if let Some(how) = all.iter().find_map(&otherwise) {
            return Err(Failure::file(&path, format!("claims are about models as they are; this was measured {how}")));
        }
        found.extend(all);
    }
    Ok(found)
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, format!("cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Exit;

    #[test]
    fn the_page_is_written_and_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ledger, out) = (folder.path().join("ledger.toml"), folder.path().join("CLAIMS.md"));
        let row = "[[claim]]\nid = \"a\"\nclaim = \"A\"\nsource = \"s\"\npublished = \"p\"\n\
                   test = { rule = \"not_tested\", reason = \"No data.\" }\n";
        std::fs::write(&ledger, row).expect("written");
        let args = |check| Args { results: folder.path().into(), ledger: ledger.clone(), out: out.clone(), check };
        assert_eq!(run(&args(true)), Ok(Answer::No));
        assert!(!out.exists());
        assert_eq!((run(&args(false)), run(&args(true))), (Ok(Answer::Yes), Ok(Answer::Yes)));
        std::fs::write(&out, "another").expect("written");
        assert_eq!(run(&args(true)), Ok(Answer::No));
        std::fs::write(&ledger, "claim = 3").expect("written");
        assert!(matches!(run(&args(false)), Err(Failure::Input(m)) if m.contains("ledger.toml")));
    }

    #[test]
    fn the_shipped_ledger_has_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ledger = Ledger::from_toml(&text(&root.join("claims/ledger.toml")).expect("there")).expect("a ledger");
        for study in &ledger.studies {
            let file = StudyFile { file: root.join(&study.file).display().to_string(), ..study.clone() };
            evidence(&file, &root.join("claims/results")).expect("a study with its results");
        }
        probes(&root.join("claims/results")).expect("what probes measured");
        let page = page(&ledger, &BTreeMap::new(), &Probes::default());
        assert!(page.contains("**holds** (`exact_count`)"), "{page}");
    }

    #[test]
    fn scaling_that_is_no_use_is_told_with_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scaling/nine.json");
        std::fs::create_dir(folder.path().join("scaling")).expect("made");
        let found = |text: &str| {
            std::fs::write(&path, text).expect("written");
            probes(folder.path()).map(|p| p.scaling.len())
        };
        let settings = Recording::plain(64);
        let of = |settings: Recording| {
            let settings = serde_json::to_string(&settings).expect("JSON");
            format!(
                r#"[{{"model":"nine","device":"toy","trained_iterations":16,"settings":{settings},"rows":[],"new":1,
                "spent":{{"made":0,"of":0}},"lost":0,"ever":{{"solved":0,"of":0}}}}]"#
            )
        };
        assert_eq!(found(&of(settings)), Ok(1), "what is not known here is passed over");
        assert_eq!(found(&of(Recording { seed: 3, ..settings })), Ok(1));
        let damped = Interventions { damping: 0.5, ..Interventions::default() };
        for (text, words) in [
            ("{".to_owned(), "no output of `loopscope probe scaling --json`"),
            ("[{\"model\":\"nine\"}]".to_owned(), "no output of `loopscope probe scaling --json`"),
            (of(Recording { interventions: damped, ..settings }), "measured under interventions"),
            (of(Recording { exit: Exit::Valid, ..settings }), "leave early"),
        ] {
            let told = found(&text);
            assert!(
                matches!(&told, Err(Failure::Input(m)) if m.contains("nine.json") && m.contains(words)),
                "{told:?}"
            );
        }
    }
}
