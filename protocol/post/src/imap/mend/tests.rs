//! Each mended thing, and the same without its oddity.

use super::*;

fn mender(allowance: Allowance) -> ImapMender {
    ImapMender {
        allowance,
        ..ImapMender::default()
    }
}

/// What the parser gets, which takes all of it, however the octets are cut on their way.
fn given(from_server: &[u8], allowance: Allowance) -> String {
    let mut whole: Option<Vec<u8>> = None;
    for step in [1, 2, 7, from_server.len().max(1)] {
        let mut mender = mender(allowance);
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for part in from_server.chunks(step) {
            mender.take(part, &mut above, &mut below);
        }
        assert!(below.is_empty());
        assert!(
            whole.as_ref().is_none_or(|w| *w == above),
            "in steps of {step}"
        );
        whole = Some(above);
    }
    let whole = whole.unwrap_or_default();
    let mut rest: &[u8] = &whole;
    while !rest.is_empty() {
        let (after, _) = Response::parse(rest).expect("the parser understands it");
        rest = after;
    }
    String::from_utf8_lossy(&whole).into_owned()
}

const ALL: Allowance = Allowance {
    octets: 1_000_000,
    literal: 1_000_000,
};

/// An odd response; what is given to the parser; and the same without its oddity, if there is such a thing.
const ODD: &[(&str, &str, &str)] = &[
    // Of no use here, or of no use any more.
    ("* FLAGS NIL\r\n", "", "* FLAGS ()\r\n"),
    (
        "* FLAGS (\\Answered \\**)\r\n",
        "",
        "* FLAGS (\\Answered \\*)\r\n",
    ),
    ("* 1234567890123 RECENT\r\n", "", "* 1 RECENT\r\n"),
    (
        "* CAPABILITY IMAP4rev1 (what\"\r\n",
        "",
        "* CAPABILITY IMAP4rev1 WHAT\r\n",
    ),
    ("* ID NIL NIL\r\n", "", ""),
    ("* NAMESPACE (((\r\n", "", ""),
    ("* XYZZY 5 (\"\r\n", "", ""),
    ("* 17 XYZZY\r\n", "", "* 17 EXISTS\r\n"),
    ("* VANISHED (EARLIER) 1:4294967295\r\n", "", ""),
    ("* PREAUTH what\r\n", "", "* OK what\r\n"),
    (
        "* 4 FETCH (FLAGS NIL MODSEQ (1234567890123))\r\n",
        "",
        "* 4 FETCH (FLAGS (\\Seen) MODSEQ (1234567890123))\r\n",
    ),
    ("\r\n", "", ""),
    ("rubbish\r\n", "", ""),
    ("*\r\n", "", ""),
    // Conditions.
    (
        "* OK [UIDVALIDITY 1732875600000] x\r\n",
        "* OK [UIDVALIDITY 2003780115] -\r\n",
        "* OK [UIDVALIDITY 17] x\r\n",
    ),
    (
        "* ok [uidnext 5]x\r\n",
        "* OK [UIDNEXT 5] -\r\n",
        "* ok [uidnext 5] x\r\n",
    ),
    // The parser would panic.
    (
        "* OK [UIDNEXT 5]\u{e9}\r\n",
        "* OK [UIDNEXT 5] -\r\n",
        "* OK [UIDNEXT 5] e\r\n",
    ),
    (
        "* OK [PERMANENTFLAGS (\\*)]ok\r\n",
        "* OK (PERMANENTFLAGS (\\*))ok\r\n",
        "* OK [PERMANENTFLAGS (\\*)] ok\r\n",
    ),
    (
        "* NO [ALERT] a {5}\r\n",
        "* NO (ALERT) a {5}\r\n",
        "* OK [ALERT] a {5}\r\n",
    ),
    ("* BYE\r\n", "* BYE -\r\n", "* BYE bye\r\n"),
    ("A0001 OK\r\n", "A0001 OK -\r\n", "A0001 OK done\r\n"),
    (
        "A0001 no [NONEXISTENT] x\n",
        "A0001 NO (NONEXISTENT) x\r\n",
        "A0001 no x\r\n",
    ),
    ("A0001 HMM\r\n", "A0001 BAD -\r\n", "A0001 BAD what\r\n"),
    ("A0001 PREAUTH x\r\n", "A0001 BAD x\r\n", "A0001 OK {7}\r\n"),
    // What follows is not base64, which is all that is asked for in this way.
    ("+ idling\r\n", "+ \r\n", "+ \r\n"),
    ("+idling\r\n", "+ \r\n", "+\r\n"),
    (
        "+ {\"status\":\"400\"}\r\n",
        "+ \r\n",
        "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n",
    ),
    // Numbers.
    ("* 1234567890123 EXISTS\r\n", "", "* 3 EXISTS\r\n"),
    ("* 2  expunge\r\n", "* 2 EXPUNGE\r\n", "* 2 expunge\r\n"),
    (
        "* SEARCH 2  84 882 \r\n",
        "* SEARCH 2 84 882\r\n",
        "* SEARCH 2 84 882 \r\n",
    ),
    (
        "* SEARCH 5 (MODSEQ 917162500)\r\n",
        "* SEARCH 5\r\n",
        "* SEARCH 5\r\n",
    ),
    (
        "* SEARCH 5 1234567890123 7\r\n",
        "* SEARCH 5 7\r\n",
        "* SEARCH 5 6 7\r\n",
    ),
    (
        "* ESEARCH (TAG \"A0001\") UID ALL 2,4:6 COUNT 4\r\n",
        "* SEARCH 2 4 5 6\r\n",
        "* SEARCH\r\n",
    ),
    ("* ESEARCH (TAG \"A0001\") UID\r\n", "* SEARCH\r\n", ""),
    ("* ESEARCH (TAG \"A0001\") UID ALL 1:4294967295\r\n", "", ""),
    // Folders.
    (
        "* LIST NIL NIL INBOX\r\n",
        "* LIST () NIL {5}\r\nINBOX\r\n",
        "* LIST () NIL INBOX\r\n",
    ),
    (
        "* LIST (\\*) \"\\\\\" Sent Items\r\n",
        "* LIST () \"\\\\\" {10}\r\nSent Items\r\n",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"\r\n",
    ),
    (
        "* LIST (\\NonExistent) \".\" \"Entw\u{fc}rfe\"\r\n",
        "* LIST (\\Noselect) \".\" {9}\r\nEntw\u{fc}rfe\r\n",
        "* LIST (\\Noselect) \".\" \"Entw\u{fc}rfe\"\r\n",
    ),
    (
        "* LIST () \"/\" {3}\r\na\"b\r\n",
        "* LIST () \"/\" {3}\r\na\"b\r\n",
        "* LIST () \"/\" ab\r\n",
    ),
    (
        "* LIST () \"/\" \"a\\\"b\"\r\n",
        "* LIST () \"/\" {3}\r\na\"b\r\n",
        "* LIST () \"/\" \"ab\"\r\n",
    ),
    (
        "* STATUS Sent Items (MESSAGES NIL UIDNEXT 9)\r\n",
        "* STATUS x (UIDNEXT 9)\r\n",
        "* STATUS \"Sent Items\" (MESSAGES 4 UIDNEXT 9)\r\n",
    ),
    (
        "* STATUS {2}\r\n\u{fc} (UIDVALIDITY 7 UIDNEXT 1234567890123)\r\n",
        "* STATUS x (UIDVALIDITY 7)\r\n",
        "* STATUS {2}\r\n\u{fc} (UIDVALIDITY 7 UIDNEXT 8)\r\n",
    ),
    // Letters. The parser would panic at a date that is NIL.
    (
        "* 2 FETCH (FLAGS (\\*) UID 7 RFC822.SIZE 1234567890123 INTERNALDATE NIL)\r\n",
        "* 2 FETCH (UID 7 RFC822.SIZE 4294967295)\r\n",
        "* 2 FETCH (FLAGS (\\*) UID 7 RFC822.SIZE 12 INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\")\r\n",
    ),
    (
        "* 2 FETCH (ENVELOPE (\"x\" {3}\r\n)\"( NIL) BODY[HEADER.FIELDS (\"A\" B)]<0> {4}\r\nA: b UID 7)\r\n",
        "* 2 FETCH (BODY[HEADER] {4}\r\nA: b UID 7)\r\n",
        "* 2 FETCH (BODY[HEADER.FIELDS (\"A\" B)]<0> {4}\r\nA: b UID 7)\r\n",
    ),
    (
        "* 2 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" BODY[] \"a\\\"b\" uid 7)\r\n",
        "* 2 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" BODY[] {3}\r\na\"b UID 7)\r\n",
        "* 2 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" BODY[] \"a'b\" uid 7)\r\n",
    ),
    (
        "* 2 FETCH (UID 7 BODY[] ~{1+}\r\nx)\r\n",
        "* 2 FETCH (UID 7 BODY[] {1}\r\nx)\r\n",
        "* 2 FETCH (UID 7 BODY[] {1}\r\nx)\r\n",
    ),
    (
        "* 2 FETCH UID 7 BODY[] {01}\r\nx\n",
        "* 2 FETCH (UID 7 BODY[] {1}\r\nx)\r\n",
        "* 2 FETCH (UID 7 BODY[] NIL)\r\n",
    ),
    (
        "* 2 FETCH (UID 7 X (UID 8) BODY[] {0}\r\n)\r\n",
        "* 2 FETCH (UID 7 BODY[] {0}\r\n)\r\n",
        "* 2 FETCH (UID 7 BODY[] {0}\r\n)\r\n",
    ),
];

