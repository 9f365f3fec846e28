//! `farthing pay`: ask for a URL, pay for it, bring the content and the receipt.
//!
//! Invariants: where the content goes is opened before anything is paid, so a full disk or a wrong
//! folder costs nothing; a file appears under its name only when it is complete; content and
//! receipt never share a stream.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use client::{Answer, Bill, Chain, Limits, Paid, Payer, Request, Settled, Tab, Timeouts, Wallet};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http402::x402::network_name;
use money::AssetCode;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::cli::PayArgs;
use crate::failure::Failure;
use crate::term;
use crate::wallet;

/// Downloads shorter than this show no progress.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
const KILOBYTE: u64 = 1_000;

/// Asks and pays.
pub(crate) async fn run(args: PayArgs) -> Result<(), Failure> {
    let request = request(&args)?;
    let asset = AssetCode::new(&args.asset)
        .map_err(|why| Failure::usage(format!("`{}` is not an asset: {why}", args.asset)))?;
    let wallet = Wallet::load(&wallet::path(&args.wallet)?)?;
    let network = network_name(wallet.network());
    let node = args.node.clone().unwrap_or_else(|| wallet.node_url().to_owned());
    let mut payer = Payer::with_node(wallet, &node, Timeouts::default())?;
    if let Some(path) = &args.mandate {
        payer = payer.under(Chain::load(path)?)?;
    }
    if args.dry_run {
        return quote(&payer, &request).await;
    }
    let limits = Limits::at_most(args.max, asset);
    let Some(path) = args.output else {
        let bought = bring(&payer, &request, &limits, &mut tokio::io::stdout()).await?;
        if let Some(receipt) = bought.receipt(&payer, &request, &network).await? {
            term::note(&receipt.to_string());
        }
        return Ok(());
    };
    let target = Target::open(&path).await?;
    let bought = buy_into(target, &payer, &request, &limits).await?;
    match bought.receipt(&payer, &request, &network).await? {
        Some(receipt) => term::line(&receipt.to_string()),
        None => term::note("it was free"),
    }
    Ok(())
}

/// How the content was paid.
enum Bought {
    Free,
    WithOrder(Settled),
    ByUnit(Tab),
}

impl Bought {
    /// What was paid, as JSON; what was paid by the unit is settled first.
    async fn receipt(
        self,
        payer: &Payer,
        request: &Request,
        network: &str,
    ) -> Result<Option<Value>, Failure> {
        match self {
            Self::Free => Ok(None),
            Self::WithOrder(settled) => Ok(Some(receipt(payer, request, network, &settled).await)),
            Self::ByUnit(tab) => Ok(Some(bill(&tab.finish().await?, request, network))),
        }
    }
}

/// Waits until the limit of what is paid by the unit is used up.
async fn used_up(tab: Option<&Tab>) {
    match tab {
        Some(tab) => tab.used_up().await,
        None => std::future::pending().await,
    }
    term::note("the limit is used up; raise it with --max to get more");
}

/// Pays, and writes the content as it comes. What breaks off is settled for what arrived.
async fn bring<W: tokio::io::AsyncWrite + Unpin>(
    payer: &Payer,
    request: &Request,
    limits: &Limits,
    target: &mut W,
) -> Result<Bought, Failure> {
    let Paid { answer, settled, tab } = payer.pay(request, limits).await?;
    let delivered = tokio::select! {
        delivered = deliver(answer, target, settled.as_ref()) => delivered,
        () = used_up(tab.as_ref()) => target.flush().await.map_err(|error| {
            Failure::new(format!("what came cannot be written: {error}"))
        }),
    };
    match (delivered, settled, tab) {
        (Ok(()), Some(settled), _) => Ok(Bought::WithOrder(settled)),
        (Ok(()), None, Some(tab)) => Ok(Bought::ByUnit(tab)),
        (Ok(()), None, None) => Ok(Bought::Free),
        (Err(failure), _, Some(tab)) => {
            let bill = tab.finish().await?;
            Err(failure.with_hint(format!("{} was paid for what arrived", bill.spent)))
        }
        (Err(failure), _, None) => Err(failure),
    }
}

async fn quote(payer: &Payer, request: &Request) -> Result<(), Failure> {
    let Some(quote) = payer.quote(request).await? else {
        term::line("free");
        return Ok(());
    };
    term::line(&quote.price.to_string());
    let words = [quote.service_name, quote.description].into_iter().flatten();
    let words: Vec<String> = words.filter(|text| !text.is_empty()).collect();
    let words = term::plain(&words.join(": "));
    term::note(&format!("to {} for {words}", quote.payee));
    Ok(())
}

async fn buy_into(
    mut target: Target,
    payer: &Payer,
    request: &Request,
    limits: &Limits,
) -> Result<Bought, Failure> {
    match bring(payer, request, limits, &mut target.file).await {
        Ok(bought) => {
            target.complete().await?;
            Ok(bought)
        }
        Err(failure) => {
            target.discard().await;
            Err(failure)
        }
    }
}

