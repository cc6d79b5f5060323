//! The fused loop for the networks that it covers: the same iterations as the plain network, without
//! tensors in between (`kernels/`).

use std::sync::Arc;

use loopscope_kernels::{Block, Changes, Linear, Model, Norm, Sizes, cpu};

use crate::config::{Interventions, ModelConfig, NetworkKind};
use crate::nn::{Parameters, Rotary};

#[cfg(all(target_family = "wasm", feature = "worker"))]
mod module;

#[cfg(all(target_family = "wasm", feature = "worker"))]
pub use module::Kernels;

/// Where a fused loop runs.
#[derive(Clone)]
pub enum Place {
    /// On the processor.
    Cpu {
        /// Threads that share the work.
        threads: usize,
    },
    /// On the processor, in a wasm module of its own.
    #[cfg(all(target_family = "wasm", feature = "worker"))]
    Module(Kernels),
    /// On a graphics card.
    #[cfg(feature = "gpu")]
    Card {
        /// The way to it.
        client: loopscope_kernels::gpu::Client,
        /// Whether it is a large card with memory of its own.
        wide: bool,
        /// Bytes of its memory that a training may take.
        memory: u64,
        /// The ways to further cards that a training's batches are spread over; none in a browser.
        more: Vec<loopscope_kernels::gpu::Client>,
    },
}

impl Place {
    /// Lets a training take so many bytes of a card's memory; a processor has what it has.
    pub fn set_memory(&mut self, bytes: u64) {
        #[cfg(feature = "gpu")]
        if let Self::Card { memory, .. } = self {
            *memory = bytes;
        }
        let _ = bytes;
    }

    /// Spreads a training's batches over a card and those of further places.
    pub fn add_cards(&mut self, places: Vec<Self>) {
        #[cfg(feature = "gpu")]
        if let Self::Card { more, .. } = self {
            more.extend(places.into_iter().filter_map(|place| match place {
                Self::Card { client, .. } => Some(client),
                _ => None,
            }));
        }
        #[cfg(not(feature = "gpu"))]
        drop(places);
    }

    /// Does some multiply-adds on registers alone and waits for them; more with more `rounds`. Returns how many
    /// operations that were, two for each: what the device could do at most is that by the time.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn multiply_adds(&self, rounds: u32) -> Result<f64, String> {
        match self {
            Self::Cpu { threads } => Ok(cpu::multiply_adds(rounds as usize, *threads)),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Self::Module(kernels) => kernels.multiply_adds(rounds).map_err(|e| format!("{e:?}")),
            #[cfg(feature = "gpu")]
            Self::Card { client, .. } => loopscope_kernels::gpu::multiply_adds(client, rounds).await.map_err(|e| e.0),
        }
    }

    /// The same with products of matrices in half precision: only where `--kernels half` runs.
    ///
    /// # Errors
    /// A device that does not answer, or has no such products.
    pub async fn matrix_products(&self, rounds: u32) -> Result<f64, String> {
        match self {
            #[cfg(feature = "gpu")]
            Self::Card { client, .. } => loopscope_kernels::gpu::matrix_products(client, rounds).await.map_err(|e| e.0),
            _ => {
                let _ = rounds;
                Err("only a graphics card has products of matrices".into())
            }
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu { threads } => write!(f, "Cpu({threads})"),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Self::Module(_) => write!(f, "Module"),
            #[cfg(feature = "gpu")]
            Self::Card { wide, .. } => write!(f, "Card({wide})"),
        }
    }
}

/// A network's weights, laid out for the loop.
#[derive(Clone)]
pub struct Fused(Arc<Inner>);

enum Inner {
    Cpu(CpuLoop),
    #[cfg(feature = "gpu")]
    Card(Box<loopscope_kernels::gpu::GpuLoop>, bool),
    #[cfg(feature = "gpu")]
    Half(Box<loopscope_kernels::gpu::HalfLoop>),
}

