//! Every golden vector, in both directions: the fields give the bytes, the bytes give the fields,
//! the seed gives the signature, and the signature passes.

use std::fmt::Debug;
use std::str::FromStr;

use instrument::{
    Access, Audience, Limits, Mandate, Order, Pause, Payees, PurchaseDigest, PurchaseHasher,
    Receipt, Revocation, Signed, Statement, TreeMandate, UnitPrice, node_id, payer_account,
    payment_id,
};
use money::{AccountId, ChannelId, MandateId, NodeId, OfferId, OrderId, PaymentId, TransferId};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::vectors::{
    amount, array, asset, base64, bytes, id, key, key_pair, number, optional_digest, optional_id,
    rows, signature, tables, text, units,
};

#[test]
fn every_table_has_its_test() {
    let known = [
        "access",
        "channels",
        "closes",
        "ids",
        "mandates",
        "node_ids",
        "orders",
        "pauses",
        "payer_accounts",
        "payment_ids",
        "purchases",
        "receipts",
        "rejected",
        "rejected_ids",
        "revocations",
        "tick_chains",
        "ticks",
        "top_ups",
        "tree_mandates",
        "voucher_keys",
        "voucher_verdicts",
        "vouchers",
        "x402",
    ];
    let mut tables = tables();
    tables.sort_unstable();
    assert_eq!(tables, known);
}

fn check_id<T>(row: &Value, build: impl Fn([u8; 16]) -> Result<T, money::IdError>)
where
    T: FromStr<Err = money::IdError> + ToString + PartialEq + Debug,
{
    let wanted = build(array(row, "bytes")).unwrap();
    assert_eq!(wanted.to_string(), text(row, "text"));
    assert_eq!(text(row, "text").parse::<T>(), Ok(wanted));
}

