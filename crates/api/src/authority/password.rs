//! The operator's password: argon2id, kept as a document of the registry.
//!
//! Invariant: a password is checked on a thread of its own, a few at a time, because each takes memory
//! and time on purpose.

use argon2::{Algorithm, Argon2, Params, Version};
use engine::{DocumentKind, Engine, Expected, Put};
use instrument::hex::{Hex, parse_32};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::refused::Refused;

/// The document, among the settings.
pub(crate) const PASSWORD_ID: &str = "operator_password";
/// Shortest password.
pub(crate) const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1024;
/// Passwords that are checked at a time.
const PASSWORD_CHECKS_COUNT_MAX: usize = 2;
/// Memory of one check, in KiB, and passes over it: what OWASP asks for at least.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

static CHECKS: Semaphore = Semaphore::const_new(PASSWORD_CHECKS_COUNT_MAX);

/// What the document says: argon2id, version 1.3, one lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PasswordDocument {
    memory_kib: u32,
    passes: u32,
    /// 64 hex digits.
    salt: String,
    /// 64 hex digits.
    hash: String,
}

impl PasswordDocument {
    fn new(salt: [u8; 32]) -> Self {
        let salt = Hex(&salt).to_string();
        Self { memory_kib: MEMORY_KIB, passes: PASSES, salt, hash: String::new() }
    }

    /// What a password comes to here; `None` if the document is not one of this program.
    fn hash_of(&self, password: &str) -> Option<[u8; 32]> {
        let params = Params::new(self.memory_kib, self.passes, 1, None).ok()?;
        let mut hash = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), &parse_32(&self.salt)?, &mut hash)
            .ok()?;
        Some(hash)
    }

    fn is(&self, password: &str) -> bool {
        let (hash, kept) = (self.hash_of(password), parse_32(&self.hash));
        hash.zip(kept).is_some_and(|(hash, kept)| hash.ct_eq(&kept).into())
    }
}

/// Keeps a password instead of the one before.
pub(crate) async fn set(engine: &Engine, password: String) -> Result<(), Refused> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| Refused::no_randomness())?;
    let document = PasswordDocument::new(salt);
    let hashed = on_its_own_thread(move || {
        let hash = document.hash_of(&password)?;
        Some(PasswordDocument { hash: Hex(&hash).to_string(), ..document })
    });
    let body = hashed.await.flatten().and_then(|document| serde_json::to_vec(&document).ok());
    let id = PASSWORD_ID.to_owned();
    let put = Put { kind: DocumentKind::Setting, id, body, expected: Expected::Any };
    let kept = engine.put(put).await;
    kept.map(|_| ()).map_err(|error| Refused::of("The password was not changed", &error))
}

/// The revision of the password, if it is this one. Without any the time taken is the same.
pub(crate) async fn check(engine: &Engine, password: String) -> Option<u64> {
    let document = engine.document(DocumentKind::Setting, PASSWORD_ID);
    let kept = document.as_ref().and_then(|kept| serde_json::from_slice(&kept.body).ok());
    let kept = kept.unwrap_or_else(|| PasswordDocument::new([0; 32]));
    on_its_own_thread(move || kept.is(&password)).await.filter(|fits| *fits)?;
    document.map(|document| document.revision)
}

async fn on_its_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    // The semaphore is never closed.
    let _turn = CHECKS.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
}
