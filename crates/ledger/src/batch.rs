//! Batches: events in order, one status each, linked events all or none.
//!
//! A batch falls into chains: each runs up to the first event that is not linked, so an event that
//! is linked to nothing is a chain of one. Invariant: after a chain either all of its events are
//! part of the ledger or none. What a single event does is the business of [`Event::create`].

use crate::books::Ledger;
use crate::past::Past;

/// Events that are prepared together.
pub(crate) const BLOCK_EVENTS: usize = 64;

/// One kind of event that a batch can hold.
pub(crate) trait Event<P: Past>: Sized {
    type Status: Copy + PartialEq;
    const CREATED: Self::Status;
    const LINKED_EVENT_FAILED: Self::Status;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status;

    fn linked(&self) -> bool;

    /// Names that the event may give: one for its id, one more if it resolves something.
    fn names(&self) -> usize;

    /// Looks up what these events, [`BLOCK_EVENTS`] at most, will need.
    fn prepare(ledger: &mut Ledger<P>, block: &[Self]);

    /// Creates what the event asks for, or says why not and creates nothing. The event is the one
    /// at `place` of the block that was prepared last. If the event may be taken back, the ledger
    /// keeps what that takes.
    fn create(
        &self,
        ledger: &mut Ledger<P>,
        place: usize,
        timestamp_ns: u64,
        may_be_undone: bool,
    ) -> Result<Self::Status, P::Error>;

    /// Takes back the creation that came last.
    fn undo_last(ledger: &mut Ledger<P>);
}

/// Applies the events; event i of n gets the timestamp `timestamp_ns - n + i + 1`.
pub(crate) fn run<P: Past, E: Event<P>>(
    ledger: &mut Ledger<P>,
    events: &[E],
    timestamp_ns: u64,
) -> Result<Vec<E::Status>, P::Error> {
    ledger.begin(events.iter().map(E::names).fold(0, usize::saturating_add));
    let mut timestamps = ledger.take_timestamps(events.len(), timestamp_ns);
    let mut statuses = Vec::with_capacity(events.len());
    for chain in events.split_inclusive(|event| !event.linked()) {
        run_chain(ledger, events, chain, &mut timestamps, &mut statuses)?;
    }
    ledger.finish()?;
    Ok(statuses)
}

fn run_chain<P: Past, E: Event<P>>(
    ledger: &mut Ledger<P>,
    events: &[E],
    chain: &[E],
    timestamps: &mut impl Iterator<Item = u64>,
    statuses: &mut Vec<E::Status>,
) -> Result<(), P::Error> {
    let start = statuses.len();
    let mut created = 0_usize;
    let mut broken = false;
    let last_timestamp_ns = ledger.resident.last_timestamp_ns;
    for (event, timestamp_ns) in chain.iter().zip(timestamps) {
        let index = statuses.len();
        let place = index % BLOCK_EVENTS;
        if place == 0 {
            let end = index.saturating_add(BLOCK_EVENTS).min(events.len());
            E::prepare(ledger, &events[index..end]);
        }
        let is_last = index.saturating_sub(start).saturating_add(1) == chain.len();
        let status = if is_last && event.linked() {
            E::LINKED_EVENT_CHAIN_OPEN
        } else if broken {
            E::LINKED_EVENT_FAILED
        } else {
            event.create(ledger, place, timestamp_ns, chain.len() > 1)?
        };
        if status == E::CREATED {
            created = created.saturating_add(1);
        } else if !broken {
            broken = true;
            (0..created).for_each(|_| E::undo_last(ledger));
            ledger.resident.last_timestamp_ns = last_timestamp_ns;
            statuses[start..].fill(E::LINKED_EVENT_FAILED);
        }
        statuses.push(status);
    }
    ledger.forget_undos();
    Ok(())
}
