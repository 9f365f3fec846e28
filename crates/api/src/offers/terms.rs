//! Parts of an offer: shares, prices for some payers, amounts of the payer's own, free uses.
//!
//! Invariant: each holds what its part in the registry holds.

use engine::{Country, PayerClass};
use gateway::{PublishedAmount, PublishedFree, PublishedPass, PublishedPrice, PublishedShare};
use money::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A share of each payment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferShare)]
pub(super) struct Share {
    #[schema(value_type = schema::Account)]
    pub(super) account: AccountId,
    /// Parts per million; all shares sum to a million.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) share_ppm: u32,
}

/// A price for some payers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferPrice)]
pub(super) struct PriceFor {
    /// Only for payers from there.
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$", example = "IN")]
    pub(super) country: Option<Country>,
    /// Only for payers of this class.
    #[schema(value_type = Option<schema::PayerClass>)]
    pub(super) class: Option<PayerClass>,
    #[schema(value_type = schema::Units)]
    pub(super) price: String,
}

/// The payer says how much to give, in the header `Farthing-Amount`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferOwnAmount)]
pub(super) struct OwnAmount {
    /// The least; with 0 nothing has to be given.
    #[schema(value_type = schema::Units)]
    pub(super) min: String,
    /// What a page suggests.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Units>, max_items = 8)]
    pub(super) suggested: Vec<String>,
}

/// So many uses are free for each payer, in each window of so many seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferFree)]
pub(super) struct Free {
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) count: u32,
    /// Length of the window; windows follow one another from the beginning of 1970, UTC.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub(super) seconds: u32,
}

/// What opens all paths of an offer with one payment, for a time or so many times, or both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferPass)]
#[expect(clippy::struct_field_names, reason = "the word of the format")]
pub(super) struct Pass {
    /// Its name among those of the offer.
    #[schema(pattern = "^[a-z0-9_-]{1,32}$", example = "day")]
    pub(super) pass: String,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub(super) title: String,
    #[schema(value_type = schema::Units)]
    pub(super) price: String,
    /// For how long it is good; a year if it is null.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub(super) seconds: Option<u32>,
    /// How many requests it opens; any number if it is null.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) uses: Option<u32>,
}

/// The two shapes of a part, here and in the registry, hold the same.
macro_rules! same {
    ($here:ident, $there:ident: $($member:ident),*) => {
        impl From<$here> for $there {
            fn from($here { $($member),* }: $here) -> Self {
                Self { $($member),* }
            }
        }

        impl From<$there> for $here {
            fn from($there { $($member),* }: $there) -> Self {
                Self { $($member),* }
            }
        }
    };
}

same!(Share, PublishedShare: account, share_ppm);
same!(PriceFor, PublishedPrice: country, class, price);
same!(OwnAmount, PublishedAmount: min, suggested);
same!(Pass, PublishedPass: pass, title, price, seconds, uses);
same!(Free, PublishedFree: count, seconds);
