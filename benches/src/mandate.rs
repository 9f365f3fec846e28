//! What a mandate adds to the decision about a payment: the same order checked and not charged, signed
//! by the owner, and by delegates at two depths, beside few and many other mandates.
//!
//! The writer turns on the caller's thread, so nothing but the decision differs between the runs.
//! Times are of this process; instructions are counted of runs of two lengths under callgrind.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use benches::callgrind::Counted;
use benches::disk::scratch;
use benches::report::{Report, float};
use engine::{
    Authorize, Clock as _, Engine, Inline, Mode, Options, Purchase, SystemClock, Tags, Terms,
};
use futures_util::FutureExt as _;
use instrument::{
    KeyPair, Limits, Order, Payees, Signed, TreeMandate, UNLIMITED, Verified, payer_account,
};
use money::OrderId;

use crate::gateway::{sale, serve};
use crate::options::Options as Words;

/// How this program is told to be one run.
pub(crate) const WORD: &str = "mandate-counted";

const DEPTHS: [usize; 3] = [0, 1, 5];
/// Mandates that a payer may have as roots; further ones are other payers'.
const ROOTS_OF_PAYER: u128 = 1_000;
const LIFE_MS: u64 = 60 * 60 * 1_000;

/// `--quick` makes it short.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let quick = Words::parse(words, &[])?.quick;
    let report = Report::new("mandate");
    report
        .note("microseconds and instructions of a payment's decision, by depth of its mandate")?;
    let (others, checks) = if quick { (1_000, 2_000) } else { (100_000, 50_000) };
    for mandates in [1, others] {
        for depth in DEPTHS {
            let folder = scratch()?;
            let mut bench = Bench::start(folder.path(), depth, mandates)?;
            let began = Instant::now();
            bench.check(checks)?;
            let each = began.elapsed().as_secs_f64() * 1e6 / float(checks);
            report.value(&workload(depth, mandates), "decision", each, "us")?;
        }
    }
    for depth in DEPTHS {
        let [short, long] = [1_000, 3_000].map(|checks| count(depth, checks));
        let each = float(long?.saturating_sub(short?)) / 2_000.0;
        report.value(&workload(depth, 1), "instructions_per_decision", each, "instructions")?;
    }
    Ok(())
}

fn workload(depth: usize, mandates: u128) -> String {
    match depth {
        0 => format!("owner_of_{mandates}"),
        depth => format!("depth_{depth}_of_{mandates}"),
    }
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
    Bench::start(Path::new(folder), depth.parse()?, 1)?.check(checks.parse()?)
}

struct Bench {
    engine: Engine,
    writer: Inline,
    command: Authorize,
}

impl Bench {
    fn start(data: &Path, depth: usize, mandates: u128) -> Result<Self> {
        let (engine, mut writer) = Engine::start_inline(Options::new(data, sale::node()))?;
        done(&mut writer, serve::open_books(&engine))?;
        let chain = chain(depth)?;
        let verified = chain.iter().map(|(terms, key)| verified(*terms, key)).collect();
        let verified: Result<Vec<_>> = verified;
        if depth > 0 {
            done(&mut writer, engine.grant_chain(verified?, String::new()))?;
        }
        for number in 1..mandates {
            let owner = key(number / ROOTS_OF_PAYER + 1_000_000);
            let other = verified_root(&owner, number)?;
            done(&mut writer, engine.grant_chain(vec![other], String::new()))?;
        }
        let command = command(&chain)?;
        Ok(Self { engine, writer, command })
    }

    fn check(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            done(&mut self.writer, self.engine.authorize(self.command.clone()))?;
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

fn verified(terms: TreeMandate, key: &KeyPair) -> Result<Verified<TreeMandate>> {
    Signed::sign(terms, key).verify_with(&key.public()).context("the bench's own mandate")
}

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
            depth: 7,
            payees: Payees::new(&[sale::payee()?])?,
            audience: None,
        },
    })
}

fn verified_root(owner: &KeyPair, salt: u128) -> Result<Verified<TreeMandate>> {
    verified(root(owner, salt)?, owner)
}

/// Mandates from the payer to the delegate of this depth, each with the key that signs it.
fn chain(depth: usize) -> Result<Vec<(TreeMandate, KeyPair)>> {
    let mut chain: Vec<(TreeMandate, KeyPair)> = Vec::new();
    for number in 1..=depth as u128 {
        let link = match chain.last() {
            None => (root(&sale::payer_key(), 0)?, sale::payer_key()),
            Some((above, _)) => {
                let limits = Limits { depth: above.limits.depth - 1, ..above.limits };
                let granter = key(number - 1);
                let (parent, delegate) = (Some(above.id()), key(number).public());
                let own =
                    TreeMandate { granter: above.delegate, parent, delegate, limits, ..*above };
                (own, granter)
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
        mode: Mode::Check,
    })
}
