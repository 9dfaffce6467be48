//! The folders and configuration files of the servers, from the templates beside this crate's
//! sources.

use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use crate::options::{Dkim, Options};
use crate::{AUTHSERV_ID, DOMAINS, PASSWORD};

/// Where Debian and Ubuntu keep Postfix's daemons.
pub(crate) const POSTFIX_DAEMONS: &str = "/usr/lib/postfix/sbin";

/// Who owns the mail and runs Dovecot, which does not serve mail as root.
const USER: &str = "nobody";
const GROUP: &str = "nogroup";

/// The facts that the templates leave open.
pub(crate) struct Provider {
    pub(crate) imap_port: u16,
    pub(crate) imaps_port: u16,
    pub(crate) lmtp_port: u16,
    pub(crate) submission_port: u16,
    pub(crate) submissions_port: u16,
    pub(crate) mx_port: u16,
    pub(crate) outside_port: u16,
    pub(crate) dns_port: u16,
    pub(crate) options: Options,
}

/// Makes what the daemons would otherwise spend a second on at their start.
pub(crate) fn make_folders(dir: &Path) -> Result<()> {
    for name in [
        "home", "state", "dovecot", "opendkim", "log", "tls", "postfix", "data", "queue",
    ] {
        fs::create_dir(dir.join(name))?;
    }
    set_mode(dir, 0o755)?;
    for name in [
        "dovecot", "opendkim", "state", "home", "tls", "postfix", "queue",
    ] {
        set_mode(&dir.join(name), 0o755)?;
    }
    // Three users write logs.
    set_mode(&dir.join("log"), 0o777)?;
    let (user, group) = (id_of("/etc/passwd", USER)?, id_of("/etc/group", GROUP)?);
    for name in ["dovecot", "opendkim", "state", "home"] {
        chown(dir.join(name), Some(user), Some(group))?;
    }
    let postfix = id_of("/etc/passwd", "postfix")?;
    let postdrop = id_of("/etc/group", "postdrop")?;
    chown(dir.join("data"), Some(postfix), None)?;
    let queue = dir.join("queue");
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
        "saved", "trace",
    ] {
        fs::create_dir(queue.join(name))?;
        set_mode(&queue.join(name), 0o700)?;
        chown(queue.join(name), Some(postfix), None)?;
    }
    for (name, mode) in [("maildrop", 0o730), ("public", 0o710)] {
        fs::create_dir(queue.join(name))?;
        set_mode(&queue.join(name), mode)?;
        chown(queue.join(name), Some(postfix), Some(postdrop))?;
    }
    fs::create_dir(queue.join("pid"))?;
    set_mode(&queue.join("pid"), 0o755)
}

/// Writes the configuration of all daemons; of OpenDKIM and dnsmasq only with DKIM.
pub(crate) fn write(dir: &Path, provider: &Provider) -> Result<()> {
    let etc = dir.join("postfix");
    let mut files = vec![
        (
            dir.join("dovecot.conf"),
            include_str!("../templates/dovecot.conf"),
        ),
        (dir.join("guard.sh"), include_str!("../templates/guard.sh")),
        (etc.join("main.cf"), include_str!("../templates/main.cf")),
        (
            etc.join("master.cf"),
            include_str!("../templates/master.cf"),
        ),
    ];
    if provider.options.dkim != Dkim::Off {
        files.extend([
            (
                dir.join("opendkim.conf"),
                include_str!("../templates/opendkim.conf"),
            ),
            (
                dir.join("dnsmasq.template"),
                include_str!("../templates/dnsmasq.conf"),
            ),
            (dir.join("dns.sh"), include_str!("../templates/dns.sh")),
        ]);
    }
    for (file, template) in files {
        fs::write(file, filled(template, dir, provider)?)?;
    }
    if provider.options.from_check {
        write_from_check(dir)?;
    }
    write_header_checks(&etc)?;
    // Postfix waits until a table is more than a second old, lest it be half written.
    let a_minute_ago = SystemTime::now() - Duration::from_secs(60);
    for entry in fs::read_dir(&etc)? {
        File::options()
            .append(true)
            .open(entry?.path())?
            .set_modified(a_minute_ago)?;
    }
    // Dovecot reads its key as the user it runs as.
    let user = id_of("/etc/passwd", USER)?;
    for name in ["tls/chain.pem", "tls/leaf.key"] {
        chown(dir.join(name), Some(user), None)?;
        set_mode(&dir.join(name), 0o600)?;
    }
    set_mode(&dir.join("ca.pem"), 0o644)
}

/// OpenDKIM's own `SetupPolicyScript`.
fn write_from_check(dir: &Path) -> Result<()> {
    let script = dir.join("opendkim/from_check.lua");
    fs::write(&script, include_str!("../templates/from_check.lua"))?;
    let mut configuration = File::options()
        .append(true)
        .open(dir.join("opendkim.conf"))?;
    writeln!(configuration, "SetupPolicyScript {}", script.display())?;
    Ok(())
}

