//! Rows read page by page: whoever stops early has read no more than a page too many, and nobody holds
//! all of them at once.

use tradepost_trades::rows::Rows;

/// Rows of a page.
const PAGE: usize = 64;

/// All rows whose keys start with `prefix`, in order.
pub(super) fn pages<'r>(
    rows: &'r dyn Rows,
    prefix: &str,
) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + use<'r> {
    pages_from(rows, prefix, prefix)
}

/// The same, for those that are not below `from`.
pub(super) fn pages_from<'r>(
    rows: &'r dyn Rows,
    prefix: &str,
    from: &str,
) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + use<'r> {
    let prefix = prefix.as_bytes().to_vec();
    let mut next = Some(from.as_bytes().to_vec());
    std::iter::from_fn(move || {
        let from = next.take()?;
        let page = rows.scan_from(&prefix, &from, PAGE);
        if page.len() == PAGE
            && let Some((last, _)) = page.last()
        {
            let mut after = last.clone();
            after.push(0);
            next = Some(after);
        }
        Some(page)
    })
    .flatten()
}
