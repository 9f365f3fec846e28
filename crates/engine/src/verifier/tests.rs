//! The verifier without a writer behind it: verdicts, order, and what happens when it is full.

use std::sync::mpsc;

use instrument::channel::{ChannelTerms, TickLink, Voucher};
use instrument::{KeyPair, Signed, Statement};
use money::{AccountId, Amount, Asset, NodeId};

use tokio::sync::oneshot;

use super::*;
use crate::channel::{CheckedProof, Proof};
use crate::queue::queue;

fn keys(number: u8) -> Arc<ChannelKeys> {
    let public = KeyPair::from_seed(&[number; 32]).public();
    let terms = ChannelTerms {
        node: NodeId::new(1).unwrap(),
        salt: [number; 16],
        payer: AccountId::new(1).unwrap(),
        signer: public,
        voucher_key: public,
        payee: AccountId::new(2).unwrap(),
        deposit: Amount::new(1_000, Asset::new("USD", 9).unwrap()),
        tick_root: TickLink([0; 16]),
        tick_units: 0,
        tick_count: 0,
        close_delay_seconds: 60,
        expires_at_ms: u64::MAX,
        mandate: None,
    };
    Arc::new(ChannelKeys::new(terms, Vec::new(), terms.root()))
}

fn voucher(number: u8, sequence: u64) -> SignedVoucher {
    let channel = ChannelId::new(u128::from(number)).unwrap();
    let voucher = Voucher { channel, sequence, cumulative: 7 };
    Signed::sign(voucher, &KeyPair::from_seed(&[number; 32]))
}

/// One byte of the signature's first or second half is another one.
fn spoilt(number: u8, sequence: u64) -> SignedVoucher {
    let good = voucher(number, sequence);
    let mut signature = good.signature().0;
    signature[if sequence.is_multiple_of(2) { 3 } else { 40 }] ^= 1;
    Signed::from_parts(&good.unverified().to_bytes(), &signature).unwrap()
}

type Said = (u64, bool);

/// A command of this number, to tell its place by.
fn command(number: u8, sequence: u64) -> ChannelCommand {
    let proof = Proof::Voucher(voucher(number, sequence));
    ChannelCommand::Accept(CheckedProof::Unchecked(proof), oneshot::channel().0)
}

/// The vouchers of commands that were handed on together.
fn sequences(commands: &[ChannelCommand]) -> Vec<u64> {
    let sequence = |command: &ChannelCommand| match command {
        ChannelCommand::Accept(proof, _) => match proof.proof() {
            Proof::Voucher(voucher) => voucher.unverified().sequence,
            Proof::Tick { .. } => panic!("a tick"),
        },
        _ => panic!("another command"),
    };
    commands.iter().map(sequence).collect()
}

/// A check that says what came of it.
fn check(number: u8, sequence: u64, is_good: bool, said: &mpsc::Sender<Said>) -> Check {
    let voucher = if is_good { voucher(number, sequence) } else { spoilt(number, sequence) };
    let said = said.clone();
    let then = move |verdict: Verdict| {
        if let Ok(verified) = verdict {
            assert_eq!(verified.get().sequence, sequence, "a verdict on another voucher");
        }
        said.send((sequence, verdict.is_ok())).unwrap();
        command(number, sequence)
    };
    Check::Voucher(voucher, keys(number), Box::new(then))
}

/// Batches of every size around the limits, with bad vouchers at their ends, in the middle, everywhere
/// and nowhere: each gets its own verdict, in order.
#[test]
fn each_voucher_gets_its_own_verdict() {
    let (said, heard) = mpsc::channel();
    let bad_ones: [&dyn Fn(u64, u64) -> bool; 6] = [
        &|_, _| false,
        &|place, _| place == 0,
        &|place, count| place + 1 == count,
        &|place, count| place == count / 2 || place == count / 3,
        &|place, _| place % 2 == 1,
        &|_, _| true,
    ];
    for count in [1, 2, 31, 33, 100] {
        for is_bad in bad_ones {
            let is_good = |place: &u64| !is_bad(*place, count);
            let number = |place: u64| u8::try_from(place % 3 + 1).unwrap();
            let checks = (0..count).map(|at| check(number(at), at, is_good(&at), &said));
            let commands = carry_out(checks);
            assert_eq!(sequences(&commands), (0..count).collect::<Vec<_>>());
            let heard: Vec<Said> = heard.try_iter().collect();
            let right: Vec<Said> = (0..count).map(|place| (place, is_good(&place))).collect();
            assert_eq!(heard, right);
        }
    }
}