#[test]
fn what_the_parser_gives_up_on_is_said_again_and_all_else_goes_through_as_it_came() {
    for (odd, expected, plain) in ODD {
        assert_eq!(given(odd.as_bytes(), ALL), *expected, "{odd}");
        assert_eq!(given(plain.as_bytes(), ALL), *plain);
    }
}

#[test]
fn lists_in_lists_do_not_reach_the_parser() {
    let deep = "(".repeat(LONGEST_LINE / 2);
    let monster =
        format!("* 1 FETCH (UID 1 BODYSTRUCTURE {deep}\r\n* LIST {deep}\r\n* FLAGS {deep}\r\n");
    let mut above = Vec::new();
    mender(ALL).take(monster.as_bytes(), &mut above, &mut Vec::new());
    assert_eq!(String::from_utf8_lossy(&above), "* 1 FETCH (UID 1)\r\n");
}

#[test]
fn the_octets_of_letters_are_never_touched() {
    let mut letter =
        b"* FLAGS NIL\r\n* SEARCH 1\r\nA0001 OK\n\0\0\x80)\r\n* 5 FETCH (UID 9 {3}\r\n".to_vec();
    letter.extend(0..=255);
    // Also where the response is said again.
    for (odd, said) in [("", ""), ("X NIL ", "")] {
        let answer = |item: &str| {
            let head = format!("* 1 FETCH ({item}UID 1 BODY[] {{{}}}\r\n", letter.len());
            [head.as_bytes(), &letter, b")\r\nA0001 OK done\r\n"].concat()
        };
        let mut above = Vec::new();
        mender(ALL).take(&answer(odd), &mut above, &mut Vec::new());
        assert_eq!(above, answer(said));
    }
}