/// The loop on a processor: in this program, or in a wasm module beside it.
enum CpuLoop {
    Here(Box<cpu::Loop>, usize),
    #[cfg(all(target_family = "wasm", feature = "worker"))]
    Module(module::ModuleLoop),
}

impl CpuLoop {
    fn sizes(&self) -> Sizes {
        match self {
            Self::Here(of, _) => of.sizes(),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Self::Module(of) => of.sizes(),
        }
    }

    fn start(&self, clues: &[u8]) -> Option<cpu::State> {
        match self {
            Self::Here(of, _) => Some(of.start(clues)),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Self::Module(of) => of.start(clues),
        }
    }

    fn advance(
        &self,
        at: &mut cpu::State,
        count: usize,
        changes: &Changes,
        wanted: cpu::Wanted,
    ) -> Result<cpu::Iterations, String> {
        match self {
            Self::Here(of, threads) => Ok(of.advance(at, count, changes, wanted, *threads)),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Self::Module(of) => of.advance(at, count, changes, wanted),
        }
    }
}

impl std::fmt::Debug for Fused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fused")
    }
}

/// What came out of one iteration, rows = boards · cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Z_t, [rows, digits].
    pub logits: Vec<f32>,
    /// P_t, [rows, digits].
    pub probabilities: Vec<f32>,
    /// Squared norms of state, change and state before, [3, rows].
    pub squares: Vec<f32>,
}

impl Fused {
    /// Lays out weights; nothing for a network or sizes that the loop does not cover.
    #[must_use]
    pub fn new(config: &ModelConfig, parameters: &Parameters, place: &Place) -> Option<Self> {
        if config.network != NetworkKind::Looped {
            return None;
        }
        let model = describe(config, parameters)?;
        let inner = match place {
            Place::Cpu { threads } => Inner::Cpu(CpuLoop::Here(Box::new(cpu::Loop::new(&model)), *threads)),
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Place::Module(kernels) => Inner::Cpu(CpuLoop::Module(module::ModuleLoop::new(kernels, &model)?)),
            #[cfg(feature = "gpu")]
            Place::Card { client, wide, .. } => {
                Inner::Card(Box::new(loopscope_kernels::gpu::GpuLoop::new(client, &model)), *wide)
            }
        };
        Some(Self(Arc::new(inner)))
    }

    /// The same in half precision where that is quicker: on a card with cooperative matrices, in a build that
    /// speaks SPIR-V (feature `vulkan`). Sums, normalisations and everything that is carried on stay in f32.
    #[must_use]
    pub fn half(config: &ModelConfig, parameters: &Parameters, place: &Place) -> Option<Self> {
        match place {
            #[cfg(feature = "gpu")]
            Place::Card { client, .. } if config.network == NetworkKind::Looped => {
                let model = describe(config, parameters)?;
                loopscope_kernels::gpu::HalfLoop::new(client, &model)
                    .map(|half| Self(Arc::new(Inner::Half(Box::new(half)))))
            }
            _ => {
                let _ = (config, parameters);
                None
            }
        }
    }

