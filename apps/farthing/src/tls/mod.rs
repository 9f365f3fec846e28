//! TLS of listeners: a certificate that is read from two files, and again whenever they change.
//!
//! Invariants: what cannot be used never takes the place of what is in force; connections are not
//! touched by a change, only handshakes after it see the new certificate; a handshake has a limited
//! time, and only so many are under way.

mod expiry;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsSection;

/// Time from a connection to the end of its handshake.
const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// Handshakes of one listener that are under way; others wait, within their time.
const HANDSHAKES_COUNT_MAX: usize = 256;
/// Largest file of certificates or key that is read.
const PEM_BYTES_MAX: u64 = 256 * 1024;
/// Pause between two looks at the files.
const LOOK_SECONDS: u64 = 5;
/// What the listener speaks, as it is named in a handshake (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// Why a listener cannot have TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("{file} cannot be read: {cause}")]
    File {
        /// Its path.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
    /// It is not PEM, or holds something else.
    #[error("{file} holds no {what} in PEM: {cause}")]
    Pem {
        /// Its path.
        file: String,
        /// What is wanted.
        what: &'static str,
        /// What was found.
        cause: pem::Error,
    },
    /// The first certificate is none.
    #[error("the first certificate of {file} is damaged")]
    Damaged {
        /// Its path.
        file: String,
    },
    /// Key and certificate do not belong together, or the key is of a kind that TLS does not use.
    #[error("{certificate} and {key} cannot be used together: {cause}")]
    Unusable {
        /// Path of the certificate.
        certificate: String,
        /// Path of the key.
        key: String,
        /// What the library says.
        cause: rustls::Error,
    },
    /// The library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// What was read from the two files.
struct Read {
    /// Of both files: the key itself is kept by the library alone.
    digest: [u8; 32],
    pair: Result<Pair, TlsError>,
}

#[derive(Clone)]
struct Pair {
    certified: Arc<CertifiedKey>,
    expires_at_ms: u64,
}

/// A certificate that can be replaced while it is in use.
struct Certificate {
    files: TlsSection,
    state: RwLock<State>,
}

struct State {
    in_force: Pair,
    /// Of the files when they were last read.
    digest: [u8; 32],
    /// Why what is in the files is not in force.
    refused: Option<String>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads the files, which must be right.
    fn open(files: &TlsSection) -> Result<Arc<Self>, TlsError> {
        let Read { digest, pair } = read(files)?;
        let state = State { in_force: pair?, digest, refused: None };
        Ok(Arc::new(Self { files: files.clone(), state: RwLock::new(state) }))
    }

    /// Reads the files again; what is in them comes into force if it can be used.
    fn refresh(&self) {
        let name = self.name();
        let read = match read(&self.files) {
            Ok(read) => read,
            Err(why) => return self.refuse(None, &why),
        };
        if read.digest == self.state(|state| state.digest) {
            return;
        }
        match read.pair {
            Err(why) => self.refuse(Some(read.digest), &why),
            Ok(pair) => {
                self.change(|state| {
                    *state = State { in_force: pair, digest: read.digest, refused: None };
                });
                // As the end of an alarm, it is told where warnings are.
                tracing::warn!(certificate = name, "a new certificate is in force");
            }
        }
    }

    /// The one that is in force stays; the same reason is told once.
    fn refuse(&self, digest: Option<[u8; 32]>, why: &TlsError) {
        let why = why.to_string();
        let is_new = self.state(|state| state.refused.as_ref() != Some(&why));
        if is_new {
            let name = self.name();
            tracing::error!(certificate = name, why, "a certificate is refused; the old one stays");
        }
        self.change(|state| {
            state.refused = Some(why);
            // A file that could not be read may be the same as before when it can.
            state.digest = digest.unwrap_or_default();
        });
    }

    /// What is told of it.
    fn look(&self) -> api::Certificate {
        self.state(|state| api::Certificate {
            file: self.name(),
            expires_at_ms: state.in_force.expires_at_ms,
            refused: state.refused.clone(),
        })
    }

    fn name(&self) -> String {
        self.files.certificate.display().to_string()
    }

    fn state<T>(&self, see: impl FnOnce(&State) -> T) -> T {
        see(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.state(|state| Arc::clone(&state.in_force.certified)))
    }
}

fn read(files: &TlsSection) -> Result<Read, TlsError> {
    let certificate = read_file(&files.certificate)?;
    let key = read_file(&files.key)?;
    let digest = Sha256::new_with_prefix(Sha256::digest(&certificate))
        .chain_update(Sha256::digest(&key))
        .finalize();
    Ok(Read { digest: digest.into(), pair: pair(files, &certificate, &key) })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |cause| TlsError::File { file: path.display().to_string(), cause };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

fn pair(files: &TlsSection, certificate: &[u8], key: &[u8]) -> Result<Pair, TlsError> {
    let (file, key_file) =
        (files.certificate.display().to_string(), files.key.display().to_string());
    let not_pem = |file: &String, what| {
        let file = file.clone();
        move |cause| TlsError::Pem { file, what, cause }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(not_pem(&file, "certificate"))?;
    let first = chain.first().ok_or(pem::Error::NoItemsFound);
    let first = first.map_err(not_pem(&file, "certificate"))?;
    let expires_at_ms =
        expiry::expires_at_ms(first).ok_or_else(|| TlsError::Damaged { file: file.clone() })?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(not_pem(&key_file, "private key"))?;
    let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
    let certified = certified.map_err(|cause| TlsError::Unusable {
        certificate: file,
        key: key_file,
        cause,
    })?;
    Ok(Pair { certified: Arc::new(certified), expires_at_ms })
}

/// All certificates of the process, each pair of files once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Certificates(Vec<Arc<Certificate>>);

impl Certificates {
    /// For a listener with these files, if there are any.
    pub(crate) fn handshakes(
        &mut self,
        files: Option<&TlsSection>,
    ) -> Result<Option<Handshakes>, TlsError> {
        let Some(files) = files else { return Ok(None) };
        let known = self.0.iter().find(|known| known.files == *files).cloned();
        let certificate = if let Some(known) = known {
            known
        } else {
            let certificate = Certificate::open(files)?;
            self.0.push(Arc::clone(&certificate));
            certificate
        };
        Handshakes::new(certificate).map(Some)
    }

    /// What is told of them.
    pub(crate) fn look(&self) -> Vec<api::Certificate> {
        self.0.iter().map(|certificate| certificate.look()).collect()
    }

    /// Looks at the files every few seconds and when SIGHUP says that they have changed, until
    /// `stop`. The signal is taken also without certificates: it must not end a process.
    pub(crate) fn keep_fresh(
        self,
        mut stop: watch::Receiver<bool>,
    ) -> io::Result<impl Future<Output = ()>> {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            loop {
                tokio::select! {
                    _ = hangup.recv() => {}
                    () = tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
                let certificates = self.0.clone();
                let refreshed = tokio::task::spawn_blocking(move || {
                    for certificate in &certificates {
                        certificate.refresh();
                    }
                });
                if let Err(error) = refreshed.await {
                    tracing::error!(%error, "a look at the certificates broke off");
                }
            }
        })
    }
}

/// Takes the handshakes of one listener.
#[derive(Clone)]
pub(crate) struct Handshakes {
    acceptor: TlsAcceptor,
    slots: Arc<Semaphore>,
    limit: Duration,
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Handshakes {
    /// With TLS 1.3 and 1.2.
    fn new(certificate: Arc<Certificate>) -> Result<Self, TlsError> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            slots: Arc::new(Semaphore::new(HANDSHAKES_COUNT_MAX)),
            limit: Duration::from_secs(HANDSHAKE_SECONDS_MAX),
        })
    }

    /// One handshake, in its time.
    pub(crate) async fn take(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let handshake = async {
            let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
            self.acceptor.accept(stream).await
        };
        let taken = tokio::time::timeout(self.limit, handshake).await;
        taken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests;
