//! Sums of any time and dimension are those of the facts.

use engine::{PayerClass, Tags};
use money::AccountId;
use report::{Dimension, Edges, Fact, IncomeQuery, IncomeValue, Reader, Totals};

use crate::world::{self, At, Numbers, START_MS, account, usd};

const QUARTER_MS: u64 = 15 * 60 * 1000;
const DAY_MS: u64 = 96 * QUARTER_MS;

/// What the facts add to an account, or to the whole node, in a time.
fn naive(
    facts: &[At],
    who: Option<AccountId>,
    time: std::ops::Range<u64>,
    fits: impl Fn(&Tags) -> bool,
) -> Totals {
    let mut totals = Totals::default();
    for (_, at_ns, fact) in facts {
        let (legs, tags, is_refund) = match fact {
            Fact::Settled(payment) => (&payment.legs, &payment.tags, false),
            Fact::ChannelSettled(income) => (&income.legs, &income.tags, false),
            Fact::Refunded(refund) => (&refund.legs, &refund.tags, true),
            _ => continue,
        };
        if !time.contains(&(at_ns / 1_000_000)) || !fits(tags) {
            continue;
        }
        let parts: Vec<u128> = match who {
            None => vec![legs.iter().map(|(_, units)| units).sum()],
            Some(who) => legs.iter().filter(|leg| leg.0 == who).map(|leg| leg.1).collect(),
        };
        for units in parts {
            if is_refund {
                totals.refunds += 1;
                totals.refunded += units;
            } else {
                totals.payments += 1;
                totals.gross += units;
            }
        }
    }
    totals
}

fn query(account: Option<AccountId>, edges: &[u64]) -> IncomeQuery {
    IncomeQuery { account, asset: usd(), edges: Edges::new(edges).unwrap() }
}

/// Edges of every shape: quarters, days of UTC and elsewhere, months, unequal ones.
fn shapes() -> Vec<Vec<u64>> {
    let steps = |start: u64, step: u64, count: u64| -> Vec<u64> {
        (0..=count).map(|number| start + number * step).collect()
    };
    let mut numbers = Numbers(5);
    let mut unequal: Vec<u64> =
        (0..9).map(|_| START_MS + numbers.below(120 * 96) * QUARTER_MS).collect();
    unequal.sort_unstable();
    unequal.dedup();
    vec![
        steps(START_MS, QUARTER_MS, 96),
        steps(START_MS, 4 * QUARTER_MS, 500),
        steps(START_MS, DAY_MS, 120),
        steps(START_MS - 22 * QUARTER_MS, DAY_MS, 120),
        steps(START_MS - 22 * QUARTER_MS, 30 * DAY_MS, 4),
        unequal,
    ]
}

fn check_time(reader: &Reader, facts: &[At], who: Option<AccountId>) {
    for edges in shapes() {
        let buckets = reader.income_over_time(&query(who, &edges)).unwrap();
        assert_eq!(buckets.len(), edges.len() - 1);
        for (bucket, pair) in buckets.iter().zip(edges.windows(2)) {
            assert_eq!((bucket.from_ms, bucket.to_ms), (pair[0], pair[1]));
            assert_eq!(bucket.totals, naive(facts, who, pair[0]..pair[1], |_| true));
        }
    }
}

fn check_dimensions(reader: &Reader, facts: &[At], who: Option<AccountId>) {
    for edges in shapes() {
        let time = edges[0]..*edges.last().unwrap();
        let query = query(who, &edges);
        for dimension in [Dimension::Offer, Dimension::Country, Dimension::Class] {
            let rows = reader.income_by(&query, dimension).unwrap();
            assert!(rows.windows(2).all(|pair| pair[0].totals.gross >= pair[1].totals.gross));
            let mut gross = 0;
            for row in rows {
                let expected = naive(facts, who, time.clone(), |tags| match &row.value {
                    IncomeValue::All => true,
                    IncomeValue::Offer { tag, .. } => tags.offer.0 == *tag,
                    IncomeValue::Country(letters) => tags.country.map(String::from) == *letters,
                    IncomeValue::Class(class) => tags.class == *class,
                });
                assert_eq!(row.totals, expected, "{:?}", row.value);
                gross += row.totals.gross;
            }
            assert_eq!(gross, naive(facts, who, time.clone(), |_| true).gross);
        }
    }
}

#[test]
fn sums_are_those_of_the_facts() {
    for seed in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let facts = world::history(seed, 1_500);
        let reader = Reader::of(&world::store(&folder, &facts, 97));
        for who in [None, Some(account(100)), Some(account(103)), Some(account(999))] {
            check_time(&reader, &facts, who);
            check_dimensions(&reader, &facts, who);
        }
    }
}

#[test]
fn a_named_offer_has_its_title() {
    let folder = tempfile::tempdir().unwrap();
    let mut facts = world::history(1, 200);
    let named = Fact::OfferNamed { tag: 11, id: "off_x".into(), title: "Articles".into() };
    facts.push((100_000, facts.last().unwrap().1 + 1, named));
    let reader = Reader::of(&world::store(&folder, &facts, 1_000));
    let rows = reader
        .income_by(&query(None, &[START_MS, START_MS + 400 * DAY_MS]), Dimension::Offer)
        .unwrap();
    let titles: Vec<_> = rows
        .iter()
        .filter_map(|row| match &row.value {
            IncomeValue::Offer { tag: 11, named } => named.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(titles, [("off_x".to_owned(), "Articles".to_owned())]);
}

#[test]
fn sums_above_64_bits_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let mut facts = world::history(3, 400);
    let huge = u128::MAX / 1_000_000;
    for (_, _, fact) in &mut facts {
        if let Fact::ChannelSettled(income) = fact {
            income.legs = vec![(account(100), huge)];
            income.amount = money::Amount::new(huge, usd());
        }
    }
    let reader = Reader::of(&world::store(&folder, &facts, 50));
    check_time(&reader, &facts, Some(account(100)));
    check_dimensions(&reader, &facts, None);
}

#[test]
fn bad_edges_are_refused() {
    assert_eq!(Edges::new(&[1]).unwrap_err().code(), "time_empty");
    assert_eq!(Edges::new(&[5 * QUARTER_MS, 5 * QUARTER_MS]).unwrap_err().code(), "time_empty");
    let many: Vec<u64> = (0..1_002).map(|step| step * QUARTER_MS).collect();
    assert_eq!(Edges::new(&many).unwrap_err().code(), "too_many_steps");
    assert!(Edges::new(&many[..1_001]).is_ok());
    assert_eq!(PayerClass::default(), PayerClass::Unknown);
}
