//! What `Cargo.lock` must hold to, checked without any tool: one wgpu, no source but the registry,
//! and one version on both sides of wasm-bindgen. `deny.toml` says more to cargo-deny, which not
//! every machine has.

use crate::{Done, cargo};

/// Packages that must be there once only: two of them would not talk to each other.
const ONCE: [&str; 7] = ["wgpu", "wgpu-core", "wgpu-hal", "naga", "egui", "burn-tensor", "wasm-bindgen"];

/// The crate in the page and the crate that makes the page's JavaScript: what they tell each other
/// changes with every release.
const SAME: [&str; 2] = ["wasm-bindgen", "wasm-bindgen-cli-support"];

/// Reads the lock file of the repository.
pub fn check() -> Done {
    let path = cargo::root().join("Cargo.lock");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("Cargo.lock cannot be read: {e}"))?;
    let problems = problems(&text);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

fn problems(lock: &str) -> Vec<String> {
    let mut out = Vec::new();
    for package in ONCE {
        let count = lock.lines().filter(|line| *line == format!("name = \"{package}\"")).count();
        if count > 1 {
            out.push(format!(
                "{package} is there {count} times; pin what asks for another version (`cargo tree -d -i {package}`)"
            ));
        }
    }
    let [page, tool] = SAME.map(|package| version(lock, package));
    if page.is_some() && tool.is_some() && page != tool {
        out.push(format!(
            "{} is {} and {} is {}; both must be the same (Cargo.toml and xtask/bindgen/Cargo.toml)",
            SAME[0],
            page.unwrap_or_default(),
            SAME[1],
            tool.unwrap_or_default(),
        ));
    }
    for source in lock.lines().filter(|line| line.starts_with("source = \"git+")) {
        out.push(format!("a package comes from git ({source}); only the registry is allowed"));
    }
    out
}

/// The version of a package: the line after its name.
fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::problems;

    #[test]
    fn two_of_one_and_git_are_found() {
        assert!(problems("name = \"wgpu\"\nname = \"wgpu-types\"\n").is_empty());
        assert!(problems("name = \"wgpu\"\nname = \"wgpu\"\n")[0].contains("2 times"));
        assert!(problems("source = \"git+https://x\"\n")[0].contains("git"));
    }

    #[test]
    fn two_versions_of_wasm_bindgen_are_found() {
        let lock = |tool: &str| {
            format!(
                "name = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n\
                 name = \"wasm-bindgen-cli-support\"\nversion = \"{tool}\"\n"
            )
        };
        assert!(problems(&lock("0.2.130")).is_empty());
        assert!(problems(&lock("0.2.131"))[0].contains("0.2.131"));
    }
}
