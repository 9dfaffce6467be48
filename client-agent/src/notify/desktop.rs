//! Notices on the desktop (feature `desktop`): a best effort, since nobody may sit there.

use notify_rust::Notification;

/// Shows a message; that it could not be shown is told to nobody but the log.
pub(super) async fn show(message: &str) {
    // Desktop Notifications Specification, "Markup": some servers read the body as such.
    let body = message
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let mut notification = Notification::new();
    let shown = notification
        .appname("Tradepost")
        .summary("Tradepost")
        .body(&body)
        .show_async()
        .await;
    if let Err(e) = shown {
        tracing::debug!("the desktop was not told: {e}");
    }
}
