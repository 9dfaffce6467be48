//! Telling the person what happened: a line each on standard error, where systemd and people read;
//! and, as the person wishes, to a program of their own and on the desktop.

#[cfg(feature = "desktop")]
pub(crate) mod desktop;
use tradepost_buyer::{Notice, plain};
use tradepost_letters::untrusted;

/// Writes a line of the log for each.
pub(crate) fn tell(notices: &[Notice]) {
    for notice in notices {
        let text = in_words(notice);
        match notice {
            Notice::Warned { warning, .. } => {
                tracing::warn!("{text}; see: tradepost warnings show {warning}");
            }
            Notice::NewTrade { .. }
            | Notice::Progress { .. }
            | Notice::OtherCarriers { .. }
            | Notice::OrderRejected { .. }
            | Notice::ReturnDecided { .. }
            | Notice::Resolved { .. } => tracing::info!("{text}"),
        }
    }
}

/// Characters of a message: a line of a log, and what a desktop shows.
const LONGEST_MESSAGE: usize = 500;

/// A notice may quote a letter.
pub(crate) fn in_words(notice: &Notice) -> String {
    let text = plain::without_links(&notice.to_string());
    untrusted::show_some(&plain::with_both_forms(&text), LONGEST_MESSAGE)
}
