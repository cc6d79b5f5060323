//! What `Cargo.lock` must hold to, checked without any tool: one wgpu, and no source but the
//! registry. `deny.toml` says the same and more to cargo-deny, which not every machine has.

use crate::{Done, cargo};

/// Packages that must be there once only: two of them would not talk to each other.
const ONCE: [&str; 6] = ["wgpu", "wgpu-core", "wgpu-hal", "naga", "egui", "burn-tensor"];

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
    for source in lock.lines().filter(|line| line.starts_with("source = \"git+")) {
        out.push(format!("a package comes from git ({source}); only the registry is allowed"));
    }
    out
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
}
