//! `loopscope solve`: a model's answer to a puzzle, and whether it is one.

use std::io::IsTerminal;

use serde::Serialize;

use super::args::{self, DeviceArg, ModelSettings};
use super::failure::{Answer, Failure, Outcome};
use super::output::{self, count, thousands};
use super::progress::Progress;
use super::session::Session;
use super::{models, read};
use crate::config::{Interventions, ModelCard};
use crate::tasks::sudoku::{self, Grid, Puzzle, PuzzleError};
use crate::trace::{Curves, EventKind, Frame, Iteration, Step, Trace};

const HELP: &str = "\
A model may be wrong: the answer is checked against the rules. Exit code 1 says that at least one
answer is no solution.

Examples:
  loopscope solve 1...34....4....1
  loopscope solve puzzles.csv --model runs/sudoku6-seed1 --iterations 32 --json";

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// 16, 36 or 81 characters with . for a blank, or a file of puzzles, or - for standard input
    puzzle: String,
    /// A shipped model's name, a .safetensors file or a run folder [default: the shipped model of that board]
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Iterations to run [default: those that the model was trained with]
    #[arg(long, value_name = "N", value_parser = args::iterations())]
    iterations: Option<u32>,
    #[command(flatten)]
    device: DeviceArg,
    #[command(flatten)]
    settings: ModelSettings,
    /// One line of JSON for each puzzle
    #[arg(long)]
    json: bool,
}

/// What is told of one answer.
#[derive(Serialize)]
struct Solved {
    puzzle: String,
    answer: String,
    /// Full, obeys the rules and keeps the clues.
    valid: bool,
    /// Mean and least probability of the answered digits, over the blank cells.
    confidence_mean: f32,
    confidence_least: f32,
    /// Row and column, from 1, of the least sure cell.
    least_sure: Option<(usize, usize)>,
    /// First iteration with a valid answer.
    first_right: Option<u32>,
    /// From here on nothing changes.
    settled: Option<u32>,
    iterations: u32,
    model: String,
    trained_iterations: u32,
    device: String,
    verdict: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    let puzzles = read::puzzle_or_file(&args.puzzle)?;
    let (puzzles, shape) = of_one_board(puzzles)?;
    let source = match &args.model {
        Some(text) => models::resolve(text)?,
        None => models::shipped_for(shape)?,
    };
    let mut session = Session::start(&args.device.device)?;
    let card = session.open(source, &args.settings.set)?;
    fits(&card, shape)?;
    solve_all(&mut session, &card, puzzles, args)
}

fn solve_all(session: &mut Session, card: &ModelCard, puzzles: Vec<Puzzle>, args: &Args) -> Outcome {
    let iterations = args.iterations.unwrap_or(card.trained_iterations.max(1));
    let several = puzzles.len() > 1;
    let progress = Progress::bar(
        if several { puzzles.len() } else { iterations as usize },
        if several { "puzzles" } else { "iterations" },
    );
    let (mut right, all) = (0, puzzles.len());
    for puzzle in puzzles {
        let (step, frames) = session.think(&puzzle.clues, iterations, Interventions::default(), |done| {
            if !several {
                progress.set(done, iterations as usize);
            }
        })?;
        if several {
            progress.add(1);
        }
        let trace = trace_of(puzzle, card, step, frames);
        let solved = told(&trace, &session.device().name);
        right += usize::from(solved.valid);
        progress.aside(|| if args.json { output::json(&solved) } else { print(&trace, &solved) })?;
    }
    drop(progress);
    if several && !args.json {
        output::line(format_args!("{} of {} solved.", thousands(right as u64), count(all, "puzzle")))?;
    }
    Ok(if right == all { Answer::Yes } else { Answer::No })
}

/// A trace of frames that the engine sent.
pub(super) fn trace_of(puzzle: Puzzle, card: &ModelCard, step: Step, frames: Vec<Frame>) -> Trace {
    Trace {
        puzzle,
        model: card.name.clone(),
        trained_iterations: card.trained_iterations,
        step,
        interventions: Interventions::default(),
        frames,
    }
}

/// A model is for one board.
pub(super) fn fits(card: &ModelCard, shape: sudoku::Shape) -> Result<(), Failure> {
    let own = card.config.shape();
    if own == shape {
        return Ok(());
    }
    Err(Failure::Input(format!(
        "the model {} is for {} boards, the puzzle is {}; name another with --model",
        card.name,
        output::board(own),
        output::board(shape)
    )))
}

