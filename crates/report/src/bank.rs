//! The file for a bank: payouts as pain.001.001.09, the customer's credit transfer initiation of ISO
//! 20022, with what it asks of parties and accounts.
//!
//! Invariants: amounts are whole minor units, so the file asks for exactly what was held; one block for
//! each currency, whose sum is stated; what a bank would refuse for its form is refused when it is
//! entered.

use std::collections::BTreeMap;

use money::{Asset, PayoutId};
use serde::{Deserialize, Serialize};

use crate::calendar::{day_of, day_text, time_text};
use crate::money_text::{Signed, is_currency, minor, minor_text, minor_unit};
use crate::xml::{Xml, cut};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// Longest name of a party (Max70 of the European credit transfer).
const NAME_CHARS_MAX: usize = 70;
/// Longest account that is no IBAN.
const ACCOUNT_CHARS_MAX: usize = 34;

/// Someone with a bank account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// As the bank knows it, 1 to 70 characters.
    pub name: String,
    /// International bank account number, without spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    /// Account number where there is no IBAN, 1 to 34 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The bank: 8 or 11 characters (ISO 9362).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
}

/// What is wrong with a party; each names its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartyError {
    /// No name, or too long a one.
    #[error("a name has 1 to 70 characters and no control characters")]
    Name,
    /// No account, or two.
    #[error("name one account: `iban`, or `account` where there is no IBAN")]
    OneAccount,
    /// Not an IBAN.
    #[error("the IBAN is mistyped: letters, digits or check digits are wrong")]
    Iban,
    /// Not an account number.
    #[error("an account number has 1 to 34 letters, digits, spaces, dots or dashes")]
    Account,
    /// Not a BIC.
    #[error("a BIC has 8 or 11 capitals and digits")]
    Bic,
}

impl PartyError {
    /// Stable name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "invalid_name",
            Self::OneAccount => "one_account_required",
            Self::Iban => "invalid_iban",
            Self::Account => "invalid_bank_account",
            Self::Bic => "invalid_bic",
        }
    }

    /// The field at fault.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::OneAccount | Self::Iban => "iban",
            Self::Account => "account",
            Self::Bic => "bic",
        }
    }
}

impl Party {
    /// Takes the spaces out that people write into an IBAN, and checks every field.
    pub fn checked(mut self) -> Result<Self, PartyError> {
        self.iban = self.iban.map(|iban| iban.split_whitespace().collect());
        let chars = self.name.chars().count();
        let is_name = (1..=NAME_CHARS_MAX).contains(&chars) && !self.name.trim().is_empty();
        if !is_name || self.name.chars().any(char::is_control) {
            return Err(PartyError::Name);
        }
        match (&self.iban, &self.account) {
            (Some(iban), None) if !is_iban(iban) => return Err(PartyError::Iban),
            (None, Some(account)) if !is_account(account) => return Err(PartyError::Account),
            (None, None) | (Some(_), Some(_)) => return Err(PartyError::OneAccount),
            _ => {}
        }
        if self.bic.as_ref().is_some_and(|bic| !is_bic(bic)) {
            return Err(PartyError::Bic);
        }
        Ok(self)
    }
}

/// Country, check digits and the remainder of 97 (ISO 13616).
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_form = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let remainder = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.fold(0_u32, |sum, byte| match byte {
            b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
            _ => (sum * 100 + u32::from(byte.saturating_sub(b'A')) + 10) % 97,
        })
    };
    has_form && remainder(&mut bytes[4..].iter().chain(&bytes[..4])) == 1
}

fn is_account(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || " .-".contains(c);
    (1..=ACCOUNT_CHARS_MAX).contains(&text.len())
        && text.chars().all(is_allowed)
        && !text.trim().is_empty()
}

fn is_bic(text: &str) -> bool {
    let bytes = text.as_bytes();
    (bytes.len() == 8 || bytes.len() == 11)
        && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && bytes[4..6].iter().all(u8::is_ascii_uppercase)
}

/// How much of an amount a bank can move: whole minor units, in base units. The rest stays.
pub fn payable(units: u128, asset: Asset) -> u128 {
    let unit = minor_unit(asset).unsigned_abs();
    units - units % unit
}

/// One credit transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransfer {
    /// Comes back on the bank's statement.
    pub payout: PayoutId,
    /// Who gets it.
    pub creditor: Party,
    /// Its asset, which must be a currency.
    pub asset: Asset,
    /// Base units, whole minor units.
    pub units: u128,
}

