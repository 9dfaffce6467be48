//! Installs the mail servers that tests talk to, on Debian and Ubuntu, as root, without asking anything
//! and without starting any of them as a service of the system.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What the tests need of Debian 12 or Ubuntu 24.04.
const PACKAGES: [&str; 8] = [
    "dnsmasq-base",
    "dovecot-imapd",
    "dovecot-lmtpd",
    "opendkim",
    "openssl",
    "postfix",
    "python3-venv",
    "strace",
];

/// Where Debian's and Ubuntu's package `faketime` puts its library; the loader puts in the platform's folder.
pub(crate) const LIBFAKETIME: &str = "/usr/$LIB/faketime/libfaketime.so.1";

/// How it stands with the mail servers after [`install_what_is_missing`].
pub(crate) enum Servers {
    /// All packages are installed.
    Ready,
    /// They are not, and it is not ours to install them: why not.
    Absent(String),
}

/// Installs what is missing, where that is possible.
///
/// # Errors
/// apt was tried and failed.
pub(crate) fn install_what_is_missing() -> Result<Servers> {
    let missing: Vec<&str> = PACKAGES
        .into_iter()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(Servers::Ready);
    }
    let list = missing.join(" ");
    if !is_debian_or_ubuntu() {
        return Ok(Servers::Absent(format!(
            "the packages {list} can only be installed on Debian or Ubuntu"
        )));
    }
    if !is_root() {
        return Ok(Servers::Absent(format!(
            "the packages {list} are missing, and only root can install them"
        )));
    }
    eprintln!("Installing the mail servers for the tests: {list}");
    let _quiet = ServicesStayDown::arrange()?;
    leave_the_systems_postfix_unconfigured();
    // A list of packages that is missing or out of date shows as a failure; only then is it fetched.
    if !apt_get(&[&["install", "--no-install-recommends"], missing.as_slice()].concat())? {
        eprintln!("Fetching the list of packages, then trying again");
        if !apt_get(&["update"])? {
            bail!(
                "`apt-get update` failed (see above); is there a connection to the package mirror?"
            );
        }
        if !apt_get(&[&["install", "--no-install-recommends"], missing.as_slice()].concat())? {
            bail!("`apt-get install {list}` failed (see above)");
        }
    }
    Ok(Servers::Ready)
}

/// Installs the package that moves the clock of a process.
///
/// # Errors
/// It is not there, and cannot be installed here.
pub(crate) fn install_libfaketime() -> Result<()> {
    let package = "faketime";
    if is_installed(package) {
        return Ok(());
    }
    if !is_debian_or_ubuntu() || !is_root() {
        bail!("the package {package} is missing: apt-get install {package}");
    }
    let install = ["install", "--no-install-recommends", package];
    if apt_get(&install)? || (apt_get(&["update"])? && apt_get(&install)?) {
        return Ok(());
    }
    bail!("`apt-get install {package}` failed (see above)")
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

fn is_debian_or_ubuntu() -> bool {
    let Ok(text) = fs::read_to_string("/etc/os-release") else {
        return false;
    };
    text.lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|id| id == "debian" || id == "ubuntu")
}

pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut ids = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap_or_default()
        .split_whitespace();
    ids.nth(1) == Some("0") // the effective one
}

fn apt_get(arguments: &[&str]) -> Result<bool> {
    let status = Command::new("apt-get")
        .args(["--yes", "--quiet", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("APT_LISTCHANGES_FRONTEND", "none")
        .env("NEEDRESTART_SUSPEND", "1")
        .stdin(Stdio::null())
        // stdout belongs to the results of the tests
        .stdout(std::io::stderr())
        .status()
        .context("cannot run apt-get")?;
    Ok(status.success())
}

/// The tests bring configurations of their own; a Postfix without one is never started at boot. An
/// answer that was given before stays.
fn leave_the_systems_postfix_unconfigured() {
    if Path::new("/etc/postfix/main.cf").exists() {
        return;
    }
    let child = Command::new("debconf-set-selections")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        if let Some(mut stdin) = child.stdin.take() {
            // Without this answer Postfix is merely configured as its package likes it.
            let _ = stdin.write_all(b"postfix postfix/main_mailer_type select No configuration\n");
        }
        let _ = child.wait();
    }
}

/// While this lives, packages that are installed start no service (Debian policy 9.3.3: `policy-rc.d`).
struct ServicesStayDown {
    /// What stood there before, with its mode; `None`: no file.
    before: Option<(Vec<u8>, u32)>,
    /// False where the file that stood there already forbids starting.
    changed: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_FORBIDS: i32 = 101;

impl ServicesStayDown {
    fn arrange() -> Result<ServicesStayDown> {
        let forbids_already = Command::new(POLICY)
            .args(["postfix", "start"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.code() == Some(POLICY_FORBIDS));
        if forbids_already {
            return Ok(ServicesStayDown {
                before: None,
                changed: false,
            });
        }
        let before = match (fs::read(POLICY), fs::metadata(POLICY)) {
            (Ok(content), Ok(metadata)) => Some((content, metadata.permissions().mode())),
            _ => None,
        };
        let quiet = ServicesStayDown {
            before,
            changed: true,
        };
        write_policy(
            format!("#!/bin/sh\nexit {POLICY_FORBIDS}\n").as_bytes(),
            0o755,
        )
        .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(quiet)
    }
}

impl Drop for ServicesStayDown {
    fn drop(&mut self) {
        if !self.changed {
            return;
        }
        let restored = match &self.before {
            Some((content, mode)) => write_policy(content, *mode),
            None => fs::remove_file(POLICY),
        };
        if let Err(error) = restored {
            eprintln!(
                "xtask: {POLICY} could not be restored: {error}; please put it right by hand"
            );
        }
    }
}

fn write_policy(content: &[u8], mode: u32) -> std::io::Result<()> {
    fs::write(POLICY, content)?;
    fs::set_permissions(POLICY, fs::Permissions::from_mode(mode))
}
