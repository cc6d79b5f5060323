//! `cargo xtask web`: the page as a folder of files for any static host, under any path.
//!
//! The page and its engine are two wasm modules, because the window must not wait for the engine:
//! neither for its download nor for a training step. The engine exists twice, with and without
//! SIMD, since a module with one instruction that a browser does not know is refused as a whole. For
//! browsers with relaxed SIMD too there is a third, small module beside it: the fused loop alone.
//!
//! Weights and recorded traces lie beside the modules, to be fetched when they are wanted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::names::{self, Scripts};
use crate::options::Options;
use crate::{Done, cargo, lock, packages};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "web";
/// Says that a folder is one of ours, and what is in it.
const MANIFEST: &str = "manifest.json";

/// One wasm module.
struct Module {
    /// In file names and in the manifest.
    name: &'static str,
    made: Made,
    features: &'static str,
    flags: &'static str,
    /// What wasm-opt aims at.
    aim: &'static str,
}

/// What it is made from.
enum Made {
    /// A program of the main package.
    Program(&'static str),
    /// The library of another package.
    Library(&'static str),
}

impl Made {
    fn name(&self) -> &'static str {
        match self {
            Self::Program(name) | Self::Library(name) => name,
        }
    }

    /// The file that the compiler makes.
    fn file(&self) -> String {
        match self {
            Self::Program(name) => format!("{name}.wasm"),
            Self::Library(package) => format!("{}.wasm", package.replace('-', "_")),
        }
    }
}

const MODULES: [Module; 4] = [
    Module { name: "page", made: Made::Program("loopscope-page"), features: "page", flags: "", aim: "-Oz" },
    Module {
        name: "engine",
        made: Made::Program("loopscope-worker"),
        features: "worker,gpu",
        flags: "-C target-feature=+simd128",
        aim: "-O3",
    },
    // A browser without SIMD has no WebGPU either.
    Module { name: "plain", made: Made::Program("loopscope-worker"), features: "worker", flags: "", aim: "-O3" },
    Module {
        name: "kernels",
        made: Made::Library("loopscope-kernels"),
        features: "page",
        flags: "-C target-feature=+simd128,+relaxed-simd",
        aim: "-O3",
    },
];

/// Folders below `assets` whose files the page may fetch, and how their names end. Small weights are in the
/// engine as well; nobody fetches those.
const ASSETS: [(&str, &str); 2] = [("models", "safetensors"), ("traces", "trace")];

/// A file beside the page.
struct Placed {
    /// Its path below `assets`, by which the program calls it.
    name: String,
    /// Its path beside the page.
    path: String,
}

/// A finished module, by the paths that the page uses.
struct Built {
    name: &'static str,
    js: String,
    wasm: String,
    bytes: usize,
}

/// `cargo xtask web`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["out"])?;
    let out = folder(options);
    build(&out)?;
    println!("the page is in {}", out.display());
    Ok(true)
}

/// Where the page goes, unless something else is asked for.
pub fn folder(options: &Options) -> PathBuf {
    options.text("out").map_or_else(|| cargo::root().join("dist").join("web"), PathBuf::from)
}

/// Builds the page into `out`. What it says goes to standard error: a report may follow.
pub fn build(out: &Path) -> Done {
    lock::check()?;
    target()?;
    // Everything is made beside the build and copied at the end: a build that fails leaves the old page.
    let stage = cargo::target_dir()?.join("page");
    let _ = fs::remove_dir_all(&stage);
    make_folder(&stage.join("web"))?;
    let mut built = Vec::new();
    for module in &MODULES {
        built.push(make(module, &stage)?);
    }
    let scripts = Scripts::read(&cargo::root().join("web"))?;
    for (name, text) in scripts.named() {
        write(&stage.join("web").join(name), text.as_bytes())?;
    }
    let placed = place(&stage)?;
    let manifest = manifest(&built, &placed, &scripts);
    write(&stage.join(MANIFEST), manifest.as_bytes())?;
    let index = read_text(&cargo::root().join("index.html"))?;
    write(&stage.join("index.html"), index_of(&index, &manifest, &built[0], &scripts)?.as_bytes())?;
    replace(&stage, out)
}

/// The lints of the modules, as they are built: nothing but wasm sees that code.
pub fn lint() -> Done {
    target()?;
    for (package, features) in [("loopscope", "page"), ("loopscope", "worker,gpu"), ("loopscope-kernels", "page")] {
        let mut clippy = cargo::cargo(&["clippy", "--profile", PROFILE, "--target", TARGET, "--package", package]);
        clippy.args(["--lib", "--no-default-features", "--features", features, "--", "-D", "warnings"]);
        cargo::succeed(clippy, &format!("clippy has something to say about {package} with {features}"))?;
    }
    Ok(())
}

