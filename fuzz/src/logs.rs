//! The log's texts: notes, receipts, policies, and what is said to witnesses.

use std::convert::Infallible;

use tlog::policy::Policy;
use tlog::witness::{AddCheckpoint, Answer, Watched, cosigned_body, decide};
use tlog::{
    Checkpoint, Cosigner, Hash, KeyName, LogSigner, Node, Note, Receipt, TreeHead, leaf_hash,
    node_hash, root,
};

/// The origin of the seeds' log.
pub const LOG: &str = "ledger.example/log1";
/// The name of the seeds' witness.
pub const WITNESS: &str = "witness.example/w1";

/// The seeds' log.
pub fn log() -> LogSigner {
    LogSigner::from_seed(KeyName::new(LOG).expect("a name"), &[7; 32])
}

/// The seeds' witness.
pub fn witness() -> Cosigner {
    Cosigner::from_seed(KeyName::new(WITNESS).expect("a name"), &[9; 32])
}

/// How many leaves the seeds' log has.
pub const LEAVES: u64 = 5;

/// The entry of the seeds' log that its receipts are for.
pub fn entry(index: u64) -> Vec<u8> {
    format!("leaf-{}", index + 1).into_bytes()
}

/// The hashes of the seeds' log, each computed when it is asked for.
pub fn hashes(node: Node) -> Result<Hash, Infallible> {
    let children = node.level().checked_sub(1).and_then(|level| {
        let left = Node::new(level, node.index() * 2)?;
        Some((left, Node::new(level, node.index() * 2 + 1)?))
    });
    match children {
        None => Ok(leaf_hash(&entry(node.index()))),
        Some((left, right)) => Ok(node_hash(&hashes(left)?, &hashes(right)?)),
    }
}

/// The head of the seeds' log at a size that it has had; of a larger one, nobody's.
pub fn head(size: u64) -> TreeHead {
    let nobody = Hash([1; 32]);
    let root = if size <= LEAVES { root(&mut hashes, size).unwrap_or(nobody) } else { nobody };
    TreeHead { size, root }
}

/// The policy that believes both.
pub fn policy_text() -> String {
    format!("log {}\nwitness w {}\nquorum w\n", log().verifier(), witness().verifier())
}

/// Notes, and the checkpoints that may be in them.
pub fn note(bytes: &[u8]) -> bool {
    Note::parse(bytes).is_ok_and(|note| {
        assert_eq!(note.to_string().as_bytes(), bytes);
        if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
            assert!(note.text().starts_with(&checkpoint.to_string()));
            let line = witness().cosign(&note, 1).expect("a checkpoint at a time that exists");
            // Full notes and notes with forged lines may refuse; what they take must verify.
            if let Ok(whole) = note.with_verified(&[line], [witness().verifier()]) {
                assert!(whole.verify([witness().verifier()]).is_ok());
            }
        }
        let _ = note.verify([log().verifier(), witness().verifier()]);
        true
    })
}

/// Receipts; what the policy accepts was signed as the seeds' log signs, and is of one leaf alone.
pub fn receipt(bytes: &[u8]) -> bool {
    let policy = Policy::parse(policy_text().as_bytes()).expect("a policy");
    Receipt::parse(bytes).is_ok_and(|receipt| {
        assert_eq!(receipt.to_string().as_bytes(), bytes);
        judged(&receipt, &policy);
        if let Some(signed) = signed_anew(&receipt) {
            judged(&signed, &policy);
        }
        true
    })
}

fn judged(receipt: &Receipt, policy: &Policy) {
    // A mutation of the index may leave a receipt for another leaf of the seeds' log.
    let accepted: Vec<_> = (0..LEAVES)
        .filter_map(|index| {
            let judged = receipt.verify(&leaf_hash(&entry(index)), policy).ok()?;
            assert_eq!(&judged.checkpoint, receipt.checkpoint());
            Some(index)
        })
        .collect();
    assert!(accepted.len() <= 1, "two leaves at one place");
    if !accepted.is_empty() {
        let again = log().sign(receipt.note().text().to_owned()).expect("a text");
        assert!(receipt.note().signatures().contains(&again.signatures()[0]));
        assert!(receipt.index() < receipt.checkpoint().head().size);
    }
    if receipt.checkpoint().head() == head(LEAVES) {
        assert!(accepted.iter().all(|index| *index == receipt.index()));
    }
}

/// By log and witness, so that changed sizes, roots and proofs reach the check behind the
/// signatures.
fn signed_anew(receipt: &Receipt) -> Option<Receipt> {
    let note = log().sign(receipt.note().text().to_owned()).ok()?;
    let line = witness().cosign(&note, 1).ok()?;
    let note = note.with_signatures(&[line]).ok()?;
    let extra = receipt.extra().map(<[u8]>::to_vec);
    Receipt::new(receipt.index(), receipt.proof().to_vec(), note, extra).ok()
}

/// Policies.
pub fn policy(bytes: &[u8]) -> bool {
    Policy::parse(bytes).is_ok_and(|policy| {
        assert_eq!(Policy::parse(&policy.to_bytes()).as_ref(), Ok(&policy));
        assert!(policy.quorum_is_met(|_| true));
        assert_eq!(policy.quorum_is_met(|_| false), policy.needs_no_witness());
        true
    })
}

/// Requests to a witness, and its answers.
pub fn messages(bytes: &[u8]) -> bool {
    let request = AddCheckpoint::parse(bytes).is_ok_and(|request| {
        assert_eq!(request.to_string().as_bytes(), bytes);
        decisions(&request);
        true
    });
    let answer = Answer::parse(200, "", bytes).is_ok_and(|answer| {
        let Answer::Cosigned(lines) = answer else { panic!("200 means lines") };
        assert_eq!(cosigned_body(&lines).as_bytes(), bytes);
        true
    });
    request || answer
}

/// Signed anew, so that changed sizes and roots reach the decision behind the signature.
fn decisions(request: &AddCheckpoint) {
    let Ok(note) = log().sign(request.note().text().to_owned()) else { return };
    let proof = request.proof().to_vec();
    let Ok(request) = AddCheckpoint::new(request.old_size(), proof, note) else { return };
    let new = request.checkpoint().head();
    let keys = [log().verifier().clone()];
    let accepts = |stored| decide(&request, Some(Watched { keys: &keys, stored })).is_ok();
    for stored in [0, request.old_size(), new.size].map(head).into_iter().map(Some).chain([None]) {
        if !accepts(stored) {
            continue;
        }
        let size = stored.map_or(0, |stored| stored.size);
        assert!(size == request.old_size() && size <= new.size);
        // A larger tree continues one history: behind any other root of that size nothing holds.
        let other = TreeHead { size, root: Hash([2; 32]) };
        assert!(size == 0 || !accepts(Some(other)));
    }
}
