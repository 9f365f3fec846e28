//! Why calls about mandates are refused.

use serde::{Deserialize, Serialize};

use super::{Coded, Retry, Unavailable};

operation_errors! {
    /// Why a mandate, or a chain of them, was not granted. Nothing of it was registered.
    GrantError {
        /// The mandate names another node.
        WrongNode = "invalid_network", 422, "the mandate is for another node";
        /// The same id with other content exists.
        IdTaken = "mandate_id_taken", 409, "a mandate with this id and other content exists";
        /// The key that signs does not own the payer account.
        NotPayersKey = "signer_is_not_payer", 422, "the signing key does not own the payer account";
        /// A mandate of the chain does not name the one before it, or a root names one.
        Parent = "mandate_parent", 422,
            "field `parent`: it must be the mandate before it in the chain; a chain starts with its \
             root";
        /// The chain does not start with a root, nor below a mandate that is known.
        ParentUnknown = "mandate_parent_unknown", 422,
            "the node does not know the mandate above; send the whole chain, root first";
        /// Somebody else passed it on.
        NotDelegate = "mandate_not_delegate", 422,
            "field `granter`: only the delegate of the mandate above can pass it on";
        /// It is about another account or asset than the mandate above.
        Subject = "mandate_subject", 422,
            "fields `payer`, `asset`: they must be those of the mandate above";
        /// A limit is wider than above.
        WiderPerPayment = "mandate_wider_per_payment", 422,
            "field `per_payment`: it is above that of the mandate above";
        /// A limit is wider than above.
        WiderPerDay = "mandate_wider_per_day", 422,
            "field `per_day`: it is above that of the mandate above";
        /// A limit is wider than above.
        WiderPerMonth = "mandate_wider_per_month", 422,
            "field `per_month`: it is above that of the mandate above";
        /// A limit is wider than above.
        WiderTotal = "mandate_wider_total", 422,
            "field `total`: it is above that of the mandate above";
        /// A limit is wider than above.
        WiderUnitPrice = "mandate_wider_unit_price", 422,
            "field `unit_price`: it is above that of the mandate above, or missing";
        /// A limit is wider than above.
        WiderExpiry = "mandate_wider_expiry", 422,
            "field `expires_at_ms`: it is later than that of the mandate above";
        /// A limit is wider than above.
        WiderDepth = "mandate_wider_depth", 422,
            "field `depth`: it must be below that of the mandate above, which can be passed on no \
             further at 0";
        /// A limit is wider than above.
        WiderPayees = "mandate_wider_payees", 422,
            "field `payees`: name only payees of the mandate above";
        /// A limit is wider than above.
        WiderAudience = "mandate_wider_audience", 422,
            "field `audience`: it must be that of the mandate above";
        /// The mandate above, or one above that, was ended.
        ParentRevoked = "mandate_revoked", 422, "a mandate above it was revoked";
        /// The node does not carry the asset.
        UnknownAsset = "unknown_asset", 422, "the node does not carry this asset";
        /// No money ever entered for the payer.
        UnknownAccount = "account_unknown", 404,
            "this key has no account yet; an account opens when money enters";
        /// The mandate's time is over.
        Expired = "mandate_expired", 422, "the mandate has expired";
        /// The account holds as many mandates as one may.
        TooMany = "too_many_mandates", 422,
            "the account has as many mandates as one may have, revoked ones included";
        /// The tree holds as many mandates as one may.
        TreeFull = "mandate_tree_full", 422,
            "this tree has as many mandates as one may have, revoked ones included; ask for a new \
             root";
    }

    /// Why a mandate was not revoked.
    RevokeError {
        /// The revocation names another node.
        WrongNode = "invalid_network", 422, "the revocation is for another node";
        /// The mandate does not exist at this node, or the key granted neither it nor one above.
        Unknown = "mandate_unknown", 404, "no such mandate of this key";
    }

    /// Why a mandate was neither paused nor resumed.
    PauseError {
        /// The statement names another node.
        WrongNode = "invalid_network", 422, "the statement is for another node";
        /// The mandate does not exist at this node, or the key granted neither it nor one above.
        Unknown = "mandate_unknown", 404, "no such mandate of this key";
        /// This key has signed a later one.
        Stale = "pause_stale", 409,
            "field `sequence`: it must be above that of your last pause of this mandate";
        /// It was ended for good.
        Revoked = "mandate_revoked", 409, "the mandate was revoked, which is for good";
    }
}
