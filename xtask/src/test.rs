//! `cargo xtask test`: every check, cheapest first; all of them run, whatever fails.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::summary::Summary;
use crate::{Done, browser, cargo, fuzz, kill, lock, packages, random, shots, web};

/// cargo-deny takes some minutes to build; it is only built when the rest went fast enough.
const TIME_TO_INSTALL: Duration = Duration::from_secs(35 * 60);

/// A package whose dependencies ask for other features than ours: built together with the program, it
/// would have burn built a second time.
const APART: &str = "bindgen";

/// Runs them.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["quick"])?;
    let quick = options.flag("quick");
    let start = Instant::now();
    let mut summary = Summary::default();

    summary.check("system packages", || packages::need(packages::WINDOW));
    summary.check("one wgpu, one wasm-bindgen, nothing from git", lock::check);
    summary.check("format", || cargo::succeed(cargo::cargo(&["fmt", "--all", "--check"]), "run `cargo fmt --all`"));
    let mut counts = (0, 0);
    summary.check("tests", || tests(&mut counts));
    summary.count(counts.0, counts.1);
    summary.check("clippy", || {
        let all = ["clippy", "--release", "--workspace", "--exclude", APART, "--all-targets", "--", "-D", "warnings"];
        cargo::succeed(cargo::cargo(&all), "clippy has something to say")?;
        let apart = ["clippy", "--release", "--package", APART, "--all-targets", "--", "-D", "warnings"];
        cargo::succeed(cargo::cargo(&apart), "clippy has something to say about the package bindgen")
    });
    // The window must build without burn: that is what the web page is made of.
    summary.check("the window without burn", || {
        let window =
            ["clippy", "--release", "--lib", "--no-default-features", "--features", "ui", "--", "-D", "warnings"];
        cargo::succeed(cargo::cargo(&window), "the window does not build without burn")
    });
    if !quick {
        let seed = random::fresh_seed();
        summary.check("the program builds", || cargo::program().map(drop));
        summary.check("damaged files (seed printed)", || fuzz::fuzz(50_000, seed));
        summary.check("killed trainings (seed printed)", || kill::kill_test(3, seed, 30));
        summary.check("the real window", shots::check);
        summary.check("clippy, for the browser", web::lint);
        let mut counts = (0, 0);
        summary.check("the page in a browser", || browser::check(&mut counts));
        summary.count(counts.0, counts.1);
        licences(&mut summary, start);
    }
    println!("\n{} minutes", start.elapsed().as_secs() / 60);
    Ok(summary.finish())
}

/// All tests of the workspace; what the harnesses counted is added to `counts`.
fn tests(counts: &mut (usize, usize)) -> Done {
    let mut command = cargo::cargo(&["test", "--release", "--workspace", "--exclude", APART, "--no-fail-fast"]);
    // Snapshots are compared, never written, by a check.
    command.env("LOOPSCOPE_NEEDS_SOFTWARE_CARD", "1");
    command.env("INSTA_UPDATE", "no").env_remove("UPDATE_SNAPSHOTS").stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("cargo does not start: {e}"))?;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            println!("{line}");
            if let Some((passed, failed)) = harness_line(&line) {
                counts.0 += passed;
                counts.1 += failed;
            }
        }
    }
    let status = child.wait().map_err(|e| format!("cargo was lost: {e}"))?;
    match (status.success(), counts.1) {
        (true, _) if counts.0 == 0 => Err("no test was run".into()),
        (true, _) => Ok(()),
        (false, 0) => Err("the tests do not build, or one ended the process".into()),
        (false, n) => Err(format!("{n} tests failed")),
    }
}

/// “test result: ok. 12 passed; 0 failed; …”
fn harness_line(line: &str) -> Option<(usize, usize)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let before = |word: &str| rest[..rest.find(word)?].split_whitespace().last()?.parse().ok();
    Some((before(" passed")?, before(" failed")?))
}

fn licences(summary: &mut Summary, start: Instant) {
    const INSTALL: &str = "cargo install cargo-deny --locked";
    if !cargo_deny() && start.elapsed() < TIME_TO_INSTALL {
        println!("\ninstalling cargo-deny");
        if let Err(e) =
            cargo::succeed(cargo::cargo(&["install", "cargo-deny", "--locked"]), "cargo-deny does not install")
        {
            println!("{e}");
        }
    }
    if cargo_deny() {
        summary.check("licences, sources and doubled packages", || {
            let check = ["deny", "check", "bans", "licenses", "sources"];
            cargo::succeed(cargo::cargo(&check), "cargo-deny has something to say")
        });
    } else {
        summary.note(format!("licences were not checked; for that, run `{INSTALL}` and this again"));
    }
}

fn cargo_deny() -> bool {
    let mut command: Command = cargo::cargo(&["deny", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::harness_line;

    #[test]
    fn counts_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(harness_line(line), Some((12, 3)));
        assert_eq!(harness_line("running 3 tests"), None);
    }
}
