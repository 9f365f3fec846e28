//! The dialect MPP: one offer in three forms, one channel, and how a payer answers them.

mod echo;
mod faults;
mod payer;
mod wire;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method};
use http402::mpp::{
    AcceptPayment, ChallengeContext, ChallengeSecret, Intent, Offered, OfferedList, challenges,
    credential_header,
};
use http402::{
    Challenge, ChannelOffer, ChannelState, Instrument, Metered, Presented, decode_payment,
};
use instrument::channel::{ChannelTerms, TickLink, Voucher};
use instrument::{KeyPair, Signed, payer_account};
use money::{Amount, ChannelId};

use crate::fixture::{asset, challenge as offer, order};

const EXPIRES_AT_MS: u64 = 1_800_000_000_999;

fn secret() -> ChallengeSecret {
    ChallengeSecret::from_bytes(&[b'x'; 40])
}

fn amount(units: u128) -> Amount {
    Amount::new(units, asset())
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn terms() -> Signed<ChannelTerms> {
    let key = key();
    let terms = ChannelTerms {
        node: offer().network,
        salt: [5; 16],
        payer: payer_account(&key.public(), asset()),
        signer: key.public(),
        voucher_key: key.public(),
        payee: offer().pay_to,
        deposit: amount(10_000_000),
        tick_root: TickLink([0; 16]),
        tick_units: 0,
        tick_count: 0,
        close_delay_seconds: 3600,
        expires_at_ms: 1_900_000_000_000,
        mandate: None,
    };
    Signed::sign(terms, &key)
}

fn channel() -> ChannelId {
    terms().unverified().channel()
}

fn voucher() -> Signed<Voucher> {
    Signed::sign(Voucher { channel: channel(), sequence: 7, cumulative: 600 }, &key())
}

pub(crate) fn with_channel() -> Challenge {
    let mut challenge = offer();
    challenge.channel = Some(ChannelOffer {
        start: amount(2_000_000),
        deposit_min: amount(4_000_000),
        deposit_suggested: amount(20_000_000),
        close_delay_seconds: 3600,
        state: None,
    });
    challenge
}

pub(crate) fn metered() -> Challenge {
    let mut challenge = with_channel();
    challenge.metered = Some(Metered {
        unit: "second".to_owned(),
        price: amount(100),
        per: 3,
        free_units: 5,
        units_max: Some(600),
        tiers: Some("from 100: 50".to_owned()),
    });
    challenge
}

/// Asks for an offer; gives the lines of the answer.
fn ask(challenge: &Challenge, change: impl FnOnce(&mut ChallengeContext<'_>)) -> Vec<HeaderValue> {
    with_context(change, |context| challenges(challenge, context).unwrap())
}

fn with_context<T>(
    change: impl FnOnce(&mut ChallengeContext<'_>),
    run: impl FnOnce(&ChallengeContext<'_>) -> T,
) -> T {
    let (secret, accept) = (secret(), AcceptPayment::default());
    let mut context = ChallengeContext {
        realm: "127.0.0.1",
        secret: &secret,
        expires_at_ms: EXPIRES_AT_MS,
        method: &Method::GET,
        body_digest: None,
        accept: &accept,
        authorization_taken: false,
    };
    change(&mut context);
    run(&context)
}

/// What a payer reads of an offer under one intent.
fn read(challenge: &Challenge, intent: Intent) -> Offered {
    read_lines(ask(challenge, |_| {}), intent)
}

fn read_lines(lines: Vec<HeaderValue>, intent: Intent) -> Offered {
    let list = OfferedList::from_headers(&answer(lines)).unwrap();
    list.offered.into_iter().find(|offered| offered.terms.intent() == intent).unwrap()
}

fn answer(lines: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    lines.into_iter().map(|line| (WWW_AUTHENTICATE, line)).collect()
}

fn pay(offered: &Offered, instrument: &Instrument) -> Presented {
    let request: HeaderMap =
        [credential_header(offered, instrument).unwrap()].into_iter().collect();
    decode_payment(&request).unwrap().unwrap()
}

fn by_order() -> Instrument {
    Instrument::Order { order: order(), up_to: false }
}

fn state() -> ChannelState {
    ChannelState {
        channel: channel(),
        deposit: 10_000_000,
        accepted: 600,
        spent: 500,
        sequence: 7,
        tick_index: 3,
        voucher: Some(voucher()),
        closes_at_ms: Some(1_850_000_000_000),
    }
}
