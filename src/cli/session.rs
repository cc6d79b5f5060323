//! One conversation with the engine: questions out, answers in, failures as exit codes.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::progress::Progress;
use crate::config::{Interventions, ModelCard};
use crate::engine;
use crate::engine::protocol::{Command, DeviceChoice, DeviceInfo, EngineLink, Event, ModelSource, RequestId, Subject};
use crate::tasks::sudoku::Grid;
use crate::trace::{Frame, Step};

/// A link that one can wait on. The engine's handle is one; tests have another.
pub(super) trait Link: EngineLink {
    /// The next event; none when the engine has gone.
    fn wait(&mut self) -> Option<Event>;
    /// The next event within `limit`; none when nothing came or the engine has gone.
    fn wait_for(&mut self, limit: Duration) -> Option<Event>;
}

impl Link for engine::EngineHandle {
    fn wait(&mut self) -> Option<Event> {
        Self::wait(self)
    }

    fn wait_for(&mut self, limit: Duration) -> Option<Event> {
        Self::wait_for(self, limit)
    }
}

/// An engine with a device.
pub(super) struct Session {
    link: Box<dyn Link>,
    asked: u64,
    device: DeviceInfo,
}

impl Session {
    /// Starts an engine, waits for its device and says on standard error which it is.
    pub(super) fn start(choice: &DeviceChoice) -> Result<Self, Failure> {
        let wait = Progress::waiting("starting the device");
        let session = Self::over(Box::new(engine::spawn(choice.clone(), || {})))?;
        drop(wait);
        eprintln!("{}. {}", session.device.name, session.device.reason);
        Ok(session)
    }

    /// Waits for the device of an engine.
    pub(super) fn over(mut link: Box<dyn Link>) -> Result<Self, Failure> {
        loop {
            match link.wait() {
                Some(Event::Device(device)) => return Ok(Self { link, asked: 0, device }),
                Some(Event::NoDevice(why)) => return Err(Failure::Engine(why)),
                Some(Event::Failed { message, .. }) => return Err(Failure::Engine(message)),
                Some(_) => {}
                None => return Err(gone()),
            }
        }
    }

    /// What it runs on.
    pub(super) fn device(&self) -> &DeviceInfo {
        &self.device
    }

    /// Sends a command that is no question.
    pub(super) fn send(&mut self, command: Command) {
        self.link.send(command);
    }

    /// Asks a question under a new number.
    pub(super) fn ask(&mut self, question: impl FnOnce(RequestId) -> Command) -> RequestId {
        self.asked += 1;
        let request = RequestId(self.asked);
        self.link.send(question(request));
        request
    }

    /// The next event of whatever kind.
    pub(super) fn next(&mut self) -> Result<Event, Failure> {
        self.link.wait().ok_or_else(gone)
    }

    /// The next event within `limit`, or none.
    pub(super) fn next_within(&mut self, limit: Duration) -> Result<Option<Event>, Failure> {
        let start = Instant::now();
        match self.link.wait_for(limit) {
            Some(event) => Ok(Some(event)),
            // A wait that ran out took its time; one that came back early has no one to wait for.
            None if start.elapsed() < limit => Err(gone()),
            None => Ok(None),
        }
    }

    /// The next event that concerns `request`; its failure is an error.
    pub(super) fn next_of(&mut self, request: RequestId) -> Result<Event, Failure> {
        loop {
            match self.next()? {
                Event::Failed { request: of, message } if of == Some(request) => return Err(Failure::Engine(message)),
                Event::Failed { message, .. } => eprintln!("warning: {message}"),
                Event::NoDevice(why) => return Err(Failure::Engine(why)),
                event if concerns(&event) == Some(request) => return Ok(event),
                _ => {}
            }
        }
    }

    /// Opens weights. What cannot be opened is bad input.
    pub(super) fn open(&mut self, source: ModelSource, set: &[String]) -> Result<ModelCard, Failure> {
        let set = set.to_vec();
        let request = self.ask(|request| Command::OpenModel { request, source, set });
        self.opened(request)
    }

    /// Opens weights beside those that are open, to compare them.
    pub(super) fn open_other(&mut self, source: ModelSource, set: &[String]) -> Result<ModelCard, Failure> {
        let set = set.to_vec();
        let request = self.ask(|request| Command::OpenOther { request, source, set });
        self.opened(request)
    }

