//! The iteration as a map of the state alone, with exact tangents (`kernels/src/tangent`).

use std::sync::Arc;

use loopscope_kernels::Changes;
use loopscope_kernels::tangent::{Map, Products, Real};

use super::fused::{changes, describe};
use crate::config::{Interventions, ModelConfig, NetworkKind};
use crate::nn::Parameters;

/// The map of a looped transformer in some precision.
///
/// # Errors
/// What the map does not cover.
pub fn tangent_map<R: Real>(
    config: &ModelConfig,
    parameters: &Parameters,
    interventions: &Interventions,
) -> Result<Arc<Map<R>>, String> {
    let (model, changes) = covered(config, parameters, interventions)?;
    Map::new(&model, &changes).map(Arc::new).ok_or_else(none)
}

/// The same in f32 with operands of products rounded as TF32 does.
///
/// # Errors
/// What the map does not cover.
pub fn tf32_map(
    config: &ModelConfig,
    parameters: &Parameters,
    interventions: &Interventions,
) -> Result<Arc<Map<f32>>, String> {
    let (model, changes) = covered(config, parameters, interventions)?;
    Map::with_products(&model, &changes, Products::Tf32).map(Arc::new).ok_or_else(none)
}

fn none() -> String {
    "there are no tangents for a network of these sizes".into()
}

fn covered<'a>(
    config: &ModelConfig,
    parameters: &'a Parameters,
    interventions: &Interventions,
) -> Result<(loopscope_kernels::Model<'a>, Changes), String> {
    if config.network != NetworkKind::Looped {
        return Err("there are tangents for looped transformers only, not for routed networks".into());
    }
    if interventions.damping != 1.0 || interventions.bf16_state {
        return Err("with damping or a rounded state the prediction is no function of the carried state, so its growth is not defined here; leave them out".into());
    }
    let model = describe(config, parameters).ok_or_else(none)?;
    let changes = changes(&model.sizes, interventions);
    Ok((model, changes))
}
