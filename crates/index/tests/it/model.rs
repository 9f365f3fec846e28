//! Whatever is appended, sealed and merged, the index answers as the naive one does.

use std::sync::Arc;

use disk::Local;
use index::{Error, Found, Index, Options, Schema, verify};
use proptest::prelude::*;

use crate::world::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<([u32; 3], bool, u8)>),
    AppendWithoutPairs(u8),
    Burn,
    Seal,
    Reopen,
    KeepOnly,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fields = prop::array::uniform3(0..6_u32);
    let rows = prop::collection::vec((fields, prop::bool::weighted(0.2), any::<u8>()), 0..90);
    prop::collection::vec(
        prop_oneof![
            4 => rows.prop_map(Step::Append),
            2 => (0..70_u8).prop_map(Step::AppendWithoutPairs),
            2 => Just(Step::Burn),
            5 => Just(Step::Seal),
            1 => Just(Step::Reopen),
            1 => Just(Step::KeepOnly),
        ],
        1..30,
    )
}

/// A key that comes once: ascending for some seeds, scattered for others.
fn key(number: u32, seed: u64) -> u128 {
    match seed % 3 {
        0 => u128::from(number) + 1,
        1 => u128::from(term(number + 1)) << 32,
        _ => u128::MAX - u128::from(number),
    }
}

struct Run {
    options: Options,
    dir: tempfile::TempDir,
    index: Option<Index>,
    naive: Naive,
    sealed: (index::Manifest, Naive),
    keys: u32,
    seed: u64,
}

impl Run {
    fn step(&mut self, step: &Step) {
        let index = self.index.as_mut().unwrap();
        match step {
            Step::Append(rows) => {
                let first = self.naive.rows.len();
                for (fields, has_pair, rest) in rows {
                    self.keys += 1;
                    self.naive.rows.push(row(key(self.keys, self.seed), *fields, *rest));
                    self.naive.pairs.push([u8::from(*has_pair) * 7; PAIR_BYTES]);
                }
                let pairs = self.naive.pairs[first..].concat();
                index.append(&self.naive.rows[first..].concat(), Some(&pairs)).unwrap();
            }
            Step::AppendWithoutPairs(rows) => {
                let first = self.naive.rows.len();
                for rest in 0..*rows {
                    self.naive.rows.push(row(0, [u32::from(rest % 3), 4, 4], rest));
                    self.naive.pairs.push([0; PAIR_BYTES]);
                }
                index.append(&self.naive.rows[first..].concat(), None).unwrap();
            }
            Step::Burn => {
                self.keys += 1;
                index.burn(key(self.keys, self.seed)).unwrap();
                self.naive.burned.push(key(self.keys, self.seed));
            }
            Step::Seal => {
                let manifest = index.seal().unwrap().manifest().unwrap();
                self.sealed = (manifest, self.naive.clone());
            }
            Step::Reopen => {
                self.index = None;
                let bytes = encoded(&self.sealed.0);
                let manifest = index::Manifest::decode(&bytes).unwrap();
                assert_eq!(manifest, self.sealed.0);
                self.index = Some(open(self.dir.path(), self.options, &manifest).unwrap());
                self.naive = self.sealed.1.clone();
            }
            Step::KeepOnly => index.keep_only(&[&self.sealed.0]).unwrap(),
        }
    }

    fn check(&self) {
        let keys = (0..=self.keys + 1).map(|number| key(number, self.seed));
        self.naive.check(self.index.as_ref().unwrap(), 6, keys);
        let disk: Arc<dyn disk::Disk> = Arc::new(Local);
        let verified = verify(&disk, self.dir.path(), &SCHEMA, &self.sealed.0).unwrap();
        assert_eq!(verified.faults, [""; 0]);
        assert_eq!(verified.fingerprint, self.sealed.1.fingerprint());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_as_the_naive_one(steps in steps(), seed in any::<u64>()) {
        let options = Options { background: seed % 2 == 0, ..TINY };
        let dir = tempfile::tempdir().unwrap();
        let mut index = create(dir.path(), options);
        let manifest = index.seal().unwrap().manifest().unwrap();
        let sealed = (manifest, Naive::default());
        let naive = Naive::default();
        let mut run = Run { options, dir, index: Some(index), naive, sealed, keys: 0, seed };
        for step in &steps {
            run.step(step);
        }
        run.check();
    }
}

#[test]
fn many_levels_of_merges_and_fences_answer_alike() {
    for background in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { background, ..TINY };
        let mut index = create(dir.path(), options);
        let mut naive = Naive::default();
        for part in 0..90 {
            fill(&mut index, &mut naive, part * 67, (part + 1) * 67);
            if index.is_chunk_full() {
                index.seal().unwrap();
            }
        }
        naive.check(&index, 21, keys(6_100));
        let manifest = index.seal().unwrap().manifest().unwrap();
        naive.check(&index, 21, keys(6_100));
        let disk: Arc<dyn disk::Disk> = Arc::new(Local);
        let verified = verify(&disk, dir.path(), &SCHEMA, &manifest).unwrap();
        assert_eq!((verified.faults, verified.fingerprint), (vec![], naive.fingerprint()));
    }
}

