//! What terms must say before a channel opens: each fault by its name, the first of two first.

use std::collections::BTreeSet;

use instrument::PublicKey;
use instrument::channel::{
    CHANNEL_LIFE_MS_MAX, CLOSE_DELAY_SECONDS_MAX, CLOSE_DELAY_SECONDS_MIN, ChannelTerms, StepError,
    TermsError, TickError, TickLink, VoucherKeyError,
};
use money::Amount;

use crate::channels::{OPENED_AT_MS, terms};

type Change = fn(&mut ChannelTerms);

/// Changes of sound terms that break one rule each, in order of precedence.
fn faults() -> Vec<(Change, TermsError)> {
    vec![
        (|terms| terms.payee = terms.payer, TermsError::Payee),
        (|terms| terms.deposit = Amount::new(0, terms.deposit.asset()), TermsError::Deposit),
        (|terms| terms.tick_root = TickLink([0; 16]), TermsError::Ticks),
        (|terms| terms.close_delay_seconds = CLOSE_DELAY_SECONDS_MIN - 1, TermsError::CloseDelay),
        (|terms| terms.expires_at_ms = OPENED_AT_MS, TermsError::Expired),
        (|terms| terms.voucher_key = PublicKey([0; 32]), VoucherKeyError::SmallOrder.into()),
    ]
}

fn check(change: impl Fn(&mut ChannelTerms)) -> Result<PublicKey, TermsError> {
    let mut terms = terms();
    change(&mut terms);
    terms.check(OPENED_AT_MS).map(|key| *key.public())
}

#[test]
fn each_fault_has_its_name_and_the_first_counts() {
    assert_eq!(check(|_| ()), Ok(terms().voucher_key));
    let faults = faults();
    for (place, (change, error)) in faults.iter().enumerate() {
        assert_eq!(check(change), Err(*error));
        assert!(error.to_string().contains(&format!("`{}`", error.field())), "{error}");
        for (later, _) in &faults[place..] {
            let both = |terms: &mut ChannelTerms| {
                later(terms);
                change(terms);
            };
            assert_eq!(check(both), Err(*error));
        }
    }
}

#[test]
fn ticks_are_there_or_not() {
    let none = |terms: &mut ChannelTerms| {
        (terms.tick_root, terms.tick_units, terms.tick_count) = (TickLink([0; 16]), 0, 0);
    };
    assert!(check(none).is_ok());
    for place in 0..3 {
        let some = |terms: &mut ChannelTerms| match place {
            0 => terms.tick_root = TickLink([1; 16]),
            1 => terms.tick_units = 1,
            _ => terms.tick_count = 1,
        };
        let one = |terms: &mut ChannelTerms| {
            none(terms);
            some(terms);
        };
        assert_eq!(check(one), Err(TermsError::Ticks), "{place}");
    }
    assert_eq!(check(|terms| terms.tick_units = 0), Err(TermsError::Ticks));
    assert_eq!(check(|terms| terms.tick_count = 0), Err(TermsError::Ticks));
}

#[test]
fn times_have_their_bounds() {
    let delay = |seconds| check(move |terms| terms.close_delay_seconds = seconds).map(|_| ());
    assert_eq!(delay(CLOSE_DELAY_SECONDS_MIN), Ok(()));
    assert_eq!(delay(CLOSE_DELAY_SECONDS_MAX), Ok(()));
    assert_eq!(delay(CLOSE_DELAY_SECONDS_MAX + 1), Err(TermsError::CloseDelay));
    let life =
        |life_ms| check(move |terms| terms.expires_at_ms = OPENED_AT_MS + life_ms).map(|_| ());
    assert_eq!(life(1), Ok(()));
    assert_eq!(life(CHANNEL_LIFE_MS_MAX), Ok(()));
    assert_eq!(life(CHANNEL_LIFE_MS_MAX + 1), Err(TermsError::Life));
    assert_eq!(check(|terms| terms.expires_at_ms = 1).map(|_| ()), Err(TermsError::Expired));
}

/// Programs tell refusals apart by their codes; people read what is wrong and what helps.
#[test]
fn refusals_of_the_machine_have_codes_and_texts() {
    let errors = [
        StepError::Closed,
        StepError::Closing,
        StepError::TopUpLower { deposit: 1 },
        StepError::VoucherStale { newest: 1 },
        StepError::VoucherReused { sequence: 1 },
        StepError::VoucherLower { newest: 1 },
        StepError::VoucherAboveDeposit { deposit: 1 },
        TickError::BeyondEnd { index: 2, count: 1 }.into(),
        TickError::Stale { index: 1, newest: 2 }.into(),
        TickError::Jump { steps: 2, steps_max: 1 }.into(),
        TickError::Invalid { index: 1 }.into(),
        StepError::TickAboveDeposit { index: 1, deposit: 1 },
        StepError::Busy,
        StepError::Exhausted { needed: 2, accepted: 1 },
        StepError::SpendBelowStart { start: 1 },
        StepError::SpendAboveAccepted { accepted: 1 },
    ];
    let codes: BTreeSet<_> = errors.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), errors.len());
    for error in errors {
        let text = error.to_string();
        assert!(text.split_once("; ").is_some_and(|(_, fix)| !fix.is_empty()), "{text}");
    }
}
