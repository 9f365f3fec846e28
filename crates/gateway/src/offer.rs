//! Offers: a priced resource with its terms.

use engine::HOLD_SECONDS_MAX;
use http::Method;
use http402::{ChannelOffer, Identifier, Metered};
use instrument::UnitPrice;
use instrument::channel::{CLOSE_DELAY_SECONDS_MAX, CLOSE_DELAY_SECONDS_MIN};
use money::{AccountId, Amount, OfferId, Shares};
use sha2::{Digest, Sha256};

use crate::free::{FREE_USES_COUNT_MAX, FREE_WINDOW_SECONDS_MAX, FreeUses};
use crate::meter::{Meter, Unit};
use crate::pass::{PASSES_COUNT_MAX, Pass};
use crate::path::PathPattern;
use crate::price::{OwnAmount, PriceRule};
use crate::tools::Tool;

/// Who is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payees {
    /// Account that orders name.
    pub pay_to: AccountId,
    /// Who receives how much; `pay_to` alone receives all if `None`.
    pub split: Option<(Vec<AccountId>, Shares)>,
    /// Name of the payee for people.
    pub name: String,
    /// The split in words, for example `author 80 %, editor 20 %`.
    pub split_text: Option<String>,
}

/// A priced resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Under which it is counted: its own, or that of [`Offer::file_id`].
    pub id: OfferId,
    /// Paths that it covers.
    pub path: PathPattern,
    /// The tool that it prices; `path` then stands for the tool, see [`Tool::path`].
    pub tool: Option<Tool>,
    /// Methods that it covers. `HEAD` goes with `GET` and is never charged.
    pub methods: Vec<Method>,
    /// Methods that cost nothing at these paths. Any other is refused: a service that is blind to
    /// methods would answer it with what is sold.
    pub free_methods: Vec<Method>,
    /// Price of one request, or of `per` units if there is a meter.
    pub price: Amount,
    /// Prices for some payers; the first that fits counts.
    pub prices: Vec<PriceRule>,
    /// The payer says how much to give; `price` is what is asked if nothing is said.
    pub own_amount: Option<OwnAmount>,
    /// Uses that cost a payer nothing.
    pub free: Option<FreeUses>,
    /// What opens all its paths with one payment.
    pub passes: Vec<Pass>,
    /// How a request is priced by the unit.
    pub meter: Option<Meter>,
    /// How channels pay for it.
    pub channel: ChannelSettings,
    /// Who is paid.
    pub payees: Payees,
    /// One line for people.
    pub description: String,
    /// Media type of the answer, if known.
    pub mime_type: Option<String>,
    /// For how long a payment opens the same resource again.
    pub access_seconds: u32,
    /// A hold for a long answer or an unsafe method releases itself after this time.
    pub hold_seconds: u32,
    /// For how long an order may be valid.
    pub order_seconds: u32,
    /// Whether the payer may or must name the payment.
    pub identifier: Identifier,
    /// Named in catalogues.
    pub listed: bool,
    /// Crawlers pay with a signed request, see [`crate::Crawlers`].
    pub crawl: bool,
}

/// How channels pay for an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Least deposit of a channel.
    pub deposit_min: Amount,
    /// Deposit that suits usual use.
    pub deposit_suggested: Amount,
    /// Least delay that a channel's terms must name for a close by the payer alone.
    pub close_delay_seconds: u32,
    /// Most units that are paid before they are delivered.
    pub step_units: u64,
    /// How long a flow waits for a voucher when what is accepted is used up.
    pub voucher_wait_seconds: u32,
}

/// Requests for which the usual suggested deposit lasts.
const DEPOSIT_SUGGESTED_REQUESTS: u128 = 100;

const USUAL_CLOSE_DELAY_SECONDS: u32 = 3_600;
const USUAL_STEP_BYTES: u64 = 64 * 1024;
const USUAL_STEP_EVENTS: u64 = 16;

/// Longest wait of a flow for a voucher.
pub const VOUCHER_WAIT_SECONDS_MAX: u32 = 60;

impl ChannelSettings {
    /// What suits a price, where an operator says nothing else.
    pub fn usual(price: Amount, meter: Option<&Meter>) -> Self {
        let start = start(price, meter);
        let base =
            start.units().max(price.units()).max(meter.and_then(Meter::cost_max).unwrap_or(0));
        // Beyond 128 bits nobody can have that much; one request's worth is a fair suggestion then.
        let suggested = base.checked_mul(DEPOSIT_SUGGESTED_REQUESTS).unwrap_or(base);
        let step_units = match meter.map(Meter::unit) {
            Some(Unit::Byte) => USUAL_STEP_BYTES,
            Some(Unit::Event) => USUAL_STEP_EVENTS,
            Some(Unit::Second | Unit::Reported { .. }) | None => 1,
        };
        Self {
            deposit_min: Amount::new(start.units().max(1), price.asset()),
            deposit_suggested: Amount::new(suggested, price.asset()),
            close_delay_seconds: USUAL_CLOSE_DELAY_SECONDS,
            step_units,
            voucher_wait_seconds: VOUCHER_WAIT_SECONDS_MAX,
        }
    }
}

