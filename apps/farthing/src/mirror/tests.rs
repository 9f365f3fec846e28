//! Logs that grow, break and lie, copied from folder to folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tlog::policy::Policy;
use tlog::{
    Checkpoint, Hash, KeyName, Layer, LogSigner, Tile, Tree, TreeHead, encode_entries,
    encode_hashes,
};

use super::{MirrorError, Mirrored, Source, check, export};

const ORIGIN: &str = "pay.example/log";

struct World {
    dir: TempDir,
    policy: Policy,
}

fn signer(seed: u8) -> LogSigner {
    LogSigner::from_seed(KeyName::new(ORIGIN).unwrap(), &[seed; 32])
}

fn policy_of(signer: &LogSigner) -> Policy {
    Policy::parse(format!("log {}\nquorum none\n", signer.verifier()).as_bytes()).unwrap()
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), policy: policy_of(&signer(1)) }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn copy(&self) -> PathBuf {
        self.dir.path().join("copy")
    }

    /// Writes the log of `size` leaves; from leaf `fork` on they are others.
    fn publish(&self, size: u64, fork: u64) {
        let entry = |leaf: u64| format!("leaf {leaf}{}", if leaf < fork { "" } else { " forged" });
        let entries: Vec<String> = (0..size).map(entry).collect();
        let mut levels: Vec<Vec<Hash>> = vec![Vec::new(); 4];
        let mut tree = Tree::new();
        for entry in &entries {
            let stored = |node: tlog::Node, hash| {
                if let Some((Layer::Hashes(level), _, _)) = node.stored() {
                    levels[usize::from(level)].push(hash);
                }
            };
            tree.append(entry.as_bytes(), stored).unwrap();
        }
        for tile in Tile::all(size) {
            let start = usize::try_from(tile.index()).unwrap() * 256;
            let range = start..start + tile.width();
            let bytes = match tile.layer() {
                Layer::Entries => encode_entries(&entries[range]).unwrap(),
                Layer::Hashes(level) => encode_hashes(&levels[usize::from(level)][range]),
            };
            put(&self.log().join(tile.to_string()), &bytes);
        }
        self.sign(TreeHead { size, root: tree.root() }, 1);
    }

    fn sign(&self, head: TreeHead, seed: u8) {
        let signer = signer(seed);
        let text = Checkpoint::new(signer.verifier().name(), head).to_string();
        let note = signer.sign(text).unwrap().to_string();
        put(&self.log().join("checkpoint"), note.as_bytes());
    }

    async fn export(&self) -> Result<Mirrored, MirrorError> {
        export(&Source::Folder(self.log()), &self.policy, &self.copy(), &|_, _| ()).await
    }

    async fn check(&self, folder: PathBuf) -> Result<Mirrored, MirrorError> {
        check(&Source::Folder(folder), &self.policy, &|_, _| ()).await
    }

    /// The export fails with a code and changes nothing.
    async fn fails(&self, code: &str) -> MirrorError {
        let before = files(&self.copy());
        let error = self.export().await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(files(&self.copy()) == before, "{error}: the folder is not as it was");
        error
    }
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// The files below a folder by their paths within it.
fn relative(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = files(folder).into_iter();
    all.map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes)).collect()
}

#[tokio::test]
async fn a_mirror_is_the_log_byte_for_byte_and_grows_with_it() {
    for sizes in [&[0, 1, 255, 256, 257, 700][..], &[300], &[65_536, 66_000], &[511, 512, 66_049]] {
        let world = World::new();
        let mut old = 0;
        for &size in sizes {
            let _ = fs::remove_dir_all(world.log());
            world.publish(size, u64::MAX);
            let done = world.export().await.unwrap();
            assert_eq!((done.old_size, done.seen.head.size), (old, size));
            let (log, copy) = (relative(&world.log()), relative(&world.copy()));
            // The copy may also have partial tiles of smaller trees, of places that are not full.
            for (path, bytes) in &log {
                assert_eq!(copy.get(path), Some(bytes), "{}", path.display());
            }
            for path in copy.keys().filter(|path| !log.contains_key(*path)) {
                let tile: Tile = path.to_str().unwrap().parse().unwrap();
                assert!(tile.is_within(old) && !tile.to_full().is_within(size), "{tile}");
            }
            assert!(!world.copy().join(".incoming").exists());
            let checked = world.check(world.copy()).await.unwrap();
            assert_eq!(checked.seen.head, done.seen.head);
            assert_eq!(checked.files, Tile::all(size).count() as u64);
            old = size;
        }
        let again = world.export().await.unwrap();
        assert_eq!((again.old_size, again.files), (old, 0));
    }
}

#[tokio::test]
async fn only_what_is_new_is_fetched() {
    let world = World::new();
    world.publish(66_000, u64::MAX);
    world.export().await.unwrap();
    world.publish(66_001, u64::MAX);
    let done = world.export().await.unwrap();
    // The right edge, once to check the root and once more to be collected at level 0.
    assert!(done.files <= 4, "{}", done.files);
    // Old tiles may go from the log: they are not asked for.
    fs::remove_file(world.log().join("tile/0/000")).unwrap();
    world.publish(66_001 + 256, u64::MAX);
    fs::remove_file(world.log().join("tile/0/000")).unwrap();
    world.export().await.unwrap();
}

