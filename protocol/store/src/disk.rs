//! What the store does to files and folders: all of its writing goes through here.
//!
//! An operating system keeps what is written in memory until it is told to bring it to the disk: a
//! file's octets by the file's sync, its name by its folder's. Tests record the calls, and look at
//! each state that a power cut between them could leave (`tests/power.rs`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

#[cfg(test)]
pub(super) mod trace;

#[cfg(test)]
use trace::Op;

/// A file that is written to.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    file: File,
}

impl OpenFile {
    fn new(path: &Path, file: File) -> OpenFile {
        OpenFile {
            path: path.to_path_buf(),
            file,
        }
    }

    /// An empty file for the owner alone, in the place of one that may be there.
    pub(super) fn create(path: &Path) -> Result<OpenFile, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(StoreError::io("create", path))?;
        #[cfg(test)]
        trace::note(|| Op::Create(path.to_path_buf()));
        Ok(OpenFile::new(path, file))
    }

    pub(super) fn open(path: &Path) -> Result<OpenFile, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        Ok(OpenFile::new(path, file))
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        let (bytes, full) = trace::room(&self.path, bytes);
        #[cfg(test)]
        trace::note(|| Op::Write(self.path.clone(), at, bytes.to_vec()));
        self.file.write_all_at(bytes, at)?;
        #[cfg(test)]
        if full {
            return Err(io::Error::other("the disk is full (test)"));
        }
        Ok(())
    }

    /// The octets, and the length with them: all that is needed to read them again.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        trace::may_sync(&self.path)?;
        self.file.sync_data()?;
        #[cfg(test)]
        trace::note(|| Op::SyncFile(self.path.clone()));
        Ok(())
    }

    pub(super) fn sync_all(&self) -> io::Result<()> {
        #[cfg(test)]
        trace::may_sync(&self.path)?;
        self.file.sync_all()?;
        #[cfg(test)]
        trace::note(|| Op::SyncFile(self.path.clone()));
        Ok(())
    }

    pub(super) fn set_len(&self, length: u64) -> io::Result<()> {
        #[cfg(test)]
        trace::may_cut(&self.path)?;
        self.file.set_len(length)?;
        #[cfg(test)]
        trace::note(|| Op::SetLength(self.path.clone(), length));
        Ok(())
    }
}

/// Writes a private file beside `path`, brings it to the disk, and gives it that name: the name
/// stands for the old file or for the whole new one. [`sync_folder`] makes that durable.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<OpenFile, StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = OpenFile::create(&new)?;
    file.write_all_at(content, 0)
        .map_err(StoreError::io("write", &new))?;
    file.sync_all().map_err(|source| StoreError::Unsynced {
        path: new.clone(),
        source,
    })?;
    rename(&new, path)?;
    file.path = path.to_path_buf();
    Ok(file)
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("replace", to))?;
    #[cfg(test)]
    trace::note(|| Op::Rename(from.to_path_buf(), to.to_path_buf()));
    Ok(())
}

/// Makes a folder for the owner alone, and those above it.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    #[cfg(test)]
    for above in folder.ancestors().collect::<Vec<_>>().into_iter().rev() {
        if !above.exists() {
            trace::note(|| Op::MakeFolder(above.to_path_buf()));
        }
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Gives a file a second name.
pub(super) fn link(file: &Path, name: &Path) -> Result<(), StoreError> {
    fs::hard_link(file, name).map_err(StoreError::io("keep", name))?;
    #[cfg(test)]
    trace::note(|| Op::Link(file.to_path_buf(), name.to_path_buf()));
    Ok(())
}

/// A file's name is durable only when its folder is.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|f| f.sync_all());
    #[cfg(test)]
    let synced = synced.and_then(|()| trace::may_sync(folder));
    synced.map_err(|source| StoreError::Unsynced {
        path: folder.to_path_buf(),
        source,
    })?;
    #[cfg(test)]
    trace::note(|| Op::SyncFolder(folder.to_path_buf()));
    Ok(())
}

/// A file that others may have written, or this process before it was killed.
pub(super) fn sync_file(path: &Path) -> Result<(), StoreError> {
    OpenFile::open(path)?
        .sync_all()
        .map_err(|source| StoreError::Unsynced {
            path: path.to_path_buf(),
            source,
        })
}

/// Makes durable that the folder is there: its own name and those of the folders above it, any of
/// which may have been made just now. Ends at the mount point, which was there before.
pub(super) fn sync_way_to(folder: &Path) -> Result<(), StoreError> {
    let path = fs::canonicalize(folder).map_err(StoreError::io("look at", folder))?;
    let device = |of: &Path| fs::metadata(of).map(|m| m.dev());
    let here = device(&path).map_err(StoreError::io("look at", &path))?;
    for above in path.ancestors().skip(1) {
        if device(above).map_err(StoreError::io("look at", above))? != here {
            break;
        }
        match sync_folder(above) {
            // Folders of ours can be read by us: what can't was not made here.
            Err(StoreError::Unsynced { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                break;
            }
            synced => synced?,
        }
    }
    Ok(())
}
