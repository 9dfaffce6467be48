//! Files and folders that only their owner may read: passwords, the ledger, the book.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a file or folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It cannot be looked at, or made.
    #[error("{path}: {error}", path = path.display())]
    Unusable {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no such file.
    #[error(
        "there is no file {path}; make it readable for you alone: chmod 600 '{path}'",
        path = path.display()
    )]
    Missing {
        /// Which one.
        path: PathBuf,
    },
    /// Something else stands where a folder should be.
    #[error("{path} is not a folder; move it away, or name another place", path = path.display())]
    NotAFolder {
        /// Which one.
        path: PathBuf,
    },
    /// A folder cannot be made.
    #[error("{path} cannot be made: {error}; make it yourself, or name another place", path = path.display())]
    NotMade {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others than the owner have some right on it.
    #[error(
        "{path} can be read by others (mode {mode:03o}); run: chmod {remedy} '{path}'",
        path = path.display()
    )]
    OthersCanRead {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        remedy: &'static str,
    },
}

/// Refuses what others than its owner can read or write.
///
/// # Errors
/// [`PrivateError`] with the command that helps.
pub fn check_private(path: &Path) -> Result<(), PrivateError> {
    let found = std::fs::metadata(path).map_err(|error| {
        let path = path.to_owned();
        if error.kind() == std::io::ErrorKind::NotFound {
            PrivateError::Missing { path }
        } else {
            PrivateError::Unusable { path, error }
        }
    })?;
    let mode = found.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(PrivateError::OthersCanRead {
        path: path.to_owned(),
        mode,
        remedy: if found.is_dir() { "700" } else { "600" },
    })
}

/// Makes the folder, and those above it, for the owner alone; one that is there must be private.
///
/// # Errors
/// [`PrivateError`].
pub fn make_private_folder(path: &Path) -> Result<(), PrivateError> {
    if path.is_dir() {
        return check_private(path);
    }
    // A link to nowhere is something as well.
    if path.symlink_metadata().is_ok() {
        return Err(PrivateError::NotAFolder {
            path: path.to_owned(),
        });
    }
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        // A umask can take rights away from the mode, never add any: set what is needed.
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)));
    made.map_err(|error| PrivateError::NotMade {
        path: path.to_owned(),
        error,
    })
}
