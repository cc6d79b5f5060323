//! Questions in the order in which they are answered. Thinks stand before all others, at most one for each
//! weights, and take turns, so that two models that are compared advance side by side.

use super::protocol::Subject;

/// Questions that wait, the one that is next first.
pub(super) struct Queue<J> {
    waiting: Vec<Waiting<J>>,
}

struct Waiting<J> {
    /// Of which weights; none where it is about no model.
    subject: Option<Subject>,
    think: bool,
    job: J,
}

impl<J> Default for Queue<J> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<J> Queue<J> {
    /// A Think, after those with other weights; one with the same weights is dropped.
    pub fn think(&mut self, subject: Subject, job: J) {
        self.stop_thinking(subject);
        let at = self.thinks();
        self.waiting.insert(at, Waiting { subject: Some(subject), think: true, job });
    }

    /// Any other question, after all that wait.
    pub fn push(&mut self, subject: Option<Subject>, job: J) {
        self.waiting.push(Waiting { subject, think: false, job });
    }

    /// The one that is next.
    pub fn first(&mut self) -> Option<&mut J> {
        self.waiting.first_mut().map(|w| &mut w.job)
    }

    /// The first is answered.
    pub fn done(&mut self) {
        if !self.waiting.is_empty() {
            self.waiting.remove(0);
        }
    }

    /// The first goes on after the others' turn, where it is a Think; else it goes on at once, so that at most
    /// one pass over many boards is in memory.
    pub fn turn(&mut self) {
        let thinks = self.thinks();
        if let Some(these) = self.waiting.get_mut(..thinks).filter(|these| !these.is_empty()) {
            these.rotate_left(1);
        }
    }

    /// Drops the Think with these weights.
    pub fn stop_thinking(&mut self, subject: Subject) {
        self.waiting.retain(|w| !(w.think && w.subject == Some(subject)));
    }

    /// Drops every question to these weights.
    pub fn close(&mut self, subject: Subject) {
        self.waiting.retain(|w| w.subject != Some(subject));
    }

    /// Drops those of which it is not true.
    pub fn retain(&mut self, so: impl Fn(&J) -> bool) {
        self.waiting.retain(|w| so(&w.job));
    }

    /// Thinks that wait; they are the first.
    fn thinks(&self) -> usize {
        self.waiting.iter().take_while(|w| w.think).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many units; each job is a name.
    fn units(queue: &mut Queue<&'static str>, count: usize) -> Vec<&'static str> {
        (0..count)
            .filter_map(|_| {
                let name = queue.first().map(|job| *job);
                queue.turn();
                name
            })
            .collect()
    }

    #[test]
    fn thinks_take_turns_and_come_first() {
        let mut queue = Queue::default();
        queue.push(Some(Subject::Other), "record");
        queue.think(Subject::Opened, "a");
        queue.think(Subject::Other, "b");
        assert_eq!(units(&mut queue, 5), ["a", "b", "a", "b", "a"]);
        // The next is b; once it is done, a goes on alone, and the record follows.
        queue.done();
        assert_eq!(units(&mut queue, 2), ["a", "a"]);
        queue.done();
        assert_eq!(units(&mut queue, 2), ["record", "record"]);
        queue.done();
        assert_eq!(queue.first(), None);
        queue.done();
    }

    #[test]
    fn the_latest_wins_for_each_weights() {
        let mut queue = Queue::default();
        queue.think(Subject::Opened, "a1");
        queue.think(Subject::Other, "b1");
        queue.think(Subject::Opened, "a2");
        queue.think(Subject::Opened, "a3");
        assert_eq!(units(&mut queue, 4), ["b1", "a3", "b1", "a3"]);
    }

    #[test]
    fn closing_drops_all_questions_to_it() {
        let mut queue = Queue::default();
        for subject in Subject::ALL {
            queue.think(subject, "think");
            queue.push(Some(subject), "record");
        }
        queue.push(None, "making");
        queue.close(Subject::Other);
        assert_eq!(queue.waiting.len(), 5);
        assert!(queue.waiting.iter().all(|w| w.subject != Some(Subject::Other)));
        queue.retain(|job| *job != "record");
        assert_eq!(queue.waiting.len(), 3);
    }
}
