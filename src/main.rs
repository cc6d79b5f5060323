//! The program: everything is in the library.

/// Lets `loopscope dev fuzz` see what a reader asks for; see `cli::Counting` on what it costs.
#[global_allocator]
static ALLOCATOR: loopscope::cli::Counting = loopscope::cli::Counting;

fn main() -> std::process::ExitCode {
    loopscope::cli::main()
}
