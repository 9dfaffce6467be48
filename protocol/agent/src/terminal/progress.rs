//! How far something is that takes its time: on standard error, where that is a terminal; nowhere else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tradepost_store::ReplayProgress;

/// A line that is drawn again and again, and is gone once this is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Says what is being done.
    pub fn set_message(&self, what: String) {
        self.0.set_message(what);
    }

    /// Says how much there is to do, in the unit of [`Bar::set_position`].
    pub fn set_length(&self, total: u64) {
        self.0.set_length(total);
    }

    /// How much of it is done.
    pub fn set_position(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Takes the line away before it is dropped.
    pub fn finish_and_clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish_and_clear();
    }
}

/// A bar for what is counted.
#[must_use]
pub fn bar(what: &str) -> Bar {
    styled(what, "{msg} [{bar:30}] {pos}/{len} {eta}")
}

/// Turns while something takes its time of which nobody knows how much.
#[must_use]
pub fn spinner(what: &str) -> Bar {
    const TURN: Duration = Duration::from_millis(100);
    let spinner = styled(what, "{spinner} {msg}");
    spinner.0.enable_steady_tick(TURN);
    spinner
}

/// Shows how much of a journal was replayed so far.
pub fn replay() -> impl FnMut(ReplayProgress) {
    let mut shown: Option<Bar> = None;
    move |progress: ReplayProgress| {
        let bar = shown.get_or_insert_with(|| {
            styled(
                "reading the journal",
                "{msg} [{bar:30}] {bytes}/{total_bytes} {eta}",
            )
        });
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        if progress.done >= progress.total {
            bar.finish_and_clear();
        }
    }
}

fn styled(what: &str, template: &str) -> Bar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target).with_message(what.to_owned());
    Bar(match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}
