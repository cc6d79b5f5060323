//! The probe of a training: its fixed boards, everything read after every iteration.

use burn::tensor::{Device, Tensor, TensorData, Transaction, activation};
use web_time::Instant;

use super::ProbeError;
use crate::config::Halting;
use crate::models::{Network, Pass, Recurrence};
use crate::nn::{BlockMoments, entropy, routing_reading};
use crate::tasks::sudoku::Puzzle;
use crate::trace::{HaltingReading, IterationReading, ProbeReport, Step};

/// Numbers of an iteration that every network has: see [`Probing::read`].
const PLAIN: usize = 6;

/// A pass over the probe's boards.
pub struct Probing {
    network: Network,
    at: Recurrence,
    longest: u32,
    iteration: u32,
    targets: Targets,
    report: ProbeReport,
}

/// The boards' solutions on the device.
struct Targets {
    /// One at the right digit of every empty cell, [boards · cells, digits].
    digits: Tensor<2>,
    /// One at every empty cell, [boards · cells, 1].
    empty: Tensor<2>,
    blanks: f64,
}

impl Targets {
    fn new(puzzles: &[Puzzle], digits: usize, device: &Device) -> Self {
        let (mut right, mut empty) = (Vec::new(), Vec::new());
        for puzzle in puzzles {
            for (cell, clue) in puzzle.clues.cells().iter().enumerate() {
                let digit = puzzle.solution.as_ref().map_or(0, |s| s.get(cell));
                let asked = *clue == 0 && digit > 0;
                empty.push(if asked { 1.0f32 } else { 0.0 });
                right.extend((1..=digits).map(|d| if asked && d == usize::from(digit) { 1.0f32 } else { 0.0 }));
            }
        }
        let rows = empty.len();
        let blanks = f64::from(empty.iter().sum::<f32>().max(1.0));
        Self {
            digits: Tensor::from_data(TensorData::new(right, [rows, digits]), device),
            empty: Tensor::from_data(TensorData::new(empty, [rows, 1]), device),
            blanks,
        }
    }
}

impl Probing {
    /// Starts on boards with solutions, for `longest` iterations of a network that was trained for
    /// `trained_iterations`.
    #[must_use]
    pub fn new(
        network: Network,
        device: &Device,
        puzzles: &[Puzzle],
        (step, trained_iterations, longest): (Step, u32, u32),
    ) -> Self {
        let clues: Vec<u8> = puzzles.iter().flat_map(|p| p.clues.cells().iter().copied()).collect();
        let at = network.start(&clues);
        let report = ProbeReport { step, trained_iterations, boards: puzzles.len() as u32, ..ProbeReport::default() };
        let targets = Targets::new(puzzles, network.config().digits(), device);
        Self { network, at, longest, iteration: 0, targets, report }
    }

    /// Whether every iteration was run.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.iteration >= self.longest
    }

    /// What was read.
    #[must_use]
    pub fn finish(self) -> ProbeReport {
        self.report
    }

    /// Runs at most `count` iterations and reads them in one transaction.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn advance(&mut self, count: u32) -> Result<(), ProbeError> {
        let begun = Instant::now();
        let count = count.min(self.longest - self.iteration);
        let mut transaction = Transaction::default();
        for _ in 0..count {
            let (next, logits) = self.network.iterate(&self.at, Pass::default());
            transaction = transaction.register(self.read(&next, logits));
            self.at = next;
            self.iteration += 1;
        }
        let data = transaction.execute_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3 / f64::from(count.max(1));
        for values in data {
            let values: Vec<f32> = values.iter::<f32>().collect();
            let (solved, reading) = self.reading(&values, milliseconds as f32);
            self.report.solved.push(solved);
            self.report.readings.push(reading);
        }
        Ok(())
    }

    /// All numbers of one iteration in one list: solved boards, loss, right share, squared change, squared
    /// state, attention entropy; then, where there are such, halted share and ponder cost, and the moments of
    /// α.
    fn read(&self, next: &Recurrence, logits: Tensor<2>) -> Tensor<1> {
        let Targets { digits, empty, blanks } = &self.targets;
        let [rows, count] = logits.dims();
        let boards = self.at.boards;
        let loss = (activation::log_softmax(logits.clone(), 1) * digits.clone()).sum().div_scalar(-blanks);
        let best = logits.argmax(1).expand([rows, count]);
        let places = Tensor::<1, burn::tensor::Int>::arange(0..count as i64, &digits.device());
        let chosen = places.reshape([1, count]).expand([rows, count]).equal(best).float();
        let right = (chosen * digits.clone()).sum_dim(1);
        let wrong = (empty.clone() - right.clone()).reshape([boards, rows / boards]).sum_dim(1);
        let solved = wrong.equal_elem(0.0).float().sum();
        let square = |x: Tensor<2>| x.clone().mul(x).sum();
        let attention = self.network.attention(&self.at, Pass::default());
        let blocks = attention.len() as f64;
        let of_block = |w: Tensor<4>| {
            let [b, h, c, k] = w.dims();
            entropy(w.reshape([b * h * c, k])).mean()
        };
        let attention = attention.into_iter().map(of_block).reduce(|a, b| a + b);
        let mut all = vec![
            solved,
            loss,
            right.sum().div_scalar(*blanks),
            square(next.state.clone() - self.at.state.clone()),
            square(self.at.state.clone()),
            attention.map_or_else(|| Tensor::zeros([1], &digits.device()), |a| a.div_scalar(blocks)),
        ];
        if let Some(halting) = next.poh.as_deref().and_then(|p| p.halting.as_ref()) {
            let legacy = self.network.config().poh.act_halting == Halting::Legacy;
            all.push(halting.halted.clone().mean());
            all.push(if legacy { halting.legacy_ponder() } else { halting.ponder() });
        }
        all.extend(BlockMoments::of(Network::routed(next)));
        Tensor::cat(all, 0)
    }

    /// The numbers of [`Probing::read`]: solved boards and the rest.
    fn reading(&self, values: &[f32], milliseconds: f32) -> (u32, IterationReading) {
        let config = self.network.config();
        let at = |i: usize| values.get(i).copied().unwrap_or(f32::NAN);
        let halts = self.at.poh.as_deref().is_some_and(|p| p.halting.is_some());
        let halting = halts.then(|| HaltingReading { share: at(PLAIN), ponder_cost: at(PLAIN + 1) });
        let moments = values.get(PLAIN + 2 * usize::from(halts)..).unwrap_or(&[]);
        let moments = BlockMoments::read(moments, config.heads);
        let reading = IterationReading {
            loss: at(1),
            right_share: at(2),
            residual: (at(3) / at(4)).sqrt(),
            attention_entropy: at(5),
            routing: (!moments.is_empty()).then(|| routing_reading(&moments)),
            halting,
            milliseconds,
        };
        (at(0) as u32, reading)
    }
}
