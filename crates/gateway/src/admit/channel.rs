//! Admission of what pays from a channel, or changes one: terms first, because they cost nothing,
//! then the signature of what opens a channel. Vouchers and ticks are checked by the node, which
//! knows the channel's key.

use engine::{OpenChannel, PayerClass, Present, PresentMode, Proof};
use http::Method;
use http402::{Instrument, Presented};
use instrument::Signed;
use instrument::channel::{ChannelTerms, SignedVoucher, TopUp, VerifiedTerms};
use money::ChannelId;

use super::{Admitted, Answered};
use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::change::Change;
use crate::deliver::{FromChannel, Reference, Source};

/// How long a request may take to its first spend; a shorter hold of the offer does not cut it, for
/// an answer is read before it is paid.
const LEASE_SECONDS: u32 = 120;

/// What is presented, sorted by what it does to the channel.
#[derive(Default)]
struct Parts {
    open: Option<Box<OpenChannel>>,
    top_up: Option<Signed<TopUp>>,
    proof: Option<Proof>,
}

pub(super) fn admit(case: &Case, presented: &Presented) -> Result<Admitted, Answered> {
    check(case, presented).map_err(|refusal| {
        let refusal = match channel_of(presented) {
            Some(channel) => refusal.about(Reference::Channel(channel)),
            None => refusal,
        };
        Box::new(answer::refused(case, &refusal))
    })
}

fn check(case: &Case, presented: &Presented) -> Result<Admitted, Refusal> {
    super::check_terms(case, presented)?;
    let parts = match &presented.instrument {
        Instrument::Open { terms, voucher } => {
            let open = Some(Box::new(open(case, terms, voucher)?));
            Parts { open, proof: Some(Proof::Voucher(*voucher)), ..Parts::default() }
        }
        Instrument::Voucher(voucher) => {
            Parts { proof: Some(Proof::Voucher(*voucher)), ..Parts::default() }
        }
        Instrument::Tick { channel, tick } => {
            let proof = Some(Proof::Tick { channel: *channel, tick: *tick });
            Parts { proof, ..Parts::default() }
        }
        Instrument::TopUp { top_up, voucher } => {
            if let Some(voucher) = voucher {
                same_channel(top_up.unverified().channel, voucher)?;
            }
            Parts { top_up: Some(*top_up), proof: voucher.map(Proof::Voucher), open: None }
        }
        Instrument::Close(close) => return Ok(Admitted::Change(Box::new(Change::Close(*close)))),
        Instrument::Order { .. } => {
            let text = "an order is no payment from a channel";
            return Err(Refusal::new("unsupported_scheme", text));
        }
    };
    Ok(parts.admitted(case))
}

/// The channel that is presented.
fn channel_of(presented: &Presented) -> Option<ChannelId> {
    match &presented.instrument {
        Instrument::Order { .. } => None,
        Instrument::Open { terms, .. } => Some(terms.unverified().channel()),
        Instrument::Voucher(voucher) => Some(voucher.unverified().channel),
        Instrument::Tick { channel, .. } => Some(*channel),
        Instrument::TopUp { top_up, .. } => Some(top_up.unverified().channel),
        Instrument::Close(close) => Some(close.unverified().channel),
    }
}

impl Parts {
    /// A request with something that pays is a delivery, unless it is a HEAD, which never buys.
    fn admitted(self, case: &Case) -> Admitted {
        match self.proof {
            Some(proof) if !case.is_head() => {
                Admitted::Delivery(Source::Channel(Box::new(FromChannel {
                    open: self.open,
                    top_up: self.top_up,
                    present: present(case, proof),
                })))
            }
            proof => Admitted::Change(Box::new(Change::Raise {
                open: self.open,
                top_up: self.top_up,
                proof,
            })),
        }
    }
}

fn present(case: &Case, proof: Proof) -> Present {
    // What is known at the end only must be there until then, whatever the method.
    let safe = case.method == Method::GET && !case.offer.reserves_start();
    let hold = case.offer.hold_seconds;
    Present {
        proof,
        purchase: case.purchase,
        pay_to: case.offer.payees.pay_to,
        split: case.offer.payees.split.clone(),
        start: case.offer.start(),
        unit_price: case.offer.unit_price_max(),
        mode: if safe { PresentMode::Lease } else { PresentMode::Reserve },
        lease_seconds: if safe { hold.max(LEASE_SECONDS) } else { hold },
        origin: Some(case.origin.clone()),
    }
}

fn open(
    case: &Case,
    signed: &Signed<ChannelTerms>,
    voucher: &SignedVoucher,
) -> Result<OpenChannel, Refusal> {
    let terms = signed.unverified();
    fits_offer(case, terms)?;
    same_channel(terms.channel(), voucher)?;
    let terms: VerifiedTerms = signed.verify().map_err(|error| {
        Refusal::new("terms_signature", format!("the channel's terms: {error}"))
    })?;
    let mut tags = case.tags;
    if signed.unverified().tick_count > 0 && tags.class == PayerClass::Program {
        tags.class = PayerClass::Device;
    }
    Ok(OpenChannel {
        terms,
        split: case.offer.payees.split.clone(),
        description: case.offer.description.clone(),
        origin: Some(case.origin.clone()),
        tags,
    })
}

/// What this offer asks of a channel beyond what the node asks of every one.
fn fits_offer(case: &Case, terms: &ChannelTerms) -> Result<(), Refusal> {
    let (offer, settings) = (&case.offer, &case.offer.channel);
    let refuse = |code, text: String| Err(Refusal::new(code, text));
    if terms.node != case.options.facts.node {
        return refuse("channel_wrong_node", "field `node`: the terms are for another node".into());
    }
    if terms.payee != offer.payees.pay_to {
        let text = format!("field `payee`: this offer pays {}", offer.payees.pay_to);
        return refuse("channel_wrong_payee", text);
    }
    if terms.deposit.asset() != offer.price.asset() {
        let text = format!("field `deposit`: this offer is priced in {}", offer.price.asset().code);
        return refuse("channel_wrong_asset", text);
    }
    if terms.deposit.units() < settings.deposit_min.units() {
        let text = format!("field `deposit`: at least {} is needed here", settings.deposit_min);
        return refuse("deposit_below_minimum", text);
    }
    if terms.close_delay_seconds < settings.close_delay_seconds {
        let text = format!(
            "field `close_delay_seconds`: at least {} seconds are needed here",
            settings.close_delay_seconds
        );
        return refuse("channel_terms", text);
    }
    Ok(())
}

fn same_channel(channel: ChannelId, voucher: &SignedVoucher) -> Result<(), Refusal> {
    if voucher.unverified().channel == channel {
        return Ok(());
    }
    let text = format!("field `channelId`: the voucher is for another channel than {channel}");
    Err(Refusal::new("voucher_wrong_channel", text))
}