#[tokio::test]
async fn a_log_that_lies_is_named_and_the_folder_stays_as_it_was() {
    let world = World::new();
    world.publish(700, u64::MAX);
    world.export().await.unwrap();
    world.publish(600, u64::MAX);
    world.fails("log_shrunk").await;
    for (size, fork) in [(700, 699), (700, 0), (701, 699), (1000, 0), (66_000, 300)] {
        world.publish(size, fork);
        assert!(matches!(world.fails("log_forked").await, MirrorError::Forked { size: 700 }));
    }
    world.publish(1000, 700);
    let head = world.export().await.unwrap().seen.head;
    world.sign(head, 2);
    world.fails("note_unsigned").await;
    flip(&world.log().join("checkpoint"), 20);
    assert!(world.export().await.is_err());
    fs::remove_file(world.log().join("checkpoint")).unwrap();
    world.fails("log_no_checkpoint").await;
}

#[tokio::test]
async fn every_flipped_bit_and_every_missing_file_is_named() {
    let small: &[_] = &[
        ("tile/entries/002", 4, "log_entry_damaged"),
        ("tile/entries/002", 0, "log_bundle_damaged"),
        ("tile/entries/005.p/220", 1, "log_bundle_damaged"),
        ("tile/0/002", 8191, "log_tile_damaged"),
        ("tile/0/005.p/220", 0, "log_root_mismatch"),
        ("tile/1/000.p/5", 99, "log_root_mismatch"),
    ];
    let large: &[_] = &[
        ("tile/0/250", 0, "log_tile_damaged"),
        ("tile/1/000", 1000, "log_tile_damaged"),
        ("tile/1/001.p/17", 0, "log_root_mismatch"),
        ("tile/2/000.p/1", 31, "log_root_mismatch"),
    ];
    for (first, size, cases) in [(0, 1500, small), (500, 1500, small), (60_000, 70_000, large)] {
        let world = World::new();
        if first > 0 {
            world.publish(first, u64::MAX);
            world.export().await.unwrap();
        }
        world.publish(size, u64::MAX);
        for &(path, at, code) in cases {
            let path = world.log().join(path);
            let whole = fs::read(&path).unwrap();
            flip(&path, at);
            world.fails(code).await;
            let found = world.check(world.log()).await.unwrap_err();
            assert_eq!(found.code(), code);
            fs::remove_file(&path).unwrap();
            world.fails("log_tile_missing").await;
            // Too long and too short.
            for wrong in [&whole[..whole.len() - 1], &[&whole[..], &[0]].concat()] {
                fs::write(&path, wrong).unwrap();
                let code = world.check(world.log()).await.unwrap_err().code().to_owned();
                assert!(code == "log_bundle_damaged" || code == "log_tile_damaged", "{code}");
                world.fails(&code).await;
            }
            fs::write(&path, whole).unwrap();
        }
        assert!(first > 0 || !world.copy().exists());
        world.export().await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_attempt_leaves_what_the_next_one_uses() {
    let world = World::new();
    world.publish(70_000, u64::MAX);
    let whole = world.export().await.unwrap().files;
    // As a process that was killed leaves it: collected files, some of them torn.
    fs::rename(world.copy().join("tile"), world.dir.path().join("kept")).unwrap();
    fs::remove_dir_all(world.copy()).unwrap();
    let incoming = world.copy().join(".incoming");
    fs::create_dir_all(&incoming).unwrap();
    fs::rename(world.dir.path().join("kept"), incoming.join("tile")).unwrap();
    flip(&incoming.join("tile/0/007"), 3);
    fs::write(incoming.join("tile/entries/009"), b"torn").unwrap();
    let again = world.export().await.unwrap().files;
    assert!(again < 10 && again < whole, "{again} of {whole}");
    assert_eq!(relative(&world.copy()), relative(&world.log()));
    // Killed after the last step but one.
    fs::create_dir_all(incoming.join("tile/0")).unwrap();
    assert_eq!(world.export().await.unwrap().files, 0);
    assert!(!incoming.exists());
}

#[tokio::test]
async fn a_partial_tile_that_has_gone_is_taken_out_of_the_full_one() {
    let world = World::new();
    world.publish(70_000, u64::MAX);
    let checkpoint = fs::read(world.log().join("checkpoint")).unwrap();
    world.publish(140_000, u64::MAX);
    fs::write(world.log().join("checkpoint"), checkpoint).unwrap();
    fs::remove_dir_all(world.log().join("tile/0/273.p")).unwrap();
    fs::remove_dir_all(world.log().join("tile/entries/273.p")).unwrap();
    world.export().await.unwrap();
    assert_eq!(world.check(world.copy()).await.unwrap().seen.head.size, 70_000);
}

#[tokio::test]
async fn cosignatures_that_come_later_are_added() {
    let world = World::new();
    world.publish(10, u64::MAX);
    world.export().await.unwrap();
    let plain = fs::read(world.copy().join("checkpoint")).unwrap();
    let note = tlog::Note::parse(&plain).unwrap();
    let witness = tlog::Cosigner::from_seed(KeyName::new("w.example").unwrap(), &[9; 32]);
    let cosigned = note.with_signatures(&[witness.cosign(&note, 1).unwrap()]).unwrap();
    put(&world.log().join("checkpoint"), cosigned.to_string().as_bytes());
    world.export().await.unwrap();
    // One without them takes nothing away.
    put(&world.log().join("checkpoint"), &plain);
    world.export().await.unwrap();
    let kept = fs::read_to_string(world.copy().join("checkpoint")).unwrap();
    assert_eq!(kept, cosigned.to_string());
}

#[tokio::test]
async fn two_do_not_write_one_folder() {
    let world = World::new();
    world.publish(10, u64::MAX);
    let writing = super::Folder::new(&world.copy()).begin().unwrap();
    assert_eq!(world.export().await.unwrap_err().code(), "log_folder_busy");
    writing.give_up().await.unwrap();
    world.export().await.unwrap();
}
