//! Seeds of the index: what a ledger with a little history puts on a disk.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use disk::{Disk, Simulated};
use fuzz::{INDEX_OPTIONS, INDEX_SCHEMA, packed_index};
use index::{Index, Manifest};
use ledger::{Account, Kind, Ledger, Limit, Sides, Transfer};
use money::{AccountId, Asset, TransferId};

use super::{Done, write};

pub fn indexes() -> Done {
    let mut manifests = Vec::new();
    let mut files = Vec::new();
    for transfers in [0, 3, 25, 70] {
        let disk: Arc<dyn Disk> = Arc::new(Simulated::new(1));
        let dir = Path::new("index");
        let manifest = history(&disk, dir, transfers)?;
        files.push(packed_index(&*disk, dir, &manifest)?);
        let mut bytes = Vec::new();
        manifest.encode(&mut bytes);
        bytes.truncate(bytes.len() - 8);
        manifests.push(bytes);
    }
    files.push(files[2][..files[2].len() / 2].to_vec());
    write("index_files", &files)?;
    manifests.push(manifests[1][..40].to_vec());
    write("index_manifest", &manifests)
}

/// Transfers back and forth, each third a hold, each tenth id burned.
fn history(disk: &Arc<dyn Disk>, dir: &Path, transfers: u128) -> Result<Manifest, Box<dyn Error>> {
    let mut index = Index::create(Arc::clone(disk), dir, INDEX_SCHEMA, INDEX_OPTIONS)?;
    let mut ledger = Ledger::new();
    let accounts = [account(1, true)?, account(2, false)?, account(3, false)?];
    let Ok(_) = ledger.create_accounts(&accounts, 1_000);
    index.append(ledger.fresh().rows(), None)?;
    for number in 0..transfers {
        let pair = if number % 2 == 0 { [0, 1] } else { [1, 2] };
        let kind = if number % 3 == 0 {
            Kind::pending(60)
        } else {
            Kind::Single { balancing: Sides::NONE }
        };
        let transfer = Transfer {
            id: TransferId::new(100 + number * number)?,
            kind,
            debit_account: accounts[pair[0]].id,
            credit_account: accounts[pair[1]].id,
            asset: accounts[0].asset,
            amount: 5 + number,
            code: 1,
            user_data: number % 4,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        };
        let timestamp_ns = 2_000 + u64::try_from(number)?;
        let Ok(_) = ledger.create_transfers(&[transfer], timestamp_ns);
        let fresh = ledger.fresh();
        index.append(fresh.rows(), Some(fresh.pairs()).filter(|pairs| !pairs.is_empty()))?;
        if number % 10 == 9 {
            index.burn(number << 64)?;
        }
        if index.is_chunk_full() {
            index.seal()?;
        }
    }
    Ok(index.seal()?.manifest()?)
}

fn account(number: u128, history: bool) -> Result<Account, Box<dyn Error>> {
    Ok(Account {
        id: AccountId::new(number)?,
        asset: Asset::new("USD", 9)?,
        code: 1,
        user_data: number,
        user_data_64: 0,
        user_data_32: 0,
        limit: Limit::None,
        history,
        closed: false,
        linked: false,
    })
}
