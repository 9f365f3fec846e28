//! Passes: one payment that opens every path of an offer, for a time or so many times.
//!
//! A pass is bought with the request that it opens first, by an ordinary order. Its purchase is that of
//! offer and pass in place of method and path, so the same payment, presented again with the same
//! `Farthing-Pass`, opens any other path of the offer at no charge. The signed order is the pass: whoever
//! has it can use it, so it travels over TLS and never reaches an upstream.
//!
//! Invariants: a use is counted before it is delivered; a copy of one request, that is the same path under
//! the same idempotency key, is no second use.

use engine::{Authorize, Count, Counter, CounterId};
use http::HeaderName;
use http402::{PassOffer, Problem};
use instrument::PurchaseDigest;
use money::{OfferId, PaymentId};
use sha2::{Digest, Sha256};

use crate::answer::Refusal;
use crate::case::Case;
use crate::free;
use crate::offer::Offer;

/// Names the pass that a request buys or uses.
pub(crate) const FARTHING_PASS: HeaderName = HeaderName::from_static("farthing-pass");
const PURCHASE_TAG: &[u8; 24] = b"farthing/pass/1\0\0\0\0\0\0\0\0\0";
/// Most passes of one offer.
pub const PASSES_COUNT_MAX: usize = 8;
/// Longest name of a pass.
pub const PASS_NAME_BYTES_MAX: usize = 32;
/// Longest time that a pass is good for, and that of one that is good for so many uses: a year.
pub const PASS_SECONDS_MAX: u32 = 366 * 24 * 60 * 60;
/// Most uses of a pass.
pub const PASS_USES_COUNT_MAX: u32 = 1_000_000;

/// What one payment opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Its name among those of the offer: lower case letters, digits, `-` and `_`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Base units.
    pub price: u128,
    /// For how long it is good; [`PASS_SECONDS_MAX`] if `None`.
    pub seconds: Option<u32>,
    /// How many requests it opens; any number if `None`.
    pub uses: Option<u32>,
}

impl Pass {
    /// Whether name, price, time and uses are within their limits.
    pub(crate) fn is_sound(&self) -> bool {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        (1..=PASS_NAME_BYTES_MAX).contains(&self.name.len())
            && self.name.bytes().all(plain)
            && self.price > 0
            && self.seconds.is_none_or(|seconds| (1..=PASS_SECONDS_MAX).contains(&seconds))
            && self.uses.is_none_or(|uses| (1..=PASS_USES_COUNT_MAX).contains(&uses))
            && (self.seconds.is_some() || self.uses.is_some())
    }

    /// As a challenge names it.
    pub(crate) fn offered(&self) -> PassOffer {
        PassOffer {
            pass: self.name.clone(),
            title: self.title.clone(),
            price: self.price.to_string(),
            seconds: self.seconds,
            uses: self.uses,
        }
    }

    /// For how long a payment for it is good.
    pub(crate) fn access_seconds(&self) -> u32 {
        self.seconds.unwrap_or(PASS_SECONDS_MAX)
    }

    /// What an order for it names. Format: `docs/reference/formats.md`, "Purchase".
    pub(crate) fn purchase(&self, origin: &str, offer: OfferId) -> PurchaseDigest {
        let digest = Sha256::new()
            .chain_update(PURCHASE_TAG)
            .chain_update(u32::try_from(origin.len()).unwrap_or(u32::MAX).to_be_bytes())
            .chain_update(origin)
            .chain_update(offer.to_be_bytes())
            .chain_update(&self.name);
        PurchaseDigest(digest.finalize().into())
    }
}

/// The pass that a request names, of those of the offer.
pub(crate) fn named(offer: &Offer, name: &[u8]) -> Result<Pass, Box<Problem>> {
    let found = offer.passes.iter().find(|pass| pass.name.as_bytes() == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = offer.passes.iter().map(|pass| pass.name.as_str()).collect();
        let detail = if names.is_empty() {
            "this offer has no passes; ask without `Farthing-Pass`".to_owned()
        } else {
            format!("the passes of this offer are {}", names.join(", "))
        };
        let problem = Problem::new(400, "unknown_pass", "There is no such pass", detail);
        Box::new(problem.with_param("Farthing-Pass"))
    })
}

/// One use of the pass that is presented, before it is delivered; `None` if uses are not counted.
/// `is_first`: the payment is not charged yet, so whatever went before has delivered nothing.
pub(crate) fn use_of(case: &Case, command: &Authorize, is_first: bool) -> Option<Count> {
    let pass = case.pass.as_ref()?;
    let payment: PaymentId = command.order.payment_id();
    let payment = payment.to_be_bytes();
    let id: CounterId = match &command.idempotency {
        Some(named) => Counter::id_of(&[b"pass use", &payment, &named.key, &case.asked_for.0]),
        None if is_first => Counter::id_of(&[b"pass use", &payment]),
        None => free::unique(),
    };
    let lasts_ms = u64::from(pass.access_seconds()) * 1000;
    let counter = Counter {
        id: Counter::id_of(&[b"pass", &payment]),
        max: pass.uses?,
        ends_at_ms: case.options.node.now_ms().saturating_add(lasts_ms),
    };
    Some(Count { id, account: None, counter })
}

/// Counts one use of the pass that is presented.
pub(crate) async fn count(case: &Case, count: Count) -> Result<(), Refusal> {
    match case.options.node.count(count).await {
        Ok(_) => Ok(()),
        Err(engine::CountError::Exhausted) => {
            let text = "all uses of this pass are taken; buy another one";
            Err(Refusal::new("pass_used_up", text))
        }
        Err(error) => Err(Refusal::of(&error)),
    }
}