/// Makes the files in OpenDKIM's folder its own, which it insists on.
pub(crate) fn hand_over_to_opendkim(dir: &Path) -> Result<()> {
    let user = id_of("/etc/passwd", USER)?;
    for entry in fs::read_dir(dir.join("opendkim"))? {
        let path = entry?.path();
        chown(&path, Some(user), None)?;
        set_mode(&path, 0o600)?;
    }
    Ok(())
}

fn filled(template: &str, dir: &Path, provider: &Provider) -> Result<String> {
    let dir = dir.to_str().context("the folder's name is not UTF-8")?;
    let every_address = DOMAINS.map(|domain| format!("*@{domain}")).join(" ");
    let milter = match provider.options.dkim {
        Dkim::Off => String::new(),
        Dkim::Verifies | Dkim::SignsAndVerifies => format!("unix:{dir}/opendkim/milter"),
    };
    let facts: [(&str, &str); 18] = [
        // First: it has open places of its own.
        (
            "for_accounts_only",
            include_str!("../templates/for_accounts_only.cf").trim_end(),
        ),
        ("dir", dir),
        ("user", USER),
        ("group", GROUP),
        ("password", PASSWORD),
        ("authserv_id", AUTHSERV_ID),
        ("domains", &DOMAINS.join(", ")),
        ("every_address", &every_address),
        ("postfix_daemons", POSTFIX_DAEMONS),
        ("imap_port", &provider.imap_port.to_string()),
        ("imaps_port", &provider.imaps_port.to_string()),
        ("lmtp_port", &provider.lmtp_port.to_string()),
        ("submission_port", &provider.submission_port.to_string()),
        ("submissions_port", &provider.submissions_port.to_string()),
        ("mx_port", &provider.mx_port.to_string()),
        ("outside_port", &provider.outside_port.to_string()),
        ("dns_port", &provider.dns_port.to_string()),
        ("milter", &milter),
    ];
    let mut text = template.to_owned();
    for (name, value) in facts {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    ensure!(
        !text.contains("{{"),
        "a template has a place that nothing is known for:\n{text}"
    );
    Ok(text)
}

/// Header checks see every field, also those that smtpd itself prepends, so that a rule that removes our id
/// would remove the genuine stamp too. Therefore smtpd prepends a field with a secret name, and only the
/// cleanup behind it, after the stripping rule, turns that one into the stamp.
fn write_header_checks(etc: &Path) -> Result<()> {
    let secret = format!(
        "{:016x}{:016x}",
        RandomState::new().hash_one(1),
        RandomState::new().hash_one(2)
    );
    let strip = format!(
        "/^Authentication-Results[[:space:]]*:.*{}/ IGNORE\n",
        pattern_of_disguised(AUTHSERV_ID)
    );
    let stamp =
        format!("/^X-Stamp-{secret}: (.*)$/ REPLACE Authentication-Results: {AUTHSERV_ID}; $1\n");
    fs::write(
        etc.join("strip-and-stamp.regexp"),
        format!("{strip}{stamp}"),
    )?;
    fs::write(etc.join("strip.regexp"), strip)?;
    // The account as Dovecot reports it: lower case, nothing that could end the field.
    let account = format!(
        "/^([-_.+a-z0-9]+@[-.a-z0-9]+)$/ PREPEND X-Stamp-{secret}: auth=pass smtp.auth=$1\n"
    );
    fs::write(etc.join("stamp.regexp"), account)?;
    fs::write(
        etc.join("null-sender.regexp"),
        "/^<>$/ REJECT the empty sender is not yours\n",
    )?;
    // Who may use an envelope sender: its account, which also owns local+anything.
    fs::write(
        etc.join("owners.regexp"),
        "/^([^+@]+)(\\+[^@]*)?@(.*)$/ $1@$3\n",
    )?;
    Ok(())
}

/// Matches the id however RFC 8601 section 2.2 lets a sender write it: folded, behind comments, quoted, with
/// quoted pairs, in any case, with a version after it. Too broad on purpose: the field also goes when the
/// id stands elsewhere in it, or is broken up by blanks or comments.
fn pattern_of_disguised(id: &str) -> String {
    let letters = id.chars().map(|letter| {
        if letter == '.' {
            "\\.".to_owned()
        } else {
            letter.to_string()
        }
    });
    letters
        .collect::<Vec<String>>()
        .join(r"([[:space:]\\]|\([^()]*\))*")
}

/// The number of a user or group, from `/etc/passwd` or `/etc/group`.
fn id_of(file: &str, name: &str) -> Result<u32> {
    let text = fs::read_to_string(file)?;
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(name));
    let number = line
        .and_then(|line| line.split(':').nth(2))
        .and_then(|number| number.parse().ok());
    number.with_context(|| format!("{file} has no {name}"))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("chmod {}", path.display()))
}
