//! Halting: adaptive computation time (Graves 2016). After each iteration every token has a probability to
//! halt; once these add up to the threshold it is refined no further, and its answer is the mean of its
//! states, weighted by those probabilities and by what is left to 1.

use std::io::Write;

use burn::tensor::{Device, Tensor, activation};
use loopscope::config::{Halting, HeadSet, PohConfig};
use loopscope::models::{HaltState, PohRefiner};
use loopscope::nn::Linear;

use super::common::{change, first_weights, largest_difference, mean, noise, sizes, values};

const SEQUENCES: usize = 2;
const TOKENS: usize = 6;
const ROWS: usize = SEQUENCES * TOKENS;
const WIDTH: usize = 128;
const ITERATIONS: usize = 5;

pub fn run(out: &mut dyn Write) -> anyhow::Result<()> {
    let poh = PohConfig { act_halting: Halting::Graves, act_threshold: 0.99, ..PohConfig::default() };
    let config = sizes(WIDTH, 4, 256, 2, poh.clone())?;
    let mut parameters = first_weights(&config);
    // Nothing was trained, so that all tokens would halt at about the same time: larger weights tell them
    // apart, as a training would.
    change(&mut parameters, "halting.weight", |v| 6.0 * v);
    change(&mut parameters, "halting.bias", |_| -1.0);
    let device = Device::flex();
    let bound = parameters.layout.bind(&parameters.upload(&device), false);
    let refiner = PohRefiner::bind(&config, TOKENS, &bound, &device, 0);

    // `forward` would run all iterations at once. One by one there is more to see.
    let (mut state, mut more) = refiner.start(noise(ROWS, WIDTH, &device), SEQUENCES);
    // To see the weights themselves, the same rule once more with states that only say which iteration they
    // are of, [12, 5]: the mean of such states is the list of their weights.
    let map = Linear::bind(&bound, "halting");
    let mut counted = HaltState::start(&Tensor::<2>::zeros([ROWS, ITERATIONS], &device));
    let (mut states, mut weights, mut answer) = (Vec::new(), state.clone(), state.clone());
    for t in 0..ITERATIONS {
        let x = refiner.mixed(&state, &more, SEQUENCES);
        // Without a mask, with all heads, without dropout.
        let refined = refiner.advance(&state, x, &more, SEQUENCES, (None, HeadSet::default()), |_| None);
        (state, more, answer) = (refined.state, refined.more, refined.read);
        let p = activation::sigmoid(map.forward(state.clone()));
        let this = Tensor::<2>::zeros([ROWS, ITERATIONS], &device).slice_fill([0..ROWS, t..t + 1], 1.0);
        (counted, weights) = counted.advance(&this, p, &poh);
        states.push(state.clone());
        let halted = mean(counted.halted.clone());
        // Had it ended here, the last state would have taken what is left: the weights sum to 1 at any time.
        let sum = mean(weights.clone().sum_dim(1));
        writeln!(out, "iteration {}: {:>5.1} % have halted; weights sum to {sum:.6}", t + 1, 100.0 * halted)?;
    }

    writeln!(out, "token   weight of each iteration             sum  iterations")?;
    let counts = values(counted.count.clone());
    for (token, (row, count)) in values(weights.clone()).chunks(ITERATIONS).zip(counts).enumerate() {
        let cells: Vec<String> = row.iter().map(|w| format!("{w:.3}")).collect();
        let sum: f32 = row.iter().sum();
        writeln!(out, "{:>5}   {}  {sum:.6}  {count:>10}", token + 1, cells.join("  "))?;
    }
    // And they are the weights: the answer is this mean of the states.
    let weight = |t: usize| weights.clone().slice([0..ROWS, t..t + 1]);
    let by_hand = states.iter().enumerate().map(|(t, s)| s.clone() * weight(t)).reduce(|a, b| a + b);
    let far = by_hand.map_or(f32::NAN, |m| largest_difference(&m, &answer));
    writeln!(out, "answer against Σ weight · state: largest difference {far:.1e}")?;

    // Ponder: mean over tokens of n + remainder. It has a gradient through the remainder and is in the loss
    // times ρ, so that a training weighs further iterations against what they bring.
    let cost = refiner.pass_cost(&more).map_or(f32::NAN, |c| values(c)[0]);
    writeln!(out, "ponder {:.4}, in the loss times {}: {cost:.6}", values(counted.ponder())[0], poh.act_penalty)?;
    Ok(())
}
