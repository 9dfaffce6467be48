//! What the running program gives away by being a process that makes files.

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
