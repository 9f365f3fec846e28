//! Witnessing: the decision over every case, the bodies byte for byte, and no way back.

use proptest::prelude::*;
use tlog::witness::{
    Accepted, AddCheckpoint, Answer, CONFLICT_CONTENT_TYPE, Refusal, RequestError,
    WITNESS_REQUEST_BYTES_MAX, Watched, cosigned_body, decide,
};
use tlog::{Hash, LogSigner, Note, TreeHead, VerifierKey, VerifyError};

use crate::golden_notes::CHECKPOINT;
use crate::histories::{FORK, History, LEAVES};
use crate::keys::{TIME, WITNESS, log, name, signed, witness};

fn head(size: u64) -> TreeHead {
    History::first().head(size)
}

/// The head of the history that parts from the first one before five leaves.
fn forked(size: u64) -> TreeHead {
    History::second().head(size)
}

/// A head without leaves whose root is no root at all.
fn wrong() -> TreeHead {
    TreeHead { size: 0, root: Hash([0xcd; 32]) }
}

fn proof(old: u64, new: u64) -> Vec<Hash> {
    History::first().consistency(old, new)
}

fn decided(request: &AddCheckpoint, stored: Option<TreeHead>) -> Result<Accepted<'_>, Refusal> {
    let keys = [log().verifier().clone()];
    decide(request, Some(Watched { keys: &keys, stored }))
}

