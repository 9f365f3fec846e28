//! When a certificate ends: `notAfter` of its `Validity` (RFC 5280, 4.1), and nothing else of it.
//!
//! It reads files of the operator, not bytes of strangers; whether the certificate is a good one is
//! for the TLS library to say.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, the version, which stands in all but the oldest certificates.
const VERSION: u8 = 0xa0;

/// Unix milliseconds; `None` if these bytes are no certificate.
pub(super) fn expires_at_ms(certificate: &[u8]) -> Option<u64> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (fields, _) = element(certificate, SEQUENCE)?;
    let fields = element(fields, VERSION).map_or(fields, |(_, after)| after);
    let (_serial, fields) = element(fields, INTEGER)?;
    let (_signature, fields) = element(fields, SEQUENCE)?;
    let (_issuer, fields) = element(fields, SEQUENCE)?;
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_not_before, not_after) = time(validity)?;
    let (not_after, _) = time(not_after)?;
    Some(not_after)
}

/// The content of the first element, which must have this tag, and what stands behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(first), bytes),
        0x81 => (usize::from(*bytes.first()?), bytes.get(1..)?),
        0x82 => {
            let (length, bytes) = bytes.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), bytes)
        }
        _ => return None,
    };
    if *found == tag { bytes.split_at_checked(length) } else { None }
}

/// `YYMMDDHHMMSSZ`, of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`, and what stands behind it.
fn time(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (century, (text, rest)) = match *bytes.first()? {
        UTC_TIME => (None, element(bytes, UTC_TIME)?),
        GENERALIZED_TIME => (Some(()), element(bytes, GENERALIZED_TIME)?),
        _ => return None,
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match century {
        Some(()) => text.to_owned(),
        None if text < "50" => format!("20{text}"),
        None => format!("19{text}"),
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?.to_zoned(TimeZone::UTC).ok()?;
    // What ended before 1970 has ended.
    let at_ms = u64::try_from(time.timestamp().as_millisecond()).unwrap_or(0);
    Some((at_ms, rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn both_forms_of_a_date_are_read() {
        for (pem, seconds) in [
            (&include_bytes!("../../../../tests/tls/ended.pem")[..], 1_614_602_096),
            (&include_bytes!("../../../../tests/tls/old.pem")[..], 4_701_974_400),
            (&include_bytes!("../../../../tests/tls/new.pem")[..], 4_733_510_400),
        ] {
            let certificate = CertificateDer::from_pem_slice(pem).unwrap();
            assert_eq!(expires_at_ms(&certificate), Some(seconds * 1_000));
            for length in 0..certificate.len() {
                // Whatever was cut off, nothing panics; up to the dates there is no answer.
                let _ = expires_at_ms(&certificate[..length]);
                assert!(length > 150 || expires_at_ms(&certificate[..length]).is_none());
            }
        }
    }
}
