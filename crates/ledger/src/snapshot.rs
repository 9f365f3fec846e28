//! Bytes of the resident part of a ledger, for snapshots.
//!
//! Invariants: equal ledgers have equal bytes, whether they came to what they are by calls, by a
//! replay or from a snapshot; what can be derived (tables, expiries, totals) is not stored; a
//! restored ledger has passed [`Ledger::check`]. A snapshot of another version is refused by name:
//! it is a cache, and the journal tells the same again.
//!
//! Format, all numbers big-endian: version 3 (1 byte); number of rows (8); timestamp of the last
//! row (8); number of assets (4) and for each, in order of its number, code (8) and scale (1);
//! number of accounts (4) and for each, in order of creation, id (16), debits pending, debits
//! posted, credits pending, credits posted (16 each), position of its row (8), number of its asset
//! (2), code (2), flags (1: from bit 0 debits must not exceed credits, credits must not exceed
//! debits, history, created closed, closed now); number of open holds (4) and for each, in order of
//! creation, id (16), amount (16), user data of 128, 64 and 32 bits (16 + 8 + 4), timeout in seconds
//! (4), timestamp (8), indexes of the debit and of the credit account (4 each), code (2), transfer
//! flags (2).

use money::{AccountId, Asset};

use crate::books::Ledger;
use crate::check::Broken;
use crate::codec::take_transfer_id;
use crate::codec::{DecodeError, kind_of, put_asset, take, take_account_id, take_asset};
use crate::event::Kind;
use crate::hold::Hold;
use crate::past::Past;
use crate::postings::Totals;
use crate::resident::{AccountRow, Book, Resident};
use crate::slots::Seed;
use crate::state::Balances;

const VERSION: u8 = 3;

/// Bytes after which a piece is given out.
const PIECE_BYTES: usize = 1 << 16;

impl Resident {
    /// Gives out the bytes of the resident part, piece by piece.
    pub fn encode(&self, out: &mut dyn FnMut(&[u8])) {
        let mut piece = Vec::with_capacity(PIECE_BYTES.saturating_add(256));
        let mut give = |piece: &mut Vec<u8>, least: usize| {
            if piece.len() >= least {
                out(piece);
                piece.clear();
            }
        };
        piece.push(VERSION);
        piece.extend(self.rows.to_be_bytes());
        piece.extend(self.last_timestamp_ns.to_be_bytes());
        piece.extend(u32::try_from(self.books.len()).unwrap_or(u32::MAX).to_be_bytes());
        for book in &self.books {
            put_asset(&mut piece, book.asset);
        }
        piece.extend(self.accounts.len().to_be_bytes());
        for (index, row) in (0..).zip(self.accounts.iter()) {
            put_account(&mut piece, row, &self.balances(index));
            give(&mut piece, PIECE_BYTES);
        }
        let mut holds: Vec<&Hold> = self.open_holds().collect();
        holds.sort_unstable_by_key(|hold| hold.timestamp_ns);
        piece.extend(u32::try_from(holds.len()).unwrap_or(u32::MAX).to_be_bytes());
        for hold in holds {
            put_hold(&mut piece, hold);
            give(&mut piece, PIECE_BYTES);
        }
        give(&mut piece, 1);
    }

    /// The bytes in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut |piece| bytes.extend(piece));
        bytes
    }
}

