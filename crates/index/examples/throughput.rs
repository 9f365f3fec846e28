//! How many rows a second an index takes, and what that costs each thread.
//!
//! `cargo run --release -p index --example throughput -- FOLDER [MILLION_ROWS] [ACCOUNTS] [ROWS_PER_SECOND] [pairs] [scattered]`
//!
//! Rows are like those of a ledger: 128 bytes, an ascending key, six terms. The folder should be on
//! the disk that is to be measured; what it holds of an index is removed.
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
    let pairs = has("pairs").then(|| vec![1; BATCH_ROWS * ROW_BYTES]);
    let schema = Schema { row_bytes: ROW_BYTES, pair_bytes: ROW_BYTES, keys, terms };
    let mut index =
        Index::create(Arc::new(disk::Local), Path::new(dir), schema, Options::default())?;
    let mut batch = vec![0; BATCH_ROWS * ROW_BYTES];
    let (start, mut made) = (Instant::now(), 0);
    let remover = remover(&index);
    let (mut waits, mut held) = (Vec::new(), 0);
    while made < rows {
        for row in batch.chunks_exact_mut(ROW_BYTES) {
            fill(row, made, accounts, has_scattered_keys);
            made += 1;
        }
        let due = u128::from(made) * 1_000_000 / u128::from(offered);
        thread::sleep(Duration::from_micros(u64::try_from(due)?).saturating_sub(start.elapsed()));
        let before = Instant::now();
        index.append(&batch, pairs.as_deref())?;
        if index.is_chunk_full() && (!index.would_seal_wait() || index.len() > held + HELD_ROWS) {
            held = index.len();
            remover.send(index.seal()?)?;
        }
        waits.push(before.elapsed().as_micros());
    }
    let taken = start.elapsed();
    index.seal()?.manifest()?;
    let durable = start.elapsed();
    println!("{made} rows, {accounts} accounts, pairs: {}", pairs.is_some());
    let rate = |time: u128| u128::from(made) * 1_000_000 / time;
    println!(
        "taken {} rows/s, durable {} rows/s",
        rate(taken.as_micros()),
        rate(durable.as_micros())
    );
    waits.sort_unstable();
    let wait = |part: usize| waits[(waits.len() - 1) * part / 1_000];
    println!(
        "append and seal: p50 {} us, p99 {} us, p999 {} us, slowest {} us",
        wait(500),
        wait(990),
        wait(999),
        wait(1_000)
    );
    let mut busy = 0;
    for (name, ticks) in threads()? {
        let nanoseconds = ticks * 1_000_000_000 / TICKS_PER_SECOND / made;
        busy += nanoseconds;
        println!("{name:>14}: {nanoseconds} ns of CPU a row");
    }
    println!("{:>14}: {busy} ns of CPU a row", "all");
    read(&index, made, accounts, has_scattered_keys)?;
    let status = fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().filter(|line| line.contains("VmHWM")).collect::<String>());
    Ok(())
}

/// Reads at random, and prints what one read takes.
fn read(
    index: &Index,
    rows: u64,
    accounts: u64,
    has_scattered_keys: bool,
) -> Result<(), index::Error> {
    let print = |what: &str, start: Instant| {
        println!("{what}: {} ns", start.elapsed().as_nanos() / u128::from(READS));
    };
    let mut row = [0; ROW_BYTES];
    for round in ["cold", "again"] {
        let picks = || (0..READS).map(|read| mix(read) % rows);
        let start = Instant::now();
        picks().try_for_each(|number| index.row(number, &mut row))?;
        print(&format!("row, {round}"), start);
        let start = Instant::now();
        for number in picks() {
            assert!(index.find(key(number, has_scattered_keys))?.is_some());
        }
        print(&format!("key that is there, {round}"), start);
        let start = Instant::now();
        for number in picks() {
            assert!(index.find(key(number, has_scattered_keys) + 1)?.is_none());
        }
        print(&format!("key that is not there, {round}"), start);
        let start = Instant::now();
        for number in picks() {
            index.positions(mix((number % accounts) ^ (1 << 56)), 0..rows, true, 10)?;
        }
        print(&format!("newest ten of an account, {round}"), start);
    }
    Ok(())
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

/// Every second number; a key that is odd is not there.
fn key(number: u64, is_scattered: bool) -> u128 {
    u128::from(if is_scattered { mix(number) & !1 } else { 2 * number + 2 })
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
