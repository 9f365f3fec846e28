//! camt.053.001.08, the bank's statement of ISO 20022.
//!
//! Its readers want the minor units of a currency, and our entries are far below them. So entries of
//! a day are batched by kind and direction, and what is stated of a batch is by how much it moves the
//! balance *in whole minor units*. The rest is carried to the next batch with the balance itself, so
//! the stated entries always lead from the stated opening to the stated closing balance, no unit is
//! lost, and each figure is less than one minor unit from the exact one, which stands beside it in
//! words.

use std::collections::BTreeMap;

use money::Asset;

use super::{Head, Line, LineKind, StatementError, Sums};
use crate::calendar::{day_of, day_text, time_text};
use crate::money_text::{Signed, exact, is_currency, minor, minor_text};
use crate::xml::{Xml, cut};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";

/// Batches of one statement: those of three years with every kind on every day.
const BATCHES_COUNT_MAX: usize = 16_384;

/// Digits of an amount that the format takes (totalDigits of `ActiveOrHistoricCurrencyAndAmount`).
const MINOR_UNITS_MAX: Signed = 999_999_999_999_999_999;

const ADDITIONAL_CHARS_MAX: usize = 500;

/// What was posted, by day, kind and direction; credits of a kind come before its debits.
#[derive(Debug, Default)]
pub(super) struct Batches(BTreeMap<(u64, LineKind, bool), Sums>);

impl Batches {
    pub(super) fn add(&mut self, line: &Line) -> Result<(), StatementError> {
        let key = (day_of(line.at_ns / 1_000_000), line.kind, !line.is_credit);
        let sums = self.0.entry(key).or_default();
        if !sums.add(line) {
            return Err(StatementError::TooLarge);
        }
        if self.0.len() > BATCHES_COUNT_MAX {
            return Err(StatementError::PeriodTooLong);
        }
        Ok(())
    }
}

/// A batch as it is stated.
struct Entry {
    day: u64,
    kind: LineKind,
    is_credit: bool,
    /// Whole minor units.
    stated: Signed,
    sums: Sums,
}

fn entries(head: &Head, batches: &Batches) -> Result<Vec<Entry>, StatementError> {
    let mut balance = head.opening;
    let mut entries = Vec::with_capacity(batches.0.len());
    for (&(day, kind, is_debit), &sums) in &batches.0 {
        let net = sums.net().ok_or(StatementError::TooLarge)?;
        let after = balance.checked_add(net).ok_or(StatementError::TooLarge)?;
        let stated = (minor(after, head.asset) - minor(balance, head.asset)).abs();
        balance = after;
        entries.push(Entry { day, kind, is_credit: !is_debit, stated, sums });
    }
    let fits = |units: Signed| minor(units, head.asset).abs() <= MINOR_UNITS_MAX;
    let is_stated = entries.iter().all(|entry| entry.stated <= MINOR_UNITS_MAX);
    if is_stated && fits(head.opening) && fits(head.closing) {
        Ok(entries)
    } else {
        Err(StatementError::TooLarge)
    }
}

pub(super) fn document(
    head: &Head,
    sums: &Sums,
    batches: &Batches,
) -> Result<String, StatementError> {
    if !is_currency(head.asset) {
        return Err(StatementError::NoCurrency);
    }
    let entries = entries(head, batches)?;
    let made = time_text(head.made_at_ms);
    let mut xml = Xml::document("Document", NAMESPACE);
    xml.element("BkToCstmrStmt", |xml| {
        xml.element("GrpHdr", |xml| {
            xml.leaf("MsgId", &name(head, head.made_at_ms));
            xml.leaf("CreDtTm", &made);
        });
        xml.element("Stmt", |xml| {
            xml.leaf("Id", &name(head, head.to_ms));
            xml.leaf("CreDtTm", &made);
            xml.element("FrToDt", |xml| {
                xml.leaf("FrDtTm", &time_text(head.from_ms));
                xml.leaf("ToDtTm", &time_text(head.to_ms));
            });
            account(xml, head);
            balance(xml, head, "OPBD", head.opening, head.from_ms);
            balance(xml, head, "CLBD", head.closing, head.to_ms.saturating_sub(1));
            summary(xml, head.asset, &entries);
            for (index, each) in entries.iter().enumerate() {
                entry(xml, head.asset, each, index);
            }
            xml.leaf("AddtlStmtInf", &cut(&exact_words(head, sums), ADDITIONAL_CHARS_MAX));
        });
    });
    Ok(xml.finish())
}

