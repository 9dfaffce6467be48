//! Folder names on the wire: modified UTF-7 (RFC 3501 section 5.1.3) in quoted strings.

use base64::Engine as _;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

const MODIFIED: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// As the server knows the name.
pub(super) fn encode(name: &str) -> String {
    let mut wire = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut wire, &mut shifted);
            wire.push(c);
            if c == '&' {
                wire.push('-');
            }
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shifted.extend(unit.to_be_bytes());
            }
        }
    }
    unshift(&mut wire, &mut shifted);
    wire
}

fn unshift(wire: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        wire.push('&');
        wire.push_str(&MODIFIED.encode(&*shifted));
        wire.push('-');
        shifted.clear();
    }
}

/// As people know the name. What is not well-formed stays as it is.
pub(super) fn decode(wire: &str) -> String {
    let mut name = String::new();
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let Some((code, after)) = shifted.split_once('-') else {
            return wire.to_owned();
        };
        if code.is_empty() {
            name.push('&');
        } else {
            let Some(text) = decode_shifted(code) else {
                return wire.to_owned();
            };
            name.push_str(&text);
        }
        rest = after;
    }
    name.push_str(rest);
    name
}

fn decode_shifted(code: &str) -> Option<String> {
    let bytes = MODIFIED.decode(code).ok()?;
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
        .collect();
    String::from_utf16(&units).ok()
}

/// A quoted string. None for what can't stand in one (RFC 3501 section 9, `quoted`).
pub(super) fn quote(text: &str) -> Option<String> {
    if text.chars().any(|c| !c.is_ascii() || c.is_ascii_control()) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

/// The same of a name in UTF-8, as servers take it that list it so (RFC 9051 section 5.1).
pub(super) fn quote_raw(text: &str) -> Option<String> {
    if text.contains(char::is_control) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_in_modified_utf7() {
        // The first is RFC 3501's own example.
        for (name, wire) in [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Sent", "Sent"),
            ("Envoyés", "Envoy&AOk-s"),
            ("A & B", "A &- B"),
            ("📦", "&2D3c5g-"),
            ("", ""),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire), name);
        }
    }

    #[test]
    fn malformed_names_stay_as_they_are() {
        for wire in ["a&b", "&AOk", "&!!-", "&2D0-"] {
            assert_eq!(decode(wire), wire);
        }
    }

    #[test]
    fn no_name_breaks_out_of_its_quotes() {
        assert_eq!(quote("a\"b\\c").as_deref(), Some("\"a\\\"b\\\\c\""));
        assert_eq!(quote("a\r\nx LOGOUT"), None);
    }
}