#[test]
fn a_statement_between_vouchers_keeps_its_place() {
    let (said, heard) = mpsc::channel();
    let between = said.clone();
    let alone = Check::Alone(Box::new(move || {
        between.send((77, true)).unwrap();
        command(1, 77)
    }));
    let checks = [check(1, 1, true, &said), check(1, 2, true, &said), alone];
    let commands = carry_out(checks.into_iter().chain([check(1, 3, true, &said)]));
    let order: Vec<u64> = heard.try_iter().map(|(sequence, _)| sequence).collect();
    assert_eq!(order, [1, 2, 77, 3]);
    assert_eq!(sequences(&commands), order);
}

#[test]
fn checks_of_one_channel_keep_their_order() {
    let (writer, outlet) = queue(1_800);
    let verifier = Verifier::start(writer, NonZero::new(3).unwrap(), 4_096).unwrap();
    let (said, heard) = mpsc::channel();
    for sequence in 0..600 {
        for number in 1..=3 {
            let is_good = sequence % 50 != 7;
            let channel = ChannelId::new(u128::from(number)).unwrap();
            let check = check(number, sequence * 10 + u64::from(number), is_good, &said);
            verifier.check(channel, check).unwrap();
        }
    }
    let heard: Vec<u64> = heard.iter().take(1_800).map(|(said, _)| said).collect();
    for number in 1..=3 {
        let own: Vec<u64> = heard.iter().copied().filter(|said| said % 10 == number).collect();
        assert_eq!(own.len(), 600);
        assert!(own.is_sorted(), "channel {number} is out of order");
    }
    drop(verifier);
    let mut handed_on = 0;
    for command in &outlet.commands {
        assert!(matches!(command, Command::Channels(_)));
        handed_on += outlet.leave(&command);
    }
    assert_eq!(handed_on, 1_800);
}

/// What the writer has no room for is answered at once, all of it.
#[test]
fn a_full_writer_refuses_what_was_checked() {
    let (writer, _outlet) = queue(1);
    let (reply, mut answer) = oneshot::channel();
    let proof = CheckedProof::Unchecked(Proof::Voucher(voucher(1, 1)));
    let commands = vec![ChannelCommand::Accept(proof, reply), command(1, 2)];
    hand_on(commands, &writer);
    assert_eq!(answer.try_recv().unwrap().unwrap_err(), Unavailable::Busy.into());
    hand_on(vec![command(1, 3)], &writer);
    assert_eq!(writer.send(Command::Channel(command(1, 4))).unwrap_err().0, Unavailable::Busy);
}

#[test]
fn a_full_queue_refuses_and_dropping_the_verifier_ends_its_threads() {
    let (writer, outlet) = queue(1);
    let verifier = Verifier::start(writer, NonZero::<usize>::MIN, 1).unwrap();
    let channel = ChannelId::new(1).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let hold = move || {
        begun.send(()).unwrap();
        held.recv().unwrap();
        command(1, 0)
    };
    verifier.check(channel, Check::Alone(Box::new(hold))).unwrap();
    has_begun.recv().unwrap();
    let (said, heard) = mpsc::channel();
    verifier.check(channel, check(1, 1, true, &said)).unwrap();
    let refused = verifier.check(channel, check(1, 2, true, &said));
    assert_eq!(refused, Err(Unavailable::Busy));
    release.send(()).unwrap();
    assert_eq!(heard.recv(), Ok((1, true)));
    drop((verifier, said));
    // The threads hold the last ways to the writer: this ends when they do.
    outlet.commands.iter().for_each(drop);
}
