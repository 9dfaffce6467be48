//! The JSON that is accepted, and each fault that is refused (protocol 2; RFC 7493).
#![allow(clippy::unwrap_used)]

mod samples;

use serde_json::{Value, json};
use tradepost_statements::wire::{
    DecodeError, JsonError, MOST_OCTETS, MOST_STRING_OCTETS, Place, decode,
};

/// A statement whose member `extra`, which no reader knows, has this JSON text.
fn with_extra(extra: &str) -> Vec<u8> {
    let text = samples::statement("cancel").to_string();
    let open = text.strip_prefix('{').unwrap();
    format!("{{\"extra\":{extra},{open}").into_bytes()
}

#[track_caller]
fn check(accepted: &[u8], refused: &[u8], because: &dyn Fn(&JsonError) -> bool, message: &str) {
    if let Err(e) = decode(accepted) {
        panic!("without the fault it is refused too: {e}");
    }
    match decode(refused) {
        Err(e @ DecodeError::Json(_)) => {
            let DecodeError::Json(fault) = &e else {
                unreachable!()
            };
            assert!(because(fault), "another fault: {fault:?}");
            assert!(e.to_string().contains(message), "the message is: {e}");
            assert!(!e.is_unsupported());
        }
        other => panic!("not refused as JSON: {other:?}"),
    }
}

macro_rules! faults {
    ($($name:ident: $accepted:expr, $refused:expr => $fault:pat, $message:literal;)+) => {
        $(
            #[test]
            fn $name() {
                let (accepted, refused) = ($accepted, $refused);
                check(&accepted, &refused, &|fault| matches!(fault, $fault), $message);
            }
        )+
    };
}

