//! Every target on its seeds and on seeded mutations of them, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;
use fuzz::mutation::{Random, mutate};

const MUTATIONS_FOR_EACH_SEED: usize = 2_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder("seeds").join(target))
        .unwrap_or_else(|error| panic!("seeds/{target}: {error}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_target_has_a_file_and_seeds_and_no_more() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), targets);
    assert_eq!(names(&folder("seeds")), targets);
}

/// Seeds that a decoder no longer knows reach none of its code behind the first check.
#[test]
fn each_target_accepts_a_seed_and_refuses_a_seed() {
    for (name, target) in TARGETS {
        let accepted = seeds(name).iter().filter(|seed| target(seed)).count();
        assert!(accepted > 0, "{name} refuses every seed: write new ones with `--bin seeds`");
        assert!(accepted < seeds(name).len(), "{name} accepts every seed: add one to refuse");
    }
}

#[test]
fn mutations_of_the_seeds_break_nothing() {
    for (name, target) in TARGETS {
        let mut random = Random::new(1);
        for (index, seed) in seeds(name).iter().enumerate() {
            for number in 0..MUTATIONS_FOR_EACH_SEED {
                let bytes = mutate(seed, &mut random);
                let result = std::panic::catch_unwind(|| target(&bytes));
                assert!(
                    result.is_ok(),
                    "{name}: seed {index}, mutation {number}: {}",
                    bytes.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn mutations_repeat_from_their_seed() {
    let run = |seed| {
        let mut random = Random::new(seed);
        (0..50).map(|_| mutate(b"a seed of some length", &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
