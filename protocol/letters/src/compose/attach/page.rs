//! Pages: JSON-LD put into one that somebody else made, and a page made of a text.

use maud::{DOCTYPE, PreEscaped, html};

/// JSON with nothing but ASCII in it: right in whatever charset the page is.
pub(super) fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            // Outside of strings JSON has none.
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Puts the facts before the end of the head, else of the body, else at the end.
pub(super) fn with_facts(page: &[u8], facts: &str) -> Vec<u8> {
    let script = format!("<script type=\"application/ld+json\">{facts}</script>\r\n");
    let at = first(page, b"</head>")
        .or_else(|| last(page, b"</body>"))
        .or_else(|| last(page, b"</html>"))
        .unwrap_or(page.len());
    let (before, after) = page.split_at(at);
    [before, script.as_bytes(), after].concat()
}

fn first(page: &[u8], tag: &[u8]) -> Option<usize> {
    page.windows(tag.len())
        .position(|w| w.eq_ignore_ascii_case(tag))
}

fn last(page: &[u8], tag: &[u8]) -> Option<usize> {
    page.windows(tag.len())
        .rposition(|w| w.eq_ignore_ascii_case(tag))
}

/// The text of a mail that has no page: mail programs that show the last part show the same.
pub(super) fn of_text(text: &str, facts: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html {
            head {
                meta charset="utf-8";
                @if let Some(facts) = facts {
                    script type="application/ld+json" { (PreEscaped(facts)) }
                }
            }
            body { div style="white-space:pre-wrap" { (text) } }
        }
    };
    page.into_string()
}
