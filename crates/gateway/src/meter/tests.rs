//! Meters against a naive model that adds up unit by unit.

use money::Asset;
use proptest::prelude::*;

use super::*;

fn usd(units: u128) -> Amount {
    Amount::new(units, Asset::new("USD", 9).unwrap())
}

fn terms(price: u128, per: u64) -> MeterTerms {
    let (unit, price) = (Unit::Byte, usd(price));
    MeterTerms { unit, price, per, free_units: 0, units_max: None, tiers: Vec::new() }
}

fn tier(from: u64, price: u128) -> Tier {
    Tier { from, price: usd(price) }
}

/// What the units cost, one by one, and the division at the very end.
fn naive(terms: &MeterTerms, units: u64) -> u128 {
    let units = units.min(terms.units_max.unwrap_or(u64::MAX));
    let price = |number: u64| {
        let tier = terms.tiers.iter().rev().find(|tier| tier.from <= number);
        tier.map_or(terms.price, |tier| tier.price).units()
    };
    (terms.free_units..units).map(price).sum::<u128>() / u128::from(terms.per)
}

prop_compose! {
    fn any_terms()(
        price in 0_u128..50,
        per in 1_u64..20,
        free_units in 0_u64..40,
        units_max in proptest::option::of(1_u64..300),
        steps in proptest::collection::vec((1_u64..60, 0_u128..50), 0..5),
    ) -> MeterTerms {
        let mut from = 0;
        let tiers = steps.into_iter().map(|(step, price)| {
            from += step;
            tier(from, price)
        }).collect();
        MeterTerms { free_units, units_max, tiers, ..terms(price, per) }
    }
}

proptest! {
    #[test]
    fn a_price_is_that_of_the_units_one_by_one(terms in any_terms(), units in 0_u64..400) {
        if let Ok(meter) = Meter::new(terms.clone()) {
            prop_assert_eq!(meter.cost(units), naive(&terms, units));
        } else {
            let all = naive(&MeterTerms { per: 1, ..terms.clone() }, terms.units_max.unwrap_or(400));
            prop_assert_eq!(all, 0, "only free offers of this kind are refused");
        }
    }

    #[test]
    fn more_units_never_cost_less_and_never_more_than_the_most(
        terms in any_terms(), units in 0_u64..400,
    ) {
        let Ok(meter) = Meter::new(terms) else { return Ok(()) };
        prop_assert!(meter.cost(units) <= meter.cost(units + 1));
        prop_assert!(meter.cost(units) <= meter.cost_max().unwrap_or(u128::MAX));
    }

    #[test]
    fn a_budget_buys_the_most_units_that_it_pays(terms in any_terms(), budget in 0_u128..3_000) {
        let Ok(meter) = Meter::new(terms) else { return Ok(()) };
        let units = meter.units_for(budget);
        prop_assert!(meter.cost(units) <= budget);
        if units < meter.units_max() {
            prop_assert!(meter.cost(units + 1) > budget);
        }
    }
}

#[test]
fn free_units_and_tiers_are_counted_from_the_first_unit_of_the_request() {
    let tiers = vec![tier(10, 3), tier(20, 1)];
    let meter = Meter::new(MeterTerms { free_units: 5, tiers, ..terms(7, 1) }).unwrap();
    let costs: Vec<u128> = [0, 5, 6, 10, 11, 20, 21].map(|units| meter.cost(units)).to_vec();
    assert_eq!(costs, [0, 0, 7, 35, 38, 65, 66]);
}

#[test]
fn what_is_no_whole_base_unit_is_not_charged() {
    let meter = Meter::new(terms(2, 3)).unwrap();
    let costs: Vec<u128> = (0..=6).map(|units| meter.cost(units)).collect();
    assert_eq!(costs, [0, 0, 1, 2, 2, 3, 4]);
}

#[test]
fn the_largest_prices_are_exact() {
    let meter = Meter::new(terms(u128::from(u64::MAX), 1)).unwrap();
    assert_eq!(meter.cost(u64::MAX), u128::from(u64::MAX) * u128::from(u64::MAX));
    assert_eq!(meter.units_for(u128::MAX), u64::MAX);
    assert_eq!(meter.units_for(u128::from(u64::MAX) - 1), 0);
}

#[test]
fn each_mistake_has_its_own_error_and_the_first_one_is_named() {
    let other = Amount::new(1, Asset::new("EUR", 9).unwrap());
    let reported = |name: &str| Unit::Reported {
        name: name.to_owned(),
        header: HeaderName::from_static("farthing-units"),
    };
    let good = terms(1, 1);
    for (wrong, error) in [
        (MeterTerms { per: 0, units_max: Some(0), ..good.clone() }, MeterError::ZeroPer),
        (MeterTerms { units_max: Some(0), ..good.clone() }, MeterError::ZeroUnits),
        (MeterTerms { unit: reported("Token"), ..good.clone() }, MeterError::ReportedWithoutMax),
        (
            MeterTerms { unit: reported("Token"), units_max: Some(1), ..good.clone() },
            MeterError::UnitName,
        ),
        (
            MeterTerms { unit: reported(""), units_max: Some(1), ..good.clone() },
            MeterError::UnitName,
        ),
        (
            MeterTerms { tiers: vec![tier(1, 1); TIERS_COUNT_MAX + 1], ..good.clone() },
            MeterError::TooManyTiers,
        ),
        (MeterTerms { tiers: vec![tier(0, 1)], ..good.clone() }, MeterError::TierOrder),
        (MeterTerms { tiers: vec![tier(5, 1), tier(5, 1)], ..good.clone() }, MeterError::TierOrder),
        (
            MeterTerms { tiers: vec![Tier { from: 1, price: other }], ..good.clone() },
            MeterError::TierAsset,
        ),
        (terms(0, 1), MeterError::Free),
        (MeterTerms { free_units: 9, units_max: Some(9), ..good.clone() }, MeterError::Free),
        (terms(u128::from(u64::MAX) + 3, 1), MeterError::TooLarge),
    ] {
        assert_eq!(Meter::new(wrong.clone()), Err(error), "{wrong:?}");
    }
}
