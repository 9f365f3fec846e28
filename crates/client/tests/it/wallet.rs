//! The wallet file.

use std::fs::{Permissions, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;

use client::Wallet;
use instrument::KeyPair;

use crate::shop::node;

const SEED: [u8; 32] = [0xab; 32];

fn wallet() -> Wallet {
    Wallet::from_key("http://127.0.0.1:1", node(), KeyPair::from_seed(&SEED))
}

#[test]
fn a_wallet_is_for_its_owner_alone_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/wallet.json");
    wallet().save(&path).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let loaded = Wallet::load(&path).unwrap();
    assert_eq!(loaded.key().seed(), &SEED);
    assert_eq!((loaded.node_url(), loaded.network()), ("http://127.0.0.1:1", node()));

    for open in [0o640, 0o604, 0o620, 0o660] {
        set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let error = Wallet::load(&path).unwrap_err();
        assert!(error.to_string().contains("open to others"), "{error}");
        assert!(error.hint().unwrap().contains("chmod 600"));
    }
}

#[test]
fn a_wallet_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.json");
    wallet().save(&path).unwrap();
    let before = read_to_string(&path).unwrap();
    let other = Wallet::generate("http://127.0.0.1:2", node()).unwrap();
    assert!(other.save(&path).unwrap_err().to_string().contains("exists already"));
    assert_eq!(read_to_string(&path).unwrap(), before);
}

#[test]
fn neither_errors_nor_debug_output_show_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet.json");
    wallet().save(&path).unwrap();
    let seed = "ab".repeat(32);
    let text = read_to_string(&path).unwrap();
    assert!(text.contains(&seed));
    assert!(!format!("{:?}", wallet()).contains(&seed));

    let key = wallet().public_key().to_string();
    let damaged = [
        text.replace("\"seed\": \"", "\"seed\": [\""),
        text.replace(&seed, &format!("{seed}0")),
        text.replace(&key, &"0".repeat(64)),
        text.replace("farthing-key/1", "farthing-key/2"),
        text.replace("farthing:", "eip155:"),
        String::new(),
    ];
    for text in damaged {
        write(&path, text).unwrap();
        let error = Wallet::load(&path).unwrap_err();
        assert!(error.to_string().contains("is not a wallet"), "{error}");
        assert!(!format!("{error} {error:?}").contains(&seed));
    }
}
