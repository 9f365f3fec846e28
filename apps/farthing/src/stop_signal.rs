//! The wish that the process stops: SIGINT or SIGTERM.
//!
//! Invariant: a signal that comes after [`StopSignal::listen`] is not lost and does not kill the
//! process. Listen before the first line that says the process serves: whoever reads that line may
//! ask it to stop at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, listened for.
#[derive(Debug)]
pub(crate) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// From now on the signals are kept for [`StopSignal::received`].
    ///
    /// # Errors
    /// What the system says if it allows no handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(crate) async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
