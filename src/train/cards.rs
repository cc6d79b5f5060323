//! A training spread over several graphics cards of one host: each computes the gradient of its share of a batch, the
//! gradients are added up here in the order of the cards, and every card makes the same update from the same sum. So
//! the weights are equal to the bit on cards of a kind, and those of one card but for rounding.
//!
//! Each card has a thread of its own, since cubecl orders work by thread and a thread waits for its card's queue.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use futures::channel::oneshot;
use loopscope_kernels::gpu::Client;
use loopscope_kernels::train::gpu::{Gathered, Room};
use loopscope_kernels::train::{Boards, Dropout, Earlier, Spec, Update};

use super::TrainError;
use super::fused::{Card, add, boards, shares};
use super::part::Part;
use super::way::{Context, Readings, Start};

/// Cards that make the same steps.
pub(super) struct Cards {
    cards: Vec<Worker>,
    half: bool,
    /// The most boards of a part.
    part: usize,
    /// Cards that have a share of the step under way.
    busy: usize,
}

/// What all cards gave to a step, added up.
pub(super) struct Together(Gathered);

/// What a card is asked for. Answers carry what went wrong with anything before.
enum Ask {
    Pull(Owned),
    Gather(Answer<Gathered>),
    Update(Arc<Vec<f32>>, Update),
    Parameters(Answer<Start>),
    Shown(Answer<Vec<f32>>),
    Settle(Answer<()>),
}

type Answer<T> = oneshot::Sender<Result<T, TrainError>>;

/// [`Boards`] on the way to another thread.
struct Owned {
    clues: Vec<u8>,
    solutions: Vec<u8>,
    before: usize,
    of: usize,
    blanks: usize,
    dropout: Option<Dropout>,
    /// Which of them go on, if any may; a card has kept where it left them.
    goes_on: Option<Vec<bool>>,
    /// Whether they are this card's first of a step.
    fresh: bool,
}

impl Owned {
    fn new(boards: &Boards<'_>, fresh: bool) -> Self {
        let Boards { clues, solutions, before, of, blanks, dropout, earlier } = *boards;
        let goes_on = earlier.map(|earlier| earlier.goes_on.to_vec());
        Self { clues: clues.to_vec(), solutions: solutions.to_vec(), before, of, blanks, dropout, goes_on, fresh }
    }

    fn boards(&self) -> Boards<'_> {
        let Self { clues, solutions, before, of, blanks, dropout, goes_on, .. } = self;
        let earlier = goes_on.as_ref().map(|goes_on| Earlier { goes_on, states: &[], predictions: &[] });
        Boards { clues, solutions, before: *before, of: *of, blanks: *blanks, dropout: *dropout, earlier }
    }
}

/// What every card begins with.
struct Begin {
    spec: Spec,
    start: Start,
    room: Room,
    /// Boards of a batch.
    of: usize,
    half: bool,
}

/// The way to a card's thread.
struct Worker {
    asks: Option<mpsc::Sender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl Cards {
    /// A thread for each card. A card takes at most the room's boards at once, and as many as its memory allows;
    /// nothing where the kernels refuse even a few boards, or no thread starts.
    pub fn new(clients: Vec<Client>, spec: Spec, start: Start, room: Room, of: usize, half: bool) -> Option<Self> {
        // Multiples of four boards go to a card, if there are so many.
        let share = 4 * of.div_ceil(4).div_ceil(clients.len().max(1));
        let room = Room { boards: room.boards.min(share), ..room };
        let begin = Arc::new(Begin { spec, start, room, of, half });
        let begun: Vec<_> = clients
            .into_iter()
            .map(|client| {
                let (tell, told) = mpsc::channel();
                Worker::begin(client, Arc::clone(&begin), tell).map(|worker| (worker, told))
            })
            .collect::<Option<_>>()?;
        let (mut cards, mut found) = (Vec::new(), Vec::new());
        for (worker, told) in begun {
            cards.push(worker);
            #[expect(clippy::disallowed_methods, reason = "native only: a card's thread answers when it has begun")]
            found.push(told.recv().ok().flatten());
        }
        let found: Vec<(usize, bool)> = found.into_iter().collect::<Option<_>>()?;
        let part = found.iter().map(|(part, _)| *part).min()?;
        Some(Self { cards, half: found.iter().all(|(_, half)| *half), part, busy: 0 })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.cards.len()
    }

    /// Whether products are in half precision.
    pub fn is_half(&self) -> bool {
        self.half
    }

    /// The most boards of a part.
    pub fn part(&self) -> usize {
        self.part
    }

    /// Queues all parts of a step, consecutive ones with the same card.
    pub fn pull(&mut self, of: &Context<'_>, parts: &[Part<'_>]) -> Result<(), TrainError> {
        self.busy = self.cards.len().min(parts.len());
        let mut last = None;
        for (i, part) in parts.iter().enumerate() {
            let at = i * self.busy / parts.len();
            self.cards[at].ask(Ask::Pull(Owned::new(&boards(of, part), last != Some(at))))?;
            last = Some(at);
        }
        Ok(())
    }

