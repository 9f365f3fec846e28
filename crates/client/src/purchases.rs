//! A book of purchases: what was signed under a name that the caller chose, kept before it is
//! presented.
//!
//! One file for each purchase, JSON, readable by its owner only: whoever holds the signed order can
//! collect what was bought with it.
//!
//! Invariants: of any number of callers with one name, in one process or several, exactly one keeps
//! an order and all present that one; a file appears whole and durable or not at all; a name stands
//! for one request for ever. This module must not sign and must not decide that a purchase may be
//! made anew: [`crate::Payer::pay_once`] does, once the node rules the first order out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use http402::Dialect;
use instrument::hex::Hex;
use money::{AccountId, Amount, Asset, AssetCode, PaymentId, parse_base_units};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind};
use crate::request::Request;
use crate::transport;

/// Longest name of a purchase.
const PURCHASE_NAME_BYTES_MAX: usize = 255;
/// Largest file of a purchase that is read.
const PURCHASE_FILE_BYTES_MAX: u64 = 64 * 1024;
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A folder of purchases.
#[derive(Debug, Clone)]
pub struct Purchases {
    folder: PathBuf,
}

/// A name of a purchase: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseName(String);

impl PurchaseName {
    /// Checks the name.
    pub fn new(text: &str) -> Result<Self, Error> {
        let fits = (1..=PURCHASE_NAME_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::argument(format!(
            "the name of a purchase has 1 to {PURCHASE_NAME_BYTES_MAX} visible ASCII characters, \
             no spaces"
        )))
    }
}

/// An order as it was signed, with all that presenting it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    name: String,
    method: String,
    url: String,
    /// SHA-256 of the request's body, 64 hex digits.
    body: String,
    #[serde(with = "dialect")]
    pub(crate) dialect: Dialect,
    header: (String, String),
    pub(crate) payment: PaymentId,
    pub(crate) payer: AccountId,
    pub(crate) payee: AccountId,
    units: String,
    asset: AssetCode,
    scale: u8,
    order_digest: String,
    pub(crate) expires_at_ms: u64,
}

/// What a signer hands over to be kept.
pub(crate) struct Presentable {
    pub(crate) dialect: Dialect,
    pub(crate) header: (HeaderName, HeaderValue),
    pub(crate) payment: PaymentId,
    pub(crate) payer: AccountId,
    pub(crate) payee: AccountId,
    pub(crate) price: Amount,
    pub(crate) order_digest: [u8; 32],
    pub(crate) expires_at_ms: u64,
}

impl Kept {
    pub(crate) fn new(name: &PurchaseName, request: &Request, order: &Presentable) -> Self {
        let (header, value) = &order.header;
        Self {
            name: name.0.clone(),
            method: request.method.to_string(),
            url: request.url(),
            body: body_digest(request),
            dialect: order.dialect,
            // Codecs of payments write ASCII only.
            header: (header.to_string(), value.to_str().unwrap_or_default().to_owned()),
            payment: order.payment,
            payer: order.payer,
            payee: order.payee,
            units: order.price.units().to_string(),
            asset: order.price.asset().code,
            scale: order.price.asset().scale,
            order_digest: Hex(&order.order_digest).to_string(),
            expires_at_ms: order.expires_at_ms,
        }
    }

    /// What was signed, ready to be presented; `None` if the file was changed by hand.
    pub(crate) fn presentable(&self) -> Option<Presentable> {
        let (header, value) = &self.header;
        let asset = Asset::new(self.asset.as_str(), self.scale).ok()?;
        Some(Presentable {
            dialect: self.dialect,
            header: (header.parse().ok()?, value.parse().ok()?),
            payment: self.payment,
            payer: self.payer,
            payee: self.payee,
            price: Amount::new(parse_base_units(&self.units).ok()?, asset),
            order_digest: instrument::hex::parse_32(&self.order_digest)?,
            expires_at_ms: self.expires_at_ms,
        })
    }

    fn is_of(&self, request: &Request) -> bool {
        self.method == request.method.as_str()
            && self.url == request.url()
            && self.body == body_digest(request)
    }
}

impl Purchases {
    /// The book in a folder, which is made if it does not exist.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        builder.create(folder).map_err(|error| failed(folder, &error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What was signed under a name.
    ///
    /// Errors: it was signed for another request.
    pub(crate) fn find(
        &self,
        name: &PurchaseName,
        request: &Request,
    ) -> Result<Option<Kept>, Error> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, &error)),
        };
        let mut json = Vec::new();
        let mut limited = file.take(PURCHASE_FILE_BYTES_MAX);
        limited.read_to_end(&mut json).map_err(|error| failed(&path, &error))?;
        let kept: Kept = serde_json::from_slice(&json)
            .map_err(|_| Error::file(format!("{} is not a purchase", path.display())))?;
        if !kept.is_of(request) {
            let (method, url) = (&kept.method, &kept.url);
            let other = format!("it was used for {method} {url}, or with another body");
            return Err(Error::new(Kind::NameTaken(other)).with_payment(kept.payment));
        }
        Ok(Some(kept))
    }

    /// Keeps what was signed, unless somebody was first: then it returns theirs. With `instead`, which
    /// the node has ruled out, that one is replaced.
    pub(crate) fn keep(
        &self,
        name: &PurchaseName,
        request: &Request,
        kept: Kept,
        instead: Option<&Kept>,
    ) -> Result<Kept, Error> {
        let path = self.path(name);
        let part = self.folder.join(format!(".{}.part", Hex(&kept.payment.to_be_bytes())));
        let written = self.write(&part, &path, &kept, instead.is_some());
        // What is left of it has no reader.
        let _ = std::fs::remove_file(&part);
        match written {
            Ok(()) => Ok(kept),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let first = self.find(name, request)?;
                first.ok_or_else(|| failed(&path, &error))
            }
            Err(error) => Err(failed(&path, &error)),
        }
    }

    fn write(&self, part: &Path, path: &Path, kept: &Kept, replace: bool) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(FILE_MODE);
        let mut file = options.open(part)?;
        file.write_all(&serde_json::to_vec_pretty(kept)?)?;
        file.sync_all()?;
        if replace {
            std::fs::rename(part, path)?;
        } else {
            // Unlike a rename, a link fails if the name is taken.
            std::fs::hard_link(part, path)?;
        }
        File::open(&self.folder)?.sync_all()
    }

    fn path(&self, name: &PurchaseName) -> PathBuf {
        let digest: [u8; 32] = Sha256::digest(name.0.as_bytes()).into();
        self.folder.join(format!("{}.json", Hex(&digest)))
    }
}

fn body_digest(request: &Request) -> String {
    Hex(&transport::digest(&request.body)).to_string()
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::file(format!("the purchase {} cannot be kept: {error}", path.display()))
        .with_hint("nothing was paid by this call")
}

mod dialect {
    use http402::Dialect;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(dialect: &Dialect, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match dialect {
            Dialect::X402V1 => "x402/1",
            _ => "x402/2",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Dialect, D::Error> {
        let text = String::deserialize(from)?;
        Ok(if text == "x402/1" { Dialect::X402V1 } else { Dialect::X402V2 })
    }
}
