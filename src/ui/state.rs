//! What the window shows, for tests and for the page around it.

use serde_json::{Value, json};

use super::app::{Engine, Lab, NARROW};
use super::dock::Pane;
use crate::config::CellPosition;
use crate::engine::protocol::{Command, ModelSource, TrainingState, Trouble};
use crate::measure::plan::Kind;
use crate::report::measured::Measured;
use crate::tasks::sudoku::{GenerateSpec, Generator, Grid};

impl Lab {
    /// The state of the window as JSON. Names of fields are those of the words in `design.md`.
    #[must_use]
    pub fn state(&self) -> Value {
        let (cursor, last) = (self.view.cursor(), self.looking.last());
        let curves = &self.looking.curves;
        let right = (cursor as usize).checked_sub(1).and_then(|i| curves.correct.get(i).copied().flatten());
        let clues = self.looking.clues();
        let mut state = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "frame": self.drawn,
            "cursor": cursor,
            "last": last,
            "trained": self.trained(),
            "playing": self.view.playing,
            "recorded": self.looking.recorded,
            "moving": self.view.playing && last > 0 && cursor > 0,
            "model": self.model.card.as_ref().map(|c| c.name.clone()),
            "shown": self.looking.trace.model,
            "puzzle": clues.to_line(),
            "clues": clues.clues(),
            "problem": self.puzzle.problem().map(|(text, _)| text),
            "iterations": self.iterations,
            "thinking": self.asks.is_thinking(),
            "selected": CellPosition::of(clues.shape(), self.view.selected).map(|c| c.to_string()),
            "solved": right.map(|r| r as usize == curves.blanks() as usize),
            "verdict": self.looking.verdict,
            "device": self.device.as_ref().and_then(|d| d.as_ref().ok()),
            "engine": match self.engine {
                Engine::Loading(_) | Engine::Starting => "loading",
                Engine::Ready => "ready",
                Engine::Restarting => "restarting",
                Engine::Gone => "gone",
            },
            "training": self.training_state(),
            "runs": self.runs_state(),
            "link": self.link_of_view().to_string(),
            "messages": self.toasts.last(20),
            "interventions": self.interventions,
            "colour": self.view.colour.name(),
            "routing": self.looking.frame(cursor).and_then(|f| f.routing.as_ref()).map(|r| json!({
                "heads": r.heads, "entropy": r.entropy(), "load": r.load(),
            })),
            "halted_share": self.looking.frame(cursor).and_then(|f| f.halting.as_ref()).map(|h| h.share()),
            "theme": self.jobs.ctx().theme() == eframe::egui::Theme::Dark,
            "narrow": self.jobs.ctx().content_rect().width() < NARROW,
            "timeline": {
                "x": self.timeline_rect.min.x, "y": self.timeline_rect.min.y,
                "width": self.timeline_rect.width(), "height": self.timeline_rect.height(),
            },
            "pace": self.asks.pace.map(|(n, ms)| json!({"iterations": n, "ms_per_iteration": ms})),
            "benched": self.benched.as_ref().map(|(times, limit)| serde_json::json!({ "milliseconds": times, "limit": limit })),
            "self_test": self.self_test.as_ref().map(|t| json!({
                "device": t.device,
                "largest_difference": t.largest_difference,
                "training_steps": t.losses.len(),
                "loss_first": t.losses.first(),
                "loss_last": t.losses.last(),
                "largest_loss_difference": t.largest_loss_difference,
            })),
        });
        // One more entry above, and the macro would pass the limit of its depth.
        state["measured"] = json!(self.measured_state());
        state["panels"] = self.panels_state();
        let cell = |i| CellPosition::of(clues.shape(), i).map(|c| c.to_string());
        let hovered = self.view.hovered;
        state["hovered"] = json!({ "cell": hovered.cell.and_then(cell), "iteration": hovered.iteration });
        let [back, again] = self.undo.counts();
        state["undo"] = json!({ "back": back, "again": again, "next": self.undo.next(false) });
        state["loading"] = json!(self.assets.coming());
        state["missing"] = json!(self.assets.missing().map(|(_, text)| text));
        state["comparing"] = json!(self.comparing_state());
        state["disturbance"] = json!(self.looking.disturbance);
        if let (Some(state), Value::Object(steps)) = (state.as_object_mut(), self.steps_state()) {
            state.extend(steps);
        }
        state
    }

    /// Which panels are open, which of them are on screen, and whether the user arranged them.
    fn panels_state(&self) -> Value {
        let names = |panes: &[Pane]| panes.iter().map(|p| p.name()).collect::<Vec<_>>();
        json!({
            "open": names(&self.dock.open()),
            "shown": names(&self.dock.shown),
            "own": self.dock.own,
            "palette": self.finder.is_open(),
        })
    }

    fn measured_state(&self) -> Option<Value> {
        self.measuring.found().map(|found| {
            let shares: Vec<f64> = match &found.measured {
                Measured::Scaling(all) => all.iter().flat_map(|m| &m.scaling.rows).map(|r| r.balanced.share).collect(),
                _ => Vec::new(),
            };
            let (kind, running) = (found.measured.kind().word(), self.measuring.is_running());
            json!({ "kind": kind, "boards": found.boards, "running": running, "shares": shares })
        })
    }

    fn training_state(&self) -> Option<Value> {
        let t = &self.training;
        if !t.exists() && !t.is_preparing() {
            return None;
        }
        let last = t.history.last();
        Some(json!({
            "state": match &t.state {
                None | Some(TrainingState::Preparing { .. }) => "preparing",
                Some(TrainingState::Paused) => "paused",
                Some(TrainingState::Running) => "running",
                Some(TrainingState::Finished) => "finished",
                Some(TrainingState::Stopped(_)) => "stopped",
            },
            "step": t.step.0,
            "steps": t.config.as_ref().map(|c| c.recipe.steps),
            "preset": t.config.as_ref().map(|c| c.name.clone()),
            "seed": t.config.as_ref().map(|c| c.seed),
            "loss": last.map(|m| m.loss),
            "solved_share": last.and_then(|m| m.solved_by_iteration.last().copied()),
            "boards_per_second": last.map(|m| m.boards_per_second),
            "routing_entropy": last.and_then(|m| m.routing.as_ref()).map(|r| &r.entropy),
            "head_load": last.and_then(|m| m.routing.as_ref()).map(|r| &r.load),
            "alarm": t.alarm().map(|a| a.to_string()),
            "micro_batch": t.micro_batch,
            "at_once": t.at_once.map(|(boards, _)| boards),
            "probe": t.probes.last().map(|p| json!({
                "step": p.step.0,
                "boards": p.boards,
                "trained_iterations": p.trained_iterations,
                "share": p.share(p.trained_iterations),
            })),
            "run": t.run.as_ref().and_then(|r| r.file_name()).map(|n| n.to_string_lossy().into_owned()),
        }))
    }

    /// Opens a file of that name and content, as if it was dropped on the window.
    pub fn open_bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.jobs.take_bytes(name, bytes);
    }

    /// Says in a message that something is wrong.
    pub fn complain(&mut self, message: String) {
        self.toasts.error(message, self.now);
    }

    /// Does what a command of the list does, by its words there, or causes trouble in the engine; false
    /// where the word means nothing.
    pub fn develop(&mut self, word: &str) -> bool {
        let ctx = self.jobs.ctx().clone();
        if let Some(offer) = self.offers(&ctx).into_iter().find(|o| o.text == word) {
            self.act(offer.action, &ctx);
            return true;
        }
        if let Some((verb, name)) = word.split_once(" run ") {
            return self.develop_run(verb, name);
        }
        if let Some(name) = word.strip_prefix("fresh ") {
            self.open_model(ModelSource::Fresh(name.to_owned()));
            return true;
        }
        if let Some(rest) = word.strip_prefix("bench ") {
            return self.develop_bench(rest);
        }
        if let Some(rest) = word.strip_prefix("bench-training ") {
            return self.develop_bench_training(rest);
        }
        if let Some(rest) = word.strip_prefix("measure") {
            return self.develop_measure(rest);
        }
        if word == "try again" {
            let missing = self.assets.missing();
            return missing.map(|(asset, _)| self.try_again(asset)).is_some();
        }
        let command = match word {
            "crash-worker" => Command::Cause(Trouble::Panic),
            "lose-device" => Command::Cause(Trouble::LoseDevice),
            "out-of-memory" => Command::Cause(Trouble::OutOfMemory),
            _ => return false,
        };
        self.link.send(command);
        true
    }

    /// Nothing, or KIND and BOARDS: what is measured, and of how many boards.
    fn develop_measure(&mut self, rest: &str) -> bool {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match &words[..] {
            [] => {}
            [kind, boards] => {
                let kind = Kind::ALL.into_iter().find(|k| k.word() == *kind);
                let (Some(kind), Ok(boards)) = (kind, boards.parse()) else { return false };
                self.measuring.kind = kind;
                self.measuring.set_boards(boards);
            }
            _ => return false,
        }
        self.measure();
        true
    }

    /// KERNELS BOARDS ITERATIONS REPEAT, on an empty board of the model on screen.
    fn develop_bench(&mut self, rest: &str) -> bool {
        let words: Vec<&str> = rest.split(' ').collect();
        let [kernels, numbers @ ..] = &words[..] else { return false };
        let numbers: Option<Vec<u32>> = numbers.iter().map(|n| n.parse().ok()).collect();
        let (Ok(kernels), Some([boards, iterations, repeat])) = (kernels.parse(), numbers.as_deref()) else {
            return false;
        };
        let Some(shape) = self.model.card.as_ref().map(|c| c.config.shape()) else { return false };
        let Ok(clues) = Grid::new(shape, vec![0; shape.cells()]) else { return false };
        let (request, boards) = (self.asks.id(), *boards as usize);
        let (iterations, repeat) = (*iterations, *repeat);
        self.benched = None;
        self.link.send(Command::Bench { request, kernels, clues, boards, iterations, repeat });
        true
    }

    /// KERNELS BOARDS STEPS REPEAT: training steps of the model on screen, on copies of one board.
    fn develop_bench_training(&mut self, rest: &str) -> bool {
        let words: Vec<&str> = rest.split(' ').collect();
        let [kernels, numbers @ ..] = &words[..] else { return false };
        let numbers: Option<Vec<u32>> = numbers.iter().map(|n| n.parse().ok()).collect();
        let (Ok(kernels), Some([boards, steps, repeat])) = (kernels.parse(), numbers.as_deref()) else {
            return false;
        };
        let Some(shape) = self.model.card.as_ref().map(|c| c.config.shape()) else { return false };
        let puzzle = Box::new(Generator::new(GenerateSpec::usual(shape), 1).puzzle(0));
        let (request, boards) = (self.asks.id(), *boards as usize);
        let (steps, repeat) = (*steps, *repeat);
        self.benched = None;
        self.link.send(Command::BenchTraining { request, kernels, puzzle, boards, dropout: 0.0, steps, repeat });
        true
    }
}