/// Why there is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BankFileError {
    /// A file without transfers is none.
    #[error("no payout is released and not yet exported")]
    Empty,
    /// A bank's file names a currency.
    #[error("only currencies of three letters can be paid out by a bank's file")]
    NoCurrency,
    /// Larger than the format's 18 digits.
    #[error("an amount is too large for a bank's file")]
    TooLarge,
}

impl BankFileError {
    /// Stable name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "nothing_to_export",
            Self::NoCurrency => "no_currency",
            Self::TooLarge => "sum_too_large",
        }
    }
}

/// The file: `debtor` pays all of `transfers`, today.
pub fn pain001(
    debtor: &Party,
    transfers: &[CreditTransfer],
    made_at_ms: u64,
) -> Result<String, BankFileError> {
    if transfers.is_empty() {
        return Err(BankFileError::Empty);
    }
    let mut by_currency: BTreeMap<&str, Vec<(&CreditTransfer, Signed)>> = BTreeMap::new();
    for transfer in transfers {
        if !is_currency(transfer.asset) {
            return Err(BankFileError::NoCurrency);
        }
        let units = Signed::try_from(transfer.units).map_err(|_| BankFileError::TooLarge)?;
        let stated = minor(units, transfer.asset);
        if stated >= 1_000_000_000_000_000 {
            return Err(BankFileError::TooLarge);
        }
        by_currency.entry(transfer.asset.code.as_str()).or_default().push((transfer, stated));
    }
    let message = format!("payouts-{made_at_ms}");
    let mut xml = Xml::document("Document", NAMESPACE);
    xml.element("CstmrCdtTrfInitn", |xml| {
        xml.element("GrpHdr", |xml| {
            xml.leaf("MsgId", &message);
            xml.leaf("CreDtTm", &time_text(made_at_ms));
            xml.leaf("NbOfTxs", &transfers.len().to_string());
            xml.element("InitgPty", |xml| xml.leaf("Nm", &cut(&debtor.name, NAME_CHARS_MAX)));
        });
        for (currency, transfers) in &by_currency {
            block(xml, &format!("{message}-{currency}"), debtor, transfers, made_at_ms);
        }
    });
    Ok(xml.finish())
}

/// All transfers of one currency.
fn block(
    xml: &mut Xml,
    name: &str,
    debtor: &Party,
    transfers: &[(&CreditTransfer, Signed)],
    made_at_ms: u64,
) {
    // The currency's sum; assets of one code and several scales state the same minor units.
    let asset = transfers[0].0.asset;
    let sum: Signed = transfers.iter().map(|(_, stated)| stated).sum();
    let is_ibans = transfers.iter().all(|(transfer, _)| transfer.creditor.iban.is_some());
    let is_sepa = asset.code.as_str() == "EUR" && debtor.iban.is_some() && is_ibans;
    xml.element("PmtInf", |xml| {
        xml.leaf("PmtInfId", name);
        xml.leaf("PmtMtd", "TRF");
        xml.leaf("NbOfTxs", &transfers.len().to_string());
        xml.leaf("CtrlSum", &minor_text(sum, asset));
        if is_sepa {
            xml.element("PmtTpInf", |xml| xml.element("SvcLvl", |xml| xml.leaf("Cd", "SEPA")));
        }
        xml.element("ReqdExctnDt", |xml| xml.leaf("Dt", &day_text(day_of(made_at_ms))));
        xml.element("Dbtr", |xml| xml.leaf("Nm", &cut(&debtor.name, NAME_CHARS_MAX)));
        account(xml, "DbtrAcct", debtor);
        agent(xml, "DbtrAgt", debtor.bic.as_deref());
        xml.leaf("ChrgBr", if is_sepa { "SLEV" } else { "SHAR" });
        for (transfer, stated) in transfers {
            transaction(xml, transfer, *stated);
        }
    });
}

fn transaction(xml: &mut Xml, transfer: &CreditTransfer, stated: Signed) {
    let CreditTransfer { payout, creditor, asset, .. } = transfer;
    xml.element("CdtTrfTxInf", |xml| {
        xml.element("PmtId", |xml| xml.leaf("EndToEndId", &payout.to_string()));
        xml.element("Amt", |xml| {
            xml.amount("InstdAmt", asset.code.as_str(), &minor_text(stated, *asset));
        });
        if creditor.bic.is_some() {
            agent(xml, "CdtrAgt", creditor.bic.as_deref());
        }
        xml.element("Cdtr", |xml| xml.leaf("Nm", &cut(&creditor.name, NAME_CHARS_MAX)));
        account(xml, "CdtrAcct", creditor);
        xml.element("RmtInf", |xml| xml.leaf("Ustrd", &format!("Payout {payout}")));
    });
}