/// Checks each puzzle: one without a solution cannot be solved by anyone. More than one is only
/// worth a word, since any of them will do.
fn of_one_board(mut puzzles: Vec<Puzzle>) -> Result<(Vec<Puzzle>, sudoku::Shape), Failure> {
    let several = puzzles.len() > 1;
    let shape =
        puzzles.first().map(|p| p.clues.shape()).ok_or_else(|| Failure::Input("there is no puzzle here".into()))?;
    for (i, puzzle) in puzzles.iter_mut().enumerate() {
        let which = if several { format!("puzzle {}: ", i + 1) } else { String::new() };
        if puzzle.clues.shape() != shape {
            return Err(Failure::Input(format!(
                "{which}it is {}, the first one {}; one model solves one size of board",
                output::board(puzzle.clues.shape()),
                output::board(shape)
            )));
        }
        match sudoku::check(puzzle) {
            Ok(solution) => puzzle.solution = Some(solution),
            Err(e @ PuzzleError::SeveralSolutions { .. }) => {
                puzzle.solution = None;
                eprintln!("warning: {which}{e}");
            }
            Err(e) => return Err(Failure::Input(format!("{which}{e}"))),
        }
    }
    Ok((puzzles, shape))
}

fn told(trace: &Trace, device: &str) -> Solved {
    let curves = Curves::of(trace);
    let clues = &trace.puzzle.clues;
    let answer = trace.board(trace.last());
    let blanks = (0..clues.shape().cells()).filter(|c| clues.get(*c) == 0);
    let confidence = |cell| trace.frame(trace.last()).map_or(0.0, |f| f.confidence(cell));
    let least = blanks.map(|c| (confidence(c), c)).min_by(|a, b| a.0.total_cmp(&b.0));
    let at = |want: EventKind| curves.events().iter().find(|e| e.kind == want).map(|e| e.iteration.0);
    Solved {
        puzzle: clues.to_line(),
        valid: answer.is_valid_solution_of(clues),
        answer: answer.to_line(),
        confidence_mean: curves.confidence.last().copied().unwrap_or(0.0),
        confidence_least: least.map_or(1.0, |(p, _)| p),
        least_sure: least.map(|(_, c)| (clues.shape().row_of(c) + 1, clues.shape().col_of(c) + 1)),
        first_right: at(EventKind::FirstSolved),
        settled: at(EventKind::Settled),
        iterations: trace.last().0,
        model: trace.model.clone(),
        trained_iterations: trace.trained_iterations,
        device: device.into(),
        verdict: curves.verdict().to_string(),
    }
}

fn print(trace: &Trace, solved: &Solved) -> Result<(), Failure> {
    let answer = trace.board(Iteration(solved.iterations));
    output::line(side_by_side(&trace.puzzle.clues, &answer, std::io::stdout().is_terminal()))?;
    output::line("")?;
    output::line(if solved.valid {
        "Solved: each row, column and box holds every digit once, and all given digits stand.".to_owned()
    } else {
        format!("Not solved: {}.", broken(&answer))
    })?;
    let blanks = count(trace.puzzle.clues.blanks(), "blank cell");
    if let Some((row, column)) = solved.least_sure {
        output::line(format_args!(
            "Sure to {:.1} % on average over {blanks}, least to {:.1} % at row {row}, column {column}.",
            100.0 * solved.confidence_mean,
            100.0 * solved.confidence_least
        ))?;
    }
    output::line(&solved.verdict)?;
    output::line(format_args!(
        "{}, trained with {}; ran {} on {}.\n",
        solved.model,
        count(solved.trained_iterations as usize, "iteration"),
        count(solved.iterations as usize, "iteration"),
        solved.device
    ))
}

/// What an answer breaks, in words.
fn broken(answer: &Grid) -> String {
    let conflicts = answer.conflicts();
    match (conflicts.first(), conflicts.len()) {
        (Some(first), 1) => first.to_string(),
        (Some(first), n) => format!("{first}, and {} more", thousands(n as u64 - 1)),
        (None, _) => "some cells have no digit".into(),
    }
}

