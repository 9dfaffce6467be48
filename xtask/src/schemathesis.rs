//! Fetches the program that tests the HTTP intake against its OpenAPI document, once, into a virtual
//! environment of Python in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Another version may look for other things: it is raised by hand, here and in
/// `server-agent/tests/openapi.rs`.
const VERSION: &str = "4.32.5";

/// Fetches it where it is missing; says why it cannot be had.
///
/// # Errors
/// What the file system says.
pub(crate) fn install_if_missing() -> Result<Option<String>> {
    let Some(folder) = folder() else {
        return Ok(Some("the target folder is not known".to_owned()));
    };
    if folder.join("ready").exists() {
        return Ok(None);
    }
    eprintln!("Fetching schemathesis {VERSION} for the test of the OpenAPI document");
    // Half of it is worth nothing.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    }
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv"]).arg(&folder);
    let mut install = Command::new(folder.join("bin/python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    install.arg(format!("schemathesis=={VERSION}"));
    for mut step in [environment, install] {
        // stdout belongs to the results of the tests
        step.stdin(Stdio::null()).stdout(std::io::stderr());
        if !step.status().is_ok_and(|status| status.success()) {
            return Ok(Some(format!(
                "{step:?} failed; it needs python3 with venv, and a connection to PyPI"
            )));
        }
    }
    fs::write(folder.join("ready"), format!("{VERSION}\n"))?;
    Ok(None)
}

/// Beside the folder of the profile in which this program lies.
fn folder() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let target = own.ancestors().nth(2).map(Path::to_path_buf)?;
    Some(target.join(format!("schemathesis-{VERSION}")))
}