/// The standard library for wasm: rustup fetches it once.
fn target() -> Done {
    let found = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(cargo::root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    if found.is_ok_and(|o| Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir()) {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.current_dir(cargo::root()).args(["target", "add", TARGET]);
    cargo::succeed(add, &format!("Rust's standard library for {TARGET} is missing; run: rustup target add {TARGET}"))
}

fn make(module: &Module, stage: &Path) -> Done<Built> {
    eprintln!("── {} (features {})", module.name, module.features);
    let target = cargo::target_dir()?;
    let mut build = match module.made {
        Made::Program(name) => cargo::cargo(&["build", "--bin", name]),
        Made::Library(package) => cargo::cargo(&["rustc", "--package", package, "--lib", "--crate-type", "cdylib"]),
    };
    build.args(["--profile", PROFILE, "--target", TARGET, "--no-default-features"]);
    build.args(["--features", module.features, "--target-dir"]).arg(&target);
    // Flags from outside would take the place of ours.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", module.flags);
    cargo::succeed(build, &format!("{} does not build for the browser", module.made.name()))?;

    let made = target.join(TARGET).join(PROFILE).join(module.made.file());
    let folder = stage.join("bindgen").join(module.name);
    make_folder(&folder)?;
    let mut bindgen = cargo::cargo(&["run", "--release", "--quiet", "--package", "bindgen", "--target-dir"]);
    bindgen.arg(&target).arg("--").arg(&made).arg(&folder).arg(module.name);
    cargo::succeed(bindgen, "wasm-bindgen does not accept the module")?;

    let wasm = folder.join(format!("{}_bg.wasm", module.name));
    optimise(module, &wasm);
    let (js, wasm) = (read(&folder.join(format!("{}.js", module.name)))?, read(&wasm)?);
    // JavaScript that comes with a crate; the glue imports it by this path.
    let snippets = folder.join("snippets");
    if snippets.is_dir() {
        copy_all(&snippets, &stage.join("web").join("snippets"))?;
    }
    let built = Built {
        name: module.name,
        js: format!("web/{}", names::hashed(module.name, "js", &js)),
        wasm: format!("web/{}", names::hashed(module.name, "wasm", &wasm)),
        bytes: wasm.len(),
    };
    write(&stage.join(&built.js), &js)?;
    write(&stage.join(&built.wasm), &wasm)?;
    eprintln!("   {} bytes", built.bytes);
    Ok(built)
}

/// Makes the module smaller or faster where Binaryen is installed. It is never needed, and a
/// Binaryen that is too old for the module changes nothing.
fn optimise(module: &Module, wasm: &Path) {
    if packages::find("wasm-opt").is_none() {
        return;
    }
    let made = wasm.with_extension("opt");
    let mut command = Command::new("wasm-opt");
    command.arg(module.aim).arg(wasm).arg("-o").arg(&made);
    for feature in
        ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"]
    {
        command.arg(format!("--enable-{feature}"));
    }
    for (flag, feature) in [("simd128", "simd"), ("relaxed-simd", "relaxed-simd")] {
        if module.flags.contains(flag) {
            command.arg(format!("--enable-{feature}"));
        }
    }
    let result = cargo::succeed(command, "wasm-opt did not accept the module; it stays as it is");
    match result.and_then(|()| fs::rename(&made, wasm).map_err(|e| e.to_string())) {
        Ok(()) => eprintln!("   wasm-opt {}", module.aim),
        Err(e) => eprintln!("   {e}"),
    }
}

/// Puts weights and traces beside the page.
fn place(stage: &Path) -> Done<Vec<Placed>> {
    let mut placed = Vec::new();
    for (folder, extension) in ASSETS {
        let from = cargo::root().join("assets").join(folder);
        let entries = fs::read_dir(&from).map_err(|e| format!("{}: {e}", from.display()))?;
        for file in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == extension)) {
            let (bytes, stem) = (read(&file)?, file.file_stem().unwrap_or_default().to_string_lossy());
            let path = format!("web/{}", names::hashed(&stem, extension, &bytes));
            write(&stage.join(&path), &bytes)?;
            placed.push(Placed { name: format!("{folder}/{stem}.{extension}"), path });
        }
    }
    placed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(placed)
}

/// What the loader must know: names, and sizes, for a download that says how far it is.
fn manifest(built: &[Built], placed: &[Placed], scripts: &Scripts) -> String {
    let mut out = String::from("{");
    for b in built {
        let _ = write!(out, "\"{}\":{{\"js\":\"{}\",\"wasm\":\"{}\",\"bytes\":{}}},", b.name, b.js, b.wasm, b.bytes);
    }
    let files: Vec<String> = placed.iter().map(|p| format!("\"{}\":\"{}\"", p.name, p.path)).collect();
    let _ = write!(out, "\"files\":{{{}}},", files.join(","));
    let _ = write!(out, "\"worker\":\"web/{}\"}}", scripts.name("worker.js"));
    out
}

