//! The store follows its source, survives its own loss and never repeats a fact.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use report::{Edges, Facts, Follower, IncomeQuery, Source, SourceError, Writer, follow};

use crate::world::{self, At, START_MS, node, usd};

/// Facts that grow while somebody reads them.
#[derive(Clone, Default)]
struct Growing(Arc<Mutex<Vec<At>>>);

impl Source for Growing {
    fn facts(&mut self, from: u64, count_max: usize) -> Result<Facts, SourceError> {
        let all = self.0.lock().unwrap();
        let facts: Vec<At> =
            all.iter().filter(|(at, _, _)| *at >= from).take(count_max.min(50)).cloned().collect();
        let end = all.last().map_or(0, |(at, _, _)| at + 1);
        let next = facts.last().map_or(end, |(at, _, _)| at + 1);
        Ok(Facts { facts, next, end })
    }

    fn wait(&mut self, _: u64, _: Duration) {
        std::thread::yield_now();
    }
}

fn gross(follower: &Follower) -> (u64, u128) {
    let edges = Edges::new(&[START_MS, START_MS + 400 * 86_400_000]).unwrap();
    let query = IncomeQuery { account: None, asset: usd(), edges };
    let totals = follower.handle().reader().income_over_time(&query).unwrap()[0].totals;
    (totals.payments, totals.gross)
}

fn expected(facts: &[At]) -> (u64, u128) {
    facts.iter().fold((0, 0), |(count, sum), (_, _, fact)| match fact {
        report::Fact::Settled(payment) => (count + 1, sum + payment.amount.units()),
        report::Fact::ChannelSettled(income) => (count + 1, sum + income.amount.units()),
        _ => (count, sum),
    })
}

fn caught_up(follower: &Follower, facts: &[At]) {
    let end = facts.last().unwrap().0 + 1;
    let begun = Instant::now();
    while follower.handle().progress().position < end {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", follower.handle().progress());
        std::thread::yield_now();
    }
    assert_eq!(follower.handle().progress().fault, None);
    assert_eq!(gross(follower), expected(facts));
}

#[test]
fn it_follows_stops_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.sqlite");
    let facts = world::history(4, 900);
    let source = Growing::default();
    for end in [300, 600, 900] {
        let mut follower = follow(path.clone(), node(), source.clone()).unwrap();
        source.0.lock().unwrap().extend_from_slice(&facts[end - 300..end]);
        caught_up(&follower, &facts[..end]);
        follower.stop();
    }
}

#[test]
fn a_store_of_another_past_node_or_version_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.sqlite");
    let (first, second) = (world::history(4, 300), world::history(5, 400));
    let follows = |facts: &[At], node| {
        let source = Growing(Arc::new(Mutex::new(facts.to_vec())));
        let follower = follow(path.clone(), node, source).unwrap();
        caught_up(&follower, facts);
    };
    follows(&first, node());
    // Longer and other: the last event of the store is not there.
    follows(&second, node());
    // Shorter: the store is beyond the end.
    follows(&first[..100], node());
    follows(&first[..100], money::NodeId::new(8).unwrap());
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("UPDATE mark SET version = 99", []).unwrap();
    drop(file);
    follows(&second, money::NodeId::new(8).unwrap());
    std::fs::write(&path, b"no database").unwrap();
    follows(&first, node());
}

#[test]
fn a_batch_that_is_given_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let facts = world::history(6, 300);
    let mut writer = world::store(&folder, &facts, 100);
    let next = writer.next();
    writer.ingest(facts.clone(), next).unwrap();
    drop(writer);
    let source = Growing(Arc::new(Mutex::new(facts.clone())));
    let path = folder.path().join("report.sqlite");
    let follower = follow(path.clone(), node(), source).unwrap();
    caught_up(&follower, &facts);
    drop(follower);
    assert_eq!(Writer::open(&path, node()).unwrap().next(), next);
}
