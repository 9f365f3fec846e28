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
use crate::secrets::SecretError;
use crate::term;
use crate::vault::Vault;

use publisher::Publisher;

const FILE_MODE: u32 = 0o600;

/// The key of a log that is being begun.
const NEW_KEY: &str = "log.key.new";

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
    /// A new log cannot have this name.
    #[error(
        "the new log is to be `{asked}`, but `origin` of [log] is `{settings}`; change the settings"
    )]
    NewLog {
        /// In the settings.
        settings: String,
        /// On the command line.
        asked: String,
    },
    /// The node has stopped meanwhile.
    #[error("the node stopped before it took the new log")]
    Stopped,
    /// The policy for verifiers cannot be made of the settings.
    #[error("the log's policy: {0}")]
    Policy(#[from] tlog::policy::PolicyError),
    /// A witness cannot be asked.
    #[error(transparent)]
    Url(#[from] witness::client::UrlError),
}

/// The log's key and name in a data folder; made at the first start.
pub(crate) fn options(
    vault: &Vault,
    settings: &LogSettings,
    public_url: Option<&str>,
    node: NodeId,
    new_log: Option<&KeyName>,
) -> Result<LogOptions, SetupError> {
    let folder = vault.folder();
    let path = folder.join(data::LOG_ORIGIN);
    let known = read_origin(&path)?;
    if let (Some(name), Some(known)) = (new_log, &known)
        && (known != name || folder.join(NEW_KEY).exists())
    {
        return renewed(vault, settings, name);
    }
    let origin = match (&settings.origin, known) {
        (Some(asked), Some(_)) => asked.clone(),
        (None, Some(known)) => known,
        (asked, None) => {
            let origin = asked.clone().map_or_else(|| usual_origin(&path, public_url, node), Ok)?;
            write_origin(&path, &origin)?;
            origin
        }
    };
    let seed = vault.seed(data::LOG_KEY)?;
    let mut options = LogOptions::new(LogSigner::from_seed(origin, &seed));
    options.guard.clone_from(&settings.guard);
    Ok(options)
}

/// A new log of this name, for books that have one already. Its key waits beside the old one until the
/// books know it.
fn renewed(
    vault: &Vault,
    settings: &LogSettings,
    name: &KeyName,
) -> Result<LogOptions, SetupError> {
    if let Some(asked) = settings.origin.as_ref().filter(|asked| *asked != name) {
        return Err(SetupError::NewLog { settings: asked.to_string(), asked: name.to_string() });
    }
    let seed = vault.seed(NEW_KEY)?;
    let mut options = LogOptions::new(LogSigner::from_seed(name.clone(), &seed));
    options.guard.clone_from(&settings.guard);
    options.renew = true;
    Ok(options)
}

/// The books know the new log: its key takes the place of the old one, which is kept.
async fn settle_key(engine: &Engine, vault: &Vault, name: KeyName) -> Result<(), SetupError> {
    let folder = vault.folder();
    let (new, key) = (folder.join(NEW_KEY), folder.join(data::LOG_KEY));
    if !new.exists() {
        return Ok(());
    }
    let signer = LogSigner::from_seed(name.clone(), &vault.seed(NEW_KEY)?);
    if engine.log().is_none_or(|log| log.vkey() != signer.verifier().to_string()) {
        return Ok(());
    }
    // The entry that names the log stands before everything that is asked for.
    engine.read(|_| ()).await.map_err(|_| SetupError::Stopped)?;
    settle_origin(folder, &name)?;
    let mut aside = (1_u32..).map(|number| folder.join(format!("log.key.{number}.old")));
    let failed = |cause| SetupError::File { path: key.clone(), cause };
    if let Some(aside) = aside.find(|aside| !aside.exists()) {
        fs::rename(&key, aside).map_err(failed)?;
    }
    fs::rename(&new, &key).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    term::note(&format!("a new log was begun: `{name}`; tell whoever checks your receipts"));
    Ok(())
}

/// Makes the log of a started engine public, until `stop`. `None` if it keeps none.
pub(crate) async fn publish(
    engine: &Engine,
    settings: Option<&LogSettings>,
    vault: &Vault,
    node_url: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Option<(NodeLog, Vec<JoinHandle<()>>)>, SetupError> {
    let (Some(settings), Some(log)) = (settings, engine.log()) else { return Ok(None) };
    if let Ok(name) = KeyName::new(log.origin()) {
        settle_key(engine, vault, name).await?;
    }
    if let Some(name) = &settings.origin {
        settle_origin(vault.folder(), name)?;
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
        let vault = Vault::open(folder.path(), None).unwrap();
        let open = |origin: &str, url| options(&vault, &settings(origin), url, node, None);
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
        let vault = Vault::open(folder.path(), None).unwrap();
        let first = options(&vault, &settings(""), None, node, None).unwrap();
        assert_eq!(origin_of(&first), format!("{node}/log"));
        fs::write(folder.path().join(data::LOG_ORIGIN), "two words\n").unwrap();
        let damaged = options(&vault, &settings(""), None, node, None);
        assert!(matches!(damaged, Err(SetupError::Content(_))));
    }
}
