//! The HTML part: readable on a phone and in dark mode, nothing in it comes from the network.
//!
//! All texts are escaped by `maud`; colours are those of the reader's program, but for the grey of
//! lines, so that light and dark look right without either being named.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use tradepost_statements::status::HttpsUrl;

use super::plain::SIGNATURE;
use super::telling::LetterText;
use crate::untrusted::show;

const BODY: &str = "margin:0 auto;padding:16px;max-width:38em;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere";
const TABLE: &str = "width:100%;border-collapse:collapse;margin:16px 0";
const ROW: &str = "border-bottom:1px solid #8886";
const CELL: &str = "padding:6px 8px 6px 0;vertical-align:top;text-align:left";
const PRICE: &str = "padding:6px 0;vertical-align:top;text-align:right;white-space:nowrap";
const LABEL: &str = "padding:6px 12px 6px 0;vertical-align:top;text-align:left;font-weight:normal;opacity:.7;white-space:nowrap";
const SAID: &str =
    "margin:16px 0;padding:0 0 0 12px;border-left:3px solid #8886;white-space:pre-line";
const SMALL: &str = "font-size:13px;opacity:.7;margin-top:24px";

/// The letter as HTML, with the JSON-LD of the same facts where there is one.
pub(super) fn html(t: &LetterText, jsonld: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (t.subject) }
                style { (PreEscaped(":root{color-scheme:light dark}")) }
                @if let Some(facts) = jsonld {
                    script type="application/ld+json" { (PreEscaped(facts)) }
                }
            }
            body style=(BODY) {
                h1 style="font-size:20px;line-height:1.3" { (t.subject) }
                @for paragraph in &t.happened { p { (paragraph) } }
                (goods(t))
                (facts(t))
                @for (what, url) in &t.links {
                    p { a href=(ascii(url)) rel="noreferrer" { (what) } br; span style=(SMALL) { (show(url.as_str())) } }
                }
                @if let Some((who, text)) = &t.said {
                    p { (who) " writes:" }
                    blockquote style=(SAID) { (text) }
                }
                @if !t.next.is_empty() {
                    p { strong { "What comes next" } @for next in &t.next { br; (next) } }
                }
                p { strong { "Questions?" } @for ask in &t.ask { br; (ask) } }
                p style=(SMALL) { (SIGNATURE) }
            }
        }
    };
    one_tag_a_line(&page.into_string())
}

fn goods(t: &LetterText) -> Markup {
    html! {
        @if !t.goods.is_empty() || !t.sums.is_empty() {
            table style=(TABLE) {
                @for line in &t.goods {
                    tr style=(ROW) {
                        td style=(CELL) { (line.quantity) }
                        td style=(CELL) { (line.name) }
                        td style=(PRICE) { (line.price) }
                    }
                }
                @for (what, sum) in &t.sums {
                    tr {
                        td style=(CELL) {}
                        td style=(CELL) { (what) }
                        td style=(PRICE) { strong { (sum) } }
                    }
                }
            }
        }
    }
}

fn facts(t: &LetterText) -> Markup {
    html! {
        @if !t.facts.is_empty() {
            table style=(TABLE) {
                @for (what, value) in &t.facts {
                    tr { th style=(LABEL) { (what) } td style=(CELL) { (value) } }
                }
            }
        }
    }
}

/// A link without hidden or confusable octets: what is not ASCII is percent-encoded.
fn ascii(url: &HttpsUrl) -> String {
    url.as_str()
        .bytes()
        .map(|b| match b {
            b if b.is_ascii_graphic() => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Line ends between tags only, where they change nothing, for whoever reads the source.
fn one_tag_a_line(page: &str) -> String {
    page.replace("<tr", "\n<tr")
        .replace("<p>", "\n<p>")
        .replace("<p style", "\n<p style")
        .replace("<table", "\n<table")
        .replace("<body", "\n<body")
        .replace("<script", "\n<script")
        .replace("<h1", "\n<h1")
}
