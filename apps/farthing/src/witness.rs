//! `farthing witness`: a witness for the logs of others, with a key and a folder of its own.
//!
//! Order of starting: read the arguments, open the folder (which locks it), make the key if this is
//! the first start, take the address, say where. The list of what was cosigned exists before the key
//! does, so a key without that list has lost it, and the witness does not go on.
//!
//! Invariant: requests under way are answered before the process ends, and nothing is cosigned that
//! the folder does not hold.

use std::path::Path;
use std::sync::Arc;

use engine::{Clock as _, SystemClock};
use http::Uri;
use tlog::{Cosigner, KeyName, VerifierKey};
use tokio::sync::watch;
use witness::{Clock, OpenError, SetupError, Start, Store, Witness, server};

use crate::cli::WitnessArgs;
use crate::data;
use crate::failure::Failure;
use crate::listener::Listener;
use crate::secrets;
use crate::stop_signal::StopSignal;
use crate::term;

const WITNESS_KEY: &str = "witness.key";
/// Largest file of logs.
const LOGS_FILE_BYTES_MAX: u64 = 1024 * 1024;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Runs until the process is asked to stop.
pub(crate) async fn run(args: WitnessArgs) -> Result<(), Failure> {
    let name = KeyName::new(&args.name).map_err(|error| {
        Failure::usage(format!("`{}`: {error}", args.name))
            .with_hint("for example --name witness.example/w1")
    })?;
    if args.print_key {
        term::line(&print_key(&args.data, name)?);
        return Ok(());
    }
    let keys = keys(&args)?;
    let prefix = args.url.as_deref().map(path_of).transpose()?.unwrap_or_default();
    let (store, cosigner) = open(&args.data, name)?;
    let witness = Witness::new(store, cosigner, keys).map_err(|error| not_set_up(&error))?;
    let witness = Arc::new(witness);
    let clock: Clock = Arc::new(|| SystemClock.now_ns() / NS_PER_SECOND);
    let router = server::router(Arc::clone(&witness), clock, &prefix)
        .map_err(|error| Failure::usage(format!("--url: {error}")))?;

    let listener = Listener::bind(args.listen).await.map_err(|error| {
        Failure::new(error.to_string()).with_hint("choose another address or port")
    })?;
    let asked = StopSignal::listen()
        .map_err(|error| Failure::new(format!("no signal handler: {error}")))?;
    let (stop, stopped) = watch::channel(false);
    let url = args.url.unwrap_or_else(|| listener.url());
    let (address, key) = (listener.url(), witness.key().clone());
    let server = tokio::spawn(listener.serve(router, stopped));
    term::line(&format!("{}  {address}", term::strong("witness")));
    term::line(&format!("{}      {key}", term::strong("key")));
    term::line(&format!("{}   witness {} {key} {url}", term::strong("policy"), key.name()));
    term::line(&format!("{}     {}", term::strong("logs"), witness.logs_count()));
    term::line(&format!("{}     {}", term::strong("data"), args.data.display()));
    asked.received().await;
    term::note("stopping: requests under way are finished");
    // Without a receiver the server has ended already.
    let _ = stop.send(true);
    server.await.map_err(|error| Failure::new(format!("the listener broke off: {error}")))
}

/// The key needs no lock if it is there: the witness may be running.
fn print_key(folder: &Path, name: KeyName) -> Result<String, Failure> {
    let path = folder.join(WITNESS_KEY);
    let cosigner = if path.exists() {
        let seed = secrets::seed(&path).map_err(|error| Failure::new(error.to_string()))?;
        Cosigner::from_seed(name, &seed)
    } else {
        open(folder, name)?.1
    };
    Ok(cosigner.verifier().to_string())
}

fn open(folder: &Path, name: KeyName) -> Result<(Store, Cosigner), Failure> {
    data::make_closed(folder).map_err(|error| {
        Failure::new(format!("the folder {} cannot be used: {error}", folder.display()))
    })?;
    let path = folder.join(WITNESS_KEY);
    let start = if path.exists() { Start::Again } else { Start::First };
    let store = Store::open(Arc::new(disk::Local), folder, start);
    let store = store.map_err(|error| not_opened(&error))?;
    if start == Start::First && !store.is_unused() {
        let text = format!("{} is missing, and checkpoints were cosigned with it", path.display());
        return Err(Failure::damage(text)
            .with_hint("put it back, or start in an empty folder under another name"));
    }
    let seed = secrets::seed(&path).map_err(|error| Failure::new(error.to_string()))?;
    Ok((store, Cosigner::from_seed(name, &seed)))
}

fn not_set_up(error: &SetupError) -> Failure {
    match error {
        SetupError::Store(error) => not_opened(error),
        _ => Failure::usage(error.to_string()),
    }
}

fn not_opened(error: &OpenError) -> Failure {
    let text = error.to_string();
    match error {
        OpenError::Disk(_) | OpenError::Locked { .. } => Failure::new(text),
        _ => Failure::damage(text).with_hint("nothing was changed"),
    }
}

/// The keys of all logs that were named, at least one.
fn keys(args: &WitnessArgs) -> Result<Vec<VerifierKey>, Failure> {
    let mut texts: Vec<String> = args.logs.clone();
    if let Some(path) = &args.logs_file {
        let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if size > LOGS_FILE_BYTES_MAX {
            return Err(failed(format!("it has more than {LOGS_FILE_BYTES_MAX} bytes")));
        }
        let file = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let lines = file.lines().map(str::trim);
        texts.extend(lines.filter(|it| !it.is_empty() && !it.starts_with('#')).map(str::to_owned));
    }
    if texts.is_empty() {
        return Err(Failure::usage("no log is named, so there is nothing to watch")
            .with_hint("name the key of a log with --log, or a file of keys with --logs"));
    }
    let parse = |text: &String| {
        VerifierKey::parse(text).map_err(|error| {
            Failure::usage(format!("`{text}` is not the key of a log: {error}"))
                .with_hint("a node tells its own under /log/policy")
        })
    };
    texts.iter().map(parse).collect()
}

/// The path of the URL at which logs ask, without a slash at its end.
fn path_of(url: &str) -> Result<String, Failure> {
    let uri: Option<Uri> = url.parse().ok();
    let uri = uri.filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && uri.query().is_none()
    });
    let uri = uri.ok_or_else(|| {
        Failure::usage(format!("`{url}` is not a URL at which logs can ask"))
            .with_hint("write it in full, for example https://witness.example/w1")
    })?;
    Ok(uri.path().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_url_is_served_as_well() {
        for (url, path) in [
            ("https://witness.example", ""),
            ("https://witness.example/", ""),
            ("http://127.0.0.1:4022/a/b/", "/a/b"),
        ] {
            assert_eq!(path_of(url).unwrap(), path);
        }
        for url in ["witness.example/w1", "ftp://witness.example", "https://witness.example/?q"] {
            assert!(path_of(url).is_err(), "{url}");
        }
    }
}
