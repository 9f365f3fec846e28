//! Budgets that can be passed on: a chain of mandates in a file, from the payer to its last delegate.
//!
//! JSON with `kind`, `node` (URL) and `chain`: each mandate and its signature in base64, root first.
//! The file is no secret: only the last delegate's key can pay under it. Passing on needs no node.
//!
//! Invariant: a chain that exists is whole: every mandate is signed by its granter, stands below the
//! one before it, and is narrower.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use instrument::{
    KeyPair, Limits, MANDATE_DEPTH_MAX, Permission, PublicKey, Signed, Statement as _, TreeMandate,
    payer_account,
};
use money::{Asset, NodeId};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Largest file of a chain that is read.
const MANDATE_FILE_BYTES_MAX: u64 = 64 * 1024;
const KIND: &str = "farthing-mandate/1";

/// Mandates from the payer's own to that of the last delegate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    node_url: String,
    links: Vec<Signed<TreeMandate>>,
}

#[derive(Serialize, Deserialize)]
struct FileContent {
    kind: String,
    node: String,
    chain: Vec<Link>,
}

/// One mandate as it travels.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Link {
    mandate: String,
    signature: String,
}

impl Chain {
    /// A root from the payer's key to a delegate.
    pub fn root(
        node_url: &str,
        node: NodeId,
        key: &KeyPair,
        delegate: PublicKey,
        (asset, limits): (Asset, &Limits),
    ) -> Result<Self, Error> {
        let mandate = TreeMandate {
            node,
            salt: salt()?,
            parent: None,
            payer: payer_account(&key.public(), asset),
            granter: key.public(),
            delegate,
            asset,
            limits: *limits,
        };
        Self::whole(node_url.to_owned(), vec![Signed::sign(mandate, key)])
    }

    /// The chain with one mandate more, signed by the holder of the last one.
    ///
    /// Errors: a limit is wider than that of the last one, or the key is not its delegate's.
    pub fn attenuate(
        &self,
        key: &KeyPair,
        delegate: PublicKey,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let last = self.last();
        let mandate = TreeMandate {
            salt: salt()?,
            parent: Some(last.id()),
            granter: key.public(),
            delegate,
            limits: *limits,
            ..*last
        };
        let mut links = self.links.clone();
        links.push(Signed::sign(mandate, key));
        Self::whole(self.node_url.clone(), links)
    }

    fn whole(node_url: String, links: Vec<Signed<TreeMandate>>) -> Result<Self, Error> {
        let wrong = |at: usize, why: &dyn std::fmt::Display| {
            Error::argument(format!("mandate {} of the chain: {why}", at + 1))
        };
        if links.is_empty() || links.len() > usize::from(MANDATE_DEPTH_MAX) + 1 {
            return Err(Error::argument("a chain has 1 to 8 mandates"));
        }
        let mut above: Option<Permission> = None;
        for (at, link) in links.iter().enumerate() {
            let granter = link.unverified().granter;
            let verified = link.verify_with(&granter).map_err(|why| wrong(at, &why))?;
            let permission = verified.get().permission();
            let stands = match &above {
                None => permission.check_root(),
                Some(above) => permission.check_below(above),
            };
            stands.map_err(|why| wrong(at, &why))?;
            above = Some(permission);
        }
        Ok(Self { node_url, links })
    }

    /// URL of the node that enforces it.
    pub fn node_url(&self) -> &str {
        &self.node_url
    }

    /// The mandate that pays.
    pub fn last(&self) -> &TreeMandate {
        // A chain that exists has at least one.
        self.links[self.links.len() - 1].unverified()
    }

    /// From the payer's own to the last.
    pub fn mandates(&self) -> impl Iterator<Item = &TreeMandate> {
        self.links.iter().map(Signed::unverified)
    }

    pub(crate) fn links(&self) -> Vec<Link> {
        let link = |signed: &Signed<TreeMandate>| Link {
            mandate: STANDARD.encode(signed.unverified().to_bytes()),
            signature: STANDARD.encode(signed.signature().0),
        };
        self.links.iter().map(link).collect()
    }

