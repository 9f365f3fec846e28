//! `farthing demo --smoke`: what the first command of a newcomer shows.

use crate::process::{farthing, run};

#[test]
fn the_demo_buys_everything_is_refused_everything_and_its_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = farthing(folder.path());
    let ran = run(command.args(["demo", "--smoke"]).env("TMPDIR", &temporary)).succeeded();
    for words in ["insufficient_funds", "delivered", "the first answer again", "sum to zero"] {
        assert!(ran.out.contains(words), "`{words}` is missing in {}", ran.out);
    }
    assert!(ran.out.ends_with("smoke: all as expected\n"), "{}", ran.out);
    assert!(!ran.out.contains("NOT"), "{}", ran.out);
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
