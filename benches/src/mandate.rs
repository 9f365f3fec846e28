//! What a mandate adds to the decision about a payment: the same order checked and not charged, signed
//! by the owner, and by delegates at several depths, beside few and many other mandates.
//!
//! The writer turns on the caller's thread, so nothing but the decision differs between the runs.
//! Signatures were verified before and nothing is written, as when a registered mandate is used; what
//! its first presentation costs stands apart. Invariant: every order that is timed is accepted.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use benches::callgrind::Counted;
use benches::disk::scratch;
use benches::report::{Report, float, machine_load};
use engine::{
    Authorize, Clock as _, Engine, Inline, Mode, Options, Purchase, SystemClock, Tags, Terms,
};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use instrument::{
    KeyPair, Limits, MANDATE_DEPTH_MAX, Order, Payees, Signed, TreeMandate, UNLIMITED, Verified,
    payer_account,
};
use money::OrderId;

use crate::gateway::{sale, serve};
use crate::options::Options as Words;

/// How this program is told to be one run.
pub(crate) const WORD: &str = "mandate-counted";

/// Mandates between the owner and the one who signs the order.
const DEPTHS: [usize; 4] = [0, 1, 2, 4];
/// Mandates that a payer may have as roots; further ones are other payers'.
const ROOTS_OF_PAYER: u128 = 1_000;
/// Grants that share a commit: the others only have to be there.
const GRANTED_AT_ONCE: usize = 500;
const LIFE_MS: u64 = 60 * 60 * 1_000;

struct Plan {
    /// Other mandates of the node.
    others: u128,
    checks: u64,
    rounds: usize,
    presentations: usize,
    /// Checks of the two counted runs.
    counted: [u64; 2],
}

const FULL: Plan = Plan {
    others: 100_000,
    checks: 2_000,
    rounds: 100,
    presentations: 200,
    counted: [1_000, 11_000],
};
const QUICK: Plan =
    Plan { others: 1_000, checks: 500, rounds: 10, presentations: 10, counted: [100, 300] };

const NOTES: &[&str] = &[
    "decision: an order's whole way through the writer, queue and answer included, signature verified \
     before, nothing written; best of the rounds, the depths in turn",
    "mandate_check: what the depth adds to the decision about the owner's own order",
    "first_presentation: all signatures of a chain of that depth verified, its links registered and \
     durable; signatures: the former alone; medians",
];

/// `--quick` makes it short.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let plan = if Words::parse(words, &[])?.quick { QUICK } else { FULL };
    let report = Report::new("mandate");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    for mandates in [0, plan.others] {
        decisions(&report, &plan, mandates)?;
    }
    for depth in DEPTHS.into_iter().filter(|depth| *depth > 0) {
        first_presentation(&report, depth, plan.presentations)?;
    }
    instructions(&report, plan.counted)?;
    report.value("machine", "load_after", machine_load()?, "processes")
}

fn workload(depth: usize, others: u128) -> String {
    match depth {
        0 => format!("owner_beside_{others}"),
        depth => format!("depth_{depth}_beside_{others}"),
    }
}

/// Times each depth in turn, some rounds.
fn decisions(report: &Report, plan: &Plan, others: u128) -> Result<()> {
    let folder = scratch()?;
    let mut bench = Bench::start(folder.path(), &DEPTHS, others)?;
    let mut best = DEPTHS.map(|_| f64::INFINITY);
    for _ in 0..plan.rounds {
        for (which, best) in best.iter_mut().enumerate() {
            let began = Instant::now();
            bench.check(which, plan.checks)?;
            *best = best.min(began.elapsed().as_secs_f64() * 1e6 / float(plan.checks));
        }
    }
    for (depth, each) in DEPTHS.into_iter().zip(best) {
        report.value(&workload(depth, others), "decision", each, "us")?;
        if depth > 0 {
            report.value(&workload(depth, others), "mandate_check", each - best[0], "us")?;
        }
    }
    Ok(())
}

