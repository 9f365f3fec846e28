//! Epoch records: what the node says it owes, as a public entry of the log.
//!
//! `02`, number 8, size 8 (it covers the leaves below), time 8 (Unix milliseconds), count 2, and so
//! many times: asset code 8, scale 1, liabilities 16, root 32. Assets stand in ascending order of
//! code and scale.

use money::{Asset, AssetCode};
use tlog::Hash;

use super::Summed;

/// First byte of the entry of an epoch record.
pub const EPOCH_ENTRY: u8 = 0x02;
/// Most assets of an epoch.
pub const EPOCH_ASSETS_COUNT_MAX: usize = 1024;

const HEAD_BYTES: usize = 1 + 8 + 8 + 8 + 2;
const ASSET_BYTES: usize = 8 + 1 + 16 + 32;

/// What the node owes at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochRecord {
    number: u64,
    size: u64,
    time_ms: u64,
    assets: Vec<EpochAsset>,
}

/// What the node owes in one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochAsset {
    /// The asset.
    pub asset: Asset,
    /// Root of its tree; the sum is the liabilities in base units.
    pub root: Summed,
}

/// Why bytes are no epoch record. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochRecordError {
    /// Another entry, or none.
    #[error("the entry is not an epoch record")]
    NotAnEpoch,
    /// More than [`EPOCH_ASSETS_COUNT_MAX`].
    #[error("an epoch has at most {EPOCH_ASSETS_COUNT_MAX} assets")]
    TooManyAssets,
    /// Not as long as its count of assets says.
    #[error("the epoch record should have {expected} bytes and has {found}")]
    Length {
        /// How many bytes it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Zero.
    #[error("epochs are counted from 1")]
    Number,
    /// Code or scale are those of no asset.
    #[error("the epoch record names something that is no asset")]
    Asset,
    /// Not in ascending order, or one twice.
    #[error("the assets of the epoch record are not in ascending order")]
    Order,
}

impl EpochRecordError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAnEpoch => "epoch_entry",
            Self::TooManyAssets => "epoch_too_many_assets",
            Self::Length { .. } => "epoch_length",
            Self::Number => "epoch_number",
            Self::Asset => "epoch_asset",
            Self::Order => "epoch_order",
        }
    }
}

impl EpochRecord {
    /// Puts a record together: number from 1, how many leaves it covers, Unix milliseconds, and the
    /// assets in any order.
    pub fn new(
        number: u64,
        size: u64,
        time_ms: u64,
        mut assets: Vec<EpochAsset>,
    ) -> Result<Self, EpochRecordError> {
        assets.sort_by_key(place);
        Self { number, size, time_ms, assets }.checked()
    }

    /// Its number; the first is 1 and none is left out.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// It covers the leaves below this index.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// When it was made, Unix milliseconds, as the node says.
    pub const fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The assets, in ascending order of code and scale.
    pub fn assets(&self) -> &[EpochAsset] {
        &self.assets
    }

    /// What it says of an asset.
    pub fn asset(&self, asset: Asset) -> Option<&EpochAsset> {
        self.assets.iter().find(|found| found.asset == asset)
    }

    /// The entry of the log.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.assets.len() * ASSET_BYTES);
        out.push(EPOCH_ENTRY);
        for number in [self.number, self.size, self.time_ms] {
            out.extend(number.to_be_bytes());
        }
        // `checked` keeps the count below 2^16.
        out.extend(u16::try_from(self.assets.len()).unwrap_or(u16::MAX).to_be_bytes());
        for EpochAsset { asset, root } in &self.assets {
            out.extend(asset.code.to_bytes());
            out.push(asset.scale);
            out.extend(root.sum.to_be_bytes());
            out.extend(root.hash.0);
        }
        out
    }

    /// Reads an entry of the log.
    pub fn decode(bytes: &[u8]) -> Result<Self, EpochRecordError> {
        let found = bytes.len();
        let (&first, rest) = bytes.split_first().ok_or(EpochRecordError::NotAnEpoch)?;
        if first != EPOCH_ENTRY {
            return Err(EpochRecordError::NotAnEpoch);
        }
        let too_short = EpochRecordError::Length { expected: HEAD_BYTES, found };
        let (head, rest) = rest.split_first_chunk::<{ HEAD_BYTES - 1 }>().ok_or(too_short)?;
        let ([number, size, time_ms], count) = head_fields(head);
        if count > EPOCH_ASSETS_COUNT_MAX {
            return Err(EpochRecordError::TooManyAssets);
        }
        let expected = HEAD_BYTES + count * ASSET_BYTES;
        if found != expected {
            return Err(EpochRecordError::Length { expected, found });
        }
        let (assets, _) = rest.as_chunks::<ASSET_BYTES>();
        let assets: Option<Vec<_>> = assets.iter().map(epoch_asset).collect();
        let assets = assets.ok_or(EpochRecordError::Asset)?;
        Self { number, size, time_ms, assets }.checked()
    }

    fn checked(self) -> Result<Self, EpochRecordError> {
        if self.assets.len() > EPOCH_ASSETS_COUNT_MAX {
            return Err(EpochRecordError::TooManyAssets);
        }
        if self.number == 0 {
            return Err(EpochRecordError::Number);
        }
        let ascends = |pair: &[EpochAsset]| matches!(pair, [a, b] if place(a) < place(b));
        if !self.assets.windows(2).all(ascends) {
            return Err(EpochRecordError::Order);
        }
        Ok(self)
    }
}

fn place(asset: &EpochAsset) -> ([u8; 8], u8) {
    (asset.asset.code.to_bytes(), asset.asset.scale)
}

fn head_fields(head: &[u8; HEAD_BYTES - 1]) -> ([u64; 3], usize) {
    let (numbers, count) = head.as_chunks::<8>();
    let mut fields = [0; 3];
    for (field, bytes) in fields.iter_mut().zip(numbers) {
        *field = u64::from_be_bytes(*bytes);
    }
    (fields, count.iter().fold(0, |count, byte| count << 8 | usize::from(*byte)))
}

fn epoch_asset(bytes: &[u8; ASSET_BYTES]) -> Option<EpochAsset> {
    let (code, rest) = bytes.split_first_chunk::<8>()?;
    let (&scale, rest) = rest.split_first()?;
    let (sum, hash) = rest.split_first_chunk::<16>()?;
    let code = AssetCode::from_bytes(*code).ok()?;
    let asset = Asset::new(code.as_str(), scale).ok()?;
    let root = Summed { hash: Hash::try_from(hash).ok()?, sum: u128::from_be_bytes(*sum) };
    Some(EpochAsset { asset, root })
}
