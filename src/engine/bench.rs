//! How long an iteration takes, for people who compare. Passes begin anew each time, so that none runs on states
//! that have grown out of all bounds.

use web_time::Instant;

use super::fault::Fault;
use super::limit;
use crate::config::Interventions;
use crate::models::{Fused, Network, Pass, Place};
use crate::tasks::sudoku::Grid;

/// What is timed.
pub(super) struct Timed<'a> {
    /// The plain network.
    pub network: &'a Network,
    /// The fused loop, where that is timed.
    pub fused: Option<&'a Fused>,
    /// The board.
    pub clues: &'a Grid,
    /// Copies of it.
    pub boards: usize,
    /// Iterations of a pass.
    pub iterations: u32,
    /// Whether products are in half precision.
    pub half: bool,
}

/// Milliseconds of an iteration, the mean of each of `repeat` passes after one that warms up; and the limit of a
/// place right after them.
pub(super) async fn run(timed: &Timed<'_>, repeat: u32, place: &Place) -> Result<(Vec<f64>, f64), Fault> {
    let clues = timed.clues.cells().repeat(timed.boards);
    let mut out = Vec::new();
    for round in 0..=repeat {
        // A first pass compiles; it need not be long.
        let iterations = if round == 0 { timed.iterations.min(4) } else { timed.iterations };
        let seconds = match timed.fused {
            Some(fused) => in_the_loop(fused, &clues, iterations).await?,
            None => on_tensors(timed.network, &clues, iterations).await?,
        };
        if round > 0 {
            out.push(seconds * 1e3 / f64::from(iterations));
        }
    }
    let limit = limit::measure(place, timed.half).await?;
    Ok((out, limit))
}

async fn in_the_loop(fused: &Fused, clues: &[u8], iterations: u32) -> Result<f64, Fault> {
    let mut pass = fused
        .start(clues, &Interventions::default(), 0)
        .ok_or_else(|| Fault::Told("so many boards do not fit on this device".into()))?;
    pass.skip(0).await.map_err(Fault::Device)?;
    let begun = Instant::now();
    pass.skip(iterations).await.map_err(Fault::Device)?;
    Ok(begun.elapsed().as_secs_f64())
}

async fn on_tensors(network: &Network, clues: &[u8], iterations: u32) -> Result<f64, Fault> {
    let mut at = network.start(clues);
    let settle = |at: &crate::models::Recurrence| at.state.clone().slice([0..1, 0..1]).into_data_async();
    let failed = |e| Fault::Device(format!("{e:?}"));
    settle(&at).await.map_err(failed)?;
    let begun = Instant::now();
    for _ in 0..iterations {
        at = network.iterate(&at, Pass::default()).0;
    }
    settle(&at).await.map_err(failed)?;
    Ok(begun.elapsed().as_secs_f64())
}
