//! The loop on a graphics card, in CubeCL: SPIR-V on Vulkan where the program was built for it, WGSL elsewhere.

mod full_pass;
mod half_pass;
pub(crate) mod kernel;
mod limit;
pub(crate) mod matrix;
mod matrix_attend;
pub(crate) mod matrix_plan;
pub(crate) mod matrix_rows;
mod pass;
mod plan;

pub use cubecl::client::Client;
pub use cubecl::device::WgpuDeviceKind;
use cubecl::prelude::*;
use cubecl::server::Handle;

use self::full_pass::FullPass;
pub use self::half_pass::HalfLoop;
pub(crate) use self::half_pass::{MEMORY, has_matrices};
pub(crate) use self::kernel::{V4, sum4, turn};
pub use self::limit::{matrix_products, multiply_adds};
pub use self::pass::Pass;
use self::pass::PassKind;
use self::plan::{LANES, Places, Plan, pack};
use crate::{Changes, Model, Sizes};

/// What the device could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuError(pub String);

impl std::fmt::Display for GpuError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GpuError {}

/// The way to a card that was opened under that name, or is opened now.
#[must_use]
pub fn client(kind: WgpuDeviceKind) -> Client {
    cubecl::Device::Wgpu(kind.into()).client()
}

/// How many rows of a board a workgroup takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One, over as much of the card as there is: for a board or a few.
    Wide,
    /// Eight, so that weights are read less often: for many boards, and where memory is slow or a processor plays
    /// the card.
    Dense,
}

/// Boards up to which a card is wider than the work.
const FEW: usize = 4;

impl Spread {
    /// The better one for so many boards; `wide` where there is a large card with memory of its own.
    #[must_use]
    pub fn of(boards: usize, wide: bool) -> Self {
        if boards <= FEW && wide { Self::Wide } else { Self::Dense }
    }
}

/// A network's weights on a graphics card.
#[derive(Clone)]
pub struct GpuLoop {
    client: Client,
    sizes: Sizes,
    weights: Handle,
    length: usize,
    places: Places,
}

impl GpuLoop {
    /// Puts the weights on a card.
    #[must_use]
    pub fn new(client: &Client, model: &Model<'_>) -> Self {
        let (values, places) = pack(model);
        Self {
            client: client.clone(),
            sizes: model.sizes,
            weights: client.create_from_slice(f32::as_bytes(&values)),
            length: values.len() / LANES,
            places,
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Starts on boards: `clues` [boards · cells] with 0 for blanks. States of the last `slots` iterations
    /// are kept, and at most `capacity` frames can wait to be read. Nothing where the card or the sizes do
    /// not allow it.
    #[must_use]
    pub fn start(
        &self,
        clues: &[u8],
        changes: &Changes,
        spread: Spread,
        slots: usize,
        capacity: usize,
    ) -> Option<Pass> {
        let hardware = &self.client.properties().hardware;
        let most = (hardware.max_units_per_cube as usize).min(256);
        let (rows, units) = match spread {
            Spread::Wide => (1, most),
            Spread::Dense => (8, (self.sizes.width / LANES).next_multiple_of(32).min(most)),
        };
        let memory = hardware.max_shared_memory_size;
        let plan = Plan::new(self.sizes, rows, units, memory, changes.normalise_before_head)?;
        let limit = usize::try_from(self.client.properties().memory.max_page_size).unwrap_or(usize::MAX);
        FullPass::new(self, plan, clues, changes, slots, capacity, limit).map(|p| Pass(PassKind::Full(p)))
    }
}