impl<P: Past> Ledger<P> {
    /// Reads the resident part of a ledger over its past, and checks it.
    pub fn restore(bytes: &[u8], past: P, seed: Seed) -> Result<Self, DecodeError> {
        let bytes = &mut { bytes };
        let [version] = take(bytes)?;
        match version {
            VERSION => {}
            1 | 2 => return Err(DecodeError::OldVersion(version)),
            _ => return Err(DecodeError::UnknownVersion(version)),
        }
        let rows = u64::from_be_bytes(take(bytes)?);
        let last_timestamp_ns = u64::from_be_bytes(take(bytes)?);
        let resident = Resident { rows, last_timestamp_ns, ..Resident::default() };
        let mut ledger = Self::over(resident, past, seed);
        for _ in 0..u32::from_be_bytes(take(bytes)?) {
            ledger.take_asset(take_asset(bytes)?)?;
        }
        for _ in 0..u32::from_be_bytes(take(bytes)?) {
            let (row, balances) = take_account(bytes)?;
            if ledger.find_account(row.id).is_some() {
                return Err(Broken::Account(row.id).into());
            }
            let index = ledger.resident.accounts.len();
            ledger.list_account(row);
            ledger.resident.set_balances(index, &balances);
        }
        let mut last_ns = 0;
        for _ in 0..u32::from_be_bytes(take(bytes)?) {
            let hold = take_hold(bytes)?;
            let is_known = ledger.holds.find(&ledger.resident.holds, hold.id).is_some();
            if is_known || hold.timestamp_ns <= last_ns {
                return Err(Broken::Hold(hold.id).into());
            }
            last_ns = hold.timestamp_ns;
            ledger.holds.open(&mut ledger.resident.holds, hold);
        }
        if !bytes.is_empty() {
            return Err(DecodeError::TrailingBytes);
        }
        let sums = ledger.resident.sums()?;
        for (book, totals) in ledger.resident.books.iter_mut().zip(sums) {
            book.totals = totals;
        }
        ledger.check()?;
        Ok(ledger)
    }

    fn take_asset(&mut self, asset: Asset) -> Result<(), Broken> {
        let number = u16::try_from(self.resident.books.len()).map_err(|_| Broken::Totals)?;
        self.asset_numbers.insert((asset.code, asset.scale), number);
        self.resident.books.push(Book { asset, totals: Totals::default() });
        Ok(())
    }
}

fn put_account(out: &mut Vec<u8>, row: &AccountRow, balances: &Balances) {
    out.extend(row.id.to_be_bytes());
    for column in balances.columns() {
        out.extend(column.to_be_bytes());
    }
    out.extend(row.created.to_be_bytes());
    out.extend(row.asset.to_be_bytes());
    out.extend(row.code.to_be_bytes());
    out.push(row.kept_flags());
}

fn take_account(bytes: &mut &[u8]) -> Result<(AccountRow, Balances), DecodeError> {
    let id: AccountId = take_account_id(bytes)?;
    let mut columns = [0; 4];
    for column in &mut columns {
        *column = u128::from_be_bytes(take(bytes)?);
    }
    let created = u64::from_be_bytes(take(bytes)?);
    let asset = u16::from_be_bytes(take(bytes)?);
    let code = u16::from_be_bytes(take(bytes)?);
    let [flags] = take(bytes)?;
    let row = AccountRow::restored(id, created, asset, code, flags);
    Ok((row.ok_or(DecodeError::ReservedFlag)?, Balances::of(columns)))
}

fn put_hold(out: &mut Vec<u8>, hold: &Hold) {
    out.extend(hold.id.to_be_bytes());
    out.extend(hold.amount.to_be_bytes());
    out.extend(hold.user_data.to_be_bytes());
    out.extend(hold.user_data_64.to_be_bytes());
    out.extend(hold.user_data_32.to_be_bytes());
    out.extend(hold.timeout_seconds.to_be_bytes());
    out.extend(hold.timestamp_ns.to_be_bytes());
    out.extend(hold.debit.to_be_bytes());
    out.extend(hold.credit.to_be_bytes());
    out.extend(hold.code.to_be_bytes());
    out.extend(hold.flags.to_be_bytes());
}

fn take_hold(bytes: &mut &[u8]) -> Result<Hold, DecodeError> {
    let hold = Hold {
        id: take_transfer_id(bytes)?,
        amount: u128::from_be_bytes(take(bytes)?),
        user_data: u128::from_be_bytes(take(bytes)?),
        user_data_64: u64::from_be_bytes(take(bytes)?),
        user_data_32: u32::from_be_bytes(take(bytes)?),
        timeout_seconds: u32::from_be_bytes(take(bytes)?),
        timestamp_ns: u64::from_be_bytes(take(bytes)?),
        debit: u32::from_be_bytes(take(bytes)?),
        credit: u32::from_be_bytes(take(bytes)?),
        code: u16::from_be_bytes(take(bytes)?),
        flags: u16::from_be_bytes(take(bytes)?),
    };
    match kind_of(hold.flags, hold.timeout_seconds, None) {
        Ok(Kind::Pending { .. }) => Ok(hold),
        Ok(_) | Err(DecodeError::Truncated) => Err(DecodeError::FlagsAreMutuallyExclusive),
        Err(error) => Err(error),
    }
}
