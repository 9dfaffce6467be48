//! Finding letters in files: single letters, mbox files (RFC 4155), Maildirs, folders of these.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::mbox::Mbox;

/// A letter that was found.
pub(crate) struct Found {
    /// The file that it is in, as the person named it.
    pub(crate) file: PathBuf,
    /// Its octets, with every line ended by CRLF, as a server would hand it out.
    pub(crate) octets: Vec<u8>,
}

/// A file that could not be read, and why.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Which one.
    pub(crate) file: PathBuf,
    /// Why.
    pub(crate) why: String,
}

/// More of a letter is not read: protocol 6 reads none above 10 MiB, so what is cut off is never
/// looked at.
pub(crate) const MOST_OCTETS: u64 = 32 * 1024 * 1024;

/// Folders inside folders are followed so deep; symbolic links to folders are not.
const MOST_DEPTH: usize = 32;

/// Gives every letter under `path` to `take`, in the order of names. Stops when `take` fails.
pub(crate) fn each_letter<E>(
    path: &Path,
    faults: &mut Vec<Fault>,
    take: &mut dyn FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let mut fault = |e: std::io::Error| {
        faults.push(Fault {
            file: path.to_owned(),
            why: e.to_string(),
        });
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => each_in_folder(path, 0, faults, take),
        Ok(found) if found.is_file() => each_in_file(path, faults, take),
        Ok(_) => {
            fault(std::io::Error::other("is neither a file nor a folder"));
            Ok(())
        }
        Err(e) => {
            fault(e);
            Ok(())
        }
    }
}

fn each_in_folder<E>(
    folder: &Path,
    depth: usize,
    faults: &mut Vec<Fault>,
    take: &mut dyn FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let mut entries = match sorted(folder) {
        Ok(entries) => entries,
        Err(e) => {
            faults.push(Fault {
                file: folder.to_owned(),
                why: e.to_string(),
            });
            return Ok(());
        }
    };
    let is_maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
    if is_maildir {
        for part in ["cur", "new"] {
            for letter in sorted(&folder.join(part)).unwrap_or_default() {
                if letter.is_file() {
                    one_letter(&letter, faults, take)?;
                }
            }
        }
        // Maildir++: other folders lie inside, with a dot in front; `tmp` holds nothing whole.
        entries.retain(|e| !["cur", "new", "tmp"].iter().any(|part| e.ends_with(part)));
    }
    for entry in entries {
        let Ok(kind) = fs::symlink_metadata(&entry).map(|m| m.file_type()) else {
            continue;
        };
        if kind.is_dir() && depth < MOST_DEPTH {
            each_in_folder(&entry, depth + 1, faults, take)?;
        } else if entry.is_file() && !is_maildir && looks_like_letters(&entry) {
            each_in_file(&entry, faults, take)?;
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

/// In a folder not everything is a letter: `.eml` is, and whatever starts as an mbox does.
fn looks_like_letters(file: &Path) -> bool {
    file.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("eml"))
        || fs::File::open(file).is_ok_and(|f| starts_like_an_mbox(&mut BufReader::new(f)))
}

fn starts_like_an_mbox(file: &mut impl BufRead) -> bool {
    file.fill_buf()
        .is_ok_and(|start| start.starts_with(b"From "))
}

fn each_in_file<E>(
    file: &Path,
    faults: &mut Vec<Fault>,
    take: &mut dyn FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = match fs::File::open(file) {
        Ok(opened) => BufReader::new(opened),
        Err(e) => {
            faults.push(Fault {
                file: file.to_owned(),
                why: e.to_string(),
            });
            return Ok(());
        }
    };
    if !starts_like_an_mbox(&mut reader) {
        return one_letter(file, faults, take);
    }
    for letter in Mbox::new(reader) {
        match letter {
            Ok(octets) => take(Found {
                file: file.to_owned(),
                octets: with_crlf(&octets),
            })?,
            Err(e) => faults.push(Fault {
                file: file.to_owned(),
                why: e.to_string(),
            }),
        }
    }
    Ok(())
}

fn one_letter<E>(
    file: &Path,
    faults: &mut Vec<Fault>,
    take: &mut dyn FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let mut octets = Vec::new();
    let read = fs::File::open(file).and_then(|f| f.take(MOST_OCTETS).read_to_end(&mut octets));
    match read {
        Ok(_) => take(Found {
            file: file.to_owned(),
            octets: with_crlf(&octets),
        }),
        Err(e) => {
            faults.push(Fault {
                file: file.to_owned(),
                why: e.to_string(),
            });
            Ok(())
        }
    }
}

/// Files end their lines as the system does, letters with CRLF (RFC 5322 section 2.3): the same
/// letter must have the same digest whether it was fetched or imported.
fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32);
    let mut before = 0;
    for &b in octets {
        if b == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(b);
        before = b;
    }
    out
}
