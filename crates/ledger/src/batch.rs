//! Batches: events in order, one status each, linked events all or none.
//!
//! A batch falls into chains: each runs up to the first event that is not linked, so an event that
//! is linked to nothing is a chain of one. Invariant: after a chain either all of its events are
//! part of the ledger or none. What a single event does is the business of [`Event::create`].

use crate::books::Ledger;

/// One kind of event that a batch can hold.
pub(crate) trait Event {
    type Status: Copy + PartialEq;
    const CREATED: Self::Status;
    const LINKED_EVENT_FAILED: Self::Status;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status;

    fn linked(&self) -> bool;

    /// Creates what the event asks for, or says why not and creates nothing.
    fn create(&self, ledger: &mut Ledger, timestamp_ns: u64) -> Self::Status;

    /// Takes back the creation that came last.
    fn undo_last(ledger: &mut Ledger);
}

/// Applies the events; event i of n gets the timestamp `timestamp_ns - n + i + 1`.
pub(crate) fn run<E: Event>(
    ledger: &mut Ledger,
    events: &[E],
    timestamp_ns: u64,
) -> Vec<E::Status> {
    let mut timestamps = ledger.take_timestamps(events.len(), timestamp_ns);
    let mut statuses = Vec::with_capacity(events.len());
    for chain in events.split_inclusive(|event| !event.linked()) {
        run_chain(ledger, chain, &mut timestamps, &mut statuses);
    }
    statuses
}

fn run_chain<E: Event>(
    ledger: &mut Ledger,
    chain: &[E],
    timestamps: &mut impl Iterator<Item = u64>,
    statuses: &mut Vec<E::Status>,
) {
    let start = statuses.len();
    let mut created = 0_usize;
    let mut broken = false;
    for (event, timestamp_ns) in chain.iter().zip(timestamps) {
        let position = statuses.len().saturating_sub(start);
        let is_last = position.saturating_add(1) == chain.len();
        let status = if is_last && event.linked() {
            E::LINKED_EVENT_CHAIN_OPEN
        } else if broken {
            E::LINKED_EVENT_FAILED
        } else {
            event.create(ledger, timestamp_ns)
        };
        if status == E::CREATED {
            created = created.saturating_add(1);
        } else if !broken {
            broken = true;
            (0..created).for_each(|_| E::undo_last(ledger));
            statuses[start..].fill(E::LINKED_EVENT_FAILED);
        }
        statuses.push(status);
    }
}