    /// Starts on boards, `clues` [boards · cells] with 0 for blanks; states of the last `kept` iterations can
    /// be asked for. Nothing where a card does not allow it.
    #[must_use]
    pub fn start(&self, clues: &[u8], interventions: &Interventions, kept: usize) -> Option<FusedPass> {
        if interventions.bf16_state {
            // An experiment that is rarely made: on tensors.
            return None;
        }
        let (sizes, at) = match &*self.0 {
            Inner::Cpu(of) => (of.sizes(), At::Cpu(of.start(clues)?)),
            #[cfg(feature = "gpu")]
            Inner::Card(of, wide) => {
                let sizes = of.sizes();
                let changes = changes(&sizes, interventions);
                let spread = loopscope_kernels::gpu::Spread::of(clues.len() / sizes.cells, *wide);
                let capacity = (FRAMES / clues.len().max(1)).clamp(1, 64);
                let pass = of.start(clues, &changes, spread, kept + 1, capacity)?;
                (sizes, At::Card(Box::new(pass)))
            }
            #[cfg(feature = "gpu")]
            Inner::Half(of) => {
                let sizes = of.sizes();
                let capacity = (FRAMES / clues.len().max(1)).clamp(1, 64);
                let pass = of.start(clues, &changes(&sizes, interventions), kept + 1, capacity)?;
                (sizes, At::Card(Box::new(pass)))
            }
        };
        Some(FusedPass {
            of: self.clone(),
            changes: changes(&sizes, interventions),
            sizes,
            rows: clues.len(),
            at,
            iteration: 0,
            kept,
            states: Vec::new(),
            predictions: Vec::new(),
        })
    }
}

/// Rows times iterations whose frames can wait on a card.
#[cfg(feature = "gpu")]
const FRAMES: usize = 1 << 14;

/// Sizes of a network, for the kernels.
pub(crate) fn sizes(config: &ModelConfig) -> Sizes {
    Sizes {
        cells: config.cells(),
        digits: config.digits(),
        width: config.width,
        blocks: config.blocks,
        heads: config.heads,
        hidden: config.hidden,
    }
}

/// cos φ and sin φ of every cell and pair of a head's elements, [cells, dh / 2] each (`specs/sudoku.md` §1.4).
pub(crate) fn turns(config: &ModelConfig) -> (Vec<f32>, Vec<f32>) {
    let head_width = config.head_width();
    let angles = (0..config.cells())
        .flat_map(|cell| (0..head_width / 2).map(move |pair| Rotary::angle(config.shape(), head_width, cell, pair)));
    angles.map(|a| (a.cos() as f32, a.sin() as f32)).unzip()
}

/// Weights by their names (`specs/sudoku.md` §1.6); nothing where one is missing.
pub(super) fn describe<'a>(config: &ModelConfig, parameters: &'a Parameters) -> Option<Model<'a>> {
    let part = |name: String| parameters.parts().find(|(spec, _)| spec.name == name).map(|(_, values)| values);
    let linear =
        |name: &str| Some(Linear { weight: part(format!("{name}.weight"))?, bias: part(format!("{name}.bias"))? });
    let norm = |name: &str| Some(Norm { scale: part(format!("{name}.weight"))?, shift: part(format!("{name}.bias"))? });
    let block = |i: usize| {
        let name = |part: &str| format!("layers.{i}.{part}");
        Some(Block {
            norm1: norm(&name("norm1"))?,
            query: linear(&name("q_proj"))?,
            key: linear(&name("k_proj"))?,
            value: linear(&name("v_proj"))?,
            out: linear(&name("out_proj"))?,
            norm2: norm(&name("norm2"))?,
            linear1: linear(&name("linear1"))?,
            linear2: linear(&name("linear2"))?,
        })
    };
    let (cos, sin) = turns(config);
    Some(Model {
        sizes: sizes(config),
        encoder: linear("initial_encoder")?,
        feedback: linear("pred_proj")?,
        blocks: (0..config.blocks).map(block).collect::<Option<Vec<_>>>()?,
        head: linear("output_head")?,
        cos,
        sin,
    })
}

pub(super) fn changes(sizes: &Sizes, interventions: &Interventions) -> Changes {
    let knocked_out = interventions.knocked_out;
    let kept = |block: usize| (0..sizes.heads).map(move |head| f32::from(u8::from(!knocked_out.has(block, head))));
    Changes {
        damping: interventions.damping,
        prediction_scale: interventions.prediction_scale,
        normalise_before_head: interventions.normalise_before_head,
        kept_heads: if knocked_out.is_empty() { Vec::new() } else { (0..sizes.blocks).flat_map(kept).collect() },
    }
}

