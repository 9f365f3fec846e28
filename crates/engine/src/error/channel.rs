//! Why calls about channels are refused.

use serde::{Deserialize, Serialize};

use super::{Coded, Retry, Unavailable};

operation_errors! {
    /// Why a channel was not opened. Nothing is held.
    OpenChannelError {
        /// The terms name another node.
        WrongNode = "channel_wrong_node", 402, "field `node`: the terms are for another node";
        /// Payer and payee are the same account.
        PayerIsPayee = "payer_is_payee", 402, "payer and payee are the same account";
        /// The deposit is nothing.
        TermsDeposit = "channel_terms", 402, "field `deposit`: it must be above zero";
        /// The three fields of the tick chain contradict each other.
        TermsTicks = "channel_terms", 402,
            "fields `tick_root`, `tick_units`, `tick_count`: set all three or none";
        /// The delay is none, or too long.
        TermsCloseDelay = "channel_terms", 402,
            "field `close_delay_seconds`: from 1 second to 30 days";
        /// The channel would live too long, or its life is over.
        TermsExpiry = "channel_terms", 402,
            "field `expires_at_ms`: from now to 366 days ahead; check the clock";
        /// The key cannot sign vouchers.
        TermsVoucherKey = "channel_terms", 402,
            "field `voucher_key`: it is not a canonical Ed25519 key of full order; use a fresh key";
        /// The node does not carry the asset.
        UnknownAsset = "unknown_asset", 402, "the node does not carry this asset";
        /// The signer does not own the payer account and names no mandate.
        NotPayersKey = "signer_is_not_payer", 402,
            "the signer does not own the payer account; a delegate must name its mandate";
        /// The mandate does not exist at this node.
        MandateUnknown = "mandate_unknown", 402,
            "the node does not know this mandate; register its chain and open the channel again";
        /// The mandate is for another key, payer or asset.
        MandateMismatch = "mandate_mismatch", 402,
            "the mandate is for another signer, payer or asset";
        /// The mandate is for other payees.
        MandatePayee = "mandate_payee", 402, "the mandate is for other payees";
        /// The mandate, or one above it, was ended.
        MandateRevoked = "mandate_revoked", 402, "this mandate, or one above it, was revoked";
        /// The mandate, or one above it, is stopped for now.
        MandatePaused = "mandate_paused", 402,
            "this mandate, or one above it, is paused; ask its granter";
        /// The mandate's time is over.
        MandateExpired = "mandate_expired", 402, "the mandate has expired";
        /// The mandate is for another origin.
        MandateAudience = "mandate_audience", 402, "the mandate is for another site";
        /// The deposit is above the mandate's limit for one payment.
        MandatePerPayment = "mandate_per_payment", 402,
            "the deposit is above the mandate's limit for one payment";
        /// The deposit is above what is left for this day, here or above.
        MandatePerDay = "mandate_per_day", 402,
            "the deposit is above what the mandate, or one above it, has left for this UTC day";
        /// The deposit is above what is left for this month, here or above.
        MandatePerMonth = "mandate_per_month", 402,
            "the deposit is above what the mandate, or one above it, has left for this UTC month";
        /// The deposit is above what is left in all, here or above.
        MandateExceeded = "mandate_exceeded", 402,
            "the deposit is above what the mandate, or one above it, has left";
        /// The node has no such payee account.
        UnknownPayee = "unknown_payee", 402, "the node has no such payee account in this asset";
        /// Payer or payee is closed.
        AccountClosed = "account_closed", 402, "the payer's or a payee's account is closed";
        /// The payee takes no deposit as large as this.
        DepositAboveLimit = "deposit_above_limit", 402,
            "the deposit is above what this payee accepts; open the channel with less";
        /// The payer has as many open channels as it may have.
        TooMany = "too_many_channels", 402,
            "the payer has as many open channels as one may have; close some";
        /// The balance is too low.
        InsufficientFunds = "insufficient_funds", 402, "the payer's balance is below the deposit";
    }

    /// Why a call about a channel was refused. Nothing has changed.
    ChannelError {
        /// No such channel at this node.
        Unknown = "channel_unknown", 404, "the node has no such channel; open it first";
        /// It is closed for good.
        Closed = "channel_closed", 410, "the channel is closed; open a new one";
        /// The channel pays somebody else, or shares it out otherwise.
        WrongPayee = "channel_wrong_payee", 402, "the channel is for another payee than the offer";
        /// The channel is in another asset.
        WrongAsset = "channel_wrong_asset", 402, "the channel is in another asset than the offer";
        /// The signature is not one of the channel's voucher key.
        VoucherSignature = "voucher_signature", 402,
            "the voucher's signature does not fit the channel's voucher key";
        /// The signature is not one of the terms' signer.
        TopUpSignature = "top_up_signature", 402,
            "the top-up's signature does not fit the key that signed the terms";
        /// The signature is none of those that may close.
        CloseSignature = "close_signature", 402,
            "the signature to close fits neither the voucher key nor the key that signed the terms";
        /// There is no chain, or it is not that long.
        TickBeyondEnd = "tick_beyond_end", 402,
            "the tick's index is beyond the end of the channel's chain; send a voucher";
        /// An older tick.
        TickStale = "tick_stale", 402, "a newer tick of this channel is known; send the next one";
        /// Too many links would have to be hashed.
        TickJump = "tick_jump", 402, "the tick is too far ahead of the last one; send a voucher";
        /// The link does not lead to the one that is known.
        TickInvalid = "tick_invalid", 402, "the tick is no link of the channel's chain";
        /// The number was used for something else.
        VoucherReused = "voucher_reused", 409,
            "this proof was used for another total or purchase; sign a voucher with the next number";
        /// An older voucher.
        VoucherStale = "voucher_stale", 402,
            "a voucher with a higher number is known; sign one with the next number";
        /// The total went down.
        VoucherLower = "voucher_lower", 402,
            "the voucher's total is below that of an earlier one; a total never goes down";
        /// More than is held.
        VoucherAboveDeposit = "voucher_above_deposit", 402,
            "the total is above the channel's deposit; top up first";
        /// More than is held.
        TickAboveDeposit = "tick_above_deposit", 402,
            "the tick's total is above the channel's deposit; top up first";
        /// The deposit would shrink.
        TopUpLower = "top_up_lower", 402,
            "the deposit named is below the channel's; a top-up names the whole deposit";
        /// The payer has asked to close it.
        Closing = "channel_closing", 402, "the channel is closing; open a new one";
        /// Too many copies of one request wait for its answer.
        TooManyCopies = "payment_in_flight", 503,
            "too many copies of this request are in flight; wait and present it again";
        /// Another request is being served from the channel.
        Busy = "channel_busy", 503,
            "another request is being served from this channel; wait and present it again";
        /// The lease ran out or never was.
        LeaseLost = "lease_lost", 409, "the lease on this channel was lost; present the request again";
        /// The mandate, or one above it, was ended.
        MandateRevoked = "mandate_revoked", 402, "this mandate, or one above it, was revoked";
        /// The mandate, or one above it, is stopped for now.
        MandatePaused = "mandate_paused", 402,
            "this mandate, or one above it, is paused; ask its granter";
        /// The mandate's time is over.
        MandateExpired = "mandate_expired", 402, "the mandate has expired";
        /// The mandate is for another origin.
        MandateAudience = "mandate_audience", 402, "the mandate is for another site";
        /// One unit costs more than the mandate allows.
        MandateUnitPrice = "mandate_unit_price", 402,
            "the price by the unit is above the mandate's limit";
        /// The whole deposit is above the mandate's limit for one payment.
        MandatePerPayment = "mandate_per_payment", 402,
            "the deposit would be above the mandate's limit for one payment";
        /// What is added is above what is left for this day, here or above.
        MandatePerDay = "mandate_per_day", 402,
            "the top-up is above what the mandate, or one above it, has left for this UTC day";
        /// What is added is above what is left for this month, here or above.
        MandatePerMonth = "mandate_per_month", 402,
            "the top-up is above what the mandate, or one above it, has left for this UTC month";
        /// What is added is above what is left in all, here or above.
        MandateExceeded = "mandate_exceeded", 402,
            "the top-up is above what the mandate, or one above it, has left";
        /// Too little is accepted for the first step.
        Exhausted = "channel_exhausted", 402,
            "too little is accepted and unspent; send a voucher with a higher total";
        /// More than vouchers and ticks allow.
        SpendAboveAccepted = "spend_above_accepted", 422,
            "field `spent`: it is above what the payer has accepted; wait for a voucher";
        /// Less than when the request began.
        SpendBelowStart = "spend_below_start", 422,
            "field `spent`: it is below what was spent when the request began, or settled since";
        /// The payee takes no deposit as large as this.
        DepositAboveLimit = "deposit_above_limit", 402,
            "the deposit is above what this payee accepts; open another channel later";
        /// Too much of the payee's is spent and not settled.
        PayeeExposure = "payee_exposure", 503,
            "the payee has as much unsettled as the operator allows; try again soon";
        /// Payer or payee is closed.
        AccountClosed = "account_closed", 402, "the payer's or a payee's account is closed";
        /// The balance is too low.
        InsufficientFunds = "insufficient_funds", 402, "the payer's balance is too low";
    }
}
