//! What large providers of mailboxes call themselves in the fields that they write, so that a
//! person need not find it out.
//!
//! It was taken from letters and bug reports that people published, not measured: providers change.
//! Nothing here is believed by itself; an id counts once the user configured it (protocol 5).

/// A provider of mailboxes, and what to configure for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// As people call it.
    pub name: &'static str,
    /// The hosts that its mailboxes are fetched from; of one that can't be used, too.
    pub mailbox_hosts: &'static [&'static str],
    /// What to configure as `authserv_ids`; empty where its results can't be used.
    pub authserv_ids: &'static [&'static str],
    /// What to configure as `own_hosts`; empty where the default fits.
    pub own_hosts: &'static [&'static str],
    /// What a user of it should know.
    pub remark: &'static str,
}

/// The provider whose mailboxes are fetched from this host.
#[must_use]
pub fn provider_of(mailbox_host: &str) -> Option<&'static Provider> {
    let host = mailbox_host.strip_suffix('.').unwrap_or(mailbox_host);
    let serves = |p: &&Provider| p.mailbox_hosts.iter().any(|h| h.eq_ignore_ascii_case(host));
    PROVIDERS.iter().find(serves)
}

/// All that are known; the table for people is `examples/mailbox/PROVIDERS.md`.
pub const PROVIDERS: [Provider; 12] = [
    Provider {
        name: "Gmail",
        mailbox_hosts: &["imap.gmail.com", "imap.googlemail.com"],
        authserv_ids: &["mx.google.com"],
        own_hosts: &["google.com", "*.google.com", "2002:a??:*"],
        remark: "names the signer by `header.i` only; its inner hosts sign with addresses",
    },
    Provider {
        name: "Fastmail",
        mailbox_hosts: &["imap.fastmail.com"],
        authserv_ids: &["*.messagingengine.com"],
        own_hosts: &["*.messagingengine.com", "*.internal", "sloti*"],
        remark: "writes several fields; the results that count stand in the last one",
    },
    Provider {
        name: "Outlook.com, Hotmail, Microsoft 365",
        mailbox_hosts: &["outlook.office365.com", "imap-mail.outlook.com"],
        authserv_ids: &[],
        own_hosts: &[],
        remark: "can't be used: it takes no passwords, only OAuth2, which Tradepost has not, and it names no id in its results and alters letters, so that no DKIM signature holds",
    },
    Provider {
        name: "Yahoo, AOL",
        mailbox_hosts: &["imap.mail.yahoo.com", "imap.aol.com"],
        authserv_ids: &["*.yahoo.com"],
        own_hosts: &[],
        remark: "names the signer by `header.i` only",
    },
    Provider {
        name: "GMX",
        mailbox_hosts: &["imap.gmx.net", "imap.gmx.com"],
        authserv_ids: &["gmx.net"],
        own_hosts: &[],
        remark: "tells of DKIM only, by `header.i`",
    },
    Provider {
        name: "WEB.DE",
        mailbox_hosts: &["imap.web.de"],
        authserv_ids: &["web.de"],
        own_hosts: &[],
        remark: "tells of DKIM only, by `header.i`",
    },
    Provider {
        name: "iCloud Mail",
        mailbox_hosts: &["imap.mail.me.com"],
        authserv_ids: &["*.icloud.com"],
        own_hosts: &[
            "*.icloud.com",
            "*.me.com",
            "*.apple.com",
            "p*-mailgateway-*",
            "p*-icloudmta-*",
        ],
        remark: "writes a field for each method, under an id of its own; its hosts have no domain",
    },
    Provider {
        name: "Proton Mail",
        mailbox_hosts: &[],
        authserv_ids: &["*.protonmail.ch"],
        own_hosts: &[],
        remark: "its Bridge, on your own computer, may sort the fields and write the letter anew: then DKIM breaks",
    },
    Provider {
        name: "mailbox.org",
        mailbox_hosts: &["imap.mailbox.org"],
        authserv_ids: &["*.heinlein-hosting.de"],
        own_hosts: &["*.heinlein-hosting.de", "*.mailbox.org"],
        remark: "the id is that of its filters",
    },
    Provider {
        name: "Posteo",
        mailbox_hosts: &["posteo.de"],
        authserv_ids: &["posteo.de"],
        own_hosts: &["posteo.de", "*.posteo.de", "*.posteo.name"],
        remark: "writes a field for each method; none for DKIM where no signature is good",
    },
    Provider {
        name: "disroot",
        mailbox_hosts: &["disroot.org"],
        authserv_ids: &["disroot.org"],
        own_hosts: &["disroot.org", "*.disroot.org", "*.disroot.lan"],
        remark: "writes no field at all where no signature is good",
    },
    Provider {
        name: "Mailo",
        mailbox_hosts: &["mail.mailo.com"],
        authserv_ids: &[],
        own_hosts: &[],
        remark: "writes no results: set `minimum = \"dkim\"`",
    },
];
