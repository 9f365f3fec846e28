//! Where a channel stands, in a header: what a payer needs that has kept its key and the channel's id
//! alone.
//!
//! `Payment-Session-Snapshot` is base64 of JSON. Its members are named as other methods of the scheme
//! name them; what only chains have is left out. Format: "In MPP" of `docs/reference/formats.md`.
//!
//! Invariant: it tells nothing that the node does not tell everyone who knows the channel's id.

use http::HeaderValue;
use money::ChannelId;
use serde::Serialize;

use crate::challenge::ChannelState;
use crate::error::EncodeError;
use crate::json;

/// Where a channel stands; amounts are base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// The channel, with its newest voucher.
    pub state: ChannelState,
    /// What has moved in the ledger.
    pub settled: u128,
    /// What a voucher must reach so that the next request for the resource starts.
    pub required: u128,
    /// When the channel closes at the latest, Unix milliseconds.
    pub expires_at_ms: u64,
}

/// The JSON, in the order of its names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    accepted_cumulative: String,
    channel_id: ChannelId,
    deposit: String,
    expires_at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    highest_voucher: Option<WireVoucher>,
    required_cumulative: String,
    settled: String,
    spent: String,
    tick_index: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireVoucher {
    channel_id: ChannelId,
    cumulative_amount: String,
    sequence: u64,
    signature: String,
}

impl SessionSnapshot {
    /// The value of `Payment-Session-Snapshot`.
    pub fn encode_header(&self) -> Result<HeaderValue, EncodeError> {
        let state = &self.state;
        let voucher = state.voucher.as_ref().map(|signed| {
            let voucher = signed.unverified();
            WireVoucher {
                channel_id: voucher.channel,
                cumulative_amount: voucher.cumulative.to_string(),
                sequence: voucher.sequence,
                signature: json::to_base64(&signed.signature().0),
            }
        });
        json::write_header(&Wire {
            accepted_cumulative: state.accepted.to_string(),
            channel_id: state.channel,
            deposit: state.deposit.to_string(),
            expires_at_ms: self.expires_at_ms,
            highest_voucher: voucher,
            required_cumulative: self.required.to_string(),
            settled: self.settled.to_string(),
            spent: state.spent.to_string(),
            tick_index: state.tick_index,
        })
    }
}
