//! The models that a session holds: opened, laid out on the device, computed as was asked, written.

use super::Session;
use crate::config::shipped::{self, Asset};
use crate::config::{ModelCard, Provenance, preset};
use crate::engine::protocol::{Kernels, ModelSource, RequestId, Subject};
use crate::models::{Fused, Network, StoredModel, layout, read_model, write_model};
use crate::nn::Parameters;
use crate::store;
use crate::trace::Step;
use crate::train::weights_file;

/// A model that was opened.
pub(in crate::engine) struct Opened {
    pub(in crate::engine) card: ModelCard,
    pub(in crate::engine) parameters: Parameters,
    pub(in crate::engine) network: Network,
}

impl Session {
    /// The network that a question is put to, computed as was asked, and its step.
    pub(super) async fn computed(
        &mut self,
        request: RequestId,
        subject: Subject,
        kernels: Kernels,
    ) -> Option<(Network, Step)> {
        let (network, step) = self.subject(Some(request), subject).await?;
        let network = match kernels {
            Kernels::Fused => network,
            Kernels::Plain => network.with_fused(None),
            Kernels::Half => {
                let parameters = self.described(subject).await.map(|(_, parameters)| parameters);
                let half = parameters.map(|p| Fused::half(network.config(), &p, &self.device.place));
                match half {
                    Ok(Some(half)) => network.with_fused(Some(half)),
                    Ok(None) => {
                        self.fail(Some(request), format!("{} computes nothing in half precision for this network: that takes a card with cooperative matrices, a build with the feature vulkan, and a looped network of width 128; use fused", self.device.info.name));
                        return None;
                    }
                    Err(message) => {
                        self.fail(Some(request), message);
                        return None;
                    }
                }
            }
        };
        Some((network, step))
    }

    /// The network that a question is put to, and its step.
    pub(super) async fn subject(&mut self, request: Option<RequestId>, subject: Subject) -> Option<(Network, Step)> {
        let laid_out = |o: &Opened| (o.network.clone(), Step(o.card.step));
        let found = match (subject, &self.training) {
            (Subject::Opened, _) => self.opened.as_ref().map(laid_out),
            (Subject::Other, _) => self.other.as_ref().map(laid_out),
            (Subject::Training, None) => None,
            (Subject::Training, Some(training)) => match training.fused_network(&self.device.place).await {
                Ok(network) => Some((network, training.step())),
                Err(message) => {
                    self.device_failed(message.clone());
                    self.fail(request, message);
                    return None;
                }
            },
        };
        if found.is_none() {
            self.fail(
                request,
                match subject {
                    Subject::Opened => "no model is open; open a shipped one or a safetensors file",
                    Subject::Training => "no model is in training; press Start, or choose a preset",
                    Subject::Other => "no model is open to compare with; choose one under “Compare with”",
                },
            );
        }
        found
    }

    /// Reads weights and lays them out on the device.
    pub(super) async fn open_model(&self, source: ModelSource, set: &[String]) -> Result<Opened, String> {
        if let ModelSource::Fresh(name) = &source {
            let config = preset(name).map_err(|e| e.to_string())?;
            let card = ModelCard {
                name: format!("{name}, fresh"),
                trained_iterations: config.recipe.iterations,
                step: 0,
                provenance: Provenance { seed: config.seed, ..Provenance::default() },
                config: config.model.clone(),
            };
            let parameters = layout(&config.model).initial(config.seed);
            return Ok(self.laid_out(StoredModel { card, parameters }));
        }
        // What it is called in a message, and what the model is called if it does not say so itself.
        let (file, name, bytes): (String, String, std::borrow::Cow<'_, [u8]>) = match source {
            ModelSource::Shipped(name) => {
                let bytes = shipped::bytes(&name).ok_or_else(|| match Asset::Weights(name.clone()).size() {
                    // The page brings such weights itself.
                    Some(_) => format!("{}: the weights are not in this build", Asset::Weights(name.clone()).file()),
                    None => format!("no model called “{name}” is shipped; there are {}", shipped::names().join(", ")),
                })?;
                (name.clone(), name, bytes.into())
            }
            ModelSource::Path(path) => {
                let name = path.file_stem().map_or_else(|| "model".into(), |s| s.to_string_lossy().into_owned());
                let bytes = weights_file(&path).await.and_then(|b| b.ok_or_else(|| "there is no such file".into()));
                let bytes = bytes.map_err(|e| format!("{}: {e}", path.display()))?;
                (path.display().to_string(), name, bytes.into())
            }
            // Above.
            ModelSource::Fresh(name) => (name.clone(), name, Vec::new().into()),
            ModelSource::Bytes { name, bytes } => {
                let stem = std::path::Path::new(&name).file_stem().map(|s| s.to_string_lossy().into_owned());
                (name.clone(), stem.unwrap_or(name), bytes.into())
            }
        };
        let stored = read_model(&name, &bytes, set).map_err(|e| format!("{file}: {e}"))?;
        Ok(self.laid_out(stored))
    }

    /// Lays a model out on the device.
    fn laid_out(&self, stored: StoredModel) -> Opened {
        let flat = stored.parameters.upload(&self.device.device);
        let bound = stored.parameters.layout.bind(&flat, false);
        let fused = Fused::new(&stored.card.config, &stored.parameters, &self.device.place);
        let network =
            Network::bind(&stored.card.config, &bound, &self.device.device, stored.card.step).with_fused(fused);
        Opened { card: stored.card, parameters: stored.parameters, network }
    }

    /// Frees the model that is compared with: its weights, its last pass and what is asked of it.
    pub(super) fn close_other(&mut self) {
        self.jobs.close(Subject::Other);
        *self.thinkers.of(Subject::Other) = None;
        self.other = None;
    }

    pub(super) async fn save_model(
        &mut self,
        subject: Subject,
        path: &std::path::Path,
        half: bool,
        provenance: Option<Box<Provenance>>,
    ) -> Result<(), String> {
        let (mut card, parameters) = self.described(subject).await?;
        if let Some(provenance) = provenance {
            card.provenance = *provenance;
        }
        let bytes = write_model(&card, &parameters, half).map_err(|e| e.to_string())?;
        store::replace(path, &bytes).await.map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Weights on the host and what is said of them.
    pub(super) async fn described(&self, subject: Subject) -> Result<(ModelCard, Parameters), String> {
        let copied = |opened: &Opened| (opened.card.clone(), opened.parameters.clone());
        match subject {
            Subject::Opened => Ok(self.opened.as_ref().map(copied).ok_or("no model is open")?),
            Subject::Other => Ok(self.other.as_ref().map(copied).ok_or("no model is open to compare with")?),
            Subject::Training => self.training.as_ref().ok_or("no model is in training")?.model().await,
        }
    }
}
