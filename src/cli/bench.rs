//! `loopscope bench`: how long an iteration or a training step takes, by kernels, beside another program if there is one.

mod other;

use std::process::{Command as Process, Stdio};
use std::time::Instant;

use super::args::{self, DeviceArg, ModelSettings};
use super::failure::{Answer, Failure, Outcome};
use super::progress::Progress;
use super::session::Session;
use super::{models, output};
use crate::config::{ModelCard, ModelConfig, multiplications};
use crate::engine::protocol::{Command, Event, Kernels};
use crate::report::speed::{Cold, Row, Speed};
use crate::tasks::sudoku::{Clues, GenerateSpec, Puzzle};
use crate::train::evaluation_puzzles;
use other::Other;

const HELP: &str = "\
Passes of every case take turns, so that what slows the machine down slows all of them down. A time is the
mean of a pass; the table has the median of the passes and the extremes. GFLOP/s counts what the network's
arithmetic needs (141 MFLOP for a 9×9 board and iteration), whatever was computed. “of limit” is its share of
what the device does right after each pass with multiply-adds (with products of matrices, for half) on
registers alone.

--cold starts this program anew, without the driver's cache of shaders: the first answer is timed to the
end of its process, the median of three starts; the first training step to the line that tells of it, once.

--training times whole training steps on so many copies of a board: forward, backward and update, T as the
model was trained. There half is mixed precision. On tensors (plain), a batch goes through in parts where there
is no memory for all of it. A step's arithmetic counts as three passes forward.

--against starts a program that answers benches/pytorch's line protocol and takes turns with it.

Examples:
  loopscope bench
  loopscope bench --device gpu --boards 1,256 --cold --json
  loopscope bench --device gpu --training 64,1024 --kernels half,fused,plain
  loopscope bench --device cpu --against 'python3 benches/pytorch/cpu.py --serve --threads 2' --cases iteration --case-repeat 64";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A shipped model's name, a .safetensors file, a run folder, or fresh:PRESET [default: fresh:sudoku9]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Boards that are computed at once; several with commas [default: 1, or none with --training]
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    boards: Vec<u32>,
    /// Boards of training steps that are timed; several with commas
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    training: Vec<u32>,
    /// Dropout rate of the training steps
    #[arg(long, value_name = "RATE", default_value = "0.1")]
    dropout: f64,
    /// Training steps of a pass
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(1..=1000))]
    steps: u32,
    /// Iterations of a pass
    #[arg(long, value_name = "N", default_value = "64", value_parser = args::iterations())]
    iterations: u32,
    /// Passes of every case
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// fused, plain, half; several with commas
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "fused,plain")]
    kernels: Vec<Kernels>,
    /// Time a start of the program to its first answer and to its first training step
    #[arg(long)]
    cold: bool,
    /// A program to take turns with
    #[arg(long, value_name = "COMMAND", requires = "cases")]
    against: Option<String>,
    /// Its cases
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    cases: Vec<String>,
    /// Times that it is asked for in a turn; their mean is a pass
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    case_repeat: u32,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What is timed when nothing is said.
const FRESH: &str = "fresh:sudoku9";

/// A case of this program.
struct Own {
    kernels: Kernels,
    boards: u32,
    training: bool,
    times: Vec<f64>,
    /// What the device could do at most, right after each pass; operations a second.
    limits: Vec<f64>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let cold = args.cold.then(|| cold(args)).transpose()?;
    let mut other = args.against.as_deref().map(Other::start).transpose()?;
    if let Some(other) = &mut other {
        for case in &args.cases {
            eprintln!("{case} gets ready");
            other.prepare(case)?;
        }
    }
    let mut session = Session::start(&args.device.device)?;
    let card = open(&mut session, args)?;
    let puzzle = board(&card)?;
    let iterations = if args.boards.is_empty() && args.training.is_empty() { &[1][..] } else { &args.boards };
    let sizes = || iterations.iter().map(|n| (*n, false)).chain(args.training.iter().map(|n| (*n, true)));
    let mut own: Vec<Own> = Vec::new();
    for kernels in &args.kernels {
        own.extend(sizes().map(|(boards, training)| Own {
            kernels: *kernels,
            boards,
            training,
            times: Vec::new(),
            limits: Vec::new(),
        }));
    }
    let mut others: Vec<Vec<f64>> = args.cases.iter().map(|_| Vec::new()).collect();
    let progress = Progress::bar((args.repeat as usize) * (own.len() + others.len()), "passes");
    for _ in 0..args.repeat {
        for case in &mut own {
            let (times, limit) = timed(&mut session, &puzzle, case, args)?;
            case.times.extend(times);
            case.limits.push(limit);
            progress.add(1);
        }
        if let Some(other) = &mut other {
            for (case, times) in args.cases.iter().zip(&mut others) {
                times.push(other.time(case, args.case_repeat)?);
                progress.add(1);
            }
        }
    }
    drop(progress);
    let operations = operations(&card.config);
    let of_kind = |row: Row, training: Option<u32>| match training {
        Some(iterations) => row.of_training(iterations),
        None => row,
    };
    let trained = |case: &Own| case.training.then_some(card.trained_iterations);
    let rows = own.into_iter().map(|c| {
        let training = trained(&c);
        of_kind(Row::own(c.kernels.word(), c.boards, c.times, operations, &c.limits), training)
    });
    let mut rows: Vec<Row> = rows.collect();
    if let Some(other) = &other {
        rows.extend(args.cases.iter().zip(others).map(|(case, times)| {
            of_kind(Row::other(other.name(), case, other.boards(case), times, operations), other.training(case))
        }));
    }
    let report = Speed {
        device: session.device().name.clone(),
        processor: processor(),
        model: card.name.clone(),
        operations,
        iterations: args.iterations,
        cold,
        rows,
    };
    if args.json {
        output::json(&report)?;
    } else {
        output::write(report.table().as_bytes())?;
    }
    Ok(Answer::Yes)
}