/// One case: what is stored, the old size and proof of the request, its checkpoint, the answer.
type Row = (Option<TreeHead>, u64, Vec<Hash>, TreeHead, Result<(), (u16, &'static str)>);

fn rows() -> Vec<Row> {
    let bad = || vec![Hash([1; 32])];
    let conflict = Err((409, "witness_conflict"));
    let above = Err((400, "witness_old_above_checkpoint"));
    let needless = Err((422, "witness_needless_proof"));
    let inconsistent = Err((422, "witness_inconsistent"));
    let other_root = Err((422, "witness_other_root"));
    let empty_root = Err((422, "witness_empty_root"));
    vec![
        // Nothing stored yet.
        (None, 0, vec![], head(5), Ok(())),
        (None, 0, vec![], forked(5), Ok(())),
        (None, 0, vec![], head(0), Ok(())),
        (None, 0, vec![], wrong(), empty_root),
        (None, 0, bad(), head(5), needless),
        (None, 0, bad(), head(0), needless),
        (None, 3, proof(3, 5), head(5), conflict),
        (None, 5, vec![], head(5), conflict),
        (None, 6, vec![], head(5), above),
        // The empty tree stored.
        (Some(head(0)), 0, vec![], head(5), Ok(())),
        (Some(head(0)), 0, vec![], head(0), Ok(())),
        (Some(head(0)), 0, vec![], wrong(), empty_root),
        (Some(head(0)), 0, bad(), head(5), needless),
        (Some(head(0)), 2, proof(2, 5), head(5), conflict),
        // Growth.
        (Some(head(5)), 5, proof(5, 9), head(9), Ok(())),
        (Some(head(5)), 5, vec![], head(9), inconsistent),
        (Some(head(5)), 5, bad(), head(9), inconsistent),
        (Some(head(5)), 5, proof(4, 9), head(9), inconsistent),
        (Some(head(5)), 5, proof(5, 9), forked(9), inconsistent),
        (Some(forked(5)), 5, proof(5, 9), head(9), inconsistent),
        // The same size again.
        (Some(head(5)), 5, vec![], head(5), Ok(())),
        (Some(head(5)), 5, vec![], forked(5), other_root),
        (Some(head(5)), 5, bad(), forked(5), other_root),
        (Some(head(5)), 5, bad(), head(5), needless),
        // Another old size, whatever else is wrong.
        (Some(head(5)), 0, vec![], head(5), conflict),
        (Some(head(5)), 0, vec![], head(9), conflict),
        (Some(head(5)), 0, bad(), head(9), conflict),
        (Some(head(5)), 0, vec![], wrong(), conflict),
        (Some(head(5)), 4, proof(4, 9), head(9), conflict),
        (Some(head(5)), 6, proof(6, 9), head(9), conflict),
        (Some(head(5)), 3, proof(3, 4), head(4), conflict),
        // Never smaller.
        (Some(head(5)), 5, vec![], head(4), above),
        (Some(head(5)), 5, proof(4, 5), head(4), above),
        (Some(head(5)), 5, vec![], head(0), above),
        (Some(head(5)), u64::MAX, vec![], head(4), above),
    ]
}

#[test]
fn every_case_is_decided_as_the_table_says() {
    for (at, (stored, old, hashes, new, expected)) in rows().into_iter().enumerate() {
        let request = AddCheckpoint::new(old, hashes, signed(new)).unwrap();
        let decision = decided(&request, stored);
        let found =
            decision.as_ref().map(|_| ()).map_err(|error| (error.http_status(), error.code()));
        assert_eq!(found, expected, "row {at}");
        match decision {
            Ok(accepted) => assert_eq!(accepted.head(), new),
            Err(error) => {
                assert_eq!(error.is_evidence(), error.http_status() == 422);
                let (content_type, body) = error.answer();
                if let Refusal::Conflict { stored: size } = error {
                    assert_eq!(size, stored.map_or(0, |head| head.size));
                    assert_eq!((content_type, body), (CONFLICT_CONTENT_TYPE, format!("{size}\n")));
                } else {
                    assert!(body.starts_with(error.code()) && body.ends_with('\n'));
                }
            }
        }
    }
}

#[test]
fn origin_and_signature_come_before_everything_else() {
    // Sizes and proof are as wrong as can be.
    let request = AddCheckpoint::new(9, proof(1, 2), signed(head(4))).unwrap();
    let refused = decide(&request, None).unwrap_err();
    assert_eq!((refused.http_status(), refused.code()), (404, "witness_unknown_origin"));
    let stranger = LogSigner::from_seed(name("other.example"), &[8; 32]);
    let keys = [stranger.verifier().clone()];
    for keys in [&keys[..], &[]] {
        let refused = decide(&request, Some(Watched { keys, stored: None })).unwrap_err();
        assert_eq!((refused.http_status(), refused.code()), (403, "note_unsigned"));
        assert!(!refused.is_evidence());
    }
    // A trusted key's line that fails, though another trusted key has signed.
    let good = stranger.sign(signed(head(4)).text().to_owned()).unwrap();
    let spoiled = good.with_signatures(signed(head(5)).signatures()).unwrap();
    let request = AddCheckpoint::new(9, vec![], spoiled).unwrap();
    let keys: [VerifierKey; 2] = [stranger.verifier().clone(), log().verifier().clone()];
    let watched = Watched { keys: &keys, stored: None };
    let refused = decide(&request, Some(watched)).unwrap_err();
    assert_eq!((refused.http_status(), refused.code()), (403, "note_signature_mismatch"));
    let watched = Watched { keys: &keys[..1], stored: None };
    let refused = decide(&request, Some(watched)).unwrap_err();
    assert_eq!(refused.http_status(), 400);
}

#[test]
fn a_refused_proof_says_where_it_fails() {
    let refused = |stored: TreeHead, proof, new: TreeHead| {
        let request = AddCheckpoint::new(stored.size, proof, signed(new)).unwrap();
        match decided(&request, Some(stored)) {
            Err(Refusal::Inconsistent { old, size, cause }) => {
                assert_eq!((old, size), (stored.size, new.size));
                cause
            }
            other => panic!("{other:?}"),
        }
    };
    let length = VerifyError::Length { expected: proof(5, 9).len(), found: 0 };
    assert_eq!(refused(head(5), vec![], head(9)), length);
    // A history that was cosigned and then left, with the best proofs there are.
    let forked_proof = History::second().consistency(5, 9);
    assert_eq!(refused(forked(5), proof(5, 9), head(9)), VerifyError::OldRoot);
    assert_eq!(refused(forked(5), forked_proof.clone(), head(9)), VerifyError::Root);
    assert_eq!(refused(head(5), proof(5, 9), forked(9)), VerifyError::Root);
    assert_eq!(refused(head(5), forked_proof, forked(9)), VerifyError::OldRoot);
}

#[test]
fn what_was_accepted_is_cosigned_and_taken_over() {
    let note = signed(head(5));
    let request = AddCheckpoint::new(0, vec![], note.clone()).unwrap();
    let line = decided(&request, None).unwrap().cosign(&witness(), TIME).unwrap();
    let body = cosigned_body(std::slice::from_ref(&line));
    assert!(body.starts_with(&format!("\u{2014} {WITNESS} ")) && body.ends_with("=\n"));
    let answer = Answer::parse(200, "text/plain", body.as_bytes()).unwrap();
    let Answer::Cosigned(lines) = answer else { panic!("{answer:?}") };
    assert_eq!(lines, [line]);
    let whole = note.with_verified(&lines, [witness().verifier()]).unwrap();
    assert_eq!(whole.verify([witness().verifier()]).unwrap()[0].time, Some(TIME));
}

#[test]
fn requests_have_one_form() {
    let hashes = vec![Hash([1; 32]), Hash([2; 32])];
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let request = AddCheckpoint::new(3, hashes.clone(), note.clone()).unwrap();
    let text = format!(
        "old 3\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
         AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n\n{CHECKPOINT}"
    );
    assert_eq!(request.to_string(), text);
    assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(request));
    let first = AddCheckpoint::parse(format!("old 0\n\n{CHECKPOINT}").as_bytes()).unwrap();
    assert_eq!((first.old_size(), first.proof(), first.note()), (0, [].as_slice(), &note));
    let full = AddCheckpoint::new(3, vec![Hash([3; 32]); 63], note).unwrap();
    assert_eq!(AddCheckpoint::parse(full.to_string().as_bytes()), Ok(full));
}

#[test]
fn malformed_requests_are_refused_by_name() {
    use RequestError as E;
    let hash = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
    let check = |bytes: String, code: &str| {
        let refused = AddCheckpoint::parse(bytes.as_bytes()).unwrap_err();
        assert_eq!((refused.code(), refused.http_status()), (code, 400), "{bytes}");
    };
    check("x".repeat(WITNESS_REQUEST_BYTES_MAX + 1), "witness_request_too_large");
    for text in ["", "old 0", "old 0\n", "old 0\nx\n"] {
        check(text.to_owned(), "witness_request_no_checkpoint");
    }
    for line in [
        "", "old", "old ", "old  0", "old 01", "old -1", "Old 1", "old 1 ", "old 1\r", "1",
        " old 1",
    ] {
        check(format!("{line}\n\n{CHECKPOINT}"), "witness_request_old_size");
    }
    check(format!("\n{CHECKPOINT}"), "witness_request_old_size");
    check(format!("old 1\n{}\n{CHECKPOINT}", hash.repeat(64)), "witness_request_too_many_hashes");
    for line in ["AQE=", "x", " ", &hash[..43], &format!("{} ", hash.trim())] {
        check(format!("old 1\n{hash}{line}\n\n{CHECKPOINT}"), "witness_request_hash");
    }
    let refused = AddCheckpoint::parse(format!("old 1\n{hash}x\n\n{CHECKPOINT}").as_bytes());
    assert_eq!(refused, Err(E::Hash { line: 2 }));
    check("old 1\n\n".to_owned(), "note_no_signature");
    check(format!("old 1\n\n\n{CHECKPOINT}"), "checkpoint_empty_line");
    check(format!("old 1\n\n{}", CHECKPOINT.trim()), "note_unterminated");
    check(format!("old 1\n\n{}", CHECKPOINT.replace("\n5\n", "\n05\n")), "checkpoint_size");
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    assert_eq!(AddCheckpoint::new(1, vec![Hash([0; 32]); 64], note), Err(E::TooManyHashes));
    let other = log().sign("text\n".to_owned()).unwrap();
    assert_eq!(AddCheckpoint::new(1, vec![], other).unwrap_err().code(), "checkpoint_lines");
}

#[test]
fn answers_are_read_strictly() {
    let read = |status, content_type: &str, body: &str| {
        Answer::parse(status, content_type, body.as_bytes())
            .map_err(tlog::witness::AnswerError::code)
    };
    let size = CONFLICT_CONTENT_TYPE;
    assert_eq!(read(409, size, "70000\n"), Ok(Answer::Conflict { stored: 70_000 }));
    assert_eq!(read(409, size, "0\n"), Ok(Answer::Conflict { stored: 0 }));
    for body in ["", "\n", "70000", "07\n", "7\n\n", "7 \n", "-7\n", "seven\n"] {
        assert_eq!(read(409, size, body), Err("witness_answer_size"), "{body:?}");
    }
    assert_eq!(read(409, "text/plain", "7\n"), Err("witness_answer_size"));
    for body in
        ["", "\n", "ok\n", "\u{2014} w AAAAAAA=", "\u{2014} w AAAAAAA=\n\n", "\u{2014} w A\r\n"]
    {
        assert_eq!(read(200, "text/plain", body), Err("witness_answer_lines"), "{body:?}");
    }
    for status in [400, 403, 404, 422, 500, 201, 302] {
        assert_eq!(read(status, size, "7\n"), Ok(Answer::Refused { status }));
    }
}

/// Whether one tree continues another, told by their sizes and branches instead of a proof.
fn one_history((old, old_branch): (u64, usize), (new, new_branch): (u64, usize)) -> bool {
    old <= new && (old_branch == new_branch || old <= FORK)
}

proptest! {
    /// Whatever logs send in whatever order, honestly or not: what is cosigned only ever grows, and
    /// all of it lies in one history.
    #[test]
    fn a_witness_never_goes_back(
        requests in prop::collection::vec(
            (0..=LEAVES, any::<bool>(), 0..=LEAVES, 0..2_usize, any::<bool>()),
            1..60,
        ),
    ) {
        let keys = [log().verifier().clone()];
        let histories = [History::first(), History::second()];
        let mut stored: Option<TreeHead> = None;
        let mut cosigned: Vec<(u64, usize)> = Vec::new();
        for (old, knows, size, branch, proves) in requests {
            // Half of the senders know what is stored, so that the witness moves at all.
            let last = cosigned.last().copied().unwrap_or((0, branch));
            let old = if knows { last.0 } else { old };
            let new = histories[branch].head(size);
            let has_proof = proves && 0 < old && old < size;
            let hashes =
                if has_proof { histories[branch].consistency(old, size) } else { vec![] };
            let request = AddCheckpoint::new(old, hashes, signed(new)).unwrap();
            let decision = decide(&request, Some(Watched { keys: &keys, stored }));
            if let Ok(accepted) = decision {
                prop_assert_eq!(accepted.head(), new);
                stored = Some(accepted.head());
                cosigned.push((size, branch));
            } else {
                // Honest growth is never refused.
                let is_honest = knows && proves && one_history(last, (size, branch));
                prop_assert!(!is_honest, "{:?}", decision);
            }
        }
        for (at, old) in cosigned.iter().enumerate() {
            prop_assert!(cosigned[at..].iter().all(|new| one_history(*old, *new)));
        }
    }

    #[test]
    fn changed_requests_are_read_to_the_same_bytes_or_not_at_all(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
        let request = AddCheckpoint::new(3, proof(3, 5), note).unwrap();
        let mut bytes = request.to_string().into_bytes();
        for (place, value) in places {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(request) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(request.to_string().into_bytes(), bytes);
        }
    }
}
