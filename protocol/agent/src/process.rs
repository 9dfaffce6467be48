//! The program as a process: what it gives away by being one that makes files, how the system asks it to end,
//! and what it tells systemd.

pub use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Keeps this process's memory, where passwords and keys are, to itself: the system writes no core file
/// of it when it ends in a fault, and (on Linux) no other process of the same user may look into it or at
/// its environment. Programs call it first. Where the system does not allow it, all goes on without.
pub fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let limited = setrlimit(Resource::Core, nothing);
    // A core can also be piped to a program of the system, whatever its limit; not of such a process.
    #[cfg(target_os = "linux")]
    let limited = limited.and(rustix::process::set_dumpable_behavior(
        rustix::process::DumpableBehavior::NotDumpable,
    ));
    if let Err(error) = limited {
        tracing::debug!("core files of this program can't be forbidden: {error}");
    }
}

/// Lets nobody but the owner read the files and enter the folders that this process makes from now on, also
/// those that libraries make, such as the index's. Programs call it before they make any.
pub fn keep_files_private() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Tells systemd how the process is, where systemd has started it.
pub fn notify_service_manager(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {e}");
    }
}

/// Comes back at SIGTERM, or Ctrl-C. From its first call on the signals no longer end the process by
/// themselves.
#[derive(Debug)]
pub struct EndRequests(Option<(Signal, Signal)>);

impl EndRequests {
    /// Takes the signals from now on; where the system does not allow it, they still end the process.
    #[must_use]
    pub fn listen() -> EndRequests {
        let terminate = signal(SignalKind::terminate());
        let interrupt = signal(SignalKind::interrupt());
        EndRequests(terminate.ok().zip(interrupt.ok()))
    }

    /// The next one. Without signal handlers the system ends the process itself; the journal stands that.
    pub async fn next(&mut self) {
        match &mut self.0 {
            Some((terminate, interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }
}
