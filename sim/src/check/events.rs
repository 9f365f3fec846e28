//! The events, compared with what has happened: each fact once, in order, with the right sums.

use std::collections::BTreeMap;

use engine::{Event, EventKind, PaymentState};
use money::PaymentId;

use super::Wrong;
use crate::node::Node;
use crate::oracle::Model;

/// Positions that are asked for at a time: few, so that pages meet everywhere.
const PAGE_COUNT: usize = 50;

/// How often a payment was held, settled and released, and what was paid.
type Told = (usize, usize, usize, u128);

pub(super) fn check(node: &mut Node, model: &Model) -> Result<(), Wrong> {
    let events = read(node)?;
    if !events.is_sorted_by(|one, next| one.position < next.position && one.at_ns <= next.at_ns) {
        return Err("the events are out of order".into());
    }
    let mut payments: BTreeMap<PaymentId, Told> = BTreeMap::new();
    let mut refunds = BTreeMap::new();
    for Event { kind, .. } in &events {
        match kind {
            EventKind::PaymentHeld(payment) => payments.entry(payment.payment).or_default().0 += 1,
            EventKind::PaymentSettled(payment) => {
                let legs: u128 = payment.legs.iter().map(|(_, units)| units).sum();
                if legs != payment.amount.units() {
                    return Err(format!("the legs of {payment:?} come to {legs}").into());
                }
                let told = payments.entry(payment.payment).or_default();
                (told.1, told.3) = (told.1 + 1, payment.amount.units());
            }
            EventKind::PaymentReleased(payment, _) => {
                payments.entry(payment.payment).or_default().2 += 1;
            }
            EventKind::RefundSettled(refund) => {
                let amounts = (refund.amount.units(), refund.refunded.units());
                if refunds.insert(refund.refund, amounts).is_some() {
                    return Err(format!("{} was paid back twice", refund.refund).into());
                }
            }
            _ => {}
        }
    }
    let right = model.refunds.iter().map(|(id, (_, units, in_all))| (*id, (*units, *in_all)));
    if !right.eq(refunds) {
        return Err("the events tell of other refunds".into());
    }
    if !model.payments.keys().eq(payments.keys()) {
        return Err("the events tell of other payments".into());
    }
    for (id, told) in payments {
        let Some(payment) = model.payments.get(&id) else { continue };
        let fits = match payment.state {
            PaymentState::Held => told == (1, 0, 0, 0),
            PaymentState::Settled => {
                told.0 <= 1 && (told.1, told.2, told.3) == (1, 0, payment.units)
            }
            PaymentState::Released => told == (1, 0, 1, 0),
        };
        if !fits {
            return Err(format!("{id} is {:?}, and the events tell {told:?}", payment.state).into());
        }
    }
    Ok(())
}

fn read(node: &mut Node) -> Result<Vec<Event>, Wrong> {
    let all = node.run(|engine| async move {
        let mut events = Vec::new();
        let mut from = 0;
        loop {
            let page = engine.events(from, PAGE_COUNT).await?;
            events.extend(page.events);
            if page.next == page.end {
                return Ok::<_, engine::Unavailable>(events);
            }
            from = page.next;
        }
    });
    let all = all.ok_or("the node stopped while its events were read")?;
    all.map_err(|why| Wrong::Unreadable(why.to_string()))
}