#[test]
fn ids_have_one_text() {
    for row in &rows("ids") {
        match text(row, "kind") {
            "acc" => check_id(row, AccountId::from_be_bytes),
            "tr" => check_id(row, TransferId::from_be_bytes),
            "pay" => check_id(row, PaymentId::from_be_bytes),
            "ord" => check_id(row, OrderId::from_be_bytes),
            "off" => check_id(row, OfferId::from_be_bytes),
            "man" => check_id(row, MandateId::from_be_bytes),
            "node" => check_id(row, NodeId::from_be_bytes),
            "ch" => check_id(row, ChannelId::from_be_bytes),
            "network" => {
                let node = id(row, "bytes", NodeId::from_be_bytes);
                let reference = text(row, "text").strip_prefix("farthing:").unwrap();
                assert_eq!(node.network_reference(), reference);
                assert_eq!(NodeId::from_network_reference(reference), Ok(node));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn other_texts_are_no_ids() {
    for row in rows("rejected_ids") {
        assert_eq!(text(&row, "kind"), "acc");
        assert!(text(&row, "text").parse::<AccountId>().is_err(), "{row}");
    }
}

#[test]
fn derived_ids() {
    for row in &rows("node_ids") {
        let node = node_id(&key(row, "public_key"));
        assert_eq!(node, id(row, "node", NodeId::from_be_bytes));
        assert_eq!(node.to_string(), text(row, "text"));
    }
    for row in &rows("payer_accounts") {
        let account = payer_account(&key(row, "public_key"), asset(row));
        assert_eq!(account, id(row, "account", AccountId::from_be_bytes));
        assert_eq!(account.to_string(), text(row, "text"));
    }
    for row in &rows("payment_ids") {
        let node = id(row, "node", NodeId::from_be_bytes);
        let payer = id(row, "payer", AccountId::from_be_bytes);
        let payment = payment_id(node, payer, id(row, "order", OrderId::from_be_bytes));
        assert_eq!(payment, id(row, "payment", PaymentId::from_be_bytes));
        assert_eq!(payment.to_string(), text(row, "text"));
    }
}

#[test]
fn purchases_have_their_digests() {
    for row in &rows("purchases") {
        let purchase = PurchaseHasher {
            method: text(row, "method"),
            origin: text(row, "origin"),
            path: text(row, "path"),
            query: text(row, "query"),
            body: Sha256::digest(bytes(row, "body")).into(),
        };
        let digest = purchase.digest();
        assert_eq!(digest.0, array(row, "digest"), "{row}");
        assert_eq!(digest.0, <[u8; 32]>::from(Sha256::digest(bytes(row, "bytes"))));
        assert_eq!(PurchaseDigest::from_hex(text(row, "digest")), Some(digest));
        assert_eq!(digest.to_string(), text(row, "digest"));
    }
}

/// A statement with its row: both directions, signing and checking.
pub fn check<T: Statement + PartialEq + Debug + Copy>(row: &Value, statement: T) {
    let expected = bytes(row, "bytes");
    assert_eq!(statement.to_bytes().as_ref(), expected, "{row}");
    assert_eq!(T::from_bytes(&expected), Ok(statement), "{row}");
    let pair = key_pair(row);
    let signed = Signed::sign(statement, &pair);
    assert_eq!(*signed.signature(), signature(row), "{row}");
    let arrived = Signed::<T>::from_parts(&expected, &bytes(row, "signature")).unwrap();
    assert_eq!(arrived, signed);
    let verified = arrived.verify_with(&pair.public()).unwrap();
    assert_eq!(*verified.get(), statement);
    assert_eq!(verified.to_signed(), signed);
}

#[test]
fn orders() {
    for row in &rows("orders") {
        let order = Order {
            node: id(row, "node", NodeId::from_be_bytes),
            id: id(row, "order", OrderId::from_be_bytes),
            payer: id(row, "payer", AccountId::from_be_bytes),
            signer: key(row, "signer"),
            payee: id(row, "payee", AccountId::from_be_bytes),
            amount: amount(row),
            purchase: optional_digest(row, "purchase").map(PurchaseDigest),
            expires_at_ms: number(row, "expires_at_ms"),
            mandate: optional_id(row, "mandate", MandateId::from_be_bytes),
        };
        check(row, order);
        assert_eq!(order.payment_id(), id(row, "payment", PaymentId::from_be_bytes));
        let signed = Signed::sign(order, &key_pair(row));
        assert_eq!(signed.order_bytes().to_vec(), bytes(row, "bytes"));
        assert!(signed.verify().is_ok());
    }
}

#[test]
fn mandates() {
    for row in &rows("mandates") {
        let mandate = Mandate {
            node: id(row, "node", NodeId::from_be_bytes),
            id: id(row, "mandate", MandateId::from_be_bytes),
            payer: id(row, "payer", AccountId::from_be_bytes),
            payer_key: key(row, "payer_key"),
            delegate: key(row, "delegate_key"),
            asset: asset(row),
            per_payment: units(row, "per_payment"),
            total: units(row, "total"),
            expires_at_ms: number(row, "expires_at_ms"),
            audience: optional_digest(row, "audience").map(Audience),
        };
        check(row, mandate);
        assert_eq!(mandate.payer_key, key_pair(row).public());
        assert_eq!(payer_account(&mandate.payer_key, mandate.asset), mandate.payer);
    }
    let audience = rows("mandates").iter().find_map(|row| optional_digest(row, "audience"));
    assert_eq!(audience, Some(Audience::of_origin("http://127.0.0.1:4020").0));
}

fn limits(row: &Value) -> Limits {
    let payees: Vec<AccountId> = row["payees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| AccountId::new(u128::from_str_radix(id.as_str().unwrap(), 16).unwrap()).unwrap())
        .rev()
        .collect();
    let per = u64::try_from(units(row, "unit_per")).unwrap();
    let price = units(row, "unit_price");
    Limits {
        per_payment: units(row, "per_payment"),
        per_day: units(row, "per_day"),
        per_month: units(row, "per_month"),
        total: units(row, "total"),
        unit_price: per.try_into().ok().map(|per| UnitPrice { price, per }),
        expires_at_ms: number(row, "expires_at_ms"),
        depth: u8::try_from(number(row, "depth")).unwrap(),
        payees: Payees::new(&payees).unwrap(),
        audience: optional_digest(row, "audience").map(Audience),
    }
}

#[test]
fn tree_mandates() {
    let mut above = None;
    for row in &rows("tree_mandates") {
        let mandate = TreeMandate {
            node: id(row, "node", NodeId::from_be_bytes),
            salt: array(row, "salt"),
            parent: optional_id(row, "parent", MandateId::from_be_bytes),
            payer: id(row, "payer", AccountId::from_be_bytes),
            granter: key(row, "granter_key"),
            delegate: key(row, "delegate_key"),
            asset: asset(row),
            limits: limits(row),
        };
        check(row, mandate);
        assert_eq!(mandate.granter, key_pair(row).public());
        assert_eq!(mandate.id(), id(row, "mandate", MandateId::from_be_bytes));
        assert_eq!(mandate.id().to_string(), text(row, "text"));
        let permission = mandate.permission();
        match above {
            None => assert_eq!(permission.check_root(), Ok(())),
            Some(above) => assert_eq!(permission.check_below(&above), Ok(())),
        }
        above = Some(permission);
    }
    assert_eq!(above.map(|last| last.limits.depth), Some(0));
}

#[test]
fn pauses() {
    for row in &rows("pauses") {
        let pause = Pause {
            node: id(row, "node", NodeId::from_be_bytes),
            mandate: id(row, "mandate", MandateId::from_be_bytes),
            sequence: u64::try_from(units(row, "sequence")).unwrap(),
            paused: row["paused"].as_bool().unwrap(),
        };
        check(row, pause);
    }
}

#[test]
fn revocations() {
    for row in &rows("revocations") {
        let revocation = Revocation {
            node: id(row, "node", NodeId::from_be_bytes),
            mandate: id(row, "mandate", MandateId::from_be_bytes),
        };
        check(row, revocation);
        assert_eq!(key(row, "signer"), key_pair(row).public());
    }
}

#[test]
fn access_statements() {
    for row in &rows("access") {
        let access = Access {
            node: id(row, "node", NodeId::from_be_bytes),
            key: key(row, "public_key"),
            issued_at_ms: number(row, "issued_at_ms"),
        };
        check(row, access);
        let token = [bytes(row, "bytes"), bytes(row, "signature")].concat();
        let header = format!("Farthing {}", base64(&token, ['-', '_']));
        assert_eq!(text(row, "authorization"), header);
    }
}

#[test]
fn receipts() {
    for row in &rows("receipts") {
        let receipt = Receipt {
            node: id(row, "node", NodeId::from_be_bytes),
            payment: id(row, "payment", PaymentId::from_be_bytes),
            order_digest: array(row, "order_digest"),
            payee: id(row, "payee", AccountId::from_be_bytes),
            amount: amount(row),
            settled_at_ns: number(row, "settled_at_ns"),
        };
        check(row, receipt);
        assert_eq!(node_id(&key(row, "signer")), receipt.node);
        let is_paid = |order: &&Value| text(order, "payment") == text(row, "payment");
        let orders = rows("orders");
        let order = Order::from_bytes(&bytes(orders.iter().find(is_paid).unwrap(), "bytes"));
        assert_eq!(order.unwrap().digest(), receipt.order_digest);
    }
}

#[test]
fn x402_payloads_carry_orders() {
    for row in &rows("x402") {
        let terms = &row["requirements"];
        let node = NodeId::from_network_reference(
            text(terms, "network").strip_prefix("farthing:").unwrap(),
        );
        let scale = u8::try_from(number(&terms["extra"], "scale")).unwrap();
        let asset = money::Asset::new(text(terms, "asset"), scale).unwrap();
        let pair = key_pair(row);
        let order = Order {
            node: node.unwrap(),
            id: id(row, "order_id", OrderId::from_be_bytes),
            payer: payer_account(&pair.public(), asset),
            signer: pair.public(),
            payee: text(terms, "payTo").parse().unwrap(),
            amount: money::Amount::new(units(terms, "amount"), asset),
            purchase: PurchaseDigest::from_hex(text(&terms["extra"], "purchase")),
            expires_at_ms: number(row, "now_ms") + 1000 * number(terms, "maxTimeoutSeconds"),
            mandate: None,
        };
        let signed = Signed::sign(order, &pair);
        let payload = |field| text(&row["payload"], field).trim_end_matches('=');
        assert_eq!(base64(&signed.order_bytes(), ['+', '/']), payload("order"));
        assert_eq!(base64(&signed.signature().0, ['+', '/']), payload("signature"));
    }
}
