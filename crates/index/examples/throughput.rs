//! How many rows a second an index takes, and what that costs each thread.
//!
//! `cargo run --release -p index --example throughput -- FOLDER [MILLION_ROWS] [ACCOUNTS] [ROWS_PER_SECOND] [FAN_OUT] [pairs] [scattered]`
//!
//! Rows are like those of a ledger: 128 bytes, a key that ascends or is scattered at random, six
//! terms. After each batch some keys are looked up that are not there. The folder should be on the
//! disk that is to be measured; what it holds of an index is removed.
#![expect(clippy::print_stdout, reason = "it is there to print figures")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use index::{Index, Manifest, Options, Schema, Sealed};

const BATCH_ROWS: usize = 8_189;
const ROW_BYTES: usize = 128;
/// Rows of a chunk that may grow while others wait to be written.
const HELD_ROWS: u64 = 4 * 131_072;
const READS: u64 = 20_000;
/// Absent keys that are looked up after each batch.
const LOOKS: u64 = 100;
/// What the system counts the time of threads in.
const TICKS_PER_SECOND: u64 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let number = |at: usize, default: u64| {
        arguments.get(at).map_or(Ok(default), |argument| argument.parse::<u64>())
    };
    let dir = arguments.first().ok_or("name a folder")?;
    let (rows, accounts) = (number(1, 20)? * 1_000_000, number(2, 10_000)?);
    let has_scattered_keys = has("scattered");
    let offered = number(3, u64::MAX)?;
    let schema = Schema { row_bytes: ROW_BYTES, pair_bytes: ROW_BYTES, keys, terms };
    let default = Options::default();
    let fan_out = usize::try_from(number(4, default.fan_out as u64)?)?;
    let options = Options { fan_out, ..default };
    let mut index = Index::create(Arc::new(disk::Local), Path::new(dir), schema, options)?;
    let start = Instant::now();
    let load = Load { rows, accounts, offered, has_scattered_keys, has_pairs: has("pairs") };
    let (made, figures) = load.take(&mut index)?;
    let taken = start.elapsed();
    index.seal()?.manifest()?;
    let durable = start.elapsed();
    println!("{made} rows, {accounts} accounts, pairs: {}, fan-out {fan_out}", load.has_pairs);
    let rate = |time: u128| u128::from(made) * 1_000_000 / time;
    println!(
        "taken {} rows/s, durable {} rows/s",
        rate(taken.as_micros()),
        rate(durable.as_micros())
    );
    figures.print();
    let mut busy = 0;
    for (name, ticks) in threads()? {
        let nanoseconds = ticks * 1_000_000_000 / TICKS_PER_SECOND / made;
        busy += nanoseconds;
        println!("{name:>14}: {nanoseconds} ns of CPU a row");
    }
    println!("{:>14}: {busy} ns of CPU a row", "all");
    read(&index, made, accounts, has_scattered_keys)?;
    let runs = |manifest: &Manifest| manifest.files().filter(|f| f.name.ends_with("run")).count();
    println!("{} runs", runs(&index.seal()?.manifest()?));
    let io = fs::read_to_string("/proc/self/io")?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    println!("{} bytes written a row", written.ok_or("no count of bytes")?.parse::<u64>()? / made);
    let status = fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().filter(|line| line.contains("VmHWM")).collect::<String>());
    Ok(())
}

/// What the index is given.
struct Load {
    rows: u64,
    accounts: u64,
    /// Rows a second at most.
    offered: u64,
    has_scattered_keys: bool,
    has_pairs: bool,
}

/// What was measured after each batch.
#[derive(Default)]
struct Figures {
    /// Microseconds of an append and a seal.
    waits: Vec<u128>,
    /// Nanoseconds of CPU time of a look at a key that is not there.
    looked: Vec<u64>,
}

impl Load {
    /// Has all rows taken; returns how many there were in the end.
    fn take(&self, index: &mut Index) -> Result<(u64, Figures), Box<dyn std::error::Error>> {
        let mut batch = vec![0; BATCH_ROWS * ROW_BYTES];
        let pairs = self.has_pairs.then(|| vec![1; BATCH_ROWS * ROW_BYTES]);
        let (start, mut made, mut held) = (Instant::now(), 0, 0);
        let remover = remover(index);
        let mut figures = Figures::default();
        while made < self.rows {
            for row in batch.chunks_exact_mut(ROW_BYTES) {
                fill(row, made, self.accounts, self.has_scattered_keys);
                made += 1;
            }
            let due = u128::from(made) * 1_000_000 / u128::from(self.offered);
            thread::sleep(
                Duration::from_micros(u64::try_from(due)?).saturating_sub(start.elapsed()),
            );
            let before = Instant::now();
            index.append(&batch, pairs.as_deref())?;
            if index.is_chunk_full() && (!index.would_seal_wait() || index.len() > held + HELD_ROWS)
            {
                held = index.len();
                remover.send(index.seal()?)?;
            }
            figures.waits.push(before.elapsed().as_micros());
            let before = busy()?;
            for look in 0..LOOKS {
                assert!(index.find(absent(made + look))?.is_none());
            }
            figures.looked.push((busy()? - before) / LOOKS);
        }
        Ok((made, figures))
    }
}

