//! A pass over many boards whose every iteration is recorded, from which boards leave when they are done.

use burn::tensor::{Int, Tensor, TensorData, Transaction};

use super::ProbeError;
use super::disturb::{Disturbed, add_noise, is_of_state, one_hot};
use super::reading::squares_of;
use crate::config::{Key, NetworkKind, Stream};
use crate::measure::record::blanks;
use crate::measure::{Disturbance, Exit, Record, Recorder, Recording};
use crate::models::{FusedPass, Network, Outcome, Pass, Recurrence};
use crate::tasks::sudoku::Puzzle;

/// A batch of boards under way.
pub struct Recordings {
    network: Network,
    settings: Recording,
    at: At,
    boards: Vec<Recorder>,
    /// Which boards are computed, in order. Those that left may still be among them.
    computed: Vec<usize>,
    /// Which boards are recorded.
    present: Vec<bool>,
    blanks: Vec<Vec<usize>>,
    /// Boards that stand before these in the whole set: noise must not depend on how a set is cut up.
    before: usize,
    iteration: u32,
    spent: u64,
}

/// How the iterations are run.
enum At {
    Plain(Box<Recurrence>),
    Fused(Box<FusedPass>),
}

impl Recordings {
    /// Starts on boards, of which `before` others stand ahead in the whole set.
    ///
    /// # Errors
    /// A puzzle without a solution where one is fed in; a model without the head that boards leave by; a device that
    /// fails.
    pub async fn new(
        network: Network,
        puzzles: &[Puzzle],
        before: usize,
        settings: Recording,
    ) -> Result<Self, ProbeError> {
        let clues: Vec<u8> = puzzles.iter().flat_map(|p| p.clues.cells().iter().copied()).collect();
        let Recording { exit, start, disturbance, interventions, .. } = settings;
        if exit == Exit::QHead && !network.config().has_q_head() {
            return Err(ProbeError::Asked(
                "this model has no halting head: exits never, valid and unchanged:N are for every model; one is trained \
                 with q_head = true"
                    .into(),
            ));
        }
        let halting = settings.halting && network.config().has_q_head();
        let settings = Recording { halting, ..settings };
        let hands_on =
            halting || exit != Exit::Never || start.noise != 0.0 || start.from_solution || disturbance.is_some();
        let mut fused = network.fused().and_then(|f| f.start(&clues, &interventions, 0));
        if hands_on && fused.as_mut().is_some_and(|pass| pass.carried().is_none()) {
            // On a card only tensors can be reached into.
            fused = None;
        }
        let at = match fused {
            Some(pass) => At::Fused(Box::new(pass)),
            None => At::Plain(Box::new(network.start(&clues))),
        };
        let mut recordings = Self {
            at,
            boards: puzzles.iter().map(|p| Recorder::new(&p.clues)).collect(),
            computed: (0..puzzles.len()).collect(),
            present: vec![true; puzzles.len()],
            blanks: puzzles.iter().map(|p| blanks(&p.clues)).collect(),
            network,
            settings,
            before,
            iteration: 0,
            spent: 0,
        };
        if start.noise != 0.0 {
            recordings.add_noise(start.noise).await?;
        }
        if start.from_solution {
            let mut prediction = Vec::with_capacity(clues.len() * recordings.network.config().digits());
            for (i, puzzle) in puzzles.iter().enumerate() {
                let Some(solution) = &puzzle.solution else {
                    return Err(ProbeError::Asked(format!("puzzle {} has no solution to start from", before + i + 1)));
                };
                for digit in solution.cells() {
                    prediction.extend(one_hot(*digit, recordings.network.config().digits()));
                }
            }
            recordings.set_prediction(&prediction);
        }
        Ok(recordings)
    }

