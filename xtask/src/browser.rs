//! The page in a real browser: its tests, its report and its pictures. The scripts are in
//! `tests/browser`; node runs them in a copy beside the build, so that the checkout stays clean.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::options::Options;
use crate::serve::Server;
use crate::{Done, cargo, packages, web};

/// The page must not mind where it is: the tests have it under a path like this.
const UNDER: &str = "/some/where/";
/// The oldest node whose test runner takes the options below.
const NODE: u32 = 20;

/// `cargo xtask web-test`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["only", "built"])?;
    let bench = Bench::new(options)?;
    let mut counts = (0, 0);
    let result = bench.tests(options.text("only"), &mut counts);
    println!("{} passed, {} failed", counts.0, counts.1);
    Ok(result.inspect_err(|e| eprintln!("{e}")).is_ok())
}

/// The tests of a page that is built here; what node counted is added to `counts`.
pub fn check(counts: &mut (usize, usize)) -> Done {
    Bench::new(&Options::default())?.tests(None, counts)
}

/// `cargo xtask page-report`.
pub fn report(options: &Options) -> Done<bool> {
    measure(options, "report.mjs")
}

/// `cargo xtask web-bench`.
pub fn bench(options: &Options) -> Done<bool> {
    measure(options, "bench.mjs")
}

/// What `cargo xtask web-bench --json` prints, missed targets or not.
pub fn bench_json(options: &Options) -> Done<String> {
    let mut command = Bench::new(options)?.into_node("bench.mjs")?;
    let output = command.0.arg("--json").stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("node does not start: {e}"))?;
    match output.status.code() {
        // An exception ends with 1 too, and has printed nothing.
        Some(0 | 1) if output.stdout.starts_with(b"[{") => {
            String::from_utf8(output.stdout).map_err(|e| format!("the bench wrote no text: {e}"))
        }
        _ => Err(format!("the bench was not finished ({})", output.status)),
    }
}

/// A script that measures: it ends with 1 where a limit is passed.
fn measure(options: &Options, script: &str) -> Done<bool> {
    options.only(&["json", "built", "training"])?;
    let mut command = Bench::new(options)?.into_node(script)?;
    for name in ["json", "training"] {
        if options.flag(name) {
            command.0.arg(format!("--{name}"));
        }
    }
    let status = command.0.status().map_err(|e| format!("node does not start: {e}"))?;
    match status.code() {
        Some(code @ (0 | 1)) => Ok(code == 0),
        _ => Err(format!("the report was not finished ({status})")),
    }
}

/// `cargo xtask web-shots`.
pub fn shots(options: &Options) -> Done<bool> {
    options.only(&["out", "built", "only"])?;
    let out =
        options.text("out").map_or_else(|| cargo::root().join("assets").join("pictures").join("web"), PathBuf::from);
    std::fs::create_dir_all(&out).map_err(|e| format!("{} cannot be made: {e}", out.display()))?;
    let out = out.canonicalize().map_err(|e| format!("{}: {e}", out.display()))?;
    let mut command = Bench::new(options)?.into_node("shots.mjs")?;
    command.0.arg(&out).args(options.text("only"));
    cargo::succeed(command.0, "not all pictures were made")?;
    println!("the pictures are in {}", out.display());
    Ok(true)
}

/// A page that is built and served, and the scripts with what they need.
struct Bench {
    page: PathBuf,
    server: Server,
    scripts: PathBuf,
    chromium: PathBuf,
    /// The desktop program: what a page saves is opened by it.
    program: PathBuf,
}