#[test]
fn two_schemas_live_in_two_folders() {
    fn number(row: &[u8], keys: &mut Vec<u128>) {
        keys.push(u128::from(row[0]) << 8 | u128::from(row[1]));
    }
    fn parity(row: &[u8], terms: &mut Vec<u64>) {
        terms.push(u64::from(row[1] % 2) << 63);
    }
    let schema = Schema { row_bytes: 2, pair_bytes: 0, keys: number, terms: parity };
    let dir = tempfile::tempdir().unwrap();
    let mut large = create(&dir.path().join("large"), TINY);
    let mut small =
        Index::create(Arc::new(Local), &dir.path().join("small"), schema, TINY).unwrap();
    let mut naive = Naive::default();
    for number in 0..9_000_u32 {
        small.append(&u16::try_from(number).unwrap().to_be_bytes(), None).unwrap();
        if number % 1_000 == 999 {
            fill(&mut large, &mut naive, number - 99, number);
            small.seal().unwrap();
            large.seal().unwrap();
        }
    }
    let manifest = small.seal().unwrap().manifest().unwrap();
    naive.check(&large, 21, keys(100));
    drop(small);
    let folder = dir.path().join("small");
    let small = Index::open(Arc::new(Local), &folder, schema, TINY, &manifest, &[]).unwrap();
    for number in 0..9_000_u64 {
        assert_eq!(small.find(u128::from(number)).unwrap(), Some(Found::Row(number)));
    }
    assert_eq!(small.find(9_000).unwrap(), None);
    let odd = small.positions(1 << 63, 100..108, true, 9).unwrap();
    assert_eq!(odd, [107, 105, 103, 101]);
    let foreign = Index::open(Arc::new(Local), &folder, SCHEMA, TINY, &manifest, &[]).unwrap_err();
    assert_eq!(foreign.code(), "index_manifest_foreign");
}

#[test]
fn keys_of_several_segments_are_found_one_by_one_and_among_many() {
    const HALF: u64 = 300_000;
    fn key(number: u64) -> u128 {
        u128::from(term(number as u32 + 1)) << 60 | 1
    }
    fn keys_of(row: &[u8], keys: &mut Vec<u128>) {
        keys.push(key(u64::from(u32::from_be_bytes(row.try_into().unwrap()))));
    }
    let schema = Schema { row_bytes: 4, pair_bytes: 0, keys: keys_of, terms: |_, _| () };
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn disk::Disk> = Arc::new(Local);
    let mut index = Index::create(Arc::clone(&disk), dir.path(), schema, TINY).unwrap();
    for half in [0..HALF, HALF..2 * HALF] {
        let rows: Vec<[u8; 4]> = half.map(|number| (number as u32).to_be_bytes()).collect();
        index.append(&rows.concat(), None).unwrap();
        index.seal().unwrap();
    }
    // The two runs have become one by now, with three segments.
    let manifest = index.seal().unwrap().manifest().unwrap();
    assert_eq!(manifest.files().filter(|file| file.name.ends_with("run")).count(), 1);
    let verified = verify(&disk, dir.path(), &schema, &manifest).unwrap();
    assert_eq!((verified.faults, verified.fingerprint.keys), (vec![], 2 * HALF));
    drop(index);
    let index = Index::open(disk, dir.path(), schema, TINY, &manifest, &[]).unwrap();
    // Ascending keys, so that every block of the small cache is read once.
    let mut all: Vec<(u128, u64)> = (0..2 * HALF).map(|number| (key(number), number)).collect();
    all.sort_unstable();
    let asked: Vec<u128> = all.iter().flat_map(|(key, _)| [*key - 1, *key]).collect();
    let mut found = Vec::new();
    index.find_many(&asked, &mut found).unwrap();
    for (two, (key, number)) in found.chunks_exact(2).zip(&all) {
        assert_eq!(two, [None, Some(Found::Row(*number))]);
        assert_eq!(index.find(*key).unwrap(), two[1]);
        assert_eq!(index.find(*key - 1).unwrap(), None);
    }
    assert_eq!(index.find(all[0].0 - 1).unwrap(), None);
    assert_eq!(index.find(u128::MAX).unwrap(), None);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    let mut naive = Naive::default();
    fill(&mut index, &mut naive, 0, 100);
    index.seal().unwrap();
    let one = row(5, [1, 2, 3], 0);
    for (rows, pairs) in [
        (&one[..39], None),
        (&one[..], Some(&[0; 23][..])),
        (&one[..], Some(&[0; 48][..])),
        (&one[..0], Some(&[0; 24][..])),
    ] {
        let error = index.append(rows, pairs).unwrap_err();
        assert_eq!(error.code(), "index_rows_misshapen");
    }
    let mut buffer = [0; ROW_BYTES];
    for position in [100, 101, u64::MAX] {
        let error = index.row(position, &mut buffer).unwrap_err();
        assert!(matches!(error, Error::BeyondEnd { len: 100, .. }), "{error}");
        assert!(index.pair(position, &mut buffer[..PAIR_BYTES]).is_err());
    }
    assert_eq!(
        index.rows(90..101, &mut Vec::new()).unwrap_err().code(),
        "index_position_beyond_end"
    );
    assert_eq!(index.row(0, &mut buffer[1..]).unwrap_err().code(), "index_rows_misshapen");
    naive.check(&index, 21, keys(100));
}