    /// The gradient of the parts that were pulled, with their losses and counts.
    pub async fn gather(&self) -> Result<Together, TrainError> {
        let asked: Vec<_> = self.cards[..self.busy].iter().map(|card| card.question(Ask::Gather)).collect();
        let mut sum: Option<Gathered> = None;
        for answer in asked {
            let more = answered(answer).await?;
            match &mut sum {
                None => sum = Some(more),
                Some(sum) => {
                    add(&mut sum.gradient, &more.gradient);
                    add(&mut sum.losses, &more.losses);
                    add(&mut sum.solved, &more.solved);
                }
            }
        }
        sum.map(Together).ok_or(TrainError::NoGradient)
    }

    /// Changes the weights on all cards, by what a batch of so many boards gave.
    pub fn update(&mut self, update: &Update, Together(sum): Together, boards: usize) -> Result<Readings, TrainError> {
        let Gathered { gradient, losses, solved } = sum;
        let squared_norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>() as f32;
        let gradient = Arc::new(gradient);
        self.cards.iter().try_for_each(|card| card.ask(Ask::Update(Arc::clone(&gradient), *update)))?;
        Ok(Readings { losses, solved: shares(&solved, boards), squared_norm, routing: None })
    }

    /// Weights, moments and average, of the first card as of any.
    pub async fn parameters(&self) -> Result<Start, TrainError> {
        self.parameters_of(0).await
    }

    /// Weights, moments and average of a card.
    pub async fn parameters_of(&self, card: usize) -> Result<Start, TrainError> {
        answered(self.cards[card].question(Ask::Parameters)).await
    }

    /// The weights that are looked at.
    pub async fn shown(&self) -> Result<Vec<f32>, TrainError> {
        answered(self.cards[0].question(Ask::Shown)).await
    }

    /// Waits until everything that was queued is done.
    pub async fn settle(&self) -> Result<(), TrainError> {
        let asked: Vec<_> = self.cards.iter().map(|card| card.question(Ask::Settle)).collect();
        for answer in asked {
            answered(answer).await?;
        }
        Ok(())
    }
}

impl Together {
    /// The sum of the gradients, [total].
    pub fn gradient(self) -> Vec<f32> {
        self.0.gradient
    }
}

type Asked<T> = oneshot::Receiver<Result<T, TrainError>>;

async fn answered<T>(asked: Result<Asked<T>, TrainError>) -> Result<T, TrainError> {
    asked?.await.map_err(|_| gone())?
}

fn gone() -> TrainError {
    TrainError::Device("the thread of a graphics card has ended".into())
}

impl Worker {
    /// `tell` gets the most boards of a part and whether products are in half precision, or that it cannot be.
    fn begin(client: Client, begin: Arc<Begin>, tell: mpsc::Sender<Option<(usize, bool)>>) -> Option<Self> {
        let (asks, asked) = mpsc::channel();
        let work = move || {
            let Begin { spec, start, room, of, half } = &*begin;
            let card = Card::new(&client, spec, start, *room, *of, *half);
            drop(begin);
            let _ = tell.send(card.as_ref().map(|card| (card.part(), card.is_half())));
            if let Some(card) = card {
                work(card, &asked);
            }
            // No later thread finds what this one leaves.
            let _ = client.memory_cleanup();
        };
        let thread = std::thread::Builder::new().name("card".into()).spawn(work).ok()?;
        Some(Self { asks: Some(asks), thread: Some(thread) })
    }

    fn ask(&self, ask: Ask) -> Result<(), TrainError> {
        self.asks.as_ref().and_then(|asks| asks.send(ask).ok()).ok_or_else(gone)
    }

    fn question<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<Asked<T>, TrainError> {
        let (answer, asked) = oneshot::channel();
        self.ask(ask(answer)).map(|()| asked)
    }
}

impl Drop for Worker {
    /// What it holds of the card's memory is free afterwards.
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers until nobody asks any more.
#[expect(clippy::disallowed_methods, reason = "native only: a card's thread waits for its work and its card")]
fn work(mut card: Card, asked: &mpsc::Receiver<Ask>) {
    let mut broken: Option<TrainError> = None;
    while let Ok(ask) = asked.recv() {
        // An answer that nobody waits for any more is none.
        match (ask, &broken) {
            (Ask::Pull(owned), None) => {
                if owned.fresh {
                    card.forget();
                }
                broken = card.pull_boards(&owned.boards()).err();
            }
            (Ask::Update(gradient, update), None) => broken = card.update_with(&gradient, &update).err(),
            (Ask::Gather(answer), None) => drop(answer.send(pollster::block_on(card.gather()))),
            (Ask::Parameters(answer), None) => drop(answer.send(pollster::block_on(card.parameters()))),
            (Ask::Shown(answer), None) => drop(answer.send(pollster::block_on(card.shown()))),
            (Ask::Settle(answer), None) => drop(answer.send(pollster::block_on(card.settle()))),
            (Ask::Pull(_) | Ask::Update(..), Some(_)) => {}
            (Ask::Gather(answer), Some(e)) => drop(answer.send(Err(e.clone()))),
            (Ask::Parameters(answer), Some(e)) => drop(answer.send(Err(e.clone()))),
            (Ask::Shown(answer), Some(e)) => drop(answer.send(Err(e.clone()))),
            (Ask::Settle(answer), Some(e)) => drop(answer.send(Err(e.clone()))),
        }
    }
}

#[cfg(test)]
#[path = "cards_tests.rs"]
mod tests;
