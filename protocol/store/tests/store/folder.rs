//! One process owns a private folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use tradepost_store::StoreError;

use super::tally::{Add, add, open, options, repair, try_open};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_opener_is_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    let error = try_open(&data, &options()).unwrap_err();
    assert!(
        matches!(&error, StoreError::InUse { pid: Some(pid), .. } if *pid == std::process::id()),
        "{error}"
    );
    assert!(error.to_string().contains(&data.display().to_string()));
    assert!(matches!(
        repair(&data, false),
        Err(StoreError::InUse { .. })
    ));
    drop(store);
    assert!(try_open(&data, &options()).is_ok());
    assert!(repair(&data, false).is_ok());
}

#[test]
fn folder_and_files_are_private_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("deep/data");
    let (store, _) = open(&data);
    add(&store, &Add::new("a", 1), b"").unwrap();
    for folder in ["", "journal", "index"] {
        assert_eq!(mode(&data.join(folder)), 0o700, "{folder}");
    }
    for file in ["lock", "journal/00000001.journal", "index.use"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_folder_that_others_can_read_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(open(&data));
    fs::set_permissions(&data, Permissions::from_mode(0o750)).unwrap();
    let error = try_open(&data, &options()).unwrap_err();
    assert!(matches!(
        error,
        StoreError::OthersCanRead { mode: 0o750, .. }
    ));
    let remedy = format!("chmod 700 '{}'", data.display());
    assert!(error.to_string().contains(&remedy), "{error}");
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    assert!(try_open(&data, &options()).is_ok());
}

#[test]
fn a_link_in_the_place_of_the_lock_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(open(&data));
    let elsewhere = dir.path().join("precious");
    fs::write(&elsewhere, "precious").unwrap();
    fs::remove_file(data.join("lock")).unwrap();
    symlink(&elsewhere, data.join("lock")).unwrap();
    let error = try_open(&data, &options()).unwrap_err();
    assert!(matches!(error, StoreError::Unexpected { .. }), "{error}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
    fs::remove_file(data.join("lock")).unwrap();
    assert!(try_open(&data, &options()).is_ok());
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::write(&data, "").unwrap();
    let error = try_open(&data, &options()).unwrap_err();
    assert!(matches!(error, StoreError::Unexpected { .. }), "{error}");
}