/// What must be accepted so that a request starts: the price; of a meter the first unit that is not
/// free, but at least one base unit; of a reported unit the most, for nobody knows the cost before
/// the end.
fn start(price: Amount, meter: Option<&Meter>) -> Amount {
    let Some(meter) = meter else { return price };
    let units = match (meter.unit(), meter.cost_max()) {
        (Unit::Reported { .. }, Some(most)) => most,
        _ if meter.terms().free_units > 0 => 0,
        _ => meter.cost(1).max(1),
    };
    Amount::new(units, price.asset())
}

/// Why an offer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Free resources need no offer.
    #[error("the price must be above zero; a free resource needs no offer")]
    FreePrice,
    /// At least one method.
    #[error("an offer covers at least one method")]
    NoMethods,
    /// HEAD goes with GET, CONNECT and TRACE cannot be sold.
    #[error("HEAD, CONNECT, OPTIONS and TRACE cannot be priced; HEAD goes with GET")]
    Method,
    /// Zero would close the resource at once.
    #[error("hold_seconds and order_seconds must be above zero")]
    ZeroSeconds,
    /// The node would end the hold earlier.
    #[error("hold_seconds must be {HOLD_SECONDS_MAX} at most")]
    LongHold,
    /// A meter's first price is that of the offer.
    #[error("the meter's price must be the price of the offer")]
    MeterPrice,
    /// Crawlers sign one price for one request.
    #[error("an offer with a meter cannot be sold to crawlers, which pay one price for a request")]
    MeteredCrawl,
    /// A channel's amounts are in the asset of the price.
    #[error("deposits must be in the asset of the price")]
    DepositAsset,
    /// A smaller deposit could not pay for one request's start.
    #[error(
        "deposit_min must be at least {0} base units, what a request needs to start, and above zero"
    )]
    SmallDeposit(u128),
    /// The suggestion must be allowed.
    #[error("deposit_suggested must not be below deposit_min")]
    SuggestedDeposit,
    /// See the limits.
    #[error("close_delay_seconds must be {CLOSE_DELAY_SECONDS_MIN} to {CLOSE_DELAY_SECONDS_MAX}")]
    CloseDelay,
    /// See the limits.
    #[error("voucher_wait_seconds must be {VOUCHER_WAIT_SECONDS_MAX} at most")]
    VoucherWait,
    /// Nothing could be delivered.
    #[error("step_units must be above zero")]
    ZeroStep,
    /// A crawler's signature names one price, for a request without effects.
    #[error("crawl = true needs the method GET and a price without a meter")]
    Crawl,
    /// Which price would be metered or signed by a crawler?
    #[error(
        "prices for some payers, amounts of the payer's own and free uses need a price without a meter \
         or crawl"
    )]
    Rules,
    /// What is asked if nothing is said must be enough.
    #[error("no price may be below {0} base units, the least that a payer may give")]
    BelowLeast(u128),
    /// See the limits.
    #[error(
        "free uses are 1 to {FREE_USES_COUNT_MAX} in a window of 1 to {FREE_WINDOW_SECONDS_MAX} seconds"
    )]
    Free,
    /// A pass opens what can be fetched again without harm.
    #[error(
        "passes need the method GET alone and a price without a meter or crawl; there may be \
         {PASSES_COUNT_MAX}, each with another name of a-z, 0-9, - and _, a price above zero, and seconds \
         or uses"
    )]
    Passes,
    /// A call is one POST with one price.
    #[error("a tool has one price for a call: no methods but POST, no meter, no placeholders")]
    Tool,
    /// Every payee of the split has a share.
    #[error("the split must name as many payees as shares, at most {SPLIT_COUNT_MAX}")]
    Split,
}

/// Most payees of one offer.
pub const SPLIT_COUNT_MAX: usize = 16;

impl Offer {
    /// The id of an offer that stands in a file and not in the registry: it follows from the site,
    /// path and methods, so that it stays when the price changes.
    pub fn file_id(site: &str, path: &PathPattern, methods: &[Method]) -> OfferId {
        let mut hash = Sha256::new().chain_update(b"farthing/file-offer/1");
        let methods = methods.iter().map(Method::as_str);
        for part in [site, path.as_str()].into_iter().chain(methods) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        OfferId::from_digest(&hash.finalize().into())
    }

    /// Checks what the types cannot.
    pub fn check(&self) -> Result<(), OfferError> {
        if self.price.units() == 0 && self.meter.is_none() {
            return Err(OfferError::FreePrice);
        }
        if self.methods.is_empty() {
            return Err(OfferError::NoMethods);
        }
        let unsold = [Method::HEAD, Method::CONNECT, Method::OPTIONS, Method::TRACE];
        if self.methods.iter().any(|method| unsold.contains(method)) {
            return Err(OfferError::Method);
        }
        if self.hold_seconds == 0 || self.order_seconds == 0 {
            return Err(OfferError::ZeroSeconds);
        }
        if self.hold_seconds > HOLD_SECONDS_MAX {
            return Err(OfferError::LongHold);
        }
        if self.crawl && (self.meter.is_some() || !self.methods.contains(&Method::GET)) {
            return Err(OfferError::Crawl);
        }
        self.check_prices()?;
        self.check_passes()?;
        if let Some(tool) = &self.tool
            && (self.methods != [Method::POST]
                || self.meter.is_some()
                || self.path.as_str() != tool.path())
        {
            return Err(OfferError::Tool);
        }
        if let Some((accounts, shares)) = &self.payees.split
            && (accounts.len() != shares.parts_per_million().len()
                || accounts.len() > SPLIT_COUNT_MAX)
        {
            return Err(OfferError::Split);
        }
        self.check_channel()
    }