    /// Iterations run.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// Whether all iterations were run, or all boards have left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.iteration >= self.settings.iterations || !self.present.contains(&true)
    }

    /// Board iterations that were computed.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Runs at most `count` iterations and records them.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn advance(&mut self, count: u32) -> Result<(), ProbeError> {
        let mut left = count.min(self.settings.iterations.saturating_sub(self.iteration));
        while left > 0 && !self.is_done() {
            // A disturbance comes between two iterations, and boards leave after one.
            let until = self.settings.disturbance.map(|d| d.after).filter(|after| *after > self.iteration);
            let mut now = until.map_or(left, |after| left.min(after - self.iteration));
            if self.settings.halting || self.settings.exit != Exit::Never {
                now = 1;
            }
            let outcomes = self.run(now).await?;
            self.spent += u64::from(now) * self.computed.len() as u64;
            for outcome in &outcomes {
                self.record(outcome);
            }
            self.iteration += now;
            left -= now;
            let by_head = self.settings.exit == Exit::QHead;
            let halts = if self.settings.halting || by_head { self.halts().await? } else { Vec::new() };
            if self.settings.halting {
                for (board, logit) in self.computed.iter().zip(&halts).filter(|(board, _)| self.present[**board]) {
                    self.boards[*board].push_halting(*logit);
                }
            }
            if self.settings.exit != Exit::Never {
                self.let_go(if by_head { &halts } else { &[] });
            }
            if until == Some(self.iteration) {
                self.disturb().await?;
            }
        }
        Ok(())
    }

    /// What was recorded, a record a board.
    #[must_use]
    pub fn finish(self) -> Vec<Record> {
        self.boards.into_iter().map(Recorder::finish).collect()
    }

    async fn run(&mut self, count: u32) -> Result<Vec<Outcome>, ProbeError> {
        let at = match &mut self.at {
            At::Fused(pass) => return pass.advance(count).await.map_err(ProbeError::Device),
            At::Plain(at) => at,
        };
        let pass = Pass { interventions: self.settings.interventions, dropout: None };
        let mut transaction = Transaction::default();
        for _ in 0..count {
            let (next, _) = self.network.iterate(at, pass);
            let prediction = next.prediction.clone().unwrap_or_else(|| next.state.clone());
            transaction = transaction.register(prediction).register(squares_of(&at.state, &next.state));
            **at = next;
        }
        let data = transaction.execute_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
        let mut lists = data.into_iter().map(|d| d.iter::<f32>().collect::<Vec<f32>>());
        let mut outcomes = Vec::with_capacity(count as usize);
        while let (Some(probabilities), Some(squares)) = (lists.next(), lists.next()) {
            outcomes.push(Outcome { probabilities, squares, logits: Vec::new() });
        }
        Ok(outcomes)
    }

    fn record(&mut self, outcome: &Outcome) {
        let cells = self.network.config().cells();
        let rows = outcome.squares.len() / 3;
        let digits = outcome.probabilities.len() / rows.max(1);
        for (place, board) in self.computed.iter().enumerate() {
            if self.present[*board] {
                let of = place * cells..(place + 1) * cells;
                let squares = [0, 1, 2].map(|k| &outcome.squares[k * rows + of.start..k * rows + of.end]);
                self.boards[*board].push(&outcome.probabilities[of.start * digits..of.end * digits], squares);
            }
        }
    }

    /// Boards that are done leave, by their answers or by the halting head's logits `halts`, and are computed no further where that can be.
    fn let_go(&mut self, halts: &[f32]) {
        for (place, board) in self.computed.iter().enumerate() {
            let halts = halts.get(place).is_some_and(|q| *q >= 0.0);
            if halts || self.boards[*board].leaves(self.settings.exit) {
                self.present[*board] = false;
            }
        }
        let staying: Vec<usize> =
            (0..self.computed.len()).filter(|place| self.present[self.computed[*place]]).collect();
        if staying.len() == self.computed.len() || staying.is_empty() {
            return;
        }
        let moved = match &mut self.at {
            At::Fused(pass) => pass.retain(&staying),
            // A routed network carries more, of which not everything is by boards: its boards run on unseen.
            At::Plain(_) if self.network.config().network != NetworkKind::Looped => false,
            At::Plain(at) => {
                let cells = self.network.config().cells();
                let rows: Vec<i32> =
                    staying.iter().flat_map(|b| b * cells..(b + 1) * cells).map(|row| row as i32).collect();
                let device = at.state.device();
                let rows: Tensor<1, Int> = Tensor::from_data(TensorData::new(rows.clone(), [rows.len()]), &device);
                at.state = at.state.clone().select(0, rows.clone());
                at.prediction = at.prediction.take().map(|p| p.select(0, rows));
                at.boards = staying.len();
                true
            }
        };
        if moved {
            self.computed = staying.into_iter().map(|place| self.computed[place]).collect();
        }
    }

    /// The halting head's logits of the boards that are computed, in their order; none without such a head.
    async fn halts(&mut self) -> Result<Vec<f32>, ProbeError> {
        let boards = self.computed.len();
        let state = match &mut self.at {
            At::Plain(at) => at.state.clone(),
            At::Fused(pass) => match pass.carried() {
                Some((state, prediction)) => self.network.recurrence(state.to_vec(), prediction.to_vec()).state,
                None => return Ok(Vec::new()),
            },
        };
        let Some(logits) = self.network.halting_logits(state, boards) else { return Ok(Vec::new()) };
        let data = logits.into_data_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
        Ok(data.iter::<f32>().collect())
    }

    /// Noise on every element of the state, as a share of its root mean square on the board.
    async fn add_noise(&mut self, share: f32) -> Result<(), ProbeError> {
        let size = self.network.config().cells() * self.network.config().width;
        let (key, before, computed) = (self.key(), self.before, self.computed.clone());
        self.change_state(|state| {
            for (board, values) in computed.iter().zip(state.chunks_exact_mut(size)) {
                add_noise(values, share, key.at_step((before + board) as u32));
            }
        })
        .await
    }

    /// What the settings say about the iteration that was just run.
    async fn disturb(&mut self) -> Result<(), ProbeError> {
        let Some(Disturbance { kind, .. }) = self.settings.disturbance else { return Ok(()) };
        let (cells, digits, width) = {
            let config = self.network.config();
            (config.cells(), config.digits(), config.width)
        };
        // Boards in the order of computation.
        let boards = self.computed.iter().map(|board| {
            let key = self.key().at_step((self.before + board) as u32);
            (key, self.blanks[*board].clone())
        });
        let boards: Vec<(Key, Vec<usize>)> = boards.collect();
        let boards = boards.iter().map(|(key, blanks)| Disturbed { key: *key, blanks, digits });
        if is_of_state(kind) {
            return self
                .change_state(|state| {
                    boards
                        .zip(state.chunks_exact_mut(cells * width))
                        .for_each(|(b, state)| b.state(kind, state, width));
                })
                .await;
        }
        let mut prediction = self.prediction().await?;
        boards.zip(prediction.chunks_exact_mut(cells * digits)).for_each(|(b, p)| b.prediction(kind, p));
        self.set_prediction(&prediction);
        Ok(())
    }

    fn key(&self) -> Key {
        Key::new(self.settings.seed, Stream::Disturbance).at(self.iteration.min(u32::from(u16::MAX)) as u16, 0)
    }

    async fn change_state(&mut self, change: impl FnOnce(&mut [f32])) -> Result<(), ProbeError> {
        match &mut self.at {
            At::Fused(pass) => {
                if let Some((state, _)) = pass.carried() {
                    change(state);
                }
            }
            At::Plain(at) => {
                let data =
                    at.state.clone().into_data_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
                let mut values: Vec<f32> = data.iter::<f32>().collect();
                change(&mut values);
                at.state = Tensor::from_data(TensorData::new(values, at.state.dims()), &at.state.device());
            }
        }
        Ok(())
    }

    async fn prediction(&mut self) -> Result<Vec<f32>, ProbeError> {
        match &mut self.at {
            At::Fused(pass) => Ok(pass.carried().map(|(_, p)| p.to_vec()).unwrap_or_default()),
            At::Plain(at) => match &at.prediction {
                Some(p) => {
                    let data = p.clone().into_data_async().await.map_err(|e| ProbeError::Device(format!("{e:?}")))?;
                    Ok(data.iter::<f32>().collect())
                }
                None => Ok(vec![0.0; at.state.dims()[0] * self.network.config().digits()]),
            },
        }
    }

    fn set_prediction(&mut self, values: &[f32]) {
        let digits = self.network.config().digits();
        match &mut self.at {
            At::Fused(pass) => {
                if let Some((_, prediction)) = pass.carried() {
                    prediction.copy_from_slice(values);
                }
            }
            At::Plain(at) => {
                let shape = [values.len() / digits, digits];
                at.prediction = Some(Tensor::from_data(TensorData::new(values.to_vec(), shape), &at.state.device()));
            }
        }
    }
}
