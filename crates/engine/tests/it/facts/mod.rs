//! Documents, refunds, counters and events: what the engine keeps for those who look at it from outside.

mod counters;
mod documents;
mod events;
mod refunds;

use engine::{Engine, Event};

/// Every event, read in pages of this size.
pub async fn events(engine: &Engine, count_max: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut from = 0;
    loop {
        let page = engine.events(from, count_max).await.unwrap();
        assert!(page.events.iter().all(|event| (from..page.next).contains(&event.position)));
        events.extend(page.events);
        if page.next == page.end {
            return events;
        }
        from = page.next;
    }
}