/// A command, and the server that it talks to.
struct Running(Command, #[expect(dead_code, reason = "serves until it is dropped")] Server);

impl Bench {
    /// Builds the page, unless `--built FOLDER` names one that is there.
    fn new(options: &Options) -> Done<Self> {
        packages::need(packages::BROWSER)?;
        let chromium = packages::find("chromium").ok_or("there is no program named chromium")?;
        node_and_npm()?;
        let scripts = scripts()?;
        let program = cargo::program()?;
        let page = match options.text("built") {
            Some(folder) => PathBuf::from(folder),
            None => {
                let page = cargo::target_dir()?.join("page-in-tests");
                web::build(&page)?;
                page
            }
        };
        let server = Server::start(&page, 0, UNDER)?;
        let page = page.canonicalize().map_err(|e| format!("{}: {e}", page.display()))?;
        Ok(Self { page, server, scripts, chromium, program })
    }

    fn node(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.scripts).env("LOOPSCOPE_URL", self.server.url());
        command.env("LOOPSCOPE_PAGE", &self.page).env("LOOPSCOPE_ROOT", cargo::root());
        command.env("LOOPSCOPE_CHROMIUM", &self.chromium).env("LOOPSCOPE_PROGRAM", &self.program);
        command
    }

    fn into_node(self, script: &str) -> Done<Running> {
        let mut command = self.node();
        command.arg(self.scripts.join(script));
        Ok(Running(command, self.server))
    }

    /// One file after the other: a browser that trains takes all cores there are.
    fn tests(&self, only: Option<&str>, counts: &mut (usize, usize)) -> Done {
        let mut files: Vec<PathBuf> = entries(&self.scripts)?;
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".test.mjs") && only.is_none_or(|only| name.contains(only))
        });
        if files.is_empty() {
            return Err("no test of the page has that in its name".into());
        }
        let mut command = self.node();
        command.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(&files);
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(|e| format!("node does not start: {e}"))?;
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                println!("{line}");
                let (passed, failed) = counted(&line);
                counts.0 += passed;
                counts.1 += failed;
            }
        }
        let status = child.wait().map_err(|e| format!("node was lost: {e}"))?;
        match (status.success(), counts.1) {
            (true, 0) if counts.0 == 0 => Err("no test was run".into()),
            (true, 0) => Ok(()),
            (_, 0) => Err(format!("the tests ended with {status}")),
            (_, n) => Err(format!("{n} tests of the page failed")),
        }
    }
}

/// “# pass 12” or “ℹ pass 12”, at the end of node's report. What was cancelled did not pass.
fn counted(line: &str) -> (usize, usize) {
    let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) else { return (0, 0) };
    match rest.split_once(' ').map(|(word, number)| (word, number.parse().unwrap_or(0))) {
        Some(("pass", n)) => (n, 0),
        Some(("fail" | "cancelled", n)) => (0, n),
        _ => (0, 0),
    }
}

/// Copies the scripts out of the checkout and fetches the one package that they need.
fn scripts() -> Done<PathBuf> {
    const LOCK: &str = "package-lock.json";
    let to = cargo::target_dir()?.join("browser");
    std::fs::create_dir_all(&to).map_err(|e| format!("{} cannot be made: {e}", to.display()))?;
    // Tests that were renamed must not stay.
    for old in entries(&to)?.iter().filter(|file| file.extension().is_some_and(|e| e == "mjs")) {
        std::fs::remove_file(old).map_err(|e| format!("{}: {e}", old.display()))?;
    }
    let read = |file: &Path| std::fs::read(file).map_err(|e| format!("{} cannot be read: {e}", file.display()));
    for file in entries(&cargo::root().join("tests").join("browser"))?.iter().filter(|file| file.is_file()) {
        let copy = to.join(file.file_name().unwrap_or_default());
        std::fs::write(&copy, read(file)?).map_err(|e| format!("{} cannot be written: {e}", copy.display()))?;
    }
    // Written after an installation that went well.
    let installed = to.join("node_modules").join("installed.json");
    let lock = read(&to.join(LOCK))?;
    if !std::fs::read(&installed).is_ok_and(|bytes| bytes == lock) {
        let mut npm = Command::new("npm");
        // Standard output is the report's.
        npm.current_dir(&to).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).stdout(Stdio::null());
        cargo::succeed(npm, "npm could not install the package that drives the browser")?;
        std::fs::write(&installed, lock).map_err(|e| format!("{} cannot be written: {e}", installed.display()))?;
    }
    Ok(to)
}

fn entries(folder: &Path) -> Done<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn node_and_npm() -> Done {
    let said = Command::new("node").arg("--version").output().ok();
    let version = said.as_ref().and_then(|o| major(&String::from_utf8_lossy(&o.stdout)));
    match version {
        Some(version) if version >= NODE && cargo::there_is("npm", "--version") => Ok(()),
        Some(version) if version >= NODE => Err("npm is missing; it usually comes with node".into()),
        Some(version) => Err(format!("node is version {version}; the tests of the page need {NODE} or newer")),
        None => Err(format!("node is missing; the tests of the page need version {NODE} or newer, with npm")),
    }
}

/// “v20.20.2”
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{counted, major};

    #[test]
    fn both_reports_of_node_are_read() {
        assert_eq!(counted("# pass 12"), (12, 0));
        assert_eq!(counted("ℹ fail 3"), (0, 3));
        assert_eq!(counted("ℹ cancelled 1"), (0, 1));
        assert_eq!(counted("ℹ tests 16"), (0, 0));
        assert_eq!(counted("# pass the salt"), (0, 0));
        assert_eq!(counted("pass 12"), (0, 0));
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major(""), None);
    }
}
