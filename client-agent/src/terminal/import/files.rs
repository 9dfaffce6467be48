//! Finding letters in files: single letters, mbox files (RFC 4155), Maildirs, folders of these.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::mbox::Mbox;

/// A letter that was found.
pub(crate) struct FoundLetter {
    /// The file that it is in, as the person named it.
    pub(crate) file: PathBuf,
    /// Its octets, with every line ended by CRLF, as a server would hand it out.
    pub(crate) octets: Vec<u8>,
}

/// A file that could not be read, and why.
#[derive(Debug)]
pub(crate) struct FileFault {
    pub(crate) file: PathBuf,
    pub(crate) why: String,
}

impl FileFault {
    fn of(file: &Path, why: impl std::fmt::Display) -> FileFault {
        FileFault {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }
}

/// More of a letter is not read: protocol 6 reads none above 10 MiB, so what is cut off is never
/// looked at.
pub(crate) const MOST_OCTETS: u64 = 32 * 1024 * 1024;

/// Folders inside folders are followed so deep; symbolic links to folders are not.
const MOST_DEPTH: usize = 32;

/// Gives every letter under `path` to `take`: those of a Maildir by the time of their delivery, where
/// their names tell it, those of an mbox as they stand there, others in the order of names. Of two
/// trade records the one that comes first counts (protocol 4, "Versions"); what a letter says of its
/// own date is its sender's word, and decides nothing. Stops when `take` fails.
pub(crate) fn each_letter<E>(
    path: &Path,
    faults: &mut Vec<FileFault>,
    take: &mut dyn FnMut(FoundLetter) -> Result<(), E>,
) -> Result<(), E> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() && is_part_of_maildir(path) => {
            each_in_maildir_parts(&[path], faults, take)
        }
        Ok(found) if found.is_dir() => each_in_folder(path, 0, faults, take),
        Ok(found) if found.is_file() => each_in_file(path, faults, take),
        Ok(_) => {
            faults.push(FileFault::of(path, "is neither a file nor a folder"));
            Ok(())
        }
        Err(e) => {
            faults.push(FileFault::of(path, e));
            Ok(())
        }
    }
}

/// `cur` or `new` of a Maildir, named by itself.
fn is_part_of_maildir(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    let beside = |part: &str| folder.with_file_name(part).is_dir();
    (folder.ends_with("cur") || folder.ends_with("new")) && beside("cur") && beside("new")
}

/// Every file there is a letter, whatever its name.
fn each_in_maildir_parts<E>(
    parts: &[&Path],
    faults: &mut Vec<FileFault>,
    take: &mut dyn FnMut(FoundLetter) -> Result<(), E>,
) -> Result<(), E> {
    let mut letters = Vec::new();
    for part in parts {
        match sorted(part) {
            Ok(some) => letters.extend(some),
            Err(e) => faults.push(FileFault::of(part, e)),
        }
    }
    // What does not tell comes behind what does.
    letters.sort_by_cached_key(|letter| {
        let at = delivered_at(letter);
        (at.is_none(), at, letter.file_name().map(ToOwned::to_owned))
    });
    for letter in letters {
        match fs::metadata(&letter) {
            Ok(found) if found.is_file() => one_letter(&letter, faults, take)?,
            Ok(_) => {}
            Err(e) => faults.push(FileFault::of(&letter, e)),
        }
    }
    Ok(())
}

/// The seconds since 1970 with which the name of a letter in a Maildir begins, as its deliverer wrote
/// them: `1795000000.M123P456.host:2,S`.
fn delivered_at(letter: &Path) -> Option<u64> {
    let (seconds, _) = letter.file_name()?.to_str()?.split_once('.')?;
    seconds.parse().ok()
}

fn each_in_folder<E>(
    folder: &Path,
    depth: usize,
    faults: &mut Vec<FileFault>,
    take: &mut dyn FnMut(FoundLetter) -> Result<(), E>,
) -> Result<(), E> {
    let mut entries = match sorted(folder) {
        Ok(entries) => entries,
        Err(e) => {
            faults.push(FileFault::of(folder, e));
            return Ok(());
        }
    };
    let is_maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
    if is_maildir {
        let parts = ["cur", "new"].map(|part| folder.join(part));
        each_in_maildir_parts(&parts.each_ref().map(PathBuf::as_path), faults, take)?;
        // Maildir++: other folders lie inside, with a dot in front; `tmp` holds nothing whole.
        entries.retain(|e| !["cur", "new", "tmp"].iter().any(|part| e.ends_with(part)));
    }
    for entry in entries {
        match fs::metadata(&entry) {
            // It may lead back up; what it leads to can be named by itself.
            Ok(found) if found.is_dir() && entry.is_symlink() => {}
            Ok(found) if found.is_dir() && depth >= MOST_DEPTH => {
                let why = "lies too deep to be looked into; name it by itself";
                faults.push(FileFault::of(&entry, why));
            }
            Ok(found) if found.is_dir() => each_in_folder(&entry, depth + 1, faults, take)?,
            Ok(found) if found.is_file() && !is_maildir => match looks_like_letters(&entry) {
                Ok(true) => each_in_file(&entry, faults, take)?,
                Ok(false) => {}
                Err(e) => faults.push(FileFault::of(&entry, e)),
            },
            Ok(_) => {}
            Err(e) => faults.push(FileFault::of(&entry, e)),
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
fn looks_like_letters(file: &Path) -> std::io::Result<bool> {
    let is_eml = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("eml");
    if file.extension().is_some_and(is_eml) {
        return Ok(true);
    }
    starts_like_an_mbox(&mut BufReader::new(fs::File::open(file)?))
}

fn starts_like_an_mbox(file: &mut impl BufRead) -> std::io::Result<bool> {
    Ok(file.fill_buf()?.starts_with(b"From "))
}

fn each_in_file<E>(
    file: &Path,
    faults: &mut Vec<FileFault>,
    take: &mut dyn FnMut(FoundLetter) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = match fs::File::open(file) {
        Ok(opened) => BufReader::new(opened),
        Err(e) => {
            faults.push(FileFault::of(file, e));
            return Ok(());
        }
    };
    match starts_like_an_mbox(&mut reader) {
        Ok(true) => {}
        Ok(false) => return one_letter(file, faults, take),
        Err(e) => {
            faults.push(FileFault::of(file, e));
            return Ok(());
        }
    }
    for letter in Mbox::new(reader) {
        match letter {
            Ok(octets) => take(FoundLetter {
                file: file.to_owned(),
                octets: with_crlf(&octets),
            })?,
            Err(e) => faults.push(FileFault::of(file, e)),
        }
    }
    Ok(())
}

fn one_letter<E>(
    file: &Path,
    faults: &mut Vec<FileFault>,
    take: &mut dyn FnMut(FoundLetter) -> Result<(), E>,
) -> Result<(), E> {
    let mut octets = Vec::new();
    let read = fs::File::open(file).and_then(|f| f.take(MOST_OCTETS).read_to_end(&mut octets));
    match read {
        Ok(_) => take(FoundLetter {
            file: file.to_owned(),
            octets: with_crlf(&octets),
        }),
        Err(e) => {
            faults.push(FileFault::of(file, e));
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
