//! Callers that hang up between their command and its answer: what they began is taken back.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use engine::{AuthorizeError, Authorized, Clock, Engine, Inline, Mode, PaymentState, Turned};

use crate::world::{Buy, START_MS, furnish, options};

type Caller = Pin<Box<dyn Future<Output = Result<Authorized, AuthorizeError>> + Send>>;

/// A clock that stands still until its third reading from now, lets the callers hang up there and
/// shows a later time from then on.
#[derive(Default)]
struct Script {
    callers: Vec<Caller>,
    reads: u32,
    later_ns: Option<u64>,
}

struct Scripted(Mutex<Script>);

impl Clock for Scripted {
    fn now_ns(&self) -> u64 {
        let mut script = self.0.lock().unwrap();
        let start_ns = START_MS * 1_000_000;
        let Some(later_ns) = script.later_ns else { return start_ns };
        script.reads += 1;
        if script.reads < 3 {
            return start_ns;
        }
        script.callers.clear();
        later_ns
    }
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets the writer turn until the answer is there.
fn finish<T>(writer: &mut Inline, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(found) = poll(future.as_mut()) {
            return found;
        }
        assert_ne!(writer.turn(), Turned::Ended);
    }
}

#[test]
fn a_hold_that_ends_while_others_are_taken_back_is_released_once() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Scripted(Mutex::default()));
    let mut options = options(dir.path(), &engine::ManualClock::new(0));
    options.clock = Arc::<Scripted>::clone(&clock);
    let (engine, mut writer) = Engine::start_inline(options).unwrap();
    finish(&mut writer, furnish(&engine));
    let first = Buy::new(1, 1).mode(Mode::Charge);
    let charged = finish(&mut writer, engine.authorize(first.command())).unwrap();
    let Authorized::Charged(charged) = charged else { panic!("{charged:?}") };

    // The second hold ends so soon after the callers hang up that the release of the first moves
    // time past it.
    let long = Buy::new(2, 5).mode(Mode::Hold { seconds: 30 });
    let short = Buy::new(3, 5).mode(Mode::Hold { seconds: 1 });
    let mut callers: Vec<Caller> = Vec::new();
    for buy in [&long, &short] {
        let (engine, command) = (engine.clone(), buy.command());
        let mut caller: Caller = Box::pin(async move { engine.authorize(command).await });
        assert!(poll(caller.as_mut()).is_pending());
        callers.push(caller);
    }
    let ends_ns = charged.at_ns + 2 * 2048 + 1_000_000_000;
    *clock.0.lock().unwrap() = Script { callers, reads: 0, later_ns: Some(ends_ns - 100) };
    assert_eq!(writer.turn(), Turned::Worked);

    for buy in [long, short] {
        let id = buy.id();
        let view = finish(&mut writer, engine.read(move |state| state.payment(id)));
        assert_eq!(view.unwrap().unwrap().state, PaymentState::Released);
    }
}
