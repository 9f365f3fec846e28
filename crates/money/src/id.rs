//! 128-bit ids, one type per thing, with a prefixed text form such as `acc_01h…`.
//!
//! Zero and the maximum are refused: they stand for "none" and "all" in filters and formats.

use core::fmt;
use core::str::FromStr;

use crate::base32;

/// What kind of thing an id names; the prefix is part of its text.
pub trait IdKind {
    /// Text before the underscore.
    const PREFIX: &'static str;
}

/// Why a text or number is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not start with the expected prefix and an underscore.
    #[error("an id of this kind starts with `{expected}_`")]
    WrongPrefix {
        /// Prefix that this kind of id carries.
        expected: &'static str,
    },
    /// The part after the prefix is not 26 characters of lowercase Crockford base32.
    #[error("the part after `{expected}_` must be 26 characters of lowercase Crockford base32")]
    NotCanonical {
        /// Prefix that this kind of id carries.
        expected: &'static str,
    },
    /// Zero and 2^128-1 are reserved.
    #[error("the id value is reserved")]
    Reserved,
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl IdKind for $name {
            const PREFIX: &'static str = $prefix;
        }

        impl $name {
            /// Wraps a number; zero and the maximum are refused.
            pub const fn new(value: u128) -> Result<Self, IdError> {
                if value == 0 || value == u128::MAX {
                    return Err(IdError::Reserved);
                }
                Ok(Self(value))
            }

            /// Takes the first 16 bytes of a digest, big-endian. A reserved value, which a digest
            /// meets with probability 2^-127, becomes its neighbour.
            pub fn from_digest(digest: &[u8; 32]) -> Self {
                let mut head = [0_u8; 16];
                head.copy_from_slice(&digest[..16]);
                Self(u128::from_be_bytes(head).clamp(1, u128::MAX.saturating_sub(1)))
            }

            /// The number.
            pub const fn get(self) -> u128 {
                self.0
            }

            /// Big-endian bytes, as they stand in signed formats.
            pub const fn to_be_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// Reads big-endian bytes.
            pub const fn from_be_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
                Self::new(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = base32::encode(self.0);
                let text = core::str::from_utf8(&text).map_err(|_| fmt::Error)?;
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text
                    .strip_prefix(concat!($prefix, "_"))
                    .ok_or(IdError::WrongPrefix { expected: $prefix })?;
                let value = base32::decode(digits)
                    .ok_or(IdError::NotCanonical { expected: $prefix })?;
                Self::new(value)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id_types! {
    /// An account of the ledger.
    AccountId = "acc";
    /// An API key: follows from its secret.
    KeyId = "key";
    /// A transfer of the ledger.
    TransferId = "tr";
    /// One payment: the replay guard's key.
    PaymentId = "pay";
    /// The payer's own number for an order; unique for each payer.
    OrderId = "ord";
    /// A channel: follows from its terms.
    ChannelId = "ch";
    /// An offer: a priced resource with its terms.
    OfferId = "off";
    /// A discount code: follows from its text.
    CodeId = "code";
    /// A mandate: a payer's permission to another key.
    MandateId = "man";
    /// A node.
    NodeId = "node";
    /// A refund of a payment.
    RefundId = "ref";
    /// A payout: money that leaves through the treasury.
    PayoutId = "po";
    /// An event: follows from the node and the event's position.
    EventId = "evt";
    /// A receiver of webhooks.
    EndpointId = "we";
    /// The sending of one event to one receiver.
    DeliveryId = "dlv";
}

impl NodeId {
    /// The node's id without prefix, as it stands in the network name `farthing:<node>`.
    pub fn network_reference(self) -> alloc::string::String {
        let text = base32::encode(self.0);
        core::str::from_utf8(&text).unwrap_or_default().into()
    }

    /// Reads the part of a network name after `farthing:`.
    pub fn from_network_reference(text: &str) -> Result<Self, IdError> {
        let value = base32::decode(text).ok_or(IdError::NotCanonical { expected: "node" })?;
        Self::new(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_round_trips_and_is_strict() {
        let id = AccountId::new(77).unwrap();
        assert_eq!(id.to_string(), "acc_0000000000000000000000002d");
        assert_eq!(id.to_string().parse::<AccountId>(), Ok(id));
        assert_eq!(
            "tr_0000000000000000000000002d".parse::<AccountId>(),
            Err(IdError::WrongPrefix { expected: "acc" })
        );
        assert_eq!("acc_2D".parse::<AccountId>(), Err(IdError::NotCanonical { expected: "acc" }));
        assert_eq!("acc_00000000000000000000000000".parse::<AccountId>(), Err(IdError::Reserved));
        assert_eq!(AccountId::new(u128::MAX), Err(IdError::Reserved));
    }

    #[test]
    fn network_reference_round_trips() {
        let node = NodeId::new(12345).unwrap();
        assert_eq!(NodeId::from_network_reference(&node.network_reference()), Ok(node));
    }
}
