//! Which answer is right for which mistake in which field.

use crate::http::hooks::left::LeftReason;

/// Mistakes by what can be read of them, by the names in [`spoilt`].
pub(super) const NOTHING: [&str; 4] = ["absent", "null", "empty", "blank"];
pub(super) const NO_NUMBER: [&str; 8] = [
    "word",
    "true",
    "list",
    "object",
    "list of nothing",
    "object of lists",
    "very long",
    "strange",
];
pub(super) const TOO_MUCH: [&str; 3] = ["huge", "large", "large text"];
pub(super) const BELOW_ZERO: [&str; 2] = ["negative", "negative text"];
pub(super) const NO_TEXT: [&str; 5] = [
    "true",
    "list",
    "object",
    "list of nothing",
    "object of lists",
];
pub(super) const NUMBERS: [&str; 6] = [
    "zero",
    "negative",
    "fraction",
    "whole float",
    "huge",
    "large",
];

/// What is read of a field does not depend on what the book has, so these are enough there.
pub(super) const TO_A_KNOWN_ORDER: [&str; 6] = [
    "absent",
    "zero",
    "negative text",
    "fraction",
    "word",
    "list of nothing",
];

/// What is right for a field, where it is not that the order is told.
pub(super) struct Row {
    place: &'static str,
    /// Of these mistakes; none: of all.
    mistakes: Vec<&'static str>,
    left: LeftReason,
}

pub(super) fn row(place: &'static str, mistakes: &[&[&'static str]], left: LeftReason) -> Row {
    let mistakes = mistakes.concat();
    Row {
        place,
        mistakes,
        left,
    }
}

pub(super) fn right(rows: &[Row], place: &str, mistake: &str) -> Option<LeftReason> {
    rows.iter()
        .find(|row| {
            row.place == place && (row.mistakes.is_empty() || row.mistakes.contains(&mistake))
        })
        .map(|row| row.left)
}

pub(super) fn rows_of_woocommerce() -> Vec<Row> {
    let no_lines = [
        &NOTHING[..],
        &NUMBERS,
        &BELOW_ZERO,
        &["fraction text", "large text"],
    ]
    .concat();
    let mut rows = vec![
        row("/id", &[&NOTHING, &NO_TEXT], LeftReason::Content),
        row("/status", &[], LeftReason::NotYet),
        row("/currency", &[], LeftReason::Content),
        row("/date_modified_gmt", &[], LeftReason::Content),
        row("/billing", &[], LeftReason::Mail),
        row("/billing/email", &[], LeftReason::Mail),
        row("/payment_method", &[], LeftReason::Configuration),
        row(
            "/total",
            &[&NOTHING, &NO_NUMBER, &TOO_MUCH, &BELOW_ZERO],
            LeftReason::Content,
        ),
        row(
            "/line_items",
            &[
                &no_lines,
                &["word", "true", "list", "object", "very long", "strange"],
            ],
            LeftReason::Lines,
        ),
        row("/line_items/0", &[&["absent"]], LeftReason::Lines),
        row("/line_items/0/quantity", &[&["zero"]], LeftReason::Lines),
        row("/line_items/0/quantity", &[&NO_NUMBER], LeftReason::Content),
    ];
    for amount in [
        "/line_items/0/subtotal",
        "/line_items/0/subtotal_tax",
        "/line_items/0/total",
        "/line_items/0/total_tax",
        "/shipping_lines/0/total",
        "/shipping_lines/0/total_tax",
        "/fee_lines/0/total",
        "/fee_lines/0/total_tax",
    ] {
        rows.push(row(amount, &[&NO_NUMBER, &TOO_MUCH], LeftReason::Content));
    }
    rows
}

pub(super) fn rows_of_shopify() -> Vec<Row> {
    let no_lines = [
        &NOTHING[..],
        &NUMBERS,
        &BELOW_ZERO,
        &["fraction text", "large text"],
    ]
    .concat();
    let mut rows = vec![
        row("/id", &[&NOTHING, &NO_TEXT], LeftReason::Content),
        row(
            "/name",
            &[&["absent", "null", "empty"], &NO_TEXT, &NUMBERS],
            LeftReason::Content,
        ),
        row("/currency", &[], LeftReason::Content),
        row("/updated_at", &[], LeftReason::Content),
        row("/test", &[&["true"]], LeftReason::NotYet),
        row("/payment_gateway_names", &[], LeftReason::Configuration),
        row("/payment_gateway_names/0", &[], LeftReason::Configuration),
        row(
            "/total_price",
            &[&NOTHING, &NO_NUMBER, &TOO_MUCH, &BELOW_ZERO],
            LeftReason::Content,
        ),
        row(
            "/line_items",
            &[
                &no_lines,
                &["word", "true", "list", "object", "very long", "strange"],
            ],
            LeftReason::Lines,
        ),
        row("/line_items/0", &[&["absent"]], LeftReason::Lines),
        row(
            "/line_items/0/quantity",
            &[&["zero"], &BELOW_ZERO],
            LeftReason::Lines,
        ),
        row(
            "/line_items/0/quantity",
            &[&NO_NUMBER, &TOO_MUCH],
            LeftReason::Content,
        ),
        row("/line_items/0/price", &[&BELOW_ZERO], LeftReason::Lines),
    ];
    for amount in [
        "/line_items/0/price",
        "/shipping_lines/0/price",
        "/total_discounts",
        "/total_tax",
        "/total_tip_received",
    ] {
        rows.push(row(amount, &[&NO_NUMBER, &TOO_MUCH], LeftReason::Content));
    }
    rows
}
