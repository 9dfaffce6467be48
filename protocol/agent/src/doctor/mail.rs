//! The mail servers: connection, TLS, login, IDLE, Sent folder, results, clock.

use tradepost_letters::provider_of;
use tradepost_post::imap::{self, HeaderSearch, ImapProbe, SentFolder};
use tradepost_post::smtp::{self, Submitter};
use tradepost_post::trouble::{Error, TroubleKind};
use tradepost_statements::Evidence;

use super::{Check, MailSetup};
use crate::clock::{Clock as _, SystemClock};

/// A clock that is further off than this makes letters look as if they came from the future
/// (protocol 2: more than 10 minutes ahead are held).
const CLOCK_MAY_BE_OFF: i64 = 5 * 60;

pub(super) async fn checks(setup: &MailSetup<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    match imap_settings(setup) {
        Err(check) => checks.push(check),
        Ok(settings) => match imap::probe(&settings, &setup.sent).await {
            Ok(probe) => checks.extend(mailbox(setup, &settings, &probe)),
            Err(e) => checks.push(failed("mailbox", &e)),
        },
    }
    checks.push(way_out(setup).await);
    checks
}

pub(super) fn imap_settings(setup: &MailSetup<'_>) -> Result<imap::ImapSettings, Check> {
    let Some(imap) = setup.imap else {
        return Err(Check::failed(
            "mailbox",
            "there is no [imap] section",
            "add one: the README shows it",
        ));
    };
    tokio::task::block_in_place(|| imap.settings(setup.source, setup.address.as_written()))
        .map_err(|e| Check::failed("mailbox", e.to_string(), "see that the password can be had"))
}

fn mailbox(setup: &MailSetup<'_>, settings: &imap::ImapSettings, probe: &ImapProbe) -> Vec<Check> {
    let server = format!("{}:{}", settings.host, settings.port);
    let tls = probe
        .tls
        .clone()
        .unwrap_or_else(|| "none, which is allowed on this computer only".to_owned());
    let mut checks = vec![
        Check::ok("mailbox", format!("{server} answers: {}", probe.greeting)),
        Check::ok("mailbox TLS", tls),
        Check::ok(
            "mailbox login",
            format!(
                "{} may log in; {} letters in INBOX",
                settings.user, probe.letters
            ),
        ),
        Check::ok(
            "IDLE",
            if probe.idle {
                "the server tells of new letters at once"
            } else {
                "the server has none; it is asked now and then instead"
            },
        ),
        search(probe.header_search),
        match (&setup.sent, &probe.sent) {
            (SentFolder::Off, _) => Check::ok("Sent folder", "off: no copies are kept or read"),
            (_, Some(folder)) => Check::ok("Sent folder", folder.clone()),
            (_, None) => Check::failed(
                "Sent folder",
                "none was found: orders sent by your other programs are not seen",
                "set sent under [imap] to its name, or to \"off\"",
            ),
        },
    ];
    for folder in setup.imap.iter().flat_map(|i| i.watch().folders) {
        let known = |f: &String| {
            *f == folder
                || (folder.eq_ignore_ascii_case("INBOX") && f.eq_ignore_ascii_case("INBOX"))
        };
        if !probe.folders.is_empty() && !probe.folders.iter().any(known) {
            checks.push(Check::failed(
                "folder",
                format!("there is no folder {folder}"),
                format!(
                    "correct folders under [imap]; there are: {}",
                    probe.folders.join(", ")
                ),
            ));
        }
    }
    checks.push(authserv_ids(setup, probe, &settings.host));
    checks.push(clock(probe));
    checks
}

/// How old letters are found when a folder is read for the first time.
fn search(header_search: HeaderSearch) -> Check {
    const NAME: &str = "search";
    match header_search {
        HeaderSearch::Works => Check::ok(NAME, "the server finds marked letters by their header"),
        HeaderSearch::Fails => Check::ok(
            NAME,
            "the server's search does not find every header field; the headers of all letters are read instead",
        ),
        HeaderSearch::Untried => Check::ok(
            NAME,
            "no recent letter shows whether the server's search finds every header field; the headers of all letters are read instead",
        ),
    }
}

