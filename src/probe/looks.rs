//! What attention heads look at in one iteration, over many boards.

use burn::tensor::Tensor;

use super::ProbeError;
use crate::config::Interventions;
use crate::measure::heads::{Adding, Heads};
use crate::models::{Network, Pass, Recurrence};
use crate::tasks::sudoku::Puzzle;

/// Boards under way, a batch at a time.
pub struct Looks {
    network: Network,
    puzzles: Vec<Puzzle>,
    pass: Pass,
    iteration: u32,
    batch: usize,
    /// First board of the batch under way.
    at: usize,
    running: Option<(Recurrence, u32)>,
    adding: Adding,
}

impl Looks {
    /// Starts; attention is read in `iteration`, from 1, of `batch` boards at once.
    #[must_use]
    pub fn new(
        network: Network,
        puzzles: Vec<Puzzle>,
        iteration: u32,
        interventions: Interventions,
        batch: usize,
    ) -> Self {
        let config = network.config();
        let adding = Adding::new(config.shape(), iteration, config.blocks, config.heads);
        let pass = Pass { interventions, dropout: None };
        Self { network, puzzles, pass, iteration, batch, at: 0, running: None, adding }
    }

    /// Boards done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.at
    }

    /// Whether all are.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at >= self.puzzles.len()
    }

    /// What was found.
    #[must_use]
    pub fn finish(&self) -> Heads {
        self.adding.finish()
    }

    /// Runs at most `count` iterations of the batch under way.
    ///
    /// # Errors
    /// A device that fails.
    pub async fn advance(&mut self, count: u32) -> Result<(), ProbeError> {
        let end = (self.at + self.batch).min(self.puzzles.len());
        let boards = &self.puzzles[self.at..end];
        let (mut now, mut ran) = self.running.take().unwrap_or_else(|| {
            let clues: Vec<u8> = boards.iter().flat_map(|p| p.clues.cells().iter().copied()).collect();
            (self.network.start(&clues), 0)
        });
        let until = (ran + count).min(self.iteration - 1);
        while ran < until {
            now = self.network.iterate(&now, self.pass).0;
            ran += 1;
        }
        let failed = |e| ProbeError::Device(format!("{e:?}"));
        if ran + 1 < self.iteration {
            // One value is awaited, so that a caller's clock measures the work and not its queueing.
            now.state.clone().slice([0..1, 0..1]).into_data_async().await.map_err(failed)?;
            self.running = Some((now, ran));
            return Ok(());
        }
        for (block, weights) in self.network.attention(&now, self.pass).into_iter().enumerate() {
            let [_, heads, cells, _] = weights.dims();
            let sum: Tensor<3> = weights.sum_dim(0).reshape([heads, cells, cells]);
            let data = sum.into_data_async().await.map_err(failed)?;
            let values: Vec<f32> = data.iter::<f32>().collect();
            self.adding.add(block, &values, boards.len() as u32);
        }
        self.at = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fused_tests::{networks, small, wait};
    use crate::tasks::sudoku::parse_grid;

    #[test]
    fn weights_add_up_and_batches_do_not_matter() {
        let [plain, _] = networks(&small());
        let puzzles: Vec<Puzzle> = ["1...34....4....1", "..3..4......4.2.", ".2......2.4....1"]
            .iter()
            .map(|t| Puzzle::unchecked(parse_grid(t).unwrap()))
            .collect();
        let found = [1, 3].map(|batch| {
            let mut looks = Looks::new(plain.clone(), puzzles.clone(), 4, Interventions::default(), batch);
            while !looks.is_done() {
                wait(looks.advance(2)).unwrap();
            }
            looks.finish()
        });
        assert_eq!((found[0].boards, found[0].heads.len()), (3, 4));
        for (a, b) in found[0].heads.iter().zip(&found[1].heads) {
            let all = a.itself + a.row + a.column + a.in_box + a.elsewhere;
            assert!((all - 1.0).abs() < 1e-5, "{all}");
            a.by_offset.iter().zip(&b.by_offset).for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
        }
        assert_ne!(found[0].heads[0].by_offset, found[0].heads[1].by_offset);
    }
}