/// The page with the names of this build. What the first picture needs is named in the head, so
/// that no download waits for another one to name it.
fn index_of(index: &str, manifest: &str, page: &Built, scripts: &Scripts) -> Done<String> {
    let mut early = String::new();
    for script in scripts.imported_by("loader.js") {
        let _ = writeln!(early, "<link rel=\"modulepreload\" href=\"web/{script}\">");
    }
    let _ = writeln!(early, "<link rel=\"modulepreload\" href=\"{}\">", page.js);
    let _ = write!(early, "<link rel=\"preload\" as=\"fetch\" crossorigin href=\"{}\">", page.wasm);
    let mut out = index.to_owned();
    for (from, to) in [
        ("web/style.css", format!("web/{}", scripts.name("style.css"))),
        ("web/loader.js", format!("web/{}", scripts.name("loader.js"))),
        ("<!-- early -->", early),
        (">null</script>", format!(">{manifest}</script>")),
    ] {
        if out.matches(from).count() != 1 {
            return Err(format!("index.html must have “{from}” exactly once"));
        }
        out = out.replace(from, &to);
    }
    Ok(out)
}

/// Puts the new page where the old one was, and deletes nothing that is not ours.
fn replace(stage: &Path, out: &Path) -> Done {
    let occupied = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !out.join(MANIFEST).is_file() {
        return Err(format!("{} is not empty and holds no page; choose another folder", out.display()));
    }
    let _ = fs::remove_dir_all(out.join("web"));
    make_folder(out)?;
    copy_all(&stage.join("web"), &out.join("web"))?;
    for file in [MANIFEST, "index.html"] {
        write(&out.join(file), &read(&stage.join(file))?)?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Done {
    make_folder(to)?;
    for entry in fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            write(&target, &read(&entry.path())?)?;
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Done {
    fs::create_dir_all(path).map_err(|e| format!("{} cannot be made: {e}", path.display()))
}

fn read(path: &Path) -> Done<Vec<u8>> {
    fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn read_text(path: &Path) -> Done<String> {
    fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Done {
    fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Built {
        Built { name: "page", js: "web/page-1.js".into(), wasm: "web/page-2.wasm".into(), bytes: 7 }
    }

    #[test]
    fn the_page_names_this_build() {
        let scripts = Scripts::read(&cargo::root().join("web")).unwrap();
        let index = read_text(&cargo::root().join("index.html")).unwrap();
        let trace = Placed { name: "traces/a.trace".into(), path: "web/a-3.trace".into() };
        let manifest = manifest(&[page()], &[trace], &scripts);
        let begin = r#"{"page":{"js":"web/page-1.js","wasm":"web/page-2.wasm","bytes":7},"files":{"traces/a.trace":"web/a-3.trace"},"worker":"web/worker-"#;
        assert!(manifest.starts_with(begin), "{manifest}");
        let made = index_of(&index, &manifest, &page(), &scripts).unwrap();
        assert!(made.contains(&manifest));
        assert!(made.contains("href=\"web/page-2.wasm\""));
        assert!(!made.contains("web/loader.js"));
        // Everything is beside the page: no host, and no path from the top of one.
        for outside in ["src=\"/", "href=\"/", "src=\"http", "href=\"http"] {
            assert!(!made.contains(outside), "{outside}");
        }
    }

    #[test]
    fn weights_and_traces_lie_beside_the_page() {
        let stage = std::env::temp_dir().join(format!("loopscope-place-{}", std::process::id()));
        make_folder(&stage.join("web")).unwrap();
        let placed = place(&stage).unwrap();
        for file in ["models/sudoku9.safetensors", "traces/sudoku9.trace", "traces/sudoku4-training.trace"] {
            let placed = placed.iter().find(|p| p.name == file).unwrap();
            assert!(names::is_hashed(placed.path.rsplit('/').next().unwrap()), "{}", placed.path);
            let there = read(&stage.join(&placed.path)).unwrap();
            assert_eq!(there, read(&cargo::root().join("assets").join(file)).unwrap());
        }
        fs::remove_dir_all(&stage).unwrap();
    }

    #[test]
    fn a_page_without_its_places_is_an_error() {
        let scripts = Scripts::read(&cargo::root().join("web")).unwrap();
        assert!(index_of("<html>", "{}", &page(), &scripts).unwrap_err().contains("web/style.css"));
    }

    #[test]
    fn only_a_page_is_replaced() {
        let folder = std::env::temp_dir().join(format!("loopscope-replace-{}", std::process::id()));
        let (stage, out) = (folder.join("stage"), folder.join("out"));
        for path in [stage.join("web"), out.clone()] {
            make_folder(&path).unwrap();
        }
        for file in ["index.html", MANIFEST, "web/new.js"] {
            write(&stage.join(file), b"new").unwrap();
        }
        write(&out.join("precious"), b"").unwrap();
        assert!(replace(&stage, &out).unwrap_err().contains("no page"));
        write(&out.join(MANIFEST), b"old").unwrap();
        make_folder(&out.join("web")).unwrap();
        write(&out.join("web/old.js"), b"old").unwrap();
        replace(&stage, &out).unwrap();
        assert!(out.join("web/new.js").is_file() && out.join("precious").is_file());
        assert!(!out.join("web/old.js").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
