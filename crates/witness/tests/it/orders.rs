//! Many requests at once, over HTTP and on threads: the witness goes forward only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use disk::Local;
use proptest::prelude::*;
use witness::client::{Client, Options, Outcome};
use witness::{AddError, Start};

use crate::world::{FORK, History, LOG, TIME, cosigner, fresh, open, policy, serve_witness};

const LEAVES: u64 = 40;

#[test]
fn threads_of_two_histories_leave_one() {
    for round in 0..20 {
        let (_folder, witness) = fresh();
        let largest = AtomicU64::new(0);
        let winners: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let sender = |history: History| {
                let (witness, largest) = (&witness, &largest);
                scope.spawn(move || {
                    let mut won = Vec::new();
                    for new in FORK + 1 + round % 3..LEAVES {
                        let before = largest.load(Ordering::SeqCst);
                        let old = witness.head(LOG).map_or(0, |head| head.size);
                        let body = history.request(old, new);
                        match witness.add_checkpoint(body.as_bytes(), TIME) {
                            Ok(_) => {
                                // Nothing that was answered before this request was sent is larger.
                                assert!(before <= new, "{before} was cosigned before {new}");
                                largest.fetch_max(new, Ordering::SeqCst);
                                won.push(new);
                            }
                            Err(AddError::Refused(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    won
                })
            };
            let threads = [History::First, History::Second, History::First].map(sender);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (first, second) = (winners[0].len() + winners[2].len(), winners[1].len());
        assert!((first == 0) != (second == 0), "{winners:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_clients_of_one_log_both_get_through() {
    let (_folder, witness) = fresh();
    let url = serve_witness(Arc::clone(&witness)).await;
    let policy = policy(&[(cosigner().verifier(), &url)]);
    let submit = |policy: tlog::policy::Policy, step: u64| async move {
        let mut client = Client::new(&policy, Options::default()).unwrap();
        let mut cosigned = 0;
        for size in (0..LEAVES).step_by(usize::try_from(step).unwrap()) {
            let prove = |old, new| async move { Ok::<_, String>(History::First.proof(old, new)) };
            let note = History::First.note(size);
            let round = client.collect(&note, prove).await.unwrap();
            match &round.witnesses[0].outcome {
                Outcome::Cosigned { .. } => {
                    note.with_verified(&round.signatures, [cosigner().verifier()]).unwrap();
                    cosigned += 1;
                }
                // The other one was faster and is ahead.
                Outcome::Alarm(_) | Outcome::Paused | Outcome::Unsettled => {}
                other => panic!("{other:?}"),
            }
        }
        cosigned
    };
    let (one, two) =
        tokio::join!(tokio::spawn(submit(policy.clone(), 1)), tokio::spawn(submit(policy, 3)));
    assert!(one.unwrap() + two.unwrap() >= 14);
    let last = witness.head(LOG).unwrap();
    assert_eq!(last, History::First.head(last.size));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any requests, with starts in between: sizes never fall and one history is kept.
    #[test]
    fn no_order_of_requests_leads_back(
        steps in prop::collection::vec((0..5_u8, 0..LEAVES, 0..LEAVES), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut witness = open(Arc::new(Local), folder.path(), Start::First);
        let mut given: Vec<tlog::TreeHead> = Vec::new();
        for (what, old, new) in steps {
            let history = if what % 2 == 0 { History::First } else { History::Second };
            if what == 4 {
                drop(witness);
                witness = open(Arc::new(Local), folder.path(), Start::Again);
            }
            // Half of the requests come from where the witness is, or nothing would be accepted.
            let at = witness.head(LOG).map_or(0, |head| head.size);
            let old = if what < 2 { at } else { old };
            if witness.add_checkpoint(history.request(old, new).as_bytes(), TIME).is_ok() {
                prop_assert!(given.last().is_none_or(|last| last.size <= new));
                given.push(history.head(new));
            }
        }
        let of = |history: History| given.iter().all(|head| *head == history.head(head.size));
        prop_assert!(of(History::First) || of(History::Second));
    }
}
