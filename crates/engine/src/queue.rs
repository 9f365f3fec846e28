//! The bounded queue in front of the writer.
//!
//! Invariant: a command that is accepted is either taken by the writer or dropped, so that nobody
//! waits for an answer which never comes, also if the writer ends at that very moment. A full queue
//! refuses at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::error::Unavailable;
use crate::handle::Command;

/// Where callers put commands.
#[derive(Clone)]
pub(crate) struct Inlet {
    commands: Sender<Command>,
    /// The same end that the writer takes from, to drop what it will not take any more.
    left_over: Receiver<Command>,
    /// Commands that wait: more than messages, because the verifier sends many in one.
    waiting: Arc<AtomicUsize>,
    count_max: usize,
    has_ended: Arc<AtomicBool>,
}

/// Where the writer takes them; dropping it ends the queue.
pub(crate) struct Outlet {
    /// Each that is taken must be told to [`Outlet::leave`].
    pub commands: Receiver<Command>,
    waiting: Arc<AtomicUsize>,
    has_ended: Arc<AtomicBool>,
}

/// A queue of at most `count_max` commands.
pub(crate) fn queue(count_max: usize) -> (Inlet, Outlet) {
    let (commands, taken) = bounded(count_max);
    let has_ended: Arc<AtomicBool> = Arc::default();
    let waiting: Arc<AtomicUsize> = Arc::default();
    let inlet = Inlet {
        commands,
        left_over: taken.clone(),
        waiting: Arc::clone(&waiting),
        count_max,
        has_ended: Arc::clone(&has_ended),
    };
    (inlet, Outlet { commands: taken, waiting, has_ended })
}

impl Inlet {
    /// Commands that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The writer takes nothing any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Puts a command in, or gives it back.
    pub(crate) fn send(&self, command: Command) -> Result<(), (Unavailable, Box<Command>)> {
        if self.has_ended.load(Ordering::SeqCst) {
            return Err((Unavailable::Stopped, Box::new(command)));
        }
        let count = count_of(&command);
        if self.waiting.fetch_add(count, Ordering::SeqCst) + count > self.count_max {
            self.waiting.fetch_sub(count, Ordering::SeqCst);
            return Err((Unavailable::Busy, Box::new(command)));
        }
        if let Err(refused) = self.commands.try_send(command) {
            self.waiting.fetch_sub(count, Ordering::SeqCst);
            return Err(match refused {
                TrySendError::Full(command) => (Unavailable::Busy, Box::new(command)),
                TrySendError::Disconnected(command) => (Unavailable::Stopped, Box::new(command)),
            });
        }
        // The writer ends, then clears the queue. Whatever came in behind that is cleared here.
        if self.has_ended.load(Ordering::SeqCst) {
            clear(&self.left_over);
        }
        Ok(())
    }
}

impl Outlet {
    /// A command waits no longer: so many of them it is.
    pub(crate) fn leave(&self, command: &Command) -> usize {
        let count = count_of(command);
        self.waiting.fetch_sub(count, Ordering::SeqCst);
        count
    }

    /// Set it to refuse every further command.
    pub(crate) fn has_ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_ended)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        clear(&self.commands);
    }
}

fn count_of(command: &Command) -> usize {
    match command {
        Command::Channels(commands) => commands.len(),
        _ => 1,
    }
}

/// Dropping a command closes its reply, which tells the caller that the writer has stopped.
fn clear(commands: &Receiver<Command>) {
    commands.try_iter().for_each(drop);
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn command() -> (Command, oneshot::Receiver<()>) {
        let (reply, answer) = oneshot::channel();
        (Command::Shutdown(reply), answer)
    }

    #[test]
    fn a_full_queue_refuses_and_gives_back() {
        let (inlet, outlet) = queue(1);
        let (first, mut answer) = command();
        assert!(inlet.send(first).is_ok());
        let (refused, back) = inlet.send(command().0).err().unwrap();
        assert_eq!(refused, Unavailable::Busy);
        assert!(matches!(*back, Command::Shutdown(_)));
        drop(outlet);
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(inlet.send(command().0).err().unwrap().0, Unavailable::Stopped);
    }

    /// Both ends at once, many times: every accepted command is answered or closed.
    #[test]
    fn nobody_waits_for_a_writer_that_has_ended() {
        for _ in 0..200 {
            let (inlet, outlet) = queue(64);
            let sender = std::thread::spawn(move || {
                let mut answers = Vec::new();
                loop {
                    let (command, answer) = command();
                    match inlet.send(command) {
                        Ok(()) => answers.push(answer),
                        Err((Unavailable::Stopped, _)) => return (answers, inlet),
                        Err(_) => std::thread::yield_now(),
                    }
                }
            });
            for _ in 0..20 {
                let _ = outlet.commands.recv();
            }
            drop(outlet);
            let (answers, _inlet) = sender.join().unwrap();
            for mut answer in answers {
                assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
            }
        }
    }
}