/// Unique among the statements of a node, in the 35 characters that there are.
fn name(head: &Head, at_ms: u64) -> String {
    let account = head.account.to_string();
    format!("{}-{at_ms}", account.chars().skip(10).collect::<String>())
}

fn account(xml: &mut Xml, head: &Head) {
    xml.element("Acct", |xml| {
        xml.element("Id", |xml| {
            xml.element("Othr", |xml| xml.leaf("Id", &head.account.to_string()));
        });
        xml.leaf("Ccy", head.asset.code.as_str());
        if !head.label.trim().is_empty() {
            xml.leaf("Nm", &cut(&head.label, 70));
        }
    });
}

fn balance(xml: &mut Xml, head: &Head, code: &str, units: Signed, at_ms: u64) {
    let stated = minor(units, head.asset);
    xml.element("Bal", |xml| {
        xml.element("Tp", |xml| xml.element("CdOrPrtry", |xml| xml.leaf("Cd", code)));
        amount(xml, head.asset, stated.abs());
        xml.leaf("CdtDbtInd", direction(stated >= 0));
        xml.element("Dt", |xml| xml.leaf("Dt", &day_text(day_of(at_ms))));
    });
}

fn amount(xml: &mut Xml, asset: Asset, minor_units: Signed) {
    xml.amount("Amt", asset.code.as_str(), &minor_text(minor_units, asset));
}

const fn direction(is_credit: bool) -> &'static str {
    if is_credit { "CRDT" } else { "DBIT" }
}

fn summary(xml: &mut Xml, asset: Asset, entries: &[Entry]) {
    let side = |is_credit| {
        let side = entries.iter().filter(move |entry| entry.is_credit == is_credit);
        (side.clone().count(), side.map(|entry| entry.stated).sum::<Signed>())
    };
    let ((credits, credit), (debits, debit)) = (side(true), side(false));
    xml.element("TxsSummry", |xml| {
        xml.element("TtlNtries", |xml| {
            xml.leaf("NbOfNtries", &entries.len().to_string());
            xml.leaf("Sum", &minor_text(credit + debit, asset));
            xml.element("TtlNetNtry", |xml| {
                xml.leaf("Amt", &minor_text((credit - debit).abs(), asset));
                xml.leaf("CdtDbtInd", direction(credit >= debit));
            });
        });
        for (name, count, sum) in
            [("TtlCdtNtries", credits, credit), ("TtlDbtNtries", debits, debit)]
        {
            xml.element(name, |xml| {
                xml.leaf("NbOfNtries", &count.to_string());
                xml.leaf("Sum", &minor_text(sum, asset));
            });
        }
    });
}

fn entry(xml: &mut Xml, asset: Asset, entry: &Entry, index: usize) {
    let exactly = entry.sums.net().unwrap_or_default().abs();
    xml.element("Ntry", |xml| {
        xml.leaf("NtryRef", &(index + 1).to_string());
        amount(xml, asset, entry.stated);
        xml.leaf("CdtDbtInd", direction(entry.is_credit));
        xml.element("Sts", |xml| xml.leaf("Cd", "BOOK"));
        for date in ["BookgDt", "ValDt"] {
            xml.element(date, |xml| xml.leaf("Dt", &day_text(entry.day)));
        }
        xml.element("BkTxCd", |xml| {
            xml.element("Prtry", |xml| {
                xml.leaf("Cd", entry.kind.name());
                xml.leaf("Issr", "farthing");
            });
        });
        xml.element("NtryDtls", |xml| {
            xml.element("Btch", |xml| {
                xml.leaf("NbOfTxs", &entry.sums.entries.to_string());
                amount_named(xml, "TtlAmt", asset, entry.stated);
                xml.leaf("CdtDbtInd", direction(entry.is_credit));
            });
        });
        let (code, count) = (asset.code, entry.sums.entries);
        let words = format!("exactly {} {code} in {count} transfers", exact(exactly, asset));
        xml.leaf("AddtlNtryInf", &words);
    });
}

fn amount_named(xml: &mut Xml, name: &'static str, asset: Asset, minor_units: Signed) {
    xml.amount(name, asset.code.as_str(), &minor_text(minor_units, asset));
}

fn exact_words(head: &Head, sums: &Sums) -> String {
    let asset = head.asset;
    let money = |units: Signed| exact(units, asset);
    let sum = |units: u128| money(Signed::try_from(units).unwrap_or(Signed::MAX));
    format!(
        "Exact figures in {}: opening {}, credits {}, debits {}, closing {}. Entries state whole \
         minor units of the balance; the rest is carried on with it.",
        asset.code,
        money(head.opening),
        sum(sums.credits),
        sum(sums.debits),
        money(head.closing)
    )
}
