//! Every rejected vector is refused, at the stage that the vector names.

use instrument::channel::{ChannelTerms, Close, SignedVoucher, TopUp, VoucherKey};
use instrument::{
    Access, DecodeError, Mandate, Order, Pause, PublicKey, Receipt, Revocation, Signed, Statement,
    TreeMandate, payer_account,
};
use serde_json::Value;

use crate::vectors::{bytes, key, rows, text};

/// Where a statement is refused, in the words of the vectors.
fn refused<T: Statement>(
    row: &Value,
    signer: impl Fn(&T) -> PublicKey,
    is_owned: impl Fn(&T) -> bool,
) -> Option<&'static str> {
    let signed = match Signed::<T>::from_parts(&bytes(row, "bytes"), &bytes(row, "signature")) {
        Ok(signed) => signed,
        Err(DecodeError::SignatureLength { .. }) => return Some("signature"),
        Err(_) => return Some("decode"),
    };
    // Whose account it is follows from the bytes alone, so the format counts it to decoding; in
    // this implementation whoever looks up the account compares.
    if !is_owned(signed.unverified()) {
        return Some("decode");
    }
    let signer = signer(signed.unverified());
    signed.verify_with(&signer).is_err().then_some("signature")
}

fn owns_order(order: &Order) -> bool {
    let owned = payer_account(&order.signer, order.amount.asset());
    order.mandate.is_some() || owned == order.payer
}

fn owns_channel(terms: &ChannelTerms) -> bool {
    let owned = payer_account(&terms.signer, terms.deposit.asset());
    terms.mandate.is_some() || owned == terms.payer
}

/// The key of a row that names its signer.
fn signer(table: &str, place: usize) -> PublicKey {
    key(&rows(table)[place], "signer")
}

/// As [`refused`], with the verdict of vouchers.
fn refused_voucher(row: &Value) -> Option<&'static str> {
    let (statement, signature) = (bytes(row, "bytes"), bytes(row, "signature"));
    let Ok(voucher) = SignedVoucher::from_parts(&statement, &signature) else {
        return Some("decode");
    };
    let key = VoucherKey::new(signer("vouchers", 0)).unwrap();
    voucher.verify(&key).is_err().then_some("signature")
}

#[test]
fn every_rejected_vector_is_refused_at_its_stage() {
    let mut stages = Vec::new();
    for row in rows("rejected") {
        let stage = match text(&row, "kind") {
            "order" => refused::<Order>(&row, |order| order.signer, owns_order),
            "mandate" => refused::<Mandate>(
                &row,
                |mandate| mandate.payer_key,
                |mandate| payer_account(&mandate.payer_key, mandate.asset) == mandate.payer,
            ),
            "tree_mandate" => refused::<TreeMandate>(&row, |mandate| mandate.granter, |_| true),
            "pause" => refused::<Pause>(&row, |_| PublicKey([0; 32]), |_| true),
            "revocation" => refused::<Revocation>(&row, |_| PublicKey([0; 32]), |_| true),
            "access" => refused::<Access>(&row, |access| access.key, |_| true),
            "channel" => refused::<ChannelTerms>(&row, |terms| terms.signer, owns_channel),
            "voucher" => refused_voucher(&row),
            "top_up" => refused::<TopUp>(&row, |_| signer("top_ups", 0), |_| true),
            "close" => [0, 1]
                .map(|place| refused::<Close>(&row, |_| signer("closes", place), |_| true))
                .into_iter()
                .reduce(Option::and)
                .flatten(),
            other => panic!("{other}"),
        };
        assert_eq!(stage, Some(text(&row, "wantErr")), "{}", text(&row, "why"));
        stages.push(stage);
    }
    assert!(stages.contains(&Some("decode")) && stages.contains(&Some("signature")));
}

/// A statement that decodes, changed in one place.
fn changed(table: &str, at: usize, part: &[u8]) -> Vec<u8> {
    let mut statement = bytes(&rows(table)[0], "bytes");
    statement[at..at + part.len()].copy_from_slice(part);
    statement
}

#[test]
fn each_fault_has_its_own_error() {
    let order = |at, part: &[u8]| Order::from_bytes(&changed("orders", at, part)).unwrap_err();
    let tag = DecodeError::Tag { expected: "farthing/order/1" };
    let length = DecodeError::Length { expected: 208, found: 0 };
    assert_eq!(Order::from_bytes(&[]), Err(length));
    assert_eq!(order(0, b"x"), tag);
    assert_eq!(order(24, &[0; 16]), DecodeError::Id { field: "node" });
    assert_eq!(order(40, &[0; 16]), DecodeError::Id { field: "order id" });
    assert_eq!(order(56, &[255; 16]), DecodeError::Id { field: "payer" });
    assert_eq!(order(104, &[0; 16]), DecodeError::Id { field: "payee" });
    assert_eq!(order(120, b"usd"), DecodeError::Asset);
    assert_eq!(order(129, &[1]), DecodeError::Reserved { offset: 129 });
    assert_eq!(order(192, &[255; 16]), DecodeError::Id { field: "mandate" });
    let receipt = |at, part: &[u8]| Receipt::from_bytes(&changed("receipts", at, part));
    assert_eq!(receipt(40, &[0; 16]), Err(DecodeError::Id { field: "payment" }));
    assert_eq!(receipt(119, &[1]), Err(DecodeError::Reserved { offset: 113 }));
    let statement = changed("orders", 0, b"f");
    let short = Signed::<Order>::from_parts(&statement, &[0; 63]).unwrap_err();
    assert_eq!(short, DecodeError::SignatureLength { found: 63 });
    let errors = [length, tag, order(129, &[1]), order(24, &[0; 16]), DecodeError::Asset, short];
    let mut codes: Vec<_> = errors.iter().map(|error| error.code()).collect();
    codes.dedup();
    assert_eq!(codes.len(), errors.len());
}
