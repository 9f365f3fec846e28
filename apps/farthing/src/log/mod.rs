//! The node's verifiable log: whose it is, and who makes it public.
//!
//! Invariant: name and key of a log never change; the first start writes the name down beside the
//! key.

mod publisher;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::NodeLog;
use engine::{Engine, LogOptions};
use money::NodeId;
use tlog::{KeyName, LogSigner};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::LogSettings;
use crate::data;
use crate::secrets::{self, SecretError};
use crate::term;

use publisher::Publisher;

const FILE_MODE: u32 = 0o600;

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// Its key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Its name cannot be read or written down.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file of its name holds something else.
    #[error("{0} does not hold the name of the log, one line such as `pay.example/log`")]
    Content(PathBuf),
    /// The policy for verifiers cannot be made of the settings.
    #[error("the log's policy: {0}")]
    Policy(#[from] tlog::policy::PolicyError),
    /// A witness cannot be asked.
    #[error(transparent)]
    Url(#[from] witness::client::UrlError),
}

/// The log's key and name in a data folder; made at the first start.
pub(crate) fn options(
    folder: &Path,
    settings: &LogSettings,
    public_url: Option<&str>,
    node: NodeId,
) -> Result<LogOptions, SetupError> {
    let path = folder.join(data::LOG_ORIGIN);
    let origin = match (&settings.origin, read_origin(&path)?) {
        (Some(asked), Some(_)) => asked.clone(),
        (None, Some(known)) => known,
        (asked, None) => {
            let origin = asked.clone().map_or_else(|| usual_origin(&path, public_url, node), Ok)?;
            write_origin(&path, &origin)?;
            origin
        }
    };
    let seed = secrets::seed(&folder.join(data::LOG_KEY))?;
    let mut options = LogOptions::new(LogSigner::from_seed(origin, &seed));
    options.guard.clone_from(&settings.guard);
    Ok(options)
}

/// Makes the log of a started engine public, until `stop`. `None` if it keeps none.
pub(crate) async fn publish(
    engine: &Engine,
    settings: Option<&LogSettings>,
    folder: &Path,
    node_url: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Option<(NodeLog, Vec<JoinHandle<()>>)>, SetupError> {
    let (Some(settings), Some(log)) = (settings, engine.log()) else { return Ok(None) };
    if let Some(name) = &settings.origin {
        settle_origin(folder, name)?;
    }
    if let Some(why) = log.halted() {
        term::note(&format!("the log signs nothing: {why}; payments go on without new proofs"));
    }
    let policy = Arc::new(settings.policy(&log.vkey(), &api::log_url(node_url))?);
    let publisher = Publisher::new(engine, log, Arc::clone(&policy)).await?;
    let known = NodeLog { policy, report: publisher.report() };
    let epochs = tokio::spawn(publisher.epochs(settings.epoch, stop.clone()));
    let checkpoints = tokio::spawn(publisher.run(settings.checkpoint, stop.clone()));
    Ok(Some((known, vec![epochs, checkpoints])))
}

/// The engine has taken this name: from now on it is the log's.
fn settle_origin(folder: &Path, origin: &KeyName) -> Result<(), SetupError> {
    let path = folder.join(data::LOG_ORIGIN);
    if read_origin(&path)?.as_ref() == Some(origin) { Ok(()) } else { write_origin(&path, origin) }
}

/// Where the log is served, without scheme; or else the node's id, for a node without a public URL.
fn usual_origin(
    path: &Path,
    public_url: Option<&str>,
    node: NodeId,
) -> Result<KeyName, SetupError> {
    let host = public_url.and_then(|url| url.split_once("://")).map(|(_, host)| host.to_owned());
    let name = format!("{}/log", host.unwrap_or_else(|| node.to_string()));
    KeyName::new(&name).map_err(|_| SetupError::Content(path.to_owned()))
}

fn read_origin(path: &Path) -> Result<Option<KeyName>, SetupError> {
    let text = match fs::read_to_string(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|cause| SetupError::File { path: path.to_owned(), cause })?,
    };
    let name = KeyName::new(text.trim_end_matches('\n'));
    name.map(Some).map_err(|_| SetupError::Content(path.to_owned()))
}

/// In one step, and durable when this returns.
fn write_origin(path: &Path, origin: &KeyName) -> Result<(), SetupError> {
    let part = path.with_extension("origin.part");
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(FILE_MODE).open(&part)?;
        writeln!(file, "{origin}")?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|cause| SetupError::File { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(origin: &str) -> LogSettings {
        let text = format!("[log]\n{origin}\n");
        Config::parse(&text, "f.toml").unwrap().check().unwrap().log.unwrap()
    }

    fn origin_of(options: &LogOptions) -> String {
        options.signer.verifier().name().as_str().to_owned()
    }

    #[test]
    fn the_first_start_fixes_name_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let node = NodeId::new(5).unwrap();
        let open = |origin: &str, url| options(folder.path(), &settings(origin), url, node);
        let first = open("", Some("https://pay.example:8443")).unwrap();
        assert_eq!(origin_of(&first), "pay.example:8443/log");
        // Another address does not make another log.
        let again = open("", None).unwrap();
        assert_eq!(again.signer.verifier(), first.signer.verifier());
        // What is asked for is left to the engine, which knows whose the books' log is.
        let asked = open("origin = \"log.example\"", None).unwrap();
        assert_eq!(origin_of(&asked), "log.example");
        assert_eq!(origin_of(&open("", None).unwrap()), "pay.example:8443/log");
        settle_origin(folder.path(), asked.signer.verifier().name()).unwrap();
        assert_eq!(origin_of(&open("", None).unwrap()), "log.example");
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_node_without_address_gives_its_id() {
        let folder = tempfile::tempdir().unwrap();
        let node = NodeId::new(5).unwrap();
        let first = options(folder.path(), &settings(""), None, node).unwrap();
        assert_eq!(origin_of(&first), format!("{node}/log"));
        fs::write(folder.path().join(data::LOG_ORIGIN), "two words\n").unwrap();
        let damaged = options(folder.path(), &settings(""), None, node);
        assert!(matches!(damaged, Err(SetupError::Content(_))));
    }
}
