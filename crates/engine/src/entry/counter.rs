//! The entry of uses that were counted, kind 40. That of a payment follows the payment's own entry, in
//! the same batch.

use money::PaymentId;

use super::{Entry, decode_list};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::counter::{Counter, CounterId};

/// Kind of the entry.
pub(super) const COUNTED: u8 = 40;

/// What used a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedBy {
    /// A payment, which gives the use back if it is released.
    Payment(PaymentId),
    /// A use of its own.
    Use(CounterId),
}

pub(super) fn encode(out: &mut Encoder, by: CountedBy, counters: &[Counter]) {
    out.u8(COUNTED);
    match by {
        CountedBy::Payment(payment) => {
            out.u8(0);
            out.u128(payment.get());
        }
        CountedBy::Use(id) => {
            out.u8(1);
            out.raw(&id);
        }
    }
    out.len(counters.len());
    for counter in counters {
        out.raw(&counter.id);
        out.u32(counter.max);
        out.u64(counter.ends_at_ms);
    }
}

pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Entry, Malformed> {
    let by = match from.u8()? {
        0 => CountedBy::Payment(from.id(PaymentId::new)?),
        1 => CountedBy::Use(from.array()?),
        _ => return Err(Malformed("what was counted")),
    };
    let counters = decode_list(from, |from| {
        Ok(Counter { id: from.array()?, max: from.u32()?, ends_at_ms: from.u64()? })
    })?;
    Ok(Entry::Counted { by, counters })
}
