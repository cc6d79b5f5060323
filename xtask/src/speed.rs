//! `cargo xtask speed`: times the loop on what this machine has, keeps the results, and makes the README's table
//! of all results that are kept, of other machines too.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::options::Options;
use crate::{Done, browser, cargo};

/// Where results are kept, from the root.
const RESULTS: &str = "benches/results";

/// `cargo xtask speed`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["only", "python", "built", "table"])?;
    let folder = cargo::root().join(RESULTS);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let program = cargo::program()?;
    if !options.flag("table") {
        let chosen: Vec<&str> = options.text("only").unwrap_or("cpu,page").split(',').collect();
        if let Some(unknown) = chosen.iter().find(|c| !["cpu", "card", "page"].contains(c)) {
            return Err(format!("--only takes cpu, card and page, not “{unknown}”"));
        }
        let python = options.text("python");
        for name in &chosen {
            let text = match *name {
                "page" => browser::bench_json(options)?,
                device => bench(&program, device, python)?,
            };
            let file = folder.join(format!("{name}.json"));
            std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    table(&program, &folder)
}

/// One bench in turns with the same network in another program, where a Python that has it is named.
fn bench(program: &Path, device: &str, python: Option<&str>) -> Done<String> {
    let mut bench = Command::new(program);
    bench.current_dir(cargo::root()).args(["bench", "--json", "--repeat", "7"]);
    let cases: &[&str] = if device == "cpu" {
        bench.args(["--device", "cpu", "--boards", "1", "--iterations", "512"]);
        &["--cases", "iteration", "--case-repeat", "512"]
    } else {
        bench.args([
            "--device",
            "gpu",
            "--boards",
            "1,256",
            "--iterations",
            "1024",
            "--kernels",
            "fused,half",
            "--cold",
        ]);
        &["--cases", "one-eager-tf32,one-compiled-tf32,many-compiled-bf16"]
    };
    if let Some(python) = python {
        let script = if device == "cpu" {
            "benches/pytorch/cpu.py --serve --threads 2"
        } else {
            "benches/pytorch/gpu.py --serve --compile-mode default"
        };
        bench.arg("--against").arg(format!("{python} {script}")).args(cases);
    }
    let output = bench.stderr(Stdio::inherit()).output().map_err(|e| format!("the bench did not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("the bench of {device} failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("the bench wrote no text: {e}"))
}

/// Puts all results into the README.
fn table(program: &Path, folder: &Path) -> Done<bool> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("there are no results in {RESULTS} yet; leave --table out"));
    }
    let mut report = Command::new(program);
    report.current_dir(cargo::root()).args(["report", "speed", "--into", "README.md"]).args(files);
    cargo::succeed(report, "the table could not be made")?;
    Ok(true)
}
