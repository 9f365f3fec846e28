//! An index opened from a manifest is what it was then, whatever came later or went missing.

use std::fs;
use std::sync::Arc;

use disk::Local;
use index::{Index, Manifest, Options, verify};
use proptest::prelude::*;

use crate::world::*;

#[test]
fn nothing_later_shows_and_the_index_goes_on() {
    for background in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { background, ..TINY };
        let mut index = create(dir.path(), options);
        let mut naive = Naive::default();
        fill(&mut index, &mut naive, 0, 777);
        let sealed = index.seal().unwrap();
        let then = naive.clone();
        for part in 0..12 {
            fill(&mut index, &mut naive, 777 + part * 100, 877 + part * 100);
            index.seal().unwrap();
        }
        let manifest = sealed.manifest().unwrap();
        assert_eq!(manifest.len(), 777);
        drop(index);

        let mut index = open(dir.path(), options, &manifest).unwrap();
        then.check(&index, 21, keys(2_000));
        let mut naive = then.clone();
        fill(&mut index, &mut naive, 777, 1_500);
        let later = index.seal().unwrap().manifest().unwrap();
        naive.check(&index, 21, keys(2_000));
        drop(index);
        naive.check(&open(dir.path(), options, &later).unwrap(), 21, keys(2_000));
        let disk: Arc<dyn disk::Disk> = Arc::new(Local);
        let verified = verify(&disk, dir.path(), &SCHEMA, &later).unwrap();
        assert_eq!((verified.faults, verified.fingerprint), (vec![], naive.fingerprint()));
    }
}

#[test]
fn files_of_kept_manifests_stay_and_others_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    let mut naive = Naive::default();
    let mut manifests: Vec<(Manifest, Naive)> = Vec::new();
    for part in 0..20 {
        fill(&mut index, &mut naive, part * 70, part * 70 + 70);
        manifests.push((index.seal().unwrap().manifest().unwrap(), naive.clone()));
    }
    let runs = || {
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().unwrap() == "run").count()
    };
    // Twenty runs of chunks, and all that became of them.
    assert_eq!(runs(), 20 + 10 + 5 + 2 + 1);
    let (early, late) = (&manifests[9], &manifests[18]);
    index.keep_only(&[&early.0, &late.0]).unwrap();
    assert!(runs() < 20);
    naive.check(&index, 21, keys(1_400));
    let keeper = index.keeper();
    keeper.keep_only(&[&early.0, &late.0]).unwrap();
    drop(index);
    assert_eq!(keeper.keep_only(&[]).unwrap_err().code(), "index_stopped");

    let again = Index::open(
        Arc::new(Local),
        dir.path(),
        SCHEMA,
        TINY,
        &late.0,
        std::slice::from_ref(&early.0),
    )
    .unwrap();
    late.1.check(&again, 21, keys(1_400));
    drop(again);
    early.1.check(&open(dir.path(), TINY, &early.0).unwrap(), 21, keys(1_400));
    // Opening the earlier one has given up what came after it.
    let gone = open(dir.path(), TINY, &late.0).unwrap_err();
    assert_eq!(gone.code(), "index_file_missing");
    assert!(gone.to_string().contains("start with a rebuilt index"), "{gone}");
    let named: Vec<String> = early.0.files().map(|file| file.name).collect();
    let mut there: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut sorted = named.clone();
    sorted.sort();
    assert_eq!(sorted, there);
}

#[test]
fn creating_begins_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    fill(&mut index, &mut Naive::default(), 0, 500);
    index.seal().unwrap();
    drop(index);
    let index = create(dir.path(), TINY);
    Naive::default().check(&index, 9, keys(500));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_gone_short_or_another_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    let mut naive = Naive::default();
    for part in 0..5 {
        fill(&mut index, &mut naive, part * 100, part * 100 + 100);
        index.seal().unwrap();
    }
    let manifest = index.seal().unwrap().manifest().unwrap();
    drop(index);
    for file in manifest.files() {
        let path = dir.path().join(&file.name);
        let whole = fs::read(&path).unwrap();
        assert!(whole.len() as u64 >= file.bytes);
        fs::remove_file(&path).unwrap();
        let missing = open(dir.path(), TINY, &manifest).unwrap_err();
        assert_eq!(missing.code(), "index_file_missing");
        assert!(missing.to_string().contains(&file.name));
        if file.bytes > 0 {
            fs::write(&path, &whole[..usize::try_from(file.bytes).unwrap() - 1]).unwrap();
            let short = open(dir.path(), TINY, &manifest).unwrap_err();
            assert_eq!(short.code(), "index_file_short", "{short}");
        }
        fs::write(&path, &whole).unwrap();
    }
    let runs: Vec<_> = manifest.files().filter(|file| file.name.ends_with("run")).collect();
    let [one, two] = [&runs[0], &runs[1]].map(|file| dir.path().join(&file.name));
    let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
    let longer = if first.len() >= second.len() { (&first, &two) } else { (&second, &one) };
    let whole = fs::read(longer.1).unwrap();
    fs::write(longer.1, longer.0).unwrap();
    assert_eq!(open(dir.path(), TINY, &manifest).unwrap_err().code(), "index_damaged");
    fs::write(longer.1, whole).unwrap();
    naive.check(&open(dir.path(), TINY, &manifest).unwrap(), 21, keys(500));
}

proptest! {
    #[test]
    fn strange_bytes_are_no_manifest(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::decode(&bytes).is_err());
        let framed = [b"farthing/index\0\x01".as_slice(), &bytes].concat();
        prop_assert!(Manifest::decode(&framed).is_err());
    }
}

#[test]
fn a_manifest_cut_or_changed_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    let mut naive = Naive::default();
    fill(&mut index, &mut naive, 0, 130);
    index.seal().unwrap();
    fill(&mut index, &mut naive, 130, 140);
    let manifest = index.seal().unwrap().manifest().unwrap();
    let bytes = encoded(&manifest);
    assert_eq!(Manifest::decode(&bytes).as_ref(), Ok(&manifest));
    for end in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..end]).is_err(), "{end}");
    }
    assert!(Manifest::decode(&[&bytes[..], &[0]].concat()).is_err());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Manifest::decode(&changed).is_err(), "{bit}");
    }
    let mut newer = bytes;
    newer[15] = 2;
    assert_eq!(Manifest::decode(&newer).unwrap_err().code(), "index_manifest_version");
}