#[test]
fn what_is_over_a_limit_is_cut_and_marked_and_the_rest_is_read() {
    let allowance = Allowance {
        octets: 25,
        literal: 10,
    };
    let answer = "* 1 FETCH (UID 1 BODY[] {12}\r\n0123456789ab)\r\n\
                  * 2 FETCH (UID 2 BODY[] {10}\r\n0123456789)\r\n\
                  * 3 FETCH (UID 3 BODY[] {10}\r\n0123456789)\r\n";
    assert_eq!(
        given(answer.as_bytes(), allowance),
        "* 1 FETCH (UID 1 BODY[]<4294967295> {10}\r\n0123456789)\r\n\
         * 2 FETCH (UID 2 BODY[] {10}\r\n0123456789)\r\n\
         * 3 FETCH (UID 3 BODY[]<4294967295> {5}\r\n01234)\r\n"
    );
    // Of a line that never ends, what stands in its beginning is read.
    let monster = format!(
        "* 1 FETCH (UID 1 X ({}) BODY[] {{3}}\r\nabc)\r\nA0001 OK done\r\n",
        "(a)".repeat(LONGEST_LINE)
    );
    let mut above = Vec::new();
    mender(ALL).take(monster.as_bytes(), &mut above, &mut Vec::new());
    assert_eq!(
        String::from_utf8_lossy(&above),
        "* 1 FETCH (UID 1)\r\nA0001 OK done\r\n"
    );
}

