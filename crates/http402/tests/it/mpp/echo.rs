//! An echoed challenge counts for its own request only.

use http::Method;
use http402::mpp::{AcceptPayment, ChallengeContext, EchoError, Intent, check_echo};
use http402::{Challenge, Instrument, Presented};

use super::{
    EXPIRES_AT_MS, amount, ask, by_order, pay, read, read_lines, secret, state, voucher,
    with_channel, with_context,
};
use crate::fixture::challenge as offer;

#[test]
fn an_echo_counts_for_its_own_request_only() {
    let presented = pay(&read(&offer(), Intent::Charge), &by_order());
    let check = |presented: &Presented, challenge: &Challenge, expected| {
        with_context(
            |_| {},
            |context| {
                assert_eq!(check_echo(presented, challenge, context), expected);
            },
        );
    };
    check(&presented, &offer(), Ok(()));
    let mut other = offer();
    other.resource.url.push_str("?page=2");
    check(&presented, &other, Err(EchoError::Scope));
    let mut other = offer();
    other.amount = amount(2_000_001);
    check(&presented, &other, Err(EchoError::Terms));
    let mut other = offer();
    other.pay_to = money::AccountId::new(78).unwrap();
    check(&presented, &other, Err(EchoError::Terms));
    // What the offer is called may change.
    let mut other = offer();
    other.resource.description = None;
    check(&presented, &other, Ok(()));

    let mut forged = presented.clone();
    forged.mpp.as_mut().unwrap().id = "AAAA".to_owned();
    forged.mpp.as_mut().unwrap().realm = "other".to_owned();
    check(&forged, &offer(), Err(EchoError::Forged));
    check(&Presented { mpp: None, ..presented.clone() }, &offer(), Err(EchoError::Forged));

    let elsewhere = read_lines(ask(&offer(), |it| it.realm = "example.org"), Intent::Charge);
    check(&pay(&elsewhere, &by_order()), &offer(), Err(EchoError::Realm));
    let early = read_lines(ask(&offer(), |it| it.expires_at_ms -= 1000), Intent::Charge);
    check(&pay(&early, &by_order()), &offer(), Err(EchoError::Outlives));
}

#[test]
fn an_echo_is_bound_to_method_and_body() {
    let post = Method::POST;
    let asked = |body| {
        let lines = ask(&with_channel(), |it| (it.method, it.body_digest) = (&Method::POST, body));
        pay(&read_lines(lines, Intent::Session), &Instrument::Voucher(voucher()))
    };
    let check = |presented: &Presented, method: &Method, body, expected| {
        let (secret, accept) = (secret(), AcceptPayment::default());
        let context = ChallengeContext {
            realm: "127.0.0.1",
            secret: &secret,
            expires_at_ms: EXPIRES_AT_MS,
            method,
            body_digest: body,
            accept: &accept,
            authorization_taken: false,
        };
        assert_eq!(check_echo(presented, &with_channel(), &context), expected);
    };
    let presented = asked(Some([1; 32]));
    check(&presented, &post, Some([1; 32]), Ok(()));
    check(&presented, &post, Some([2; 32]), Err(EchoError::Digest));
    check(&presented, &post, None, Err(EchoError::Digest));
    check(&presented, &Method::GET, Some([1; 32]), Err(EchoError::Scope));
    check(&presented, &Method::HEAD, None, Ok(()));
    check(&asked(None), &post, None, Ok(()));
}

/// `HEAD` goes with any method of its own resource, and with no other resource.
#[test]
fn a_change_of_a_channel_is_bound_to_the_resource() {
    let session = read(&with_channel(), Intent::Session);
    let presented = pay(&session, &Instrument::Voucher(voucher()));
    let mut elsewhere = with_channel();
    elsewhere.resource.url.push('2');
    with_context(
        |context| context.method = &Method::HEAD,
        |context| {
            assert_eq!(check_echo(&presented, &with_channel(), context), Ok(()));
            assert_eq!(check_echo(&presented, &elsewhere, context), Err(EchoError::Scope));
        },
    );
}

#[test]
fn a_channel_may_move_on_under_one_challenge() {
    let mut told = with_channel();
    told.channel.as_mut().unwrap().state = Some(state());
    let presented = pay(&read(&told, Intent::Session), &Instrument::Voucher(voucher()));
    with_context(
        |_| {},
        |context| {
            assert_eq!(check_echo(&presented, &with_channel(), context), Ok(()));
            let mut dearer = with_channel();
            dearer.channel.as_mut().unwrap().start = amount(2_000_001);
            assert_eq!(check_echo(&presented, &dearer, context), Err(EchoError::Terms));
            let mut closed = with_channel();
            closed.channel = None;
            assert_eq!(check_echo(&presented, &closed, context), Err(EchoError::Terms));
        },
    );
}