    fn opened(&mut self, request: RequestId) -> Result<ModelCard, Failure> {
        loop {
            match self.next_of(request) {
                Ok(Event::ModelOpened { card, .. }) => return Ok(*card),
                Ok(_) => {}
                Err(Failure::Engine(message)) => return Err(Failure::Input(message)),
                Err(other) => return Err(other),
            }
        }
    }

    /// Runs the opened model on a puzzle; `progress` hears how many frames have come.
    pub(super) fn think(
        &mut self,
        clues: &Grid,
        iterations: u32,
        interventions: Interventions,
        progress: impl FnMut(usize),
    ) -> Result<(Step, Vec<Frame>), Failure> {
        self.think_with(Subject::Opened, clues, iterations, interventions, progress)
    }

    /// Runs any weights on a puzzle.
    pub(super) fn think_with(
        &mut self,
        subject: Subject,
        clues: &Grid,
        iterations: u32,
        interventions: Interventions,
        mut progress: impl FnMut(usize),
    ) -> Result<(Step, Vec<Frame>), Failure> {
        let clues = clues.clone();
        let request = self.ask(|request| Command::Think {
            request,
            subject,
            clues,
            iterations,
            interventions,
            disturbance: None,
        });
        let mut all = Vec::new();
        loop {
            if let Event::Frames { step, frames, done, .. } = self.next_of(request)? {
                all.extend(frames);
                progress(all.len());
                if done {
                    return Ok((step, all));
                }
            }
        }
    }
}

fn gone() -> Failure {
    Failure::Engine("the engine has stopped; start with RUST_LOG=debug to see why".into())
}

/// The question that an event answers.
fn concerns(event: &Event) -> Option<RequestId> {
    match event {
        Event::ModelOpened { request, .. }
        | Event::Frames { request, .. }
        | Event::Attention { request, .. }
        | Event::Progress { request, .. }
        | Event::Benched { request, .. }
        | Event::Gradients { request, .. }
        | Event::Evaluated { request, .. }
        | Event::Puzzles { request, .. }
        | Event::Recorded { request, .. }
        | Event::Spectrum { request, .. }
        | Event::Heads { request, .. }
        | Event::Written { request, .. } => Some(*request),
        Event::Failed { request, .. } => *request,
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod fake {
    //! An engine that plays back what a test gives it.

    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Answers to one command.
    pub(in crate::cli) type Script = Box<dyn FnMut(&Command) -> Vec<Event> + Send>;

    /// The link; remembers what was asked.
    pub(in crate::cli) struct Fake {
        script: Script,
        events: VecDeque<Event>,
        heard: Arc<Mutex<Vec<Command>>>,
    }

    /// A session over a script, and everything that it will have been asked.
    pub(in crate::cli) fn session(
        script: impl FnMut(&Command) -> Vec<Event> + Send + 'static,
    ) -> (Session, Arc<Mutex<Vec<Command>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let device = DeviceInfo { name: "fake".into(), gpu: false, software: false, reason: "A test.".into() };
        let fake = Fake { script: Box::new(script), events: [Event::Device(device)].into(), heard: Arc::clone(&heard) };
        (Session::over(Box::new(fake)).expect("a device"), heard)
    }

    impl EngineLink for Fake {
        fn send(&mut self, command: Command) {
            self.events.extend((self.script)(&command));
            self.heard.lock().expect("no panic").push(command);
        }

        fn poll(&mut self) -> Option<Event> {
            self.events.pop_front()
        }
    }

    impl Link for Fake {
        fn wait(&mut self) -> Option<Event> {
            self.poll()
        }

        fn wait_for(&mut self, _: Duration) -> Option<Event> {
            self.poll()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_goes_is_an_error_not_a_hang() {
        let (mut session, _) = fake::session(|_| Vec::new());
        let failure = session.open(ModelSource::Shipped("sudoku4".into()), &[]).unwrap_err();
        assert!(matches!(failure, Failure::Engine(m) | Failure::Input(m) if m.contains("stopped")));
        assert!(matches!(session.next_within(Duration::from_secs(60)), Err(Failure::Engine(_))));
    }

    #[test]
    fn a_model_that_does_not_open_is_bad_input() {
        let (mut session, _) = fake::session(|command| match command {
            Command::OpenModel { request, .. } => {
                // An answer to an older question is passed over.
                let other = Event::Failed { request: Some(RequestId(99)), message: "older".into() };
                vec![other, Event::Failed { request: Some(*request), message: "no such file".into() }]
            }
            _ => Vec::new(),
        });
        let failure = session.open(ModelSource::Path("x".into()), &[]).unwrap_err();
        assert_eq!(failure, Failure::Input("no such file".into()));
    }
}