fn account(xml: &mut Xml, name: &'static str, party: &Party) {
    xml.element(name, |xml| {
        xml.element("Id", |xml| match (&party.iban, &party.account) {
            (Some(iban), _) => xml.leaf("IBAN", iban),
            (None, account) => {
                let account = account.as_deref().unwrap_or_default();
                xml.element("Othr", |xml| xml.leaf("Id", &cut(account, ACCOUNT_CHARS_MAX)));
            }
        });
    });
}

/// A bank that is not named is said so, as the European rules want it.
fn agent(xml: &mut Xml, name: &'static str, bic: Option<&str>) {
    xml.element(name, |xml| {
        xml.element("FinInstnId", |xml| match bic {
            Some(bic) => xml.leaf("BICFI", bic),
            None => xml.element("Othr", |xml| xml.leaf("Id", "NOTPROVIDED")),
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str, iban: Option<&str>, account: Option<&str>, bic: Option<&str>) -> Party {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Party { name: name.into(), iban: text(iban), account: text(account), bic: text(bic) }
    }

    #[test]
    fn parties_are_checked_field_by_field() {
        let good = "DE89 3704 0044 0532 0130 00";
        let checked = party("Ann", Some(good), None, Some("COBADEFFXXX")).checked().unwrap();
        assert_eq!(checked.iban.as_deref(), Some("DE89370400440532013000"));
        assert!(party("Ann", None, Some("12-34 56"), None).checked().is_ok());
        let long = "x".repeat(71);
        let table = [
            (party("", Some(good), None, None), PartyError::Name),
            (party(&long, Some(good), None, None), PartyError::Name),
            (party("A\nB", Some(good), None, None), PartyError::Name),
            (party("Ann", None, None, None), PartyError::OneAccount),
            (party("Ann", Some(good), Some("1"), None), PartyError::OneAccount),
            (party("Ann", Some("DE88370400440532013000"), None, None), PartyError::Iban),
            (party("Ann", Some("DE89"), None, None), PartyError::Iban),
            (party("Ann", Some("de89370400440532013000"), None, None), PartyError::Iban),
            (party("Ann", None, Some("<x>"), None), PartyError::Account),
            (party("Ann", Some(good), None, Some("COBADEFF1")), PartyError::Bic),
            (party("Ann", Some(good), None, Some("COBA12FF")), PartyError::Bic),
        ];
        for (party, fault) in table {
            assert_eq!(party.clone().checked().unwrap_err(), fault, "{party:?}");
        }
    }

    #[test]
    fn only_whole_minor_units_are_paid_out() {
        let usd = Asset::new("USD", 9).unwrap();
        assert_eq!(payable(12_345_678_901, usd), 12_340_000_000);
        assert_eq!(payable(9_999_999, usd), 0);
        assert_eq!(payable(15_999, Asset::new("KRW", 3).unwrap()), 15_000);
        assert_eq!(payable(123, Asset::new("USD", 2).unwrap()), 123);
    }

    #[test]
    fn a_file_sums_each_currency() {
        let debtor = party("Magazine <Ltd>", Some("DE89370400440532013000"), None, None);
        let pay = |number, code: &str, units| CreditTransfer {
            payout: PayoutId::new(number).unwrap(),
            creditor: party("Ann & Co", Some("FR1420041010050500013M02606"), None, None),
            asset: Asset::new(code, 9).unwrap(),
            units,
        };
        let cent = 10_000_000;
        let transfers = [pay(1, "EUR", 1_250 * cent), pay(2, "USD", 7), pay(3, "EUR", cent)];
        let text = pain001(&debtor, &transfers, 1_774_656_000_000).unwrap();
        assert_eq!(text.matches("<PmtInf>").count(), 2);
        assert!(text.contains("<CtrlSum>12.51</CtrlSum>"));
        assert!(text.contains("<Nm>Magazine &lt;Ltd&gt;</Nm>"));
        assert!(text.contains("<Cd>SEPA</Cd>"));
        assert_eq!(pain001(&debtor, &[], 0), Err(BankFileError::Empty));
        assert_eq!(pain001(&debtor, &[pay(1, "PLAY", 1)], 0), Err(BankFileError::NoCurrency));
        let huge = pay(1, "EUR", u128::MAX / 4);
        assert_eq!(pain001(&debtor, &[huge], 0), Err(BankFileError::TooLarge));
    }
}
