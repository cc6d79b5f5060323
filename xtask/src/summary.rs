//! What passed and what did not.

use std::time::Instant;

use crate::Done;

/// Adds up tests and checks.
#[derive(Default)]
pub struct Summary {
    passed: usize,
    failed: usize,
    trouble: Vec<String>,
    notes: Vec<String>,
}

impl Summary {
    /// Runs one check and says how it went; the rest goes on either way.
    pub fn check(&mut self, name: &str, work: impl FnOnce() -> Done) {
        println!("\n── {name}");
        let start = Instant::now();
        let result = work();
        let seconds = start.elapsed().as_secs();
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("── {name}: passed ({seconds} s)");
            }
            Err(message) => {
                println!("── {name}: FAILED ({seconds} s): {message}");
                self.failed += 1;
                self.trouble.push(format!("{name}: {message}"));
            }
        }
    }

    /// Adds tests that a test harness counted.
    pub fn count(&mut self, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
    }

    /// Something that a reader should know but that is no failure.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Prints the end; whether all is well.
    pub fn finish(self) -> bool {
        println!();
        for text in self.notes {
            println!("note: {text}");
        }
        for text in &self.trouble {
            println!("failed: {text}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }
}
