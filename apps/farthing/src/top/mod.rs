//! `farthing top`: a running node at a glance, drawn again each second.
//!
//! Plain text and a few escape sequences: no state but what the last answers said. Invariant: the
//! terminal is given back as it was, also after Ctrl-C and when the node goes away.

mod frame;
mod shape;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use client::NodeClient;

use crate::cli::TopArgs;
use crate::failure::Failure;
use crate::operator;
use crate::stop_signal::StopSignal;
use crate::term;

use frame::{History, frame};
use shape::Status;

/// Another screen without a cursor, and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// To the first place; what is behind the text is wiped line by line.
const HOME: &str = "\u{1b}[H";
const WIPE_LINE: &str = "\u{1b}[K";
const WIPE_REST: &str = "\u{1b}[J";

/// Shows the node until the process is asked to stop, or once.
pub(crate) async fn run(args: TopArgs) -> Result<(), Failure> {
    let (node, token) = operator::connect(&args.operator)?;
    let mut history = History::default();
    let first = status(&node, &token).await?;
    history.note(&first);
    if args.once || !io::stdout().is_terminal() {
        term::line(frame(node.url(), &first, &history).trim_end());
        return Ok(());
    }
    let stop = StopSignal::listen()
        .map_err(|error| Failure::new(format!("no signal handler: {error}")))?;
    show(ENTER);
    let every = Duration::from_secs(args.every.max(1));
    tokio::select! {
        () = stop.received() => {}
        () = draw(&node, &token, first, history, every) => {}
    }
    show(LEAVE);
    Ok(())
}

async fn draw(
    node: &NodeClient,
    token: &str,
    first: Status,
    mut history: History,
    every: Duration,
) {
    let mut text = frame(node.url(), &first, &history);
    loop {
        let wiped = text.replace('\n', &format!("{WIPE_LINE}\n"));
        show(&format!("{HOME}{wiped}{WIPE_REST}"));
        tokio::time::sleep(every).await;
        text = match status(node, token).await {
            Ok(status) => {
                history.note(&status);
                frame(node.url(), &status, &history)
            }
            Err(error) => format!("{}  {error}\n", term::strong(node.url())),
        };
    }
}

async fn status(node: &NodeClient, token: &str) -> Result<Status, client::Error> {
    node.ask(token, "/v1/status").await
}

fn show(text: &str) {
    let mut stdout = io::stdout().lock();
    // A terminal that is gone needs no picture.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
