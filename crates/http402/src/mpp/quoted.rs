//! Quoted strings in `WWW-Authenticate` (RFC 9110, 5.6.4).
//!
//! Characters beyond ASCII travel as `\uXXXX` in UTF-16 units, the way clients of this scheme write
//! and read them; so a header is ASCII whatever an offer is called.

use core::fmt::Write;

/// Appends a text as the inside of a quoted string. Control characters become spaces.
pub(super) fn quote(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            '\0'..='\u{1f}' | '\u{7f}' => out.push(' '),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a text does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

/// Reads the inside of a quoted string; what is no character becomes U+FFFD.
pub(super) fn unquote(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let escaped = character == '\\';
        let Some(character) = (if escaped { rest.next() } else { Some(character) }) else { break };
        let tail = rest.as_str();
        match (escaped && character == 'u').then(|| tail.get(..4)).flatten().and_then(hex) {
            Some(unit) => {
                units.push(unit);
                rest = tail[4..].chars();
            }
            None => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
        }
    }
    String::from_utf16_lossy(&units)
}

fn hex(digits: &str) -> Option<u16> {
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_went() {
        for (text, inside) in [
            ("plain", "plain"),
            (r#"a "quoted" \ one"#, r#"a \"quoted\" \\ one"#),
            ("The price — an article", r"The price \u2014 an article"),
            ("a coin 🪙", r"a coin \ud83e\ude99"),
        ] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert_eq!((&*quoted, &*unquote(&quoted)), (inside, text));
        }
        let mut quoted = String::new();
        quote("a\r\nb\0", &mut quoted);
        assert_eq!(quoted, "a  b ");
    }

    #[test]
    fn broken_escapes_end_in_text() {
        for (inside, text) in [
            (r"\", ""),
            (r"\u12", "u12"),
            (r"\u+123", "u+123"),
            (r"\ud83e", "\u{fffd}"),
            (r"\u00é9", "u00é9"),
            (r"\a", "a"),
        ] {
            assert_eq!(unquote(inside), text, "{inside}");
        }
    }
}
