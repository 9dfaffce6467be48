//! Files and folders that only their owner may read: passwords, the ledger, the book.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Why a file or folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// It cannot be looked at, or made.
    #[error("{path}: {error}", path = path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no such file.
    #[error(
        "there is no file {path}; name another one, or make it, readable for you alone (chmod 600)",
        path = path.display()
    )]
    Missing {
        /// Where nothing is.
        path: PathBuf,
    },
    /// A link stands where a secret should be: whoever may change the link chooses the secret.
    #[error(
        "{path} is a symbolic link, and a secret is read from a file itself; name that file",
        path = path.display()
    )]
    Link {
        /// The link itself, not what it points to.
        path: PathBuf,
    },
    /// Something else stands where a file should be.
    #[error("{path} is not a file; move it away, or name another place", path = path.display())]
    NotAFile {
        /// Where a folder, a pipe or a device is.
        path: PathBuf,
    },
    /// There is a file already where a new one is to be made.
    #[error("{path} exists, and is not overwritten; name another place, or move it away", path = path.display())]
    Exists {
        /// Where something is already, be it a file or not.
        path: PathBuf,
    },
    /// Far more than a secret.
    #[error("{path} is larger than 64 KiB: that is no password and no key", path = path.display())]
    TooLarge {
        /// The file, which was not read to its end.
        path: PathBuf,
    },
    /// Something else stands where a folder should be.
    #[error("{path} is not a folder; move it away, or name another place", path = path.display())]
    NotAFolder {
        /// Where a file is, or a link that leads to no folder.
        path: PathBuf,
    },
    /// A file or folder cannot be made, or not be written to its end.
    #[error("{path} cannot be made: {error}; make it yourself, or name another place", path = path.display())]
    NotMade {
        /// What was to be made.
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
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits, the last nine.
        mode: u32,
        /// The mode for `chmod`: `600` for a file, `700` for a folder.
        remedy: &'static str,
    },
}

/// Refuses what others than its owner can read or write.
///
/// # Errors
/// [`PrivateError`] with the command that helps.
pub fn check_private(path: &Path) -> Result<(), PrivateError> {
    let found = std::fs::metadata(path).map_err(|e| unusable(path, e))?;
    check_mode(path, &found)
}

/// The same for a file that holds a secret, which must be a file itself and no link to one.
///
/// # Errors
/// [`PrivateError`] with what helps.
pub fn check_private_file(path: &Path) -> Result<(), PrivateError> {
    let found = look_at_file(path)?;
    check_mode(path, &found)
}

/// Reads a secret from a file of its owner alone. No link is followed to it; what the file is, is
/// told of the opened file, so that nobody can exchange it in between.
///
/// # Errors
/// [`PrivateError`] with what helps; never with the secret in it.
pub fn read_private_file(path: &Path) -> Result<SecretString, PrivateError> {
    /// Passwords and keys are far smaller.
    const MOST_OCTETS: u64 = 64 * 1024;
    // Looked at first, since opening a pipe would wait for a writer.
    let named = look_at_file(path)?;
    let file = File::open(path).map_err(|e| unusable(path, e))?;
    let opened = file.metadata().map_err(|e| unusable(path, e))?;
    if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
        return Err(PrivateError::Link {
            path: path.to_owned(),
        });
    }
    check_mode(path, &opened)?;
    let mut text = String::new();
    let mut file = file.take(MOST_OCTETS + 1);
    file.read_to_string(&mut text)
        .map_err(|e| unusable(path, e))?;
    if file.limit() == 0 {
        return Err(PrivateError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(SecretString::from(text))
}

/// Makes a file with a secret, for the owner alone, and brings it and its name to the disk. One
/// that is there is not overwritten, and no link is followed.
///
/// # Errors
/// [`PrivateError`].
pub fn make_private_file(path: &Path, content: &str) -> Result<(), PrivateError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| {
            let path = path.to_owned();
            if error.kind() == ErrorKind::AlreadyExists {
                PrivateError::Exists { path }
            } else {
                PrivateError::NotMade { path, error }
            }
        })?;
    let written = file
        .write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        // A file's name is durable only when its folder is.
        .and_then(|()| File::open(folder_of(path))?.sync_all());
    written.map_err(|error| {
        // Half a secret is worth nothing, and would be in the way of the next try.
        let _ = std::fs::remove_file(path);
        PrivateError::NotMade {
            path: path.to_owned(),
            error,
        }
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

fn look_at_file(path: &Path) -> Result<Metadata, PrivateError> {
    let found = path.symlink_metadata().map_err(|e| unusable(path, e))?;
    let path = || path.to_owned();
    if found.is_symlink() {
        return Err(PrivateError::Link { path: path() });
    }
    if !found.is_file() {
        return Err(PrivateError::NotAFile { path: path() });
    }
    Ok(found)
}

fn check_mode(path: &Path, found: &Metadata) -> Result<(), PrivateError> {
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

fn unusable(path: &Path, error: std::io::Error) -> PrivateError {
    let path = path.to_owned();
    if error.kind() == ErrorKind::NotFound {
        PrivateError::Missing { path }
    } else {
        PrivateError::Unusable { path, error }
    }
}

/// Whether a folder is there.
///
/// # Errors
/// It is something else, or others than the owner have some right on it.
pub fn is_private_folder(path: &Path) -> Result<bool, PrivateError> {
    if path.is_dir() {
        return check_private(path).map(|()| true);
    }
    // A link to nowhere is something as well.
    if path.symlink_metadata().is_ok() {
        return Err(PrivateError::NotAFolder {
            path: path.to_owned(),
        });
    }
    Ok(false)
}

/// Makes the folder, and those above it, for the owner alone; one that is there must be private.
///
/// # Errors
/// [`PrivateError`].
pub fn make_private_folder(path: &Path) -> Result<(), PrivateError> {
    if is_private_folder(path)? {
        return Ok(());
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
