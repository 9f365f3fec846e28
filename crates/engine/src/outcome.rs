//! Outcomes: the first answer that a payment bought, kept so that a copy of the payment gets it
//! again instead of a second execution.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use money::PaymentId;
use serde::{Deserialize, Serialize};

use crate::codec::{Decoder, Encoder, Malformed};

/// Largest body that is kept for replay. A larger answer to an unsafe method is not kept; a safe
/// method is fetched again instead.
pub const OUTCOME_BYTES_MAX: usize = 64 * 1024;

/// All kept bodies together; beyond it the oldest go first.
pub(crate) const OUTCOMES_TOTAL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest headers and range that are kept, together with [`HEADER_OVERHEAD_BYTES`] for each.
const OUTCOME_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes that a header field occupies besides its name and value.
const HEADER_OVERHEAD_BYTES: usize = 8;

/// Bytes an entry occupies besides headers and body, so that empty answers are bounded too.
const OUTCOME_OVERHEAD_BYTES: usize = 256;

/// One HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Status code of the answer.
    pub status: u16,
    /// Header fields in order, as they are sent to the payer.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
    /// The request's `Range` header, or empty: a stored answer serves only the same range.
    pub range: String,
}

impl Outcome {
    /// Whether it is small enough to be kept: it may have to fit into a batch of the journal.
    pub(crate) fn fits(&self) -> bool {
        self.body.len() <= OUTCOME_BYTES_MAX && self.head_size() <= OUTCOME_HEAD_BYTES_MAX
    }

    fn head_size(&self) -> usize {
        let field =
            |(name, value): &(String, String)| HEADER_OVERHEAD_BYTES + name.len() + value.len();
        self.headers.iter().map(field).sum::<usize>() + self.range.len()
    }

    fn size(&self) -> usize {
        OUTCOME_OVERHEAD_BYTES + self.head_size() + self.body.len()
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.u16(self.status);
        out.len(self.headers.len());
        for (name, value) in &self.headers {
            out.str(name);
            out.str(value);
        }
        out.bytes(&self.body);
        out.str(&self.range);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let status = from.u16()?;
        let count = from.len()?;
        let mut headers = Vec::new();
        for _ in 0..count {
            headers.push((from.str()?.to_owned(), from.str()?.to_owned()));
        }
        let body = Bytes::copy_from_slice(from.bytes()?);
        Ok(Self { status, headers, body, range: from.str()?.to_owned() })
    }
}

/// Outcomes by payment, bounded by bytes, first in first out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    kept: BTreeMap<PaymentId, Arc<Outcome>>,
    order: VecDeque<PaymentId>,
    bytes: usize,
}

impl Outcomes {
    pub(crate) fn keep(&mut self, payment: PaymentId, outcome: Outcome) {
        if self.kept.contains_key(&payment) {
            return;
        }
        self.bytes += outcome.size();
        self.order.push_back(payment);
        self.kept.insert(payment, Arc::new(outcome));
        while self.bytes > OUTCOMES_TOTAL_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(dropped) = self.kept.remove(&oldest) {
                self.bytes -= dropped.size();
            }
        }
    }

    pub(crate) fn get(&self, payment: PaymentId) -> Option<&Outcome> {
        self.kept.get(&payment).map(|outcome| &**outcome)
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.len(self.order.len());
        for payment in &self.order {
            if let Some(outcome) = self.kept.get(payment) {
                out.u128(payment.get());
                outcome.encode(out);
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut outcomes = Self::default();
        for _ in 0..from.len()? {
            let payment = from.id(PaymentId::new)?;
            outcomes.keep(payment, Outcome::decode(from)?);
        }
        Ok(outcomes)
    }
}