/// Chains that the node has never seen, one after the other.
fn first_presentation(report: &Report, depth: usize, count: usize) -> Result<()> {
    let folder = scratch()?;
    let mut bench = Bench::start(folder.path(), &[], 0)?;
    let (mut verified_us, mut whole_us) = (Vec::new(), Vec::new());
    for salt in 0..count as u128 {
        let signed: Vec<_> = chain(depth, salt + 1)?
            .iter()
            .map(|(terms, key)| (Signed::sign(*terms, key), key.public()))
            .collect();
        let began = Instant::now();
        let verified: Result<Vec<_>, _> =
            signed.into_iter().map(|(signed, key)| signed.verify_with(&key)).collect();
        let verified = verified.context("the bench's own chain")?;
        verified_us.push(began.elapsed().as_secs_f64() * 1e6);
        done(&mut bench.writer, bench.engine.grant_chain(verified, String::new()))?;
        whole_us.push(began.elapsed().as_secs_f64() * 1e6);
    }
    for (metric, mut taken_us) in [("signatures", verified_us), ("first_presentation", whole_us)] {
        taken_us.sort_unstable_by(f64::total_cmp);
        let median = benches::percentile::percentile(&taken_us, 50).context("nothing was timed")?;
        report.value(&format!("depth_{depth}"), metric, median, "us")?;
    }
    Ok(())
}

/// What a decision takes, and what the depth adds, in instructions.
fn instructions(report: &Report, [few, many]: [u64; 2]) -> Result<()> {
    let mut owner = None;
    for depth in DEPTHS {
        let added = count(depth, many)?.saturating_sub(count(depth, few)?);
        let each = float(added) / float(many - few);
        report.value(&workload(depth, 0), "decision_instructions", each, "instructions")?;
        let owner = *owner.get_or_insert(each);
        if depth > 0 {
            let added = each - owner;
            report.value(&workload(depth, 0), "check_instructions", added, "instructions")?;
        }
    }
    Ok(())
}

fn count(depth: usize, checks: u64) -> Result<u64> {
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    let words = [WORD, &depth.to_string(), &checks.to_string(), folder];
    Ok(Counted::start(&std::env::current_exe()?, &words)?.finish()?.total)
}

/// One run, in the process that is counted.
pub(crate) fn counted(words: &[String]) -> Result<()> {
    let [depth, checks, folder] = words else {
        bail!("usage: {WORD} DEPTH CHECKS FOLDER");
    };
    Bench::start(Path::new(folder), &[depth.parse()?], 0)?.check(0, checks.parse()?)
}

/// A node with a chain of each depth and an order under it.
struct Bench {
    engine: Engine,
    writer: Inline,
    commands: Vec<Authorize>,
}

impl Bench {
    fn start(data: &Path, depths: &[usize], others: u128) -> Result<Self> {
        let (engine, mut writer) = Engine::start_inline(Options::new(data, sale::node()))?;
        done(&mut writer, serve::open_books(&engine))?;
        for first in (0..others).step_by(GRANTED_AT_ONCE) {
            let numbers = first..others.min(first + GRANTED_AT_ONCE as u128);
            let granted = join_all(numbers.map(|number| {
                let engine = &engine;
                async move {
                    let owner = key(number / ROOTS_OF_PAYER + 1_000_000);
                    let other = verified(&root(&owner, number)?, &owner)?;
                    Ok::<_, anyhow::Error>(engine.grant_chain(vec![other], String::new()).await?)
                }
            }));
            done(&mut writer, granted.map(|all| all.into_iter().collect::<Result<()>>()))?;
        }
        let mut commands = Vec::new();
        for depth in depths {
            let chain = chain(*depth, 0)?;
            let links: Result<Vec<_>> =
                chain.iter().map(|(terms, key)| verified(terms, key)).collect();
            if *depth > 0 {
                done(&mut writer, engine.grant_chain(links?, String::new()))?;
            }
            commands.push(command(&chain)?);
        }
        Ok(Self { engine, writer, commands })
    }

