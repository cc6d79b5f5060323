//! The weights that a run begins with: drawn from its seed, or those of a model that is there already.

use std::path::Path;

use crate::config::RunConfig;
use crate::config::shipped::{self, Asset};
use crate::models::{MAX_FILE, StoredModel, layout, read_model};
use crate::nn::Parameters;
use crate::store;

/// First weights, and where they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstWeights {
    /// The weights.
    pub parameters: Parameters,
    /// A sentence about the model that they were taken from; none where the seed drew them.
    pub began_with: Option<String>,
}

/// The weights that a run of `config` begins with: of `start_from`, a shipped model's name or a file, else drawn from
/// the seed. Of a checkpoint its weights count, not the moments of its optimizer.
///
/// # Errors
/// A sentence: which file, what is wrong with it, what would be right.
pub async fn first_weights(config: &RunConfig) -> Result<FirstWeights, String> {
    let from = config.start_from.as_str();
    if from.is_empty() {
        return Ok(FirstWeights { parameters: layout(&config.model).initial(config.seed), began_with: None });
    }
    let trouble = |what: String| format!("the run is to start from “{from}”: {what}");
    let stored = match shipped::bytes(from) {
        Some(bytes) => read_model(from, bytes, &[]),
        // Of the page: large weights lie beside it.
        None if Asset::Weights(from.into()).size().is_some() => {
            return Err(trouble("its weights are not in the engine of this page; the desktop program has them".into()));
        }
        None => read_model(from, &file(Path::new(from)).await.map_err(trouble)?, &[]),
    };
    let StoredModel { card, parameters } = stored.map_err(|e| trouble(e.to_string()))?;
    if card.config != config.model {
        return Err(trouble(format!(
            "its network is another one ({}); the run's [model] must say the same",
            differences(config, &card.config)
        )));
    }
    let made = match card.provenance.command.as_str() {
        "" => String::new(),
        command => format!(", which `{command}` made"),
    };
    let mut began_with = format!("Began with the weights of {} after {} steps{made} ({from}).", card.name, card.step);
    // A model of several runs tells all of them, the last one first.
    if let Some(earlier) = &card.provenance.began_with {
        began_with.push_str(&format!(" That run: {earlier}"));
    }
    Ok(FirstWeights { parameters, began_with: Some(began_with) })
}

async fn file(path: &Path) -> Result<Vec<u8>, String> {
    let absent = || format!("there is no such file, and no shipped model ({})", shipped::names().join(", "));
    weights_file(path).await?.ok_or_else(absent)
}

/// The bytes of a weights file; none where there is no file.
///
/// # Errors
/// What the file system says; a file of more than [`MAX_FILE`] bytes, before it is read.
pub async fn weights_file(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match store::size(path).await.map_err(|e| e.to_string())? {
        None => Ok(None),
        Some(size) if size > MAX_FILE => Err(format!("the file has {size} bytes; at most 2 GiB are read")),
        Some(_) => store::read(path).await.map_err(|e| e.to_string()),
    }
}

/// Settings of the network that differ: “width 64 instead of 128”.
fn differences(config: &RunConfig, found: &crate::config::ModelConfig) -> String {
    let other = RunConfig { model: found.clone(), ..config.clone() };
    let told = other.differences(config).into_iter().map(|(key, is, want)| match want {
        Some(want) => format!("{key} is {is} instead of {want}"),
        None => format!("{key} is {is}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::preset;

    fn weights(config: &RunConfig) -> Result<FirstWeights, String> {
        store::now(first_weights(config))
    }

    #[test]
    fn the_seed_draws_the_weights_unless_a_model_is_named() {
        let mut config = preset("sudoku4").expect("a preset");
        let drawn = weights(&config).expect("weights");
        assert_eq!((drawn.parameters, drawn.began_with), (layout(&config.model).initial(config.seed), None));
        config.start_from = "sudoku4".into();
        let taken = weights(&config).expect("weights");
        let shipped = read_model("sudoku4", shipped::bytes("sudoku4").expect("shipped"), &[]).expect("a model");
        assert_eq!(taken.parameters, shipped.parameters);
        let said = taken.began_with.expect("a sentence");
        assert!(said.contains(&shipped.card.provenance.command) && said.contains("(sudoku4)"), "{said}");
    }

    #[test]
    fn the_runs_before_the_last_one_are_told_too() {
        let mut config = preset("sudoku9").expect("a preset");
        config.start_from = "sudoku9".into();
        let card = read_model("sudoku9", shipped::bytes("sudoku9").expect("shipped"), &[]).expect("a model").card;
        config.model = card.config;
        let said = weights(&config).expect("weights").began_with.expect("a sentence");
        assert!(said.ends_with(&card.provenance.began_with.expect("it went on from a model")), "{said}");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut config = preset("sudoku4").expect("a preset");
        config.start_from = "sudoku6".into();
        let refusal = weights(&config).expect_err("another network");
        assert!(refusal.contains("“sudoku6”") && refusal.contains("model.box_cols is 3 instead of 2"), "{refusal}");
        config.start_from = "no such model".into();
        let refusal = weights(&config).expect_err("nothing there");
        assert!(refusal.contains("no such file") && refusal.contains("sudoku4-collapsing"), "{refusal}");
    }
}