impl Figures {
    fn print(self) {
        let Self { mut waits, looked } = self;
        waits.sort_unstable();
        let wait = |part: usize| waits[(waits.len() - 1) * part / 1_000];
        println!(
            "append and seal: p50 {} us, p99 {} us, p999 {} us, slowest {} us",
            wait(500),
            wait(990),
            wait(999),
            wait(1_000)
        );
        let last = looked.len() / 4;
        let mean = |looks: &[u64]| looks.iter().sum::<u64>() / looks.len() as u64;
        println!(
            "key that is not there, after each batch: {} ns of CPU, in the last quarter {} ns",
            mean(&looked),
            mean(&looked[looked.len() - last..])
        );
    }
}

/// Reads at random, and prints what one read takes.
fn read(
    index: &Index,
    rows: u64,
    accounts: u64,
    has_scattered_keys: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut row = [0; ROW_BYTES];
    for (salt, round) in [(0, "cold"), (1, "warm"), (2, "warmer")] {
        let picks = || (0..READS).map(|read| mix(read + salt * READS) % rows);
        println!("{round}:");
        print_time("row", || picks().try_for_each(|number| index.row(number, &mut row)))?;
        print_time("key that is there", || {
            picks().try_for_each(|number| {
                let found = index.find(key(number, has_scattered_keys))?;
                assert!(found.is_some());
                Ok(())
            })
        })?;
        let absent: Vec<u128> = picks().map(|number| absent(number + salt * rows)).collect();
        print_time("key that is not there", || {
            absent.iter().try_for_each(|key| {
                assert!(index.find(*key)?.is_none());
                Ok(())
            })
        })?;
        let absent: Vec<u128> = absent.iter().map(|key| !key | 1).collect();
        let mut found = Vec::new();
        print_time("key that is not there, among many", || {
            absent.chunks(BATCH_ROWS).try_for_each(|keys| index.find_many(keys, &mut found))
        })?;
        assert!(found.iter().all(Option::is_none) && found.len() == absent.len());
        print_time("newest ten of an account", || {
            picks().try_for_each(|number| {
                let term = mix((number % accounts) ^ (1 << 56));
                index.positions(term, 0..rows, true, 10).map(drop)
            })
        })?;
    }
    Ok(())
}

fn print_time(
    what: &str,
    read: impl FnOnce() -> Result<(), index::Error>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (start, before) = (Instant::now(), busy()?);
    read()?;
    let (elapsed, busy) = (start.elapsed().as_nanos() / u128::from(READS), busy()? - before);
    println!("{what:>34}: {elapsed} ns, {} ns of CPU", busy / READS);
    Ok(())
}

/// Nanoseconds of CPU time of this thread.
fn busy() -> Result<u64, Box<dyn std::error::Error>> {
    let times = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(times.split_whitespace().next().ok_or("no time of a thread")?.parse()?)
}

/// Keeps the last two manifests and removes what is not needed for them.
fn remover(index: &Index) -> mpsc::Sender<Sealed> {
    let keeper = index.keeper();
    let (sender, sealed) = mpsc::channel::<Sealed>();
    thread::spawn(move || -> Result<(), index::Error> {
        let mut before = None::<Manifest>;
        for sealed in sealed {
            let manifest = sealed.manifest()?;
            keeper.keep_only(
                &[Some(&manifest), before.as_ref()].into_iter().flatten().collect::<Vec<_>>(),
            )?;
            before = Some(manifest);
        }
        Ok(())
    });
    sender
}

/// Name and ticks of CPU time of each thread.
fn threads() -> Result<Vec<(String, u64)>, Box<dyn std::error::Error>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let path = entry?.path();
        let name = fs::read_to_string(path.join("comm"))?.trim().to_owned();
        let stat = fs::read_to_string(path.join("stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        threads.push((name, ticks));
    }
    Ok(threads)
}

fn fill(row: &mut [u8], number: u64, accounts: u64, has_scattered_keys: bool) {
    let random = mix(number);
    row[..16].copy_from_slice(&key(number, has_scattered_keys).to_be_bytes());
    row[24..32].copy_from_slice(&(random % accounts).to_be_bytes());
    row[40..48].copy_from_slice(&(random / accounts % accounts).to_be_bytes());
    row[88..96].copy_from_slice(&mix(random).to_be_bytes());
    row[96..104].copy_from_slice(&(random >> 40).to_be_bytes());
    row[104..108].copy_from_slice(&u32::to_be_bytes((random >> 50) as u32 + 1));
    row[115] = (number % 5) as u8;
    row[120..].copy_from_slice(&number.to_be_bytes());
}

/// A key of 128 bits, or one of 64: those are even.
fn key(number: u64, is_scattered: bool) -> u128 {
    let random = u128::from(mix(number)) << 64 | u128::from(mix(!number));
    if is_scattered { random & !1 } else { u128::from(2 * number + 2) }
}

/// A key that no row has, somewhere among those of 128 bits.
fn absent(number: u64) -> u128 {
    key(mix(number), true) | 1
}

fn keys(row: &[u8], keys: &mut Vec<u128>) {
    keys.extend(row[..16].first_chunk().map(|key| u128::from_be_bytes(*key)));
}

fn terms(row: &[u8], terms: &mut Vec<u64>) {
    for (kind, from, to) in
        [(1, 16, 32), (2, 32, 48), (3, 80, 96), (4, 96, 104), (5, 104, 108), (6, 114, 116)]
    {
        let value = row[from..to].iter().rev().take(8).rev();
        let value = value.fold(0, |value, byte| value << 8 | u64::from(*byte));
        terms.push(mix(value ^ kind << 56));
    }
}

fn mix(number: u64) -> u64 {
    let mixed = (number ^ number >> 32).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}
