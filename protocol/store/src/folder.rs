//! The data folder: private, and owned by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::{StoreError, disk};

/// The folder, while this process owns it.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Locked; the end of the process, however it comes, gives the folder up.
    lock: File,
}

impl Folder {
    /// Makes the folder where there is none, and takes it.
    pub(super) fn own(root: &Path) -> Result<Folder, StoreError> {
        make_private(root)?;
        let lock = take_lock(root)?;
        let folder = Folder {
            root: root.to_path_buf(),
            lock,
        };
        make_private(&folder.journal())?;
        disk::sync_folder(root)?;
        Ok(folder)
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file is not enough: a program that is being started on another thread has
        // a copy of it for a moment, and with it the lock.
        let _ = self.lock.unlock();
    }
}

/// A folder that only its owner can look into; made where there is none.
pub(super) fn make_private(folder: &Path) -> Result<(), StoreError> {
    match is_private(folder)? {
        true => Ok(()),
        false => disk::make_folder(folder).map_err(StoreError::io("create the folder", folder)),
    }
}

/// Whether a folder is there. One that others can look into is refused.
pub(super) fn is_private(folder: &Path) -> Result<bool, StoreError> {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(StoreError::Unexpected {
            path: folder.to_path_buf(),
            what: "not a folder",
        }),
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(StoreError::OthersCanRead {
                    folder: folder.to_path_buf(),
                    mode,
                });
            }
            Ok(true)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(StoreError::io("look at", folder)(e)),
    }
}

fn take_lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    // Nobody else can write into the folder, so this can't change before the file is opened; it
    // is here for links that were made by mistake, when a folder was copied or restored.
    if fs::symlink_metadata(&path).is_ok_and(|m| !m.is_file()) {
        return Err(StoreError::Unexpected {
            path,
            what: "not a plain file",
        });
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = (&file).take(16).read_to_string(&mut owner);
            return Err(StoreError::InUse {
                folder: root.to_path_buf(),
                pid: owner.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &path)(e)),
    }
    // Only for the message above: the lock itself is the kernel's.
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(StoreError::io("write", &path))?;
    Ok(file)
}