fn authserv_ids(setup: &MailSetup<'_>, probe: &ImapProbe, mailbox_host: &str) -> Check {
    const NAME: &str = "authserv-ids";
    let seen: Vec<String> = probe
        .authserv_ids
        .iter()
        .map(|(id, n)| format!("{id} ({n} letters)"))
        .collect();
    let configured = |id: &str| {
        setup
            .policy
            .authserv_ids
            .iter()
            .any(|pattern| pattern.covers(id))
    };
    if setup.minimum >= Evidence::Dkim {
        return Check::ok(
            NAME,
            "with minimum = \"dkim\" the provider's results are not needed",
        );
    }
    if probe.authserv_ids.is_empty() && probe.nameless_results > 0 {
        return Check::failed(
            NAME,
            format!(
                "the results in {} recent letters name no id, so they prove nothing: anybody can have written them",
                probe.nameless_results
            ),
            known_provider(mailbox_host).unwrap_or_else(|| {
                "set minimum = \"dkim\" under [trust]: signatures are verified here then, as long as your provider \
                 does not alter letters"
                    .to_owned()
            }),
        );
    }
    if probe.authserv_ids.is_empty() {
        return Check::ok(
            NAME,
            "recent letters bear no Authentication-Results, so nothing can be compared",
        );
    }
    if probe.authserv_ids.iter().any(|(id, _)| configured(id)) {
        return Check::ok(NAME, format!("seen in recent letters: {}", seen.join(", ")));
    }
    if setup.policy.authserv_ids.is_empty() {
        return Check::doubtful(
            NAME,
            format!("seen in recent letters: {}", seen.join(", ")),
            known_provider(mailbox_host).unwrap_or_else(|| {
                "if one of these is your provider's own (ask it), name it in authserv_ids under [trust]: then \
                 what it has proven counts as well"
                    .to_owned()
            }),
        );
    }
    Check::failed(
        NAME,
        format!(
            "recent letters bear others than the configured ones: {}",
            seen.join(", ")
        ),
        match known_provider(mailbox_host) {
            Some(advice) => advice,
            None => "if one of these is your provider's own (ask it), add it to authserv_ids under [trust]; anybody can write others"
                .to_owned(),
        },
    )
}

/// What is known of the provider that the mailbox is fetched from.
fn known_provider(mailbox_host: &str) -> Option<String> {
    let provider = provider_of(mailbox_host)?;
    if provider.authserv_ids.is_empty() {
        return Some(format!("{} {}", provider.name, provider.remark));
    }
    let list = |texts: &[&str]| {
        let quoted: Vec<String> = texts.iter().map(|t| format!("{t:?}")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let mut advice = format!(
        "for {}, set authserv_ids = {} under [trust]",
        provider.name,
        list(provider.authserv_ids)
    );
    if !provider.own_hosts.is_empty() {
        advice += &format!(" and own_hosts = {}", list(provider.own_hosts));
    }
    Some(advice)
}

fn clock(probe: &ImapProbe) -> Check {
    match probe.clock_ahead(SystemClock.now()) {
        Some(ahead) if ahead.abs() > CLOCK_MAY_BE_OFF => Check::failed(
            "clock",
            format!(
                "this computer's clock and the server's differ by {} s",
                ahead.abs()
            ),
            "set the clock; NTP does it by itself",
        ),
        Some(ahead) => Check::ok(
            "clock",
            format!("differs from the server's by {} s", ahead.abs()),
        ),
        None => Check::ok("clock", "nothing in the mailbox contradicts it"),
    }
}

async fn way_out(setup: &MailSetup<'_>) -> Check {
    const NAME: &str = "submission";
    let settings = match smtp_settings(setup) {
        Ok(settings) => settings,
        Err(check) => return check,
    };
    let server = format!("{}:{}", settings.host, settings.port);
    let user = settings.user.clone();
    let probed = match Submitter::new(settings) {
        Ok(submitter) => submitter.probe().await,
        Err(e) => Err(e),
    };
    match probed {
        Ok(smtp::SmtpProbe { tls, .. }) => {
            let tls = tls.unwrap_or_else(|| "no TLS (this computer only)".to_owned());
            Check::ok(NAME, format!("{server} lets {user} submit; {tls}"))
        }
        Err(e) => failed(NAME, &e),
    }
}

pub(super) fn smtp_settings(setup: &MailSetup<'_>) -> Result<smtp::SmtpSettings, Check> {
    const NAME: &str = "submission";
    let Some(smtp) = setup.smtp else {
        return Err(Check::failed(
            NAME,
            "there is no [smtp] section, so nothing can be sent",
            "add one: the README shows it",
        ));
    };
    tokio::task::block_in_place(|| smtp.settings(setup.source, setup.address.as_written()))
        .map_err(|e| Check::failed(NAME, e.to_string(), "see that the password can be had"))
}

pub(super) fn failed(name: &'static str, e: &Error) -> Check {
    let remedy = match e.kind {
        TroubleKind::NameNotFound => "correct host, or see whether this computer is online",
        TroubleKind::CannotConnect => "correct host and port, or see whether the server runs",
        TroubleKind::Tls => {
            "correct tls (\"implicit\" or \"starttls\") and port; with an own CA set ca_file"
        }
        TroubleKind::WrongPassword => {
            "correct user and password; some providers want an app password"
        }
        TroubleKind::LoginRefused => "see to the account at the provider, or take another way in",
        TroubleKind::NoPassword => "see that the password can be had",
        TroubleKind::Busy => {
            "nothing is to be corrected here: it passes; other programs on the same mailbox count too"
        }
        TroubleKind::Folder => "correct folders under [imap]",
        TroubleKind::Configuration => "correct the configuration",
        TroubleKind::Refused
        | TroubleKind::Lost
        | TroubleKind::TimedOut
        | TroubleKind::NotUnderstood => "try again later; if it stays, ask the provider",
    };
    Check::failed(name, e.to_string(), remedy)
}