    fn check_prices(&self) -> Result<(), OfferError> {
        let is_plain = self.prices.is_empty() && self.own_amount.is_none() && self.free.is_none();
        if !is_plain && (self.meter.is_some() || self.crawl) {
            return Err(OfferError::Rules);
        }
        if self.free.is_some_and(|free| !free.is_sound()) {
            return Err(OfferError::Free);
        }
        if self.prices.iter().any(|rule| rule.price == 0) {
            return Err(OfferError::FreePrice);
        }
        let least = self.own_amount.as_ref().map_or(0, |own| own.min);
        if self.price.units() < least || self.prices.iter().any(|rule| rule.price < least) {
            return Err(OfferError::BelowLeast(least));
        }
        Ok(())
    }

    fn check_passes(&self) -> Result<(), OfferError> {
        let passes = &self.passes;
        let is_plain = self.methods == [Method::GET] && self.meter.is_none() && !self.crawl;
        let names = passes.iter().enumerate().all(|(index, pass)| {
            passes.iter().take(index).all(|earlier| earlier.name != pass.name)
        });
        let are_sound =
            names && passes.len() <= PASSES_COUNT_MAX && passes.iter().all(Pass::is_sound);
        if passes.is_empty() || (is_plain && are_sound) { Ok(()) } else { Err(OfferError::Passes) }
    }

    fn check_channel(&self) -> Result<(), OfferError> {
        if self.meter.as_ref().is_some_and(|meter| meter.terms().price != self.price) {
            return Err(OfferError::MeterPrice);
        }
        if self.meter.is_some() && self.crawl {
            return Err(OfferError::MeteredCrawl);
        }
        let (channel, asset) = (&self.channel, self.price.asset());
        if channel.deposit_min.asset() != asset || channel.deposit_suggested.asset() != asset {
            return Err(OfferError::DepositAsset);
        }
        let least = self.start().units().max(1);
        if channel.deposit_min.units() < least {
            return Err(OfferError::SmallDeposit(least));
        }
        if channel.deposit_suggested.units() < channel.deposit_min.units() {
            return Err(OfferError::SuggestedDeposit);
        }
        let delays = CLOSE_DELAY_SECONDS_MIN..=CLOSE_DELAY_SECONDS_MAX;
        if !delays.contains(&channel.close_delay_seconds) {
            return Err(OfferError::CloseDelay);
        }
        if channel.voucher_wait_seconds > VOUCHER_WAIT_SECONDS_MAX {
            return Err(OfferError::VoucherWait);
        }
        if channel.step_units == 0 {
            return Err(OfferError::ZeroStep);
        }
        Ok(())
    }

    /// What must be accepted on a channel so that a request starts.
    pub fn start(&self) -> Amount {
        start(self.price, self.meter.as_ref())
    }

    /// The most that one request can cost; `None` if a meter has no end.
    pub fn price_max(&self) -> Option<Amount> {
        match &self.meter {
            None => Some(self.price),
            Some(meter) => meter.cost_max().map(|most| Amount::new(most, self.price.asset())),
        }
    }

    /// The most that one unit costs; `None` if it is not paid by the unit.
    pub fn unit_price_max(&self) -> Option<UnitPrice> {
        self.meter.as_ref().map(Meter::unit_price_max)
    }

    /// Whether `start` is reserved before the request is carried out: its cost is known only at the
    /// end, so it must be there until then.
    pub fn reserves_start(&self) -> bool {
        let unit = self.meter.as_ref().map(Meter::unit);
        matches!(unit, Some(Unit::Reported { .. }))
    }

    /// How it is metered, for a challenge.
    pub fn metered(&self) -> Option<Metered> {
        let terms = self.meter.as_ref()?.terms();
        let tier = |tier: &crate::meter::Tier| format!("{} beyond {}", tier.price, tier.from);
        let tiers = terms.tiers.iter().map(tier).collect::<Vec<_>>().join(", ");
        Some(Metered {
            unit: terms.unit.name().to_owned(),
            price: terms.price,
            per: terms.per,
            free_units: terms.free_units,
            units_max: terms.units_max,
            tiers: Some(tiers).filter(|tiers| !tiers.is_empty()),
        })
    }

    /// How channels pay, for a challenge; the state of a channel is the caller's to add.
    pub fn channel_offer(&self) -> ChannelOffer {
        ChannelOffer {
            start: self.start(),
            deposit_min: self.channel.deposit_min,
            deposit_suggested: self.channel.deposit_suggested,
            close_delay_seconds: self.channel.close_delay_seconds,
            state: None,
        }
    }
}