    /// Writes the chain to a file that does not exist yet.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let failed = |why: &dyn std::fmt::Display| {
            Error::file(format!("the mandate {} cannot be written: {why}", path.display()))
        };
        let content =
            FileContent { kind: KIND.to_owned(), node: self.node_url.clone(), chain: self.links() };
        let mut json = serde_json::to_vec_pretty(&content).map_err(|why| failed(&why))?;
        json.push(b'\n');
        let mut file = std::fs::File::create_new(path).map_err(|why| failed(&why))?;
        std::io::Write::write_all(&mut file, &json).map_err(|why| failed(&why))
    }

    /// Reads a file, and checks every signature and limit in it.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let failed = |why: &dyn std::fmt::Display| {
            Error::file(format!("the mandate {shown} cannot be read: {why}"))
        };
        let file = std::fs::File::open(path).map_err(|why| failed(&why))?;
        let mut json = Vec::new();
        let mut limited = std::io::Read::take(file, MANDATE_FILE_BYTES_MAX + 1);
        std::io::Read::read_to_end(&mut limited, &mut json).map_err(|why| failed(&why))?;
        if json.len() as u64 > MANDATE_FILE_BYTES_MAX {
            return Err(failed(&"it is too large"));
        }
        Self::read(&json).map_err(|why| failed(&why))
    }

    fn read(json: &[u8]) -> Result<Self, Error> {
        let content: FileContent = serde_json::from_slice(json)
            .map_err(|why| Error::argument(format!("not JSON of the expected shape: {why}")))?;
        if content.kind != KIND {
            return Err(Error::argument(format!("`kind` is not `{KIND}`")));
        }
        let open = |link: &Link| {
            let mandate = STANDARD.decode(&link.mandate).ok()?;
            let signature = STANDARD.decode(&link.signature).ok()?;
            Signed::from_parts(&mandate, &signature).ok()
        };
        let links: Option<Vec<_>> = content.chain.iter().map(open).collect();
        let links = links.ok_or_else(|| Error::argument("`chain` holds something else"))?;
        Self::whole(content.node, links)
    }
}

fn salt() -> Result<[u8; 16], Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| Error::new(Kind::Random))?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use instrument::{Payees, UNLIMITED};

    use super::*;

    fn key(number: u8) -> KeyPair {
        KeyPair::from_seed(&[number; 32])
    }

    fn limits(total: u128, depth: u8) -> Limits {
        Limits {
            per_payment: total,
            per_day: UNLIMITED,
            per_month: UNLIMITED,
            total,
            unit_price: None,
            expires_at_ms: 1_900_000_000_000,
            depth,
            payees: Payees::ANY,
            audience: None,
        }
    }

    fn root() -> Chain {
        let usd = Asset::new("USD", 9).unwrap();
        let node = NodeId::new(5).unwrap();
        let terms = (usd, &limits(100, 2));
        Chain::root("http://127.0.0.1:4021", node, &key(1), key(2).public(), terms).unwrap()
    }

    #[test]
    fn a_chain_passes_through_a_file_to_another_wallet() {
        let folder = tempfile::tempdir().unwrap();
        let chain = root().attenuate(&key(2), key(3).public(), &limits(50, 1)).unwrap();
        let path = folder.path().join("mandate.json");
        chain.save(&path).unwrap();
        assert_eq!(Chain::load(&path).unwrap(), chain);
        // Never written over.
        assert!(chain.save(&path).is_err());
        let third = Chain::load(&path).unwrap();
        let third = third.attenuate(&key(3), key(4).public(), &limits(50, 0)).unwrap();
        assert_eq!(third.mandates().count(), 3);
        assert_eq!(third.last().delegate, key(4).public());
    }

    #[test]
    fn nobody_widens_or_passes_on_what_is_not_theirs() {
        for (by, total, depth) in [(2, 101, 1), (2, 100, 2), (3, 50, 1)] {
            assert!(root().attenuate(&key(by), key(9).public(), &limits(total, depth)).is_err());
        }
        let end = root().attenuate(&key(2), key(3).public(), &limits(1, 0)).unwrap();
        assert!(end.attenuate(&key(3), key(4).public(), &limits(1, 0)).is_err());
    }

    #[test]
    fn a_file_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mandate.json");
        root().save(&path).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        let link = &root().links()[0].signature;
        for bad in [
            good.replace("farthing-mandate/1", "farthing-mandate/2"),
            good.replace("\"mandate\": \"ZmFy", "\"mandate\": \"ZmFz"),
            good.replace("\"chain\"", "\"links\""),
            good.replacen("\"signature\": \"", "\"signature\": \"AA", 1),
            "{\"kind\": \"farthing-mandate/1\", \"node\": \"x\", \"chain\": []}".to_owned(),
        ] {
            assert_ne!(bad, good);
            std::fs::write(&path, bad).unwrap();
            assert!(Chain::load(&path).is_err());
        }
        assert_eq!(link.len(), 88);
    }
}
