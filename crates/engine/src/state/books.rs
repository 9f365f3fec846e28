//! The state's ledger and its past, which is in memory, as bytes of a snapshot.
//!
//! Invariants: the seed of the ledger's tables is drawn at random and shows in no answer and no
//! byte; a ledger that was read has been decided again row by row, and came to the same resident
//! part as the one that was written.
//!
//! Format: resident part (length 8, bytes), rows (length 8, bytes), burned ids (count, 16 each).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use ledger::{Ledger, Memory, Seed};
use money::TransferId;

use crate::codec::{Decoder, Encoder, Malformed};

/// An empty ledger whose tables nobody can predict.
pub(super) fn empty() -> Ledger {
    let random = RandomState::new();
    Ledger::with_past(Memory::new(), Seed::new([random.hash_one(1), random.hash_one(2)]))
}

pub(super) fn encode(ledger: &Ledger, out: &mut Encoder) {
    let past = ledger.past();
    for bytes in [ledger.snapshot().to_bytes().as_slice(), past.rows()] {
        out.u64(bytes.len() as u64);
        out.raw(bytes);
    }
    out.len(past.burned().len());
    for id in past.burned() {
        out.u128(id.get());
    }
}

pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Ledger, Malformed> {
    let resident = take(from)?;
    let rows = take(from)?;
    let mut burned = Vec::new();
    for _ in 0..from.len()? {
        burned.push(from.id(TransferId::new)?);
    }
    let mut ledger = empty();
    ledger.replay(rows, &burned).map_err(|_| Malformed("ledger"))?;
    if ledger.snapshot().to_bytes() != resident {
        return Err(Malformed("ledger"));
    }
    Ok(ledger)
}

fn take<'a>(from: &mut Decoder<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(from.u64()?).map_err(|_| Malformed("ledger length"))?;
    from.slice(length)
}
