//! Telling the person what happened: a line each on standard error, where systemd and people read.

use tradepost_letters::untrusted;
use tradepost_trades::buyer::Notice;

/// Tells.
pub(crate) fn tell(notices: &[Notice]) {
    for notice in notices {
        // A notice may quote a letter.
        let text = untrusted::show(&notice.to_string());
        match notice {
            Notice::Warned { warning, .. } => {
                tracing::warn!("{text}; see: tradepost warnings show {warning}");
            }
            Notice::NewTrade { .. }
            | Notice::Progress { .. }
            | Notice::OtherCarriers { .. }
            | Notice::OrderRejected { .. }
            | Notice::Resolved { .. } => tracing::info!("{text}"),
        }
    }
}
