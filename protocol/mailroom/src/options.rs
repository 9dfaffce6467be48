//! What a mailroom is started with.

/// How a [`Mailroom`](crate::Mailroom) behaves when no fault is set.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name under which results are stamped (RFC 8601), and the `by` of Received fields.
    pub authserv_id: String,
    /// Every address of these domains is a mailbox; others are refused.
    pub domains: Vec<String>,
    /// The one password of all mailboxes. The user is the whole address, or the local part
    /// alone where there is one domain.
    pub password: String,
    /// Offer `STARTTLS` on the plain ports.
    pub starttls: bool,
    /// Take passwords without TLS. All ports are on loopback.
    pub plaintext_auth: bool,
    /// Offer `IDLE`. To take it away later: [`Fault::NoIdle`](crate::Fault::NoIdle).
    pub idle: bool,
    /// Refuse letters whose From or envelope sender is not the one who logged in. Many real
    /// providers do not.
    pub from_check: bool,
    /// What becomes of Authentication-Results that somebody forged in this provider's name.
    pub forged_results: ForgedResults,
    /// File what is submitted into the sender's Sent folder, as some providers do.
    pub sent_copy: bool,
    /// The name of the folder with the `\Sent` attribute.
    pub sent_folder: String,
    /// Show `SPECIAL-USE` attributes in `LIST`.
    pub special_use: bool,
    /// Octets of the largest letter.
    pub letter_limit: usize,
    /// Connections at the same time, all ports together.
    pub connection_limit: usize,
    /// Where to listen on 127.0.0.1.
    pub ports: Ports,
}

/// Which Authentication-Results that bear a provider's own id it removes from what comes in (RFC 8601
/// section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgedResults {
    /// All, however the id is written.
    Removed,
    /// Those that begin with the id as a bare word; not those with quotes or a comment before it.
    RemovedWhereBare,
    /// Those that are written as the provider writes its own.
    RemovedWhereVerbatim,
    /// None: a few real providers.
    Kept,
}

/// Ports to listen on; 0 lets the system choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// IMAP, plain or with STARTTLS.
    pub imap: u16,
    /// IMAP with TLS from the first octet.
    pub imaps: u16,
    /// Submission, plain or with STARTTLS.
    pub smtp: u16,
    /// Submission with TLS from the first octet.
    pub smtps: u16,
    /// The way in from outside: SMTP without AUTH.
    pub mx: u16,
}

impl Options {
    /// The default options for these domains.
    pub fn for_domains<D: Into<String>>(domains: impl IntoIterator<Item = D>) -> Options {
        Options {
            domains: domains.into_iter().map(Into::into).collect(),
            ..Options::default()
        }
    }
}

impl Default for Options {
    /// The domains of the examples, password `room`, everything offered, nothing refused.
    fn default() -> Options {
        Options {
            authserv_id: "mx.mailroom.example".to_owned(),
            domains: [
                "home.example",
                "shop.example",
                "carrier.example",
                "pay.example",
                "evil.example",
            ]
            .map(str::to_owned)
            .to_vec(),
            password: "room".to_owned(),
            starttls: true,
            plaintext_auth: true,
            idle: true,
            from_check: false,
            forged_results: ForgedResults::Removed,
            sent_copy: false,
            sent_folder: "Sent".to_owned(),
            special_use: true,
            letter_limit: 50 * 1024 * 1024,
            connection_limit: 256,
            ports: Ports::default(),
        }
    }
}
