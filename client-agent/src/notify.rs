//! Telling the person what happened: a line each on standard error, where systemd and people read.

use tradepost_letters::untrusted;
use tradepost_trades::buyer::{Notice, plain};

/// Tells.
pub(crate) fn tell(notices: &[Notice]) {
    for notice in notices {
        // A notice may quote a letter.
        let text = plain::without_links(&notice.to_string());
        let text = untrusted::show(&plain::with_both_forms(&text));
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