faults! {
    a_name_twice_in_the_outermost_object_is_refused:
        with_extra("1"), with_extra("1,\"extra\":1")
        => JsonError::DuplicateMember(..), "\"extra\" occurs twice in one object (line 1, column ";
    a_name_twice_in_a_nested_object_is_refused:
        with_extra(r#"[{"a":{"b":1,"c":1}}]"#), with_extra(r#"[{"a":{"b":1,"b":1}}]"#)
        => JsonError::DuplicateMember(..), "\"b\" occurs twice";
    a_name_twice_with_escapes_is_refused:
        with_extra(r#"{"a":1,"\u0062":1}"#), with_extra(r#"{"a":1,"\u0061":1}"#)
        => JsonError::DuplicateMember(..), "\"a\" occurs twice";
    the_empty_name_twice_is_refused:
        with_extra(r#"{"":1}"#), with_extra(r#"{"":1,"":1}"#)
        => JsonError::DuplicateMember(..), "\"\" occurs twice";
    arrays_of_depth_17_are_refused:
        with_extra(&nested(15, "[", "]")), with_extra(&nested(16, "[", "]"))
        => JsonError::TooDeep(_), "16 levels deep (line 1, column ";
    objects_of_depth_17_are_refused:
        with_extra(&nested(14, "{\"a\":", "}").replace("null", "{}")),
        with_extra(&nested(15, "{\"a\":", "}").replace("null", "{}"))
        => JsonError::TooDeep(_), "16 levels deep (line 1, column ";
    thousands_of_levels_are_refused:
        with_extra(&nested(15, "[", "]")), with_extra(&"[".repeat(200_000))
        => JsonError::TooDeep(_), "16 levels deep (line 1, column ";
    one_octet_more_than_256_kib_is_refused:
        padded(MOST_OCTETS), padded(MOST_OCTETS + 1)
        => JsonError::TooLarge(262_145), "262145 octets, more than the 262144 allowed";
    one_octet_more_than_16_kib_in_a_string_is_refused:
        with_extra(&string_of(MOST_STRING_OCTETS)), with_extra(&string_of(MOST_STRING_OCTETS + 1))
        => JsonError::StringTooLong(_), "16384 octets (line 1, column ";
    strings_are_measured_without_their_escapes:
        with_extra(&format!("\"{}\"", "\\u0041".repeat(MOST_STRING_OCTETS))),
        with_extra(&format!("\"{}\"", "\\u00e9".repeat(MOST_STRING_OCTETS / 2 + 1)))
        => JsonError::StringTooLong(_), "16384 octets (line 1, column ";
    one_octet_more_than_16_kib_in_a_name_is_refused:
        with_extra(&format!("{{{}:1}}", string_of(MOST_STRING_OCTETS))),
        with_extra(&format!("{{{}:1}}", string_of(MOST_STRING_OCTETS + 1)))
        => JsonError::StringTooLong(_), "16384 octets (line 1, column ";
    a_second_value_is_refused:
        with_extra("1"), [with_extra("1"), b" {}".to_vec()].concat()
        => JsonError::TrailingOctets (_), "something follows";
    a_nul_at_the_end_is_refused:
        [with_extra("1"), b" \r\n\t".to_vec()].concat(), [with_extra("1"), vec![0]].concat()
        => JsonError::TrailingOctets (_), "something follows";
    a_byte_order_mark_in_front_is_refused:
        with_extra("\"\u{feff}\""), [b"\xEF\xBB\xBF".to_vec(), with_extra("1")].concat()
        => JsonError::ByteOrderMark, "byte order mark";
    latin_1_is_refused:
        with_extra("\"é\""), with_octets(b"\xE9")
        => JsonError::NotUtf8(10), "not UTF-8 (at octet 10)";
    utf_16_is_refused:
        with_extra("1"), [vec![0xFF, 0xFE], with_extra("1")].concat()
        => JsonError::NotUtf8(0), "not UTF-8 (at octet 0)";
    an_overlong_form_is_refused:
        with_extra("\"/\""), with_octets(b"\xC0\xAF")
        => JsonError::NotUtf8(10), "not UTF-8";
    a_surrogate_in_utf_8_is_refused:
        with_octets("\u{d7ff}".as_bytes()), with_octets(b"\xED\xA0\x80")
        => JsonError::NotUtf8(10), "not UTF-8";
    a_high_surrogate_alone_is_refused:
        with_extra(r#""\ud83d\ude00""#), with_extra(r#""\ud83d""#)
        => JsonError::LoneSurrogate(Place { line: 1, .. }), "half of a surrogate pair (line 1, column ";
    a_high_surrogate_before_another_character_is_refused:
        with_extra(r#""\ud83d\ude00x""#), with_extra(r#""\ud83dx""#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    a_high_surrogate_before_another_escape_is_refused:
        with_extra(r#""\ud83d\ude00\n""#), with_extra(r#""\ud83d\n""#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    two_high_surrogates_are_refused:
        with_extra(r#""\ud83d\ude00""#), with_extra(r#""\ud83d\ud83d""#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    a_low_surrogate_alone_is_refused:
        with_extra(r#""\ud83d\ude00""#), with_extra(r#""\ude00""#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    swapped_surrogates_are_refused:
        with_extra(r#""\ud83d\ude00""#), with_extra(r#""\ude00\ud83d""#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    a_lone_surrogate_in_a_name_is_refused:
        with_extra(r#"{"\ud83d\ude00":1}"#), with_extra(r#"{"\ud83d":1}"#)
        => JsonError::LoneSurrogate (_), "half of a surrogate pair";
    u_fffe_is_refused:
        with_extra("\"\u{fffd}\""), with_extra("\"\u{fffe}\"")
        => JsonError::Noncharacter(0xFFFE, _), "U+FFFE";
    u_fdd0_escaped_is_refused:
        with_extra(r#""\ufdcf""#), with_extra(r#""\ufdd0""#)
        => JsonError::Noncharacter(0xFDD0, _), "U+FDD0";
    the_last_code_point_is_refused:
        with_extra("\"\u{10fffd}\""), with_extra("\"\u{10ffff}\"")
        => JsonError::Noncharacter(0x10_FFFF, _), "U+10FFFF";
    a_noncharacter_in_a_name_is_refused:
        with_extra("{\"\u{fffd}\":1}"), with_extra("{\"\u{1fffe}\":1}")
        => JsonError::Noncharacter(0x1_FFFE, _), "U+1FFFE";
    a_number_beyond_double_precision_is_refused:
        with_extra("1e308"), with_extra("1e309")
        => JsonError::NumberOutOfRange (_), "number is too large (line 1, column ";
    a_negative_number_beyond_double_precision_is_refused:
        with_extra("-1e308"), with_extra("-1e400")
        => JsonError::NumberOutOfRange (_), "number is too large";
    a_control_character_in_a_string_is_refused:
        with_extra(r#""\u0001""#), with_extra("\"\u{1}\"")
        => JsonError::Syntax(_), "not JSON";
    not_a_number_is_refused:
        with_extra("0"), with_extra("NaN")
        => JsonError::Syntax(_), "not JSON";
    a_leading_zero_is_refused:
        with_extra("0.1"), with_extra("01")
        => JsonError::Syntax(_), "not JSON";
    a_comma_at_the_end_is_refused:
        with_extra("[1]"), with_extra("[1,]")
        => JsonError::Syntax(_), "not JSON";
    a_comment_is_refused:
        with_extra("1 "), with_extra("1 /**/")
        => JsonError::Syntax(_), "not JSON";
    half_a_statement_is_refused:
        with_extra("1"), b"{\"tradepost\":1,".to_vec()
        => JsonError::Syntax(_), "not JSON";
    nothing_at_all_is_refused:
        with_extra("1"), Vec::new()
        => JsonError::Syntax(_), "not JSON";
}

fn nested(levels: usize, open: &str, close: &str) -> String {
    format!("{}null{}", open.repeat(levels), close.repeat(levels))
}

fn string_of(octets: usize) -> String {
    format!("\"{}\"", "a".repeat(octets))
}

fn with_octets(octets: &[u8]) -> Vec<u8> {
    let mut out = with_extra("\"@\"");
    let at = out.iter().position(|b| *b == b'@').unwrap();
    out.splice(at..=at, octets.iter().copied());
    out
}

/// A statement of that many octets.
fn padded(octets: usize) -> Vec<u8> {
    let mut out = with_extra("1");
    out.resize(octets, b' ');
    out
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["[]", "\"\"", "1", "null", "true"] {
        let error = decode(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the statement: is not an object");
    }
}

#[test]
fn numbers_that_are_the_same_in_json_are_the_same_content() {
    let value = |extra: &str| decode(&with_extra(extra)).unwrap().value;
    for (a, b, same) in [
        ("3", "3.0", true),
        ("3", "30e-1", true),
        ("0", "-0", true),
        ("1e2", "100", true),
        ("3", "3.5", false),
        ("3", "\"3\"", false),
        ("9007199254740991", "9007199254740992", false),
    ] {
        assert_eq!(value(a) == value(b), same, "{a} and {b}");
    }
}

#[test]
fn members_that_are_not_known_are_ignored_but_are_content() {
    let plain = samples::statement("order-status");
    let mut more = plain.clone();
    more["new"] = json!({ "a": [null, 1.5] });
    more["trade"]["new"] = Value::Null;
    more["body"]["new"] = json!("x");
    more["body"]["ship"]["new"] = json!([]);
    // A member of other kinds, which this kind does not have.
    more["body"]["notify"] = json!({ "on": ["no-such-track"] });
    more["body"]["lines"] = json!(7);

    let read = |v: &Value| decode(v.to_string().as_bytes()).unwrap();
    assert_eq!(read(&plain).statement, read(&more).statement);
    assert_ne!(read(&plain).value, read(&more).value);
    assert_eq!(read(&more).value, more);
}

#[test]
fn member_order_and_escapes_are_no_content() {
    let a = decode(br#"{"tradepost":1,"id":"01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "from":"ann@home.example","to":"orders@shop.example","sent":"2026-11-20T10:15:00Z",
        "trade":{"shop":"orders@shop.example","id":"T-1"},"body":{"kind":"cancel","text":"\u0061"}}"#);
    let b = decode(
        br#"{"body":{"text":"a","kind":"cancel"},"sent":"2026-11-20T10:15:00Z",
        "trade":{"id":"T-1","shop":"orders@shop.example"},"to":"orders@shop.example",
        "from":"ann@home.example","id":"01932c07-9a2e-7c11-8f54-0f6a1c0d9e22","tradepost":1}"#,
    );
    assert_eq!(a.unwrap(), b.unwrap());
}