/// The puzzle and the answer beside it. On a terminal the answered digits are bold, and those that
/// stand twice somewhere are underlined too.
pub(super) fn side_by_side(clues: &Grid, answer: &Grid, terminal: bool) -> String {
    let mut wrong = vec![false; answer.cells().len()];
    for conflict in answer.conflicts() {
        for cell in conflict.cells {
            if let Some(w) = wrong.get_mut(cell) {
                *w = clues.get(cell) == 0;
            }
        }
    }
    // Digits and blanks come in reading order, so the n-th of them is cell n.
    let mut cell = 0;
    let mut marked = |line: &str| {
        let mut out = String::new();
        for c in line.chars() {
            if !(c.is_ascii_digit() || c == '.') {
                out.push(c);
                continue;
            }
            let style = match (terminal && clues.get(cell) == 0, wrong.get(cell)) {
                (true, Some(true)) => Some("\x1b[1;4m"),
                (true, _) => Some("\x1b[1m"),
                _ => None,
            };
            match style {
                Some(style) => out.push_str(&format!("{style}{c}\x1b[0m")),
                None => out.push(c),
            }
            cell += 1;
        }
        out
    };
    let (left, right) = (clues.to_string(), answer.to_string());
    let pairs = left.lines().zip(right.lines());
    pairs.map(|(l, r)| format!("{l}      {}", marked(r))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::session::fake;
    use super::*;
    use crate::config::ModelConfig;
    use crate::engine::protocol::{Command, Event};
    use crate::tasks::sudoku::{Shape, parse_grid};
    use crate::trace::Probability;

    fn frame(iteration: u32, board: &str, sure: f32) -> Frame {
        let digits: Vec<u8> = board.bytes().map(|b| b - b'0').collect();
        let probabilities = digits.iter().flat_map(|d| (1..=4).map(move |k| if k == *d { sure } else { 0.0 }));
        Frame {
            iteration: Iteration(iteration),
            probabilities: probabilities.map(Probability::from_f32).collect(),
            state_norm: vec![1.0; digits.len()],
            digits,
            residual: 0.1,
            ..Frame::default()
        }
    }

    fn card() -> ModelCard {
        let config = ModelConfig::default().with_shape(Shape::S4);
        ModelCard { name: "tiny".into(), config, trained_iterations: 6, step: 9, provenance: Default::default() }
    }

    /// An engine that answers a valid board from the second iteration on, in two messages.
    fn engine(last: &'static str) -> Session {
        fake::session(move |command| match command {
            Command::Think { request, iterations, .. } => {
                let first = vec![frame(1, "1111111111111111", 0.5)];
                let rest = (2..=*iterations).map(|i| frame(i, last, 0.9)).collect();
                let event =
                    |frames, done| Event::Frames { request: *request, step: Step(9), frames, seconds: 0.1, done };
                vec![event(first, false), event(rest, true)]
            }
            _ => Vec::new(),
        })
        .0
    }

    fn answer(last: &'static str) -> Solved {
        let puzzle = Puzzle::unchecked(parse_grid("1...34....4....1").expect("a board"));
        let mut session = engine(last);
        let (step, frames) = session.think(&puzzle.clues, 6, Interventions::default(), |_| ()).expect("frames");
        told(&trace_of(puzzle, &card(), step, frames), "fake")
    }

    #[test]
    fn a_right_answer_is_told_with_its_iterations() {
        let clues = parse_grid("1...34....4....1").expect("a board");
        let solution = sudoku::solve(&clues).expect("a solution").to_line();
        let solved = answer(Box::leak(solution.into_boxed_str()));
        assert!(solved.valid && solved.first_right == Some(2) && solved.settled == Some(2), "{}", solved.verdict);
        assert!((solved.confidence_mean - 0.9).abs() < 1e-3 && solved.confidence_least > 0.89);
        assert_eq!(solved.iterations, 6);
    }

    #[test]
    fn a_wrong_answer_is_told() {
        let solved = answer("4444444444444444");
        assert!(!solved.valid && solved.first_right.is_none());
        let shown = broken(&parse_grid("1...34....4....1").expect("a board"));
        assert_eq!(shown, "some cells have no digit");
    }

    #[test]
    fn boards_side_by_side() {
        let clues = parse_grid("1...34....4....1").expect("a board");
        let answer = sudoku::solve(&clues).expect("a solution");
        let plain = side_by_side(&clues, &answer, false);
        assert_eq!(plain.lines().count(), 5);
        assert!(plain.starts_with("1 . | . .      1 "), "{plain}");
        assert_eq!(side_by_side(&clues, &answer, true).matches("\x1b[1m").count(), clues.blanks());
    }

    #[test]
    fn puzzles_are_checked_first() {
        let none = of_one_board(vec![Puzzle::unchecked(parse_grid("123....4........").expect("a board"))]);
        assert!(matches!(none, Err(Failure::Input(m)) if m.contains("no solution")));
        let several = of_one_board(vec![Puzzle::unchecked(Grid::empty(Shape::S4))]).expect("solvable");
        assert!(several.0[0].solution.is_none());
    }
}