/// A pass over a batch of boards in the fused loop.
pub struct FusedPass {
    of: Fused,
    changes: Changes,
    sizes: Sizes,
    rows: usize,
    at: At,
    iteration: u32,
    kept: usize,
    /// S_t after the iterations that are kept, on the processor.
    states: Vec<Vec<f32>>,
    /// P_t after the iterations that are kept.
    predictions: Vec<Vec<f32>>,
}

enum At {
    Cpu(cpu::State),
    #[cfg(feature = "gpu")]
    Card(Box<loopscope_kernels::gpu::Pass>),
}

/// Rows times iterations whose outcomes are held at once where nobody asked for them.
const HELD: usize = 1 << 14;

impl FusedPass {
    /// Iterations run.
    #[must_use]
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// What is carried on, S_t [rows, d] and P_t [rows, digits], to be changed in place; nothing on a card.
    pub fn carried(&mut self) -> Option<(&mut [f32], &mut [f32])> {
        match &mut self.at {
            At::Cpu(state) => Some((&mut state.state, &mut state.prediction)),
            #[cfg(feature = "gpu")]
            At::Card(_) => None,
        }
    }

    /// Keeps what is carried on now, after it was changed in place, for questions about the last iteration.
    pub fn keep_carried(&mut self) {
        #[cfg_attr(
            not(feature = "gpu"),
            allow(irrefutable_let_patterns, reason = "there are cards where there are cards")
        )]
        let At::Cpu(now) = &self.at else { return };
        let Some(index) = (self.iteration as usize).checked_sub(1) else { return };
        if let (Some(state), Some(prediction)) = (self.states.get_mut(index), self.predictions.get_mut(index)) {
            state.clone_from(&now.state);
            prediction.clone_from(&now.prediction);
        }
    }

    /// Goes on with these boards alone, in this order. False, and nothing done, on a card or where states are
    /// kept.
    pub fn retain(&mut self, boards: &[usize]) -> bool {
        let (cells, width, digits) = (self.sizes.cells, self.sizes.width, self.sizes.digits);
        match &mut self.at {
            At::Cpu(state) if self.kept == 0 => {
                let rows = |list: &[f32], size: usize| -> Vec<f32> {
                    boards.iter().flat_map(|b| &list[b * cells * size..(b + 1) * cells * size]).copied().collect()
                };
                state.state = rows(&state.state, width);
                state.prediction = rows(&state.prediction, digits);
                state.boards = boards.len();
                self.rows = boards.len() * cells;
                true
            }
            _ => false,
        }
    }

    /// Runs `count` iterations and reads them all.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn advance(&mut self, count: u32) -> Result<Vec<Outcome>, String> {
        let mut outcomes = Vec::with_capacity(count as usize);
        while (outcomes.len() as u32) < count {
            let left = count as usize - outcomes.len();
            let of = self.of.clone();
            match (&*of.0, &mut self.at) {
                (Inner::Cpu(of), At::Cpu(_)) => outcomes.extend(self.advance_cpu(of, left)?),
                #[cfg(feature = "gpu")]
                (Inner::Card(..) | Inner::Half(..), At::Card(_)) => outcomes.extend(self.advance_card(left).await?),
                #[cfg(feature = "gpu")]
                _ => return Err("the loop does not run where its weights are".into()),
            }
        }
        Ok(outcomes)
    }

    /// Runs `count` iterations that nobody looks at, and waits until they are done.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn skip(&mut self, count: u32) -> Result<(), String> {
        let of = self.of.clone();
        match (&*of.0, &mut self.at) {
            (Inner::Cpu(of), At::Cpu(state)) => {
                let mut left = count as usize;
                while left > 0 {
                    let now = left.min((HELD / self.rows.max(1)).max(1));
                    of.advance(state, now, &self.changes, cpu::Wanted::default())?;
                    left -= now;
                }
            }
            #[cfg(feature = "gpu")]
            (Inner::Card(..) | Inner::Half(..), At::Card(pass)) => {
                let begun = web_time::Instant::now();
                pass.queue(count as usize).map_err(|e| e.0)?;
                pass.settle().await.map_err(|e| e.0)?;
                pass.learn(begun.elapsed() / count.max(1));
            }
            #[cfg(feature = "gpu")]
            _ => return Err("the loop does not run where its weights are".into()),
        }
        self.iteration += count;
        Ok(())
    }

    fn advance_cpu(&mut self, of: &CpuLoop, count: usize) -> Result<Vec<Outcome>, String> {
        #[cfg_attr(
            not(feature = "gpu"),
            allow(irrefutable_let_patterns, reason = "there are cards where there are cards")
        )]
        let At::Cpu(state) = &mut self.at else { return Ok(Vec::new()) };
        let keeps = self.states.len() < self.kept && self.states.len() == self.iteration as usize;
        let count = count.min((HELD / self.rows.max(1)).max(1));
        let wanted = cpu::Wanted { logits: true, states: keeps };
        let all = of.advance(state, count, &self.changes, wanted)?;
        let part = |list: &[f32], t: usize, size: usize| list[t * size..(t + 1) * size].to_vec();
        let (rows, digits, width) = (self.rows, self.sizes.digits, self.sizes.width);
        let mut outcomes = Vec::with_capacity(count);
        for t in 0..count {
            let outcome = Outcome {
                logits: part(&all.logits, t, rows * digits),
                probabilities: part(&all.probabilities, t, rows * digits),
                squares: part(&all.squares, t, 3 * rows),
            };
            if keeps && self.states.len() < self.kept {
                self.states.push(part(&all.states, t, rows * width));
                self.predictions.push(outcome.probabilities.clone());
            }
            outcomes.push(outcome);
        }
        self.iteration += count as u32;
        Ok(outcomes)
    }

    #[cfg(feature = "gpu")]
    async fn advance_card(&mut self, count: usize) -> Result<Vec<Outcome>, String> {
        let At::Card(pass) = &mut self.at else { return Ok(Vec::new()) };
        let count = count.min(pass.capacity());
        let begun = web_time::Instant::now();
        pass.queue(count).map_err(|e| e.0)?;
        let all = pass.frames(count).await.map_err(|e| e.0)?;
        pass.learn(begun.elapsed() / count.max(1) as u32);
        let (rows, digits) = (self.rows, self.sizes.digits);
        let row = 2 * digits + 3;
        let mut outcomes = Vec::with_capacity(count);
        for frame in all.chunks_exact(rows * row) {
            let column =
                |from: usize, to: usize| frame.chunks_exact(row).flat_map(move |r| r[from..to].iter().copied());
            let squares = (0..3).flat_map(|k| column(2 * digits + k, 2 * digits + k + 1)).collect();
            let outcome = Outcome {
                logits: column(0, digits).collect(),
                probabilities: column(digits, 2 * digits).collect(),
                squares,
            };
            if self.predictions.len() < self.kept && self.predictions.len() == self.iteration as usize {
                self.predictions.push(outcome.probabilities.clone());
            }
            self.iteration += 1;
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// S_t [rows, d] and P_t [rows, digits] after an iteration, from 1; nothing where they are not kept.
    ///
    /// # Errors
    /// A device that does not answer.
    pub async fn after(&self, iteration: u32) -> Result<Option<(Vec<f32>, Vec<f32>)>, String> {
        let Some(index) = (iteration as usize).checked_sub(1) else { return Ok(None) };
        let Some(prediction) = self.predictions.get(index) else { return Ok(None) };
        let state = match &self.at {
            At::Cpu(_) => self.states.get(index).cloned(),
            #[cfg(feature = "gpu")]
            At::Card(pass) => pass.state(iteration).await.map_err(|e| e.0)?,
        };
        Ok(state.map(|s| (s, prediction.clone())))
    }
}
