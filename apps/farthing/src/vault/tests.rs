//! Sealing: nothing in plain, nothing that was changed, swapped or put there by somebody else.

use super::*;

struct World {
    dir: tempfile::TempDir,
    key: PathBuf,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        let world = Self { key: dir.path().join("seal.key"), dir };
        secrets::write_new(&world.key, &secrets::random().unwrap()).unwrap();
        world
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn plain(&self) -> Vault {
        Vault::open(&self.data(), None).unwrap()
    }

    fn sealed(&self) -> Vault {
        Vault::open(&self.data(), Some(&self.key)).unwrap()
    }

    fn other_key(&self) -> PathBuf {
        let path = self.dir.path().join("other.key");
        secrets::write_new(&path, &secrets::random().unwrap()).unwrap();
        path
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.data().join(name)).unwrap()
    }
}

const NAMES: [&str; 6] =
    [NODE_KEY, OPERATOR_TOKEN, GATEWAY_TOKEN, SEAL_KEY, LOG_KEY, "log.key.1.old"];

/// Makes all secrets and returns them.
fn fill(vault: &Vault) -> Vec<String> {
    NAMES.iter().map(|name| vault.token(name).unwrap()).collect()
}

fn read_all(vault: &Vault) -> Vec<String> {
    NAMES.iter().map(|name| vault.read(name).unwrap()).collect()
}

/// That none of these texts is anywhere in the folder.
fn assert_hidden(folder: &Path, secrets: &[String]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read_to_string(&path).unwrap();
        assert!(!secrets.iter().any(|secret| content.contains(secret)), "{}", path.display());
    }
}

#[test]
fn with_a_key_file_nothing_is_written_in_plain() {
    let world = World::new();
    let made = fill(&world.sealed());
    assert_hidden(&world.data(), &made);
    assert_eq!(read_all(&world.sealed()), made);
    assert_eq!(world.sealed().seal_all().unwrap(), 0);
    for name in NAMES {
        assert!(matches!(world.plain().token(name), Err(SecretError::Sealed(_))), "{name}");
    }
}

#[test]
fn a_folder_in_plain_is_sealed_once_and_keeps_its_secrets() {
    let world = World::new();
    let made = fill(&world.plain());
    assert_eq!(read_all(&world.sealed()), made, "before the first start with a key file");
    assert_eq!(world.sealed().seal_all().unwrap(), NAMES.len());
    assert_hidden(&world.data(), &made);
    assert_eq!(read_all(&world.sealed()), made);
    let seed = world.sealed().known_node_key().unwrap().unwrap();
    assert_eq!(world.sealed().node_key().unwrap().seed(), seed.seed());
}

#[test]
fn a_start_that_was_cut_off_is_finished_by_the_next() {
    let world = World::new();
    let made = fill(&world.plain());
    let text = world.file(OPERATOR_TOKEN);
    world.sealed().seal_all().unwrap();
    let sealed = world.file(NODE_KEY);
    // As it was before the last files were sealed.
    secrets::replace(&world.data().join(NODE_KEY), &made[0]).unwrap();
    secrets::replace(&world.data().join(OPERATOR_TOKEN), text.trim()).unwrap();
    assert_eq!(world.sealed().seal_all().unwrap(), 2);
    assert_ne!(world.file(NODE_KEY), sealed);
    assert_eq!(read_all(&world.sealed()), made);
}

#[test]
fn a_secret_in_plain_is_not_taken_by_a_folder_that_is_sealed() {
    let world = World::new();
    fill(&world.sealed());
    secrets::replace(&world.data().join(OPERATOR_TOKEN), "mine").unwrap();
    for vault in [world.sealed(), world.plain()] {
        assert!(matches!(vault.token(OPERATOR_TOKEN), Err(SecretError::Plain(_))));
    }
    assert!(matches!(world.sealed().seal_all(), Err(SecretError::Plain(_))));
}

#[test]
fn another_key_a_changed_bit_and_another_place_open_nothing() {
    let world = World::new();
    fill(&world.sealed());
    let other = Vault::open(&world.data(), Some(&world.other_key())).unwrap();
    for name in NAMES {
        assert!(matches!(other.read(name), Err(SecretError::DoesNotOpen(_))), "{name}");
    }
    assert!(matches!(other.node_key(), Err(SecretError::DoesNotOpen(_))));

    let (operator, gateway) = (world.file(OPERATOR_TOKEN), world.file(GATEWAY_TOKEN));
    secrets::replace(&world.data().join(OPERATOR_TOKEN), gateway.trim()).unwrap();
    assert!(matches!(world.sealed().read(OPERATOR_TOKEN), Err(SecretError::DoesNotOpen(_))));

    for at in 6..operator.trim().len() {
        let mut changed = operator.trim().to_owned().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        secrets::replace(&world.data().join(OPERATOR_TOKEN), &changed).unwrap();
        assert!(matches!(world.sealed().read(OPERATOR_TOKEN), Err(SecretError::DoesNotOpen(_))));
    }
}

#[test]
fn a_rotation_changes_the_key_alone_and_can_be_cut_off() {
    let world = World::new();
    let made = fill(&world.sealed());
    let new = world.other_key();
    let half = world.file(NODE_KEY);
    let rotated = Vault::open(&world.data(), Some(&new)).unwrap();
    assert_eq!(world.sealed().rotate(&rotated).unwrap(), NAMES.len());
    assert_eq!(read_all(&rotated), made);
    assert!(matches!(world.sealed().read(LOG_KEY), Err(SecretError::DoesNotOpen(_))));

    secrets::replace(&world.data().join(NODE_KEY), half.trim()).unwrap();
    assert!(matches!(rotated.read(NODE_KEY), Err(SecretError::DoesNotOpen(_))));
    world.sealed().rotate(&rotated).unwrap();
    assert_eq!(read_all(&rotated), made);
    assert_hidden(&world.data(), &made);
}

#[test]
fn a_key_file_is_neither_made_on_the_way_nor_taken_from_the_folder_it_protects() {
    let world = World::new();
    fill(&world.plain());
    let missing = world.dir.path().join("missing.key");
    let opened = Vault::open(&world.data(), Some(&missing));
    assert!(opened.unwrap_err().is_missing() && !missing.exists());
    let inside = Vault::open(&world.data(), Some(&world.data().join(SEAL_KEY)));
    assert!(matches!(inside, Err(SecretError::KeyInside(_))));
}
