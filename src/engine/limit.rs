//! How many operations a second a device could do at most: multiply-adds or products of matrices on registers,
//! nothing read, nothing written. What a network reaches is told as a share of it.

use web_time::Instant;

use super::fault::Fault;
use crate::models::Place;

/// Seconds that a measurement takes at least: enough for a coarse clock, short enough for a device that draws.
const LEAST: f64 = 0.005;
/// Measurements, of which the best counts.
const TRIES: u32 = 5;

/// Operations a second, two for each multiply-add; of products in half precision where `half`.
pub(super) async fn measure(place: &Place, half: bool) -> Result<f64, Fault> {
    let mut rounds = 64;
    let mut best = 0.0_f64;
    let mut tried = 0;
    while tried < TRIES {
        let begun = Instant::now();
        let done = if half { place.matrix_products(rounds).await } else { place.multiply_adds(rounds).await };
        let operations = done.map_err(Fault::Device)?;
        let seconds = begun.elapsed().as_secs_f64();
        if seconds < LEAST && rounds < u32::MAX / 2 {
            rounds *= 2;
            continue;
        }
        best = best.max(operations / seconds);
        tried += 1;
    }
    Ok(best)
}
