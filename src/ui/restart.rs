//! When the engine was lost and a new one stands in its place: what was there is asked for again.

use super::app::{Engine, Lab};
use super::files::Filter;
use super::words::{count, figure, thousands};
use crate::engine::protocol::{Command, SelfTest};

/// Any file that the engine packs.
const PACKED: Filter = Filter("Weights or run", &["safetensors", "zip"]);

impl Lab {
    /// A new engine knows nothing: the model is opened and the training gone on with.
    pub(super) fn restarted(&mut self, reason: &str, memory: bool) {
        self.engine = Engine::Restarting;
        self.device = None;
        self.asks.forget();
        self.asks.opening = None;
        self.toasts.error(format!("The engine stopped and was started again: {reason}."), self.now);
        let training = self.training.exists() || self.training.is_preparing();
        if memory {
            self.halve();
        }
        if let Some(boards) = self.training.micro_batch {
            self.link.send(Command::MicroBatch { boards });
        }
        if let Some(source) = self.model.current().cloned() {
            self.wanted.keep_subject = training;
            self.open_model(source);
        }
        if training {
            self.train_again();
        }
        self.compare_again();
        if self.step_shown().is_none() && !self.could_be_live() {
            self.ask_soon();
        }
    }

    /// Smaller parts of a batch need less memory.
    fn halve(&mut self) {
        let Some((at_once, batch)) = self.training.at_once else { return };
        let boards = (at_once / 2).max(1);
        self.training.micro_batch = Some(boards);
        // Until the new engine tells.
        self.training.at_once = Some((boards, batch));
        self.toasts.info(
            format!(
                "Memory ran out: the micro-batch is halved to {}. The batch stays {}; its gradients are added up.",
                count(boards, "board", "boards"),
                count(batch, "board", "boards")
            ),
            self.now,
        );
    }

    /// Goes on with the training that the lost engine had.
    fn train_again(&mut self) {
        let running = self.training.running() || self.training.starts();
        // One that was not there yet has no folder to go on from, unless it was to be gone on with.
        if self.training.is_preparing() && !self.training.resumes() {
            return self.train_prepare(running.then_some(None));
        }
        match self.training.run.clone() {
            Some(run) => self.go_on_with(run, running),
            None => {
                self.training.discard();
                self.view.subject = crate::engine::protocol::Subject::Opened;
                self.toasts.error(
                    "The training was kept in memory only, so it is lost. Start it again; with a run folder it can go on.".into(),
                    self.now,
                );
            }
        }
    }

    pub(super) fn self_tested(&mut self, result: SelfTest) {
        let good = result.largest_difference <= 1e-4 && result.losses.iter().all(|l| l.is_finite());
        let text = format!(
            "{}: logits differ from the CPU's by at most {}, the losses of {} training steps by at most {}. {}",
            result.device,
            figure(f64::from(result.largest_difference)),
            thousands(result.losses.len() as u64),
            figure(f64::from(result.largest_loss_difference)),
            if good { "It computes right." } else { "That is too much: choose the CPU." }
        );
        if good {
            self.toasts.info(text, self.now)
        } else {
            self.toasts.error(text, self.now)
        }
        self.self_test = Some(result);
    }

    pub(super) fn save_packed(&mut self, name: String, bytes: Vec<u8>) {
        self.jobs.save_bytes("Save", name, PACKED, bytes);
    }
}