/// The processor's name, where the system tells it in a file.
fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = text.lines().find_map(|l| l.strip_prefix("model name"))?;
    Some(name.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// The weights that are timed.
fn open(session: &mut Session, args: &Args) -> Result<ModelCard, Failure> {
    let source = models::resolve(args.model.as_deref().unwrap_or(FRESH))?;
    session.open(source, &args.settings.set)
}

/// What the arithmetic of a board and iteration needs: the blocks, the head and the feedback
/// (`specs/sudoku.md` §1.7).
fn operations(model: &ModelConfig) -> f64 {
    let ends = 2 * model.cells() * model.width * model.digits();
    2.0 * (multiplications(model, 1) as f64 + ends as f64)
}

/// A puzzle of the model's board, with its solution.
fn board(card: &ModelCard) -> Result<Puzzle, Failure> {
    let shape = card.config.shape();
    let spec = GenerateSpec {
        clues: Clues::Between { min: shape.cells() / 2, max: shape.cells() },
        ..GenerateSpec::usual(shape)
    };
    let puzzle = evaluation_puzzles(spec, 1, 1).into_iter().next();
    puzzle.ok_or_else(|| Failure::Engine("no puzzle of this board could be made".into()))
}

/// One pass of a case, and the device's limit right after it.
fn timed(session: &mut Session, puzzle: &Puzzle, case: &Own, args: &Args) -> Result<(Vec<f64>, f64), Failure> {
    let (kernels, boards, repeat) = (case.kernels, case.boards as usize, 1);
    let request = if case.training {
        let (puzzle, dropout, steps) = (Box::new(puzzle.clone()), args.dropout, args.steps);
        session.ask(|request| Command::BenchTraining { request, kernels, puzzle, boards, dropout, steps, repeat })
    } else {
        let (clues, iterations) = (puzzle.clues.clone(), args.iterations);
        session.ask(|request| Command::Bench { request, kernels, clues, boards, iterations, repeat })
    };
    loop {
        if let Event::Benched { milliseconds, limit, .. } = session.next_of(request)? {
            return Ok((milliseconds, limit));
        }
    }
}

/// Starts of the program as a user would start it.
fn cold(args: &Args) -> Result<Cold, Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::Engine(format!("where this program is: {e}")))?;
    let device = args.device.device.word();
    let start = |arguments: &[&str]| {
        let mut process = Process::new(&program);
        process.args(arguments).args(["--device", &device]).env("__GL_SHADER_DISK_CACHE", "0");
        process.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
        process
    };
    let failed = |what: &str, why: String| Failure::Engine(format!("{what}: {why}"));

    let folder = std::env::temp_dir().join(format!("loopscope-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| Failure::file(&folder, format!("the folder cannot be made: {e}")))?;
    let result = (|| {
        let wait = Progress::waiting("the first answer");
        let model = args.model.clone().unwrap_or_else(|| FRESH.into());
        let mut arguments = vec!["solve".to_owned(), "--json".into(), "--iterations".into(), "16".into()];
        arguments.extend(["--model".into(), model]);
        for set in &args.settings.set {
            arguments.extend(["--set".into(), set.clone()]);
        }
        arguments.push(PUZZLE.into());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut first_answers = Vec::new();
        for _ in 0..COLD_STARTS {
            let begun = Instant::now();
            let answer = start(&arguments).output().map_err(|e| failed("the first answer", e.to_string()))?;
            first_answers.push(begun.elapsed().as_secs_f64());
            if answer.stdout.is_empty() {
                return Err(failed("the first answer", format!("the program ended with {}", answer.status)));
            }
        }
        drop(wait);

        let _wait = Progress::waiting("the first training step");
        let run = folder.join("run").display().to_string();
        let settings = ["batch=64", "train_count=256", "eval_count=16", "probe.every=0", "metrics_every=1", "warmup=1"];
        let mut arguments = vec!["train", "sudoku9", "--json", "--steps", "1", "--out", &run];
        settings.iter().for_each(|s| arguments.extend(["--set", s]));
        let begun = Instant::now();
        let mut child = start(&arguments).spawn().map_err(|e| failed("the first training step", e.to_string()))?;
        let first_step = other::line_with(&mut child, "\"event\":\"metrics\"").map(|()| begun.elapsed().as_secs_f64());
        let status = child.wait().map_err(|e| failed("the first training step", e.to_string()))?;
        let first_step =
            first_step.ok_or_else(|| failed("the first training step", format!("the program ended with {status}")))?;
        Ok(Cold::new(first_answers, first_step))
    })();
    let _ = std::fs::remove_dir_all(&folder);
    result
}

/// Starts to the first answer: the first one ever on a machine wakes the driver as well.
const COLD_STARTS: usize = 3;

/// A board with few clues, so that a model has something to think about.
const PUZZLE: &str = "........54..3....12.1.9........36.8..9......4..4..2.6...57..3.9.4..........8...2.";
