//! A channel as the dialects word it, from the channel as the node reads it.

use engine::{ChannelView, VoucherView};
use http402::ChannelState;
use instrument::channel::{SignedVoucher, Voucher};
use instrument::{Signed, Statement};
use money::ChannelId;

/// Where a channel stands, for a challenge or a receipt.
pub fn of_view(view: &ChannelView) -> ChannelState {
    let voucher = view.voucher.as_ref().and_then(|voucher| signed(view.channel, voucher));
    ChannelState {
        channel: view.channel,
        deposit: view.deposit,
        accepted: view.accepted,
        spent: view.spent,
        sequence: view.sequence,
        tick_index: view.tick_index,
        voucher,
        closes_at_ms: view.closes_at_ms,
    }
}

fn signed(channel: ChannelId, view: &VoucherView) -> Option<SignedVoucher> {
    let mut signature = [0; 64];
    let digits = view.signature.as_bytes();
    if digits.len() != 2 * signature.len() {
        return None;
    }
    for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    let voucher = Voucher { channel, sequence: view.sequence, cumulative: view.cumulative };
    Signed::from_parts(&voucher.to_bytes(), &signature).ok()
}