#[test]
fn what_async_imap_loses_is_taken_down() {
    let mut mender = ImapMender::default();
    let mut above = Vec::new();
    mender.overhear();
    let answer = "* OK wait\r\n+ \r\n* CAPABILITY (\r\nA0001 NO [ALERT] no\r\n* 1 EXISTS\r\n";
    mender.take(answer.as_bytes(), &mut above, &mut Vec::new());
    assert_eq!(
        String::from_utf8_lossy(&above),
        "+ \r\nA0001 NO (ALERT) no\r\n* 1 EXISTS\r\n"
    );
    assert!(!mender.is_over());
    let heard = mender.overheard();
    assert_eq!(heard.untagged, ["* OK wait", "* CAPABILITY ("]);
    assert_eq!(heard.end, Some(CommandEnd::tagged("NO [ALERT] no")));

    mender.overhear();
    above.clear();
    mender.take(b"* BYE enough\r\n", &mut above, &mut Vec::new());
    assert!(mender.is_over() && above.is_empty());
    let bye = CommandEnd::bye("* BYE enough".to_owned());
    assert_eq!(mender.overheard().end, Some(bye));

    mender.overhear();
    let endless = b"* OK wait\r\n".repeat(Overheard::MOST + 1);
    let outcome = mender.incoming(&endless, &mut Vec::new(), &mut Vec::new());
    assert!(outcome.is_err());
}

#[test]
fn a_login_that_no_quoted_string_can_hold_goes_in_literals() {
    let mut mender = ImapMender::default();
    mender.overhear_login();
    let (mut above, mut sent) = (Vec::new(), Vec::new());
    let odd = "A0001 LOGIN \"ann\" \"geheim-\\\"\u{fc}\"\r\n";
    let mut line = odd.as_bytes().to_vec();
    mender.outgoing(&mut line);
    assert_eq!(line, b"A0001 LOGIN {3}\r\n");
    mender.take(b"+ go on\r\n", &mut above, &mut sent);
    assert_eq!(sent, b"ann {10}\r\n");
    sent.clear();
    mender.take(b"+\r\nA0001 OK done\r\n", &mut above, &mut sent);
    assert_eq!(sent, "geheim-\"\u{fc}\r\n".as_bytes());
    assert_eq!(above, b"A0001 OK done\r\n");
    for other in [
        "A0001 LOGIN \"ann\" \"secret\"\r\n",
        "A0001 EXAMINE \"Entw\u{fc}rfe\"\r\n",
        "A0001 LOGIN ann \u{fc}\r\n",
    ] {
        let mut line = other.as_bytes().to_vec();
        mender.outgoing(&mut line);
        assert_eq!(line, other.as_bytes());
    }
    // Not in a letter, say.
    let mut line = odd.as_bytes().to_vec();
    ImapMender::default().outgoing(&mut line);
    assert_eq!(line, odd.as_bytes());
}

/// Of which anything may be put together that looks like a response.
const PIECES: &[&str] = &[
    "* ",
    "A0001 ",
    "+ ",
    "OK ",
    "NO ",
    "BYE ",
    "PREAUTH ",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    "{1}\r\n",
    "{3}\r\n",
    "~{2}\r\n",
    "<0>",
    " ",
    "NIL",
    "\u{e9}",
    "\0",
    "*",
    "FETCH ",
    "SEARCH ",
    "LIST ",
    "STATUS ",
    "FLAGS ",
    "CAPABILITY ",
    "IMAP4rev1",
    "EXISTS",
    "EXPUNGE",
    "UID ",
    "BODY[] ",
    "BODY[HEADER.FIELDS (A)] ",
    "INTERNALDATE ",
    "RFC822.SIZE ",
    "MODSEQ ",
    "UIDNEXT ",
    "UIDVALIDITY ",
    "ALERT",
    "BADCHARSET ",
    "PERMANENTFLAGS ",
    "APPENDUID ",
    "COPYUID ",
    "17 ",
    "1234567890123 ",
    "1:4294967295",
    ",",
    "x",
    "\r\n",
    "\n",
];

proptest::proptest! {
    #[test]
    fn whatever_comes_the_parser_takes_what_it_is_given(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..30)
    ) {
        let from_server = format!("{}\r\n", pieces.concat());
        given(from_server.as_bytes(), ALL);
    }
}
