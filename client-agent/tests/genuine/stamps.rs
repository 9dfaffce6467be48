//! What providers put on top of a letter: the heads of the letters that the reader is tested with.

use std::path::PathBuf;

use tradepost_letters::PROVIDERS;

/// The files that genuine letters of a provider start with, and the name that the program has for
/// it; for a mail server of one's own its id.
const DIALECTS: [(&str, Result<&str, &str>); 18] = [
    ("gmail-genuine", Ok("Gmail")),
    ("fastmail-genuine", Ok("Fastmail")),
    ("outlook-genuine", Ok("Outlook.com, Hotmail, Microsoft 365")),
    ("yahoo-genuine", Ok("Yahoo, AOL")),
    ("gmx-genuine", Ok("GMX")),
    ("gmx-genuine-by-exchange", Ok("GMX")),
    ("web-de-genuine", Ok("WEB.DE")),
    ("icloud-genuine", Ok("iCloud Mail")),
    ("proton-genuine", Ok("Proton Mail")),
    ("mailbox-org-genuine", Ok("mailbox.org")),
    ("posteo-genuine", Ok("Posteo")),
    ("disroot-genuine", Ok("disroot")),
    ("mailo-genuine", Ok("Mailo")),
    ("opendkim-genuine", Err("mx.home.example")),
    ("rspamd-genuine", Err("mx.home.example")),
    ("amavis-genuine", Err("mx.home.example")),
    ("exim-genuine", Err("mx.home.example")),
    ("mox-genuine", Err("mx.home.example")),
];

pub struct Dialect {
    pub file: &'static str,
    authserv_ids: Vec<&'static str>,
    own_hosts: Vec<&'static str>,
    head: String,
}

pub fn dialects() -> Vec<Dialect> {
    DIALECTS
        .iter()
        .map(|(file, whose)| dialect(file, *whose))
        .collect()
}

fn dialect(file: &'static str, whose: Result<&'static str, &'static str>) -> Dialect {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../protocol/letters/tests/providers")
        .join(format!("{file}.eml"));
    let letter =
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (head, _) = letter.split_once("From: ").unwrap();
    let (authserv_ids, own_hosts) = match whose {
        Ok(name) => {
            let known = PROVIDERS.iter().find(|p| p.name == name).unwrap();
            (known.authserv_ids.to_vec(), known.own_hosts.to_vec())
        }
        Err(id) => (vec![id], Vec::new()),
    };
    Dialect {
        file,
        authserv_ids,
        own_hosts,
        head: without_signature(head),
    }
}

/// The golden letters bear a signature that only looks like one.
fn without_signature(head: &str) -> String {
    let (before, after) = head.split_once("DKIM-Signature:").unwrap();
    let fold = |line: &&str| line.starts_with([' ', '\t']);
    let after: Vec<&str> = after
        .split_inclusive("\r\n")
        .skip(1)
        .skip_while(fold)
        .collect();
    format!("{before}{}", after.concat())
}

impl Dialect {
    /// Whether its results can prove anything.
    pub fn vouches(&self) -> bool {
        !self.authserv_ids.is_empty()
    }

    /// The section `[trust]` for it.
    pub fn trust(&self) -> String {
        let list = |texts: &[&str]| {
            let quoted: Vec<String> = texts.iter().map(|t| format!("{t:?}")).collect();
            quoted.join(", ")
        };
        let mut trust = format!("[trust]\nauthserv_ids = [{}]\n", list(&self.authserv_ids));
        if !self.own_hosts.is_empty() {
            trust += &format!("own_hosts = [{}]\n", list(&self.own_hosts));
        }
        if !self.vouches() {
            trust += "minimum = \"dkim\"\n";
        }
        trust
    }

    /// What it writes above a letter of this sender.
    pub fn head(&self, sender: &str) -> String {
        let (_, domain) = sender.rsplit_once('@').unwrap();
        self.head
            .replace("track@carrier.example", sender)
            .replace("carrier.example", domain)
    }
}
