//! Amounts, assets and ids: one value has one text.

use std::fmt::Display;
use std::str::FromStr;

use money::{
    AccountId, Amount, Asset, AssetCode, ChannelId, MandateId, NodeId, OfferId, OrderId, PaymentId,
    TransferId, parse_base_units,
};

/// Counts of base units, and decimals of an asset with nine decimals.
pub fn amount(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let units = parse_base_units(text);
    if let Ok(units) = units {
        assert_eq!(units.to_string(), text);
    }
    let asset = Asset::new("USD", 9).expect("a valid asset");
    let decimal = Amount::parse_decimal(text, asset);
    if let Ok(amount) = decimal {
        let shown = amount.to_string();
        let number = shown.strip_suffix(" USD").expect("the asset's code comes last");
        assert_eq!(Amount::parse_decimal(number, asset), Ok(amount));
    }
    units.is_ok() || decimal.is_ok()
}

/// Asset codes as text and as bytes.
pub fn asset(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok().and_then(|text| {
        let code = AssetCode::new(text).ok()?;
        assert_eq!(code.as_str(), text);
        Some(code)
    });
    let array = <[u8; 8]>::try_from(bytes).ok().and_then(|array| {
        let code = AssetCode::from_bytes(array).ok()?;
        assert_eq!(code.to_bytes(), array);
        Some(code)
    });
    text.or(array).is_some()
}

/// Every kind of id, and the node's part of a network name.
pub fn id(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let node = NodeId::from_network_reference(text);
    if let Ok(node) = node {
        assert_eq!(node.network_reference(), text);
    }
    let accepted = [
        one_text::<AccountId>(text),
        one_text::<TransferId>(text),
        one_text::<PaymentId>(text),
        one_text::<OrderId>(text),
        one_text::<OfferId>(text),
        one_text::<MandateId>(text),
        one_text::<NodeId>(text),
        one_text::<ChannelId>(text),
    ];
    let kinds = accepted.iter().filter(|accepted| **accepted).count();
    assert!(kinds <= 1, "a text is an id of one kind");
    kinds == 1 || node.is_ok()
}

fn one_text<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|id| {
        assert_eq!(id.to_string(), text);
        true
    })
}
