//! The log's texts: notes, receipts, policies, and what is said to witnesses.

use tlog::policy::Policy;
use tlog::witness::{AddCheckpoint, Answer, Watched, cosigned_body, decide};
use tlog::{Checkpoint, Cosigner, KeyName, LogSigner, Note, Receipt, TreeHead};

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

/// Receipts; what the policy accepts was signed as the seeds' log signs.
pub fn receipt(bytes: &[u8]) -> bool {
    let policy = Policy::parse(policy_text().as_bytes()).expect("a policy");
    Receipt::parse(bytes).is_ok_and(|receipt| {
        assert_eq!(receipt.to_string().as_bytes(), bytes);
        let verdict = receipt.verify(&[0; 32], &policy, |index, _, _, head| index < head.size);
        if let Ok(judged) = verdict {
            let again = log().sign(receipt.note().text().to_owned()).expect("a text");
            assert!(receipt.note().signatures().contains(&again.signatures()[0]));
            assert_eq!(&judged.checkpoint, receipt.checkpoint());
        }
        true
    })
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
    let head = request.checkpoint().head();
    let keys = [log().verifier().clone()];
    let stored = [0, request.old_size(), head.size].map(|size| TreeHead { size, root: [1; 32] });
    for stored in stored.into_iter().map(Some).chain([None]) {
        let decision = decide(&request, Some(Watched { keys: &keys, stored }), |old, new, _| {
            assert!(0 < old.size && old.size < new.size);
            true
        });
        if decision.is_ok() {
            let stored = stored.map_or(0, |stored| stored.size);
            assert!(stored == request.old_size() && stored <= head.size);
        }
    }
}