    fn check(&mut self, which: usize, count: u64) -> Result<()> {
        let command = &self.commands[which];
        for _ in 0..count {
            done(&mut self.writer, self.engine.authorize(command.clone()))?;
        }
        Ok(())
    }
}

/// Lets the writer turn until a call is answered.
fn done<T, E>(writer: &mut Inline, call: impl Future<Output = Result<T, E>>) -> Result<T>
where
    E: Into<anyhow::Error>,
{
    let mut call = std::pin::pin!(call);
    loop {
        if let Some(answer) = call.as_mut().now_or_never() {
            return answer.map_err(Into::into);
        }
        writer.turn();
    }
}

fn key(number: u128) -> KeyPair {
    KeyPair::from_seed(blake3::hash(&number.to_be_bytes()).as_bytes())
}

fn verified(terms: &TreeMandate, key: &KeyPair) -> Result<Verified<TreeMandate>> {
    Signed::sign(*terms, key).verify_with(&key.public()).context("the bench's own mandate")
}

/// With a limit in every respect, as wide as one can be.
fn root(owner: &KeyPair, salt: u128) -> Result<TreeMandate> {
    let asset = sale::asset()?;
    Ok(TreeMandate {
        node: sale::node(),
        salt: salt.to_be_bytes(),
        parent: None,
        payer: payer_account(&owner.public(), asset),
        granter: owner.public(),
        delegate: key(1).public(),
        asset,
        limits: Limits {
            per_payment: UNLIMITED - 1,
            per_day: UNLIMITED - 1,
            per_month: UNLIMITED - 1,
            total: UNLIMITED - 1,
            unit_price: None,
            expires_at_ms: SystemClock.now_ms() + LIFE_MS,
            depth: MANDATE_DEPTH_MAX,
            payees: Payees::new(&[sale::payee()?])?,
            audience: None,
        },
    })
}

/// Mandates from the payer to the delegate of this depth, each with the key that signs it.
fn chain(depth: usize, salt: u128) -> Result<Vec<(TreeMandate, KeyPair)>> {
    let mut chain: Vec<(TreeMandate, KeyPair)> = Vec::new();
    for number in 1..=depth as u128 {
        let link = match chain.last() {
            None => (root(&sale::payer_key(), salt)?, sale::payer_key()),
            Some((above, _)) => {
                let limits = Limits { depth: above.limits.depth - 1, ..above.limits };
                let (parent, delegate) = (Some(above.id()), key(number).public());
                let own =
                    TreeMandate { granter: above.delegate, parent, delegate, limits, ..*above };
                (own, key(number - 1))
            }
        };
        chain.push(link);
    }
    Ok(chain)
}

/// The last delegate's order, or the owner's.
fn command(chain: &[(TreeMandate, KeyPair)]) -> Result<Authorize> {
    let (amount, last) = (sale::price()?, chain.last().map(|(terms, _)| terms));
    let signer = if chain.is_empty() { sale::payer_key() } else { key(chain.len() as u128) };
    let order = Order {
        node: sale::node(),
        id: OrderId::new(1)?,
        payer: sale::payer(amount.asset()),
        signer: signer.public(),
        payee: sale::payee()?,
        amount,
        purchase: None,
        expires_at_ms: SystemClock.now_ms() + LIFE_MS,
        mandate: last.map(TreeMandate::id),
    };
    Ok(Authorize {
        order: Signed::sign(order, &signer).verify().context("the bench's own order")?,
        purchase: Purchase { digest: None, origin: None, description: String::new() },
        terms: Terms {
            pay_to: sale::payee()?,
            amount,
            split: None,
            unit_price: None,
            access_seconds: 0,
        },
        idempotency: None,
        tags: Tags::default(),
        counters: Vec::new(),
        mode: Mode::Check,
    })
}
