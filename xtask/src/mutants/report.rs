//! What the faults did, as a table and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::faults::Fault;
use super::json;
use crate::Done;

/// What one fault did.
pub struct Verdict {
    /// The fault.
    pub fault: &'static Fault,
    /// How long it took to build and run.
    pub seconds: u64,
    /// The tests that failed, or why there was nothing to run.
    pub failed: Done<Vec<String>>,
}

impl Verdict {
    fn tests(&self) -> &[String] {
        self.failed.as_deref().unwrap_or_default()
    }

    /// Named tests that did not fail.
    fn missed(&self) -> Vec<&str> {
        self.fault.tests.iter().copied().filter(|name| !self.tests().iter().any(|t| t == name)).collect()
    }

    /// Tests that failed without being named.
    fn besides(&self) -> Vec<&str> {
        self.tests().iter().map(String::as_str).filter(|t| !self.fault.tests.contains(t)).collect()
    }

    fn caught(&self) -> bool {
        self.failed.is_ok() && self.missed().is_empty()
    }

    /// The same in a word.
    pub fn word(&self) -> &'static str {
        match (&self.failed, self.caught()) {
            (Err(_), _) => "error",
            (_, true) => "caught",
            (_, false) => "NOT CAUGHT",
        }
    }

    fn json(&self) -> String {
        let fault = self.fault;
        let error = self.failed.as_ref().err().map_or_else(|| "null".into(), |e| json::text(e));
        format!(
            "{{\"name\": {}, \"wrong\": {}, \"file\": {}, \"caught\": {}, \"seconds\": {}, \"failed\": {}, \
             \"missed\": {}, \"besides\": {}, \"error\": {error}}}",
            json::text(fault.name),
            json::text(fault.wrong),
            json::text(fault.file),
            self.caught(),
            self.seconds,
            json::texts(self.tests()),
            json::texts(&self.missed()),
            json::texts(&self.besides()),
        )
    }
}

/// What all of them did.
pub struct Report {
    /// One a fault.
    pub verdicts: Vec<Verdict>,
    /// All tests of the suite.
    pub tests: Vec<String>,
    /// Whether all faults of the list are in it: only then can it be said what never failed.
    pub whole: bool,
}

impl Report {
    /// Tests that no fault made fail.
    fn never_failed(&self) -> Vec<&str> {
        let failed: BTreeSet<&String> = self.verdicts.iter().flat_map(Verdict::tests).collect();
        self.tests.iter().filter(|test| !failed.contains(test)).map(String::as_str).collect()
    }

    fn caught(&self) -> usize {
        self.verdicts.iter().filter(|v| v.caught()).count()
    }

    /// Whether every fault was caught and every test failed at least once.
    pub fn holds(&self) -> bool {
        self.caught() == self.verdicts.len() && (!self.whole || self.never_failed().is_empty())
    }

    /// For a reader.
    pub fn text(&self) -> String {
        let mut out = row("fault", "", "failed tests: + for those that it does not name, - for named ones that passed");
        for verdict in &self.verdicts {
            let mut lines: Vec<String> = verdict.fault.tests.iter().map(|t| format!("  {t}")).collect();
            let missed = verdict.missed();
            match &verdict.failed {
                Err(e) => lines = vec![e.clone()],
                Ok(_) => {
                    lines.retain(|line| !missed.contains(&line.trim()));
                    lines.extend(verdict.besides().iter().map(|t| format!("+ {t}")));
                    lines.extend(missed.iter().map(|t| format!("- {t}")));
                }
            }
            for (i, line) in lines.iter().enumerate() {
                let (name, word) = if i == 0 { (verdict.fault.name, verdict.word()) } else { ("", "") };
                out += &row(name, word, line);
            }
        }
        let never = self.never_failed();
        if self.whole {
            never.iter().for_each(|test| out += &format!("no fault makes {test} fail\n"));
        }
        let _ = write!(out, "\n{} of {} faults caught", self.caught(), self.verdicts.len());
        if self.whole {
            let _ = write!(out, "; {} of {} tests can fail", self.tests.len() - never.len(), self.tests.len());
        }
        out + "\n"
    }

    /// For a program.
    pub fn json(&self) -> String {
        let verdicts: Vec<String> = self.verdicts.iter().map(Verdict::json).collect();
        // With a part of the list nothing can be said of the tests.
        let never = if self.whole { json::texts(&self.never_failed()) } else { "null".into() };
        format!(
            "{{\n  \"faults\": {},\n  \"caught\": {},\n  \"tests\": {},\n  \"never_failed\": {never},\n  \"holds\": {}\n}}\n",
            json::lines(&verdicts),
            self.caught(),
            self.tests.len(),
            self.holds()
        )
    }
}

fn row(name: &str, word: &str, test: &str) -> String {
    format!("{name:<31} {word:<10} {test}").trim_end().to_owned() + "\n"
}

/// The list itself, for a reader.
pub fn list_text(faults: &[&Fault]) -> String {
    let mut out = String::new();
    for fault in faults {
        let _ = writeln!(out, "{} ({})\n  {}", fault.name, fault.file, fault.wrong);
        fault.tests.iter().for_each(|test| out += &format!("    {test}\n"));
    }
    let named: BTreeSet<_> = faults.iter().flat_map(|fault| fault.tests).collect();
    let _ = writeln!(out, "{} faults name {} tests", faults.len(), named.len());
    out
}

/// The list itself, for a program.
pub fn list_json(faults: &[&Fault]) -> String {
    let of = |fault: &&Fault| {
        format!(
            "{{\"name\": {}, \"wrong\": {}, \"file\": {}, \"old\": {}, \"new\": {}, \"tests\": {}}}",
            json::text(fault.name),
            json::text(fault.wrong),
            json::text(fault.file),
            json::text(fault.old),
            json::text(fault.new),
            json::texts(fault.tests),
        )
    };
    format!("{{\n  \"faults\": {}\n}}\n", json::lines(&faults.iter().map(of).collect::<Vec<_>>()))
}
