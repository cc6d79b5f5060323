//! `loopscope claims`: the page of claims, from the ledger and the results of studies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::failure::{Answer, Failure, Outcome};
use super::output;
use crate::config::{Interventions, Study};
use crate::report::claims::{Evidence, Ledger, StudyFile, StudyResult, page};
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
    let page = page(&ledger, &evidence, &spectra(&args.results)?);
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

/// What `loopscope probe spectrum --json` found, all files of its folder.
fn spectra(results: &Path) -> Result<Vec<ModelSpectrum>, Failure> {
    let folder = results.join("spectrum");
    let mut found = Vec::new();
    let there = store::now(store::list(&folder)).unwrap_or_default();
    for entry in there.iter().filter(|e| !e.folder && e.name.ends_with(".json")) {
        let path = folder.join(&entry.name);
        let all: Vec<ModelSpectrum> = serde_json::from_str(&text(&path)?).map_err(|e| {
            Failure::file(&path, format!("this is no output of `loopscope probe spectrum --json`: {e}"))
        })?;
        if all.iter().any(|s| s.settings.interventions != Interventions::default()) {
            return Err(Failure::file(
                &path,
                "claims are about models as they are; this was measured under interventions",
            ));
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
        spectra(&root.join("claims/results")).expect("measured spectra");
        let page = page(&ledger, &BTreeMap::new(), &[]);
        assert!(page.contains("**holds** (`exact_count`)"), "{page}");
    }
}
