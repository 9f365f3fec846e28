//! `kill -9` at any moment while vouchers and ticks come in: every watermark that was acknowledged is
//! there, at most one step that was not is there too, and the ledger holds what is not settled.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::{Begun, Engine, ManualClock, OpenChannel, Present, PresentMode, Proof, Spend, Tags};
use instrument::channel::{ChannelTerms, Tick, TickLink, Voucher};
use instrument::{PurchaseDigest, Signed};
use money::ChannelId;
use sha2::{Digest, Sha256};

use crate::world::{PAYERS, START_MS, fund, furnish, key, node, open, payee, payer, units, usd};

const CHILD: &str = "ENGINE_KILLED_CHANNELS";
const NAME: &str = "kill_channels::every_acknowledged_watermark_survives_30_kills";
const KILLS: u64 = 30;

/// Clients that pay at the same time, each on a channel of its own; one of four by ticks.
const CLIENTS: u8 = 8;
const DEPOSIT: u128 = 100_000;
const TICKS: u32 = 5_000;

/// Of each channel what was last acknowledged as accepted and as spent.
type Acknowledged = BTreeMap<String, (u128, u128)>;

#[test]
fn every_acknowledged_watermark_survives_30_kills() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let run = std::env::var("RUN").unwrap().parse().unwrap();
        pay_until_killed(dir.as_ref(), run);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut acknowledged = Acknowledged::new();
    for run in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        kill_after(dir.path(), run, random % 200 + 1, &mut acknowledged);
        assert_kept(dir.path(), run, &acknowledged);
    }
    let (accepted, spent) = acknowledged
        .values()
        .fold((0, 0), |(accepted, spent), said| (accepted + said.0, spent + said.1));
    assert!(accepted > 1_000 && spent > 100, "{accepted} accepted, {spent} spent");
}

/// Lets a child pay, kills it after some acknowledgements, and notes all that it said.
fn kill_after(dir: &Path, run: u64, acknowledgements: u64, known: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, dir)
        .env("RUN", run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap).filter(|line| line.contains("ch_"));
    let mut note = |line: String| {
        let at = line.find("ch_").unwrap();
        let words: Vec<&str> = line[at..].split(' ').collect();
        let number = |index: usize| words[index].parse().unwrap();
        known.insert(words[0].to_owned(), (number(1), number(2)));
    };
    for _ in 0..acknowledgements {
        note(lines.next().unwrap());
    }
    child.kill().unwrap();
    // What it said between the last line read and its end counts as well.
    lines.for_each(&mut note);
    child.wait().unwrap();
}

fn clock(run: u64) -> ManualClock {
    ManualClock::new((START_MS + run * 60_000) * 1_000_000)
}

fn assert_kept(dir: &Path, run: u64, acknowledged: &Acknowledged) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let engine = open(dir, &clock(run)).engine;
        let mut deposits = 0;
        for (channel, (accepted, spent)) in acknowledged {
            let id: ChannelId = channel.parse().unwrap();
            let view = engine.read(move |state| state.channel(id)).await.unwrap();
            let view = view.unwrap_or_else(|| panic!("{channel} is lost"));
            let step = |kept: u128, said: u128| kept == said || kept == said + 1;
            assert!(step(view.accepted, *accepted), "{accepted} accepted, then {view:?}");
            assert!(step(view.spent, *spent), "{spent} spent, then {view:?}");
            deposits += view.deposit;
        }
        let (accounts, books) =
            engine.read(|state| (state.accounts(), engine::books(state))).await.unwrap();
        assert!(books.iter().all(|view| view.balanced), "{books:?}");
        let held: u128 = accounts
            .iter()
            .filter(|view| view.role == engine::AccountRole::Payer)
            .map(|view| view.held.units())
            .sum();
        // Some were opened and the child did not come to say so.
        let unsaid = held.checked_sub(deposits).expect("a deposit is not held");
        assert!(unsaid.is_multiple_of(DEPOSIT), "{unsaid} held for nothing");
        engine.shutdown().await;
    });
}

fn pay_until_killed(dir: &Path, run: u64) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = clock(run);
        let engine = open(dir, &clock).engine;
        furnish(&engine).await;
        for number in 1..=PAYERS {
            let id = 1000 * u128::from(run + 1) + u128::from(number);
            engine.fund(fund(id, payer(number), 1_000_000_000)).await.unwrap();
        }
        for client in 0..CLIENTS {
            tokio::spawn(pay(engine.clone(), run, client));
        }
        // The parent kills long before.
        tokio::time::sleep(Duration::from_mins(10)).await;
        panic!("nobody killed the child");
    })
}

/// Pays one base unit after the other on a channel of its own; what is acknowledged is said.
async fn pay(engine: Engine, run: u64, client: u8) {
    let number = client % PAYERS + 1;
    let mut salt = [client; 16];
    salt[..8].copy_from_slice(&run.to_be_bytes());
    let links = links(&salt);
    let terms = ChannelTerms {
        node: node(),
        salt,
        payer: payer(number),
        signer: key(number).public(),
        voucher_key: key(number).public(),
        payee: payee(1),
        deposit: units(DEPOSIT),
        tick_root: links[0],
        tick_units: 1,
        tick_count: TICKS,
        close_delay_seconds: 60,
        expires_at_ms: START_MS + 30 * 24 * 60 * 60 * 1000,
        mandate: None,
    };
    let terms = Signed::sign(terms, &key(number)).verify().unwrap();
    let channel = terms.channel();
    let description = "a stream".to_owned();
    engine
        .open_channel(OpenChannel {
            terms,
            split: None,
            description,
            origin: None,
            tags: Tags::default(),
        })
        .await
        .unwrap();
    println!("{channel} 0 0");
    let mut spent = 0;
    for step in 1..=TICKS {
        let total = u128::from(step);
        let proof = if client.is_multiple_of(4) {
            Proof::Tick { channel, tick: Tick { index: step, link: links[step as usize] } }
        } else {
            let voucher = Voucher { channel, sequence: u64::from(step), cumulative: total };
            Proof::Voucher(Signed::sign(voucher, &key(number)))
        };
        if step % 3 == 0 {
            spent += 1;
            buy(&engine, proof, spent).await;
        } else {
            engine.accept(proof).await.unwrap();
        }
        println!("{channel} {total} {spent}");
    }
}

/// One request that costs one base unit.
async fn buy(engine: &Engine, proof: Proof, spent: u128) {
    let command = Present {
        proof,
        purchase: PurchaseDigest([7; 32]),
        pay_to: payee(1),
        split: None,
        start: money::Amount::new(1, usd()),
        unit_price: None,
        mode: if spent.is_multiple_of(2) { PresentMode::Lease } else { PresentMode::Reserve },
        lease_seconds: 60,
        origin: None,
    };
    let channel = command.proof.channel();
    let Begun::Proceed { lease, .. } = engine.present(command).await.unwrap() else {
        panic!("a new request must proceed");
    };
    let spend = Spend { channel, lease, spent, end: true, outcome: None, durable_outcome: false };
    engine.spend(spend).await.unwrap();
}

/// The links of a chain, from its root on.
fn links(salt: &[u8; 16]) -> Vec<TickLink> {
    let mut links = vec![TickLink(*salt)];
    for index in (1..=TICKS).rev() {
        let digest = Sha256::new()
            .chain_update(b"fthtick1")
            .chain_update(salt)
            .chain_update(index.to_be_bytes())
            .chain_update(links.last().unwrap().0)
            .finalize();
        links.push(TickLink(digest[..16].try_into().unwrap()));
    }
    links.reverse();
    links
}
