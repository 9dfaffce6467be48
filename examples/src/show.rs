//! What a program that tells stories does with itself: it may be the mail server of another, it tells, it keeps
//! all running where that is wished, and it ends when it is asked to.

use anyhow::{Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::stage::Stage;

/// What becomes of the stage once the story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The processes are ended, and the folder removed.
    Clear,
    /// The same, but not before Ctrl-C.
    KeepUntilAsked,
}

/// Sets the stage, tells the story, and clears the stage, also where something fails or somebody wants it to end.
///
/// # Errors
/// The stage could not be set or the story not be told, or somebody stopped it.
pub async fn put_on(
    set: impl AsyncFnOnce() -> Result<Stage>,
    tell: impl AsyncFnOnce(&Stage) -> Result<()>,
    tell_how_to_play_on: impl FnOnce(&Stage),
    afterwards: Afterwards,
) -> Result<()> {
    let mut ending = Ending::listen()?;
    // Dropping the stage ends the processes and removes the folder.
    let stage = tokio::select! {
        stage = set() => stage?,
        () = ending.asked() => bail!("stopped"),
    };
    let told = tokio::select! {
        told = tell(&stage) => told,
        () = ending.asked() => bail!("stopped"),
    };
    if told.is_err() {
        // Ctrl-C also ends the command that the story just waits for: that is no fault to explain.
        if ending.was_asked().await {
            bail!("stopped");
        }
        stage.print_logs();
    }
    told?;
    match afterwards {
        Afterwards::Clear => {}
        Afterwards::KeepUntilAsked => {
            tell_how_to_play_on(&stage);
            ending.asked().await;
            drop(stage);
            eprintln!("\nEverything is stopped, and its folder removed.");
        }
    }
    Ok(())
}

/// The ways to be asked to end: Ctrl-C, SIGTERM, a closed terminal.
struct Ending([Signal; 3]);

impl Ending {
    fn listen() -> Result<Ending> {
        Ok(Ending([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let Ending([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    async fn was_asked(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => true,
            () = std::future::ready(()) => false,
        }
    }
}