/// Writes the content as it comes.
async fn deliver<W: tokio::io::AsyncWrite + Unpin>(
    answer: Answer,
    target: &mut W,
    settled: Option<&Settled>,
) -> Result<(), Failure> {
    let (expected, start) = (answer.length_bytes(), Instant::now());
    let mut shown = start;
    let watched = term::is_watched();
    let progress = |bytes: u64| {
        let now = Instant::now();
        if watched && now - start >= PROGRESS_AFTER && now - shown >= PROGRESS_EVERY {
            shown = now;
            let of = expected.map_or(String::new(), |all| format!(" of {} kB", all / KILOBYTE));
            term::progress(&format!("{} kB{of}", bytes / KILOBYTE));
        }
    };
    let written = answer.write_to(target, progress).await;
    if watched && start.elapsed() >= PROGRESS_AFTER {
        term::progress("");
    }
    match (written, settled) {
        (Ok(_), _) => Ok(()),
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(settled)) => {
            let text = format!("{error} (payment {})", settled.payment);
            Err(Failure::new(text)
                .with_hint("no more is charged than what arrived; see `farthing wallet history`"))
        }
    }
}

/// The receipt as JSON: what was paid, and the node's signature over it if it could be had.
async fn receipt(payer: &Payer, request: &Request, network: &str, settled: &Settled) -> Value {
    let proof = payer.prove(settled).await;
    let amount = proof.as_ref().map_or(settled.price, |proof| proof.statement.amount);
    let mut receipt = json!({
        "payment": settled.payment,
        "network": network,
        "payer": settled.payer,
        "payee": settled.payee,
        "amount": amount.units().to_string(),
        "asset": amount.asset().code,
        "scale": amount.asset().scale,
        "paid": amount.to_string(),
        "url": request.url(),
        "receipt_url": settled.receipt_url,
    });
    if let Some(proof) = proof {
        receipt["receipt"] = proof.receipt.into();
        receipt["signature"] = proof.signature.into();
        receipt["public_key"] = proof.public_key.into();
    } else {
        term::note("the node's signed receipt could not be had; ask for it later");
    }
    receipt
}

/// The bill of what was paid by the unit as JSON.
fn bill(bill: &Bill, request: &Request, network: &str) -> Value {
    if !bill.closed {
        term::note("the channel is not closed yet; the rest comes back when it is");
    }
    json!({
        "channel": bill.channel,
        "network": network,
        "payer": bill.payer,
        "payee": bill.payee,
        "amount": bill.spent.units().to_string(),
        "asset": bill.spent.asset().code,
        "scale": bill.spent.asset().scale,
        "paid": bill.spent.to_string(),
        "url": request.url(),
        "closed": bill.closed,
        "closes_at_ms": bill.closes_at_ms,
    })
}

fn request(args: &PayArgs) -> Result<Request, Failure> {
    let body = match args.data.as_deref().map(|text| (text, text.strip_prefix('@'))) {
        None => None,
        Some((_, Some(path))) => Some(Bytes::from(std::fs::read(path).map_err(|error| {
            Failure::usage(format!("the data file {path} cannot be read: {error}"))
        })?)),
        Some((text, None)) => Some(Bytes::copy_from_slice(text.as_bytes())),
    };
    let method = match &args.method {
        Some(text) => Method::from_bytes(text.to_ascii_uppercase().as_bytes())
            .map_err(|_| Failure::usage(format!("`{text}` is not a method")))?,
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut headers = HeaderMap::new();
    if let Some(body) = &body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(body)));
    }
    for text in &args.headers {
        let (name, value) = header(text).ok_or_else(|| {
            Failure::usage(format!("`{text}` is not a header"))
                .with_hint("write --header 'Accept: application/json'")
        })?;
        headers.insert(name, value);
    }
    Ok(Request::new(method, &args.url, headers, body.unwrap_or_default())?)
}

/// What the data most likely is; `--header` says otherwise.
fn media_type(body: &[u8]) -> &'static str {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    if is_json { "application/json" } else { "application/x-www-form-urlencoded" }
}

fn header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    let name = HeaderName::try_from(name.trim()).ok()?;
    Some((name, HeaderValue::from_str(value.trim()).ok()?))
}

/// A file on its way to its name.
struct Target {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl Target {
    async fn open(path: &Path) -> Result<Self, Failure> {
        let mut name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
        name.push(".part");
        let part = path.with_file_name(name);
        if path.is_dir() || path.file_name().is_none() {
            return Err(Failure::usage(format!("{} is a folder", path.display())));
        }
        let file = File::create(&part).await.map_err(|error| {
            Failure::new(format!("{} cannot be written: {error}", part.display()))
                .with_hint("nothing was paid")
        })?;
        let path = path.to_owned();
        Ok(Self { file, part, path })
    }

    async fn complete(self) -> Result<(), Failure> {
        let Self { file, part, path } = self;
        let stored = async {
            file.sync_all().await?;
            tokio::fs::rename(&part, &path).await
        };
        stored.await.map_err(|error| {
            let (part, path) = (part.display(), path.display());
            Failure::new(format!("{path} cannot be written: {error}"))
                .with_hint(format!("the content is in {part}"))
        })
    }

    async fn discard(self) {
        // What is left over is named `.part`, so nobody takes it for the content.
        let _ = tokio::fs::remove_file(&self.part).await;
    }
}
