//! Requests that are paid from channels, signed before the clock starts: one channel for each
//! connection, because a channel serves one request at a time.
//!
//! Invariant: every voucher is new and pays exactly the price of its request.

use anyhow::{Context, Result};
use benches::load::{self, Call};
use http402::x402::{PAYMENT_REQUIRED, Payment, PaymentRequired, PaymentRequirements, Scheme};
use http402::{Dialect, Instrument};

use super::books::Channel;

/// Payers of one resource.
pub(crate) struct Wallet {
    unpaid: Call,
    terms: PaymentRequirements,
    url: String,
    channels: Vec<Channel>,
    /// Channels that were opened by a request.
    opened: usize,
}

impl Wallet {
    /// Asks for the resource to learn its terms; `first` numbers the first channel, none of which may
    /// be used twice at one node.
    pub(crate) fn new(origin: &str, path: &str, first: u64, count: usize) -> Result<Self> {
        let unpaid = load::get(origin, path)?;
        let answer = load::ask(&unpaid)?;
        let header = answer.headers.get(PAYMENT_REQUIRED).context("the path is not sold")?;
        let required = PaymentRequired::decode_header(header)?;
        let mut terms = required.accepts.into_iter();
        let terms = terms.find(|terms| terms.scheme == Scheme::BatchSettlement);
        let terms = terms.context("channels do not pay for the path")?;
        let numbers = first..first + count as u64;
        let channels = numbers.map(|number| Channel::new(number, None)).collect::<Result<_>>()?;
        Ok(Self { unpaid, terms, url: required.resource.url, channels, opened: 0 })
    }

    /// What one request costs at least, base units.
    pub(crate) fn price(&self) -> u128 {
        self.terms.amount.units()
    }

    /// `count` paid requests, dealt to the channels in turn; the first one of each opens it.
    pub(crate) fn pay(&mut self, count: usize, units: u128) -> Result<Vec<Call>> {
        (0..count).map(|number| self.pay_one(number % self.channels.len(), units)).collect()
    }

    fn pay_one(&mut self, number: usize, units: u128) -> Result<Call> {
        let channel = self.channels.get_mut(number).context("no channels")?;
        let voucher = channel.pay(units);
        let instrument = if number < self.opened {
            Instrument::Voucher(voucher)
        } else {
            self.opened += 1;
            Instrument::Open { terms: Box::new(channel.signed()), voucher }
        };
        let payment = Payment {
            dialect: Dialect::X402V2,
            accepted: &self.terms,
            instrument: &instrument,
            resource_url: Some(&self.url),
            extensions: None,
        };
        let (name, value) = payment.encode_header()?;
        let mut call = self.unpaid.clone();
        call.headers_mut().insert(name, value);
        Ok(call)
    }
}
