//! Compares an own key with what DNS tells others about it.

use tradepost_letters::untrusted;

use super::dns::TxtAnswer;
use super::private_key::kind;
use super::sign::OwnKey;

/// What others find at a key's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The key.
    Same,
    /// The key; it is named in `[trust.keys]`, so DNS was not asked.
    NamedHere,
    /// The key, as a trial: receivers take its signatures for none (RFC 6376 section 3.6.1, `t=y`).
    OnTrial,
    /// The key beside other records: which one receivers take is chance (section 3.6.2.2).
    AmongOthers,
    /// The key, for other uses than mail or another hash (`s=`, `h=`).
    ForOtherUses,
    /// Another key.
    Another,
    /// An empty key: it was revoked.
    Revoked,
    /// Records, but no key among them.
    NoKey,
    /// No record.
    Missing,
    /// Nobody knows, for people.
    Unanswered(String),
}

impl OwnKey {
    /// Compares the key with the TXT records at its [name](OwnKey::name).
    #[must_use]
    pub fn published(&self, answer: &TxtAnswer) -> Published {
        match answer {
            TxtAnswer::Fixed(text) => {
                let compared = self.compare(text);
                if compared == Published::Same {
                    Published::NamedHere
                } else {
                    compared
                }
            }
            TxtAnswer::Missing => Published::Missing,
            TxtAnswer::Unanswered(why) => Published::Unanswered(why.clone()),
            TxtAnswer::Found(texts) => {
                let compared: Vec<Published> = texts.iter().map(|t| self.compare(t)).collect();
                let first_key = compared.iter().find(|p| **p != Published::NoKey);
                match (first_key, texts.len()) {
                    (None, _) => Published::NoKey,
                    (Some(one), 1) => one.clone(),
                    (Some(_), _) if compared.contains(&Published::Same) => Published::AmongOthers,
                    (Some(one), _) => one.clone(),
                }
            }
        }
    }

    fn compare(&self, record: &str) -> Published {
        let tags: Vec<(&str, String)> = record
            .split(';')
            .filter_map(|tag| tag.split_once('='))
            .map(|(name, value)| (name.trim(), without_blanks(value)))
            .collect();
        let tag = |name: &str| {
            tags.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.as_str())
        };
        let lists = |name: &str, wanted: [&str; 2]| {
            tag(name).is_none_or(|list| list.split(':').any(|word| wanted.contains(&word)))
        };
        let Some(public) = tag("p").filter(|_| tag("v").is_none_or(|v| v == "DKIM1")) else {
            return Published::NoKey;
        };
        if public.is_empty() {
            return Published::Revoked;
        }
        let own_kind = kind(self.key.algorithm());
        if public != self.key.public() || tag("k").unwrap_or("rsa") != own_kind {
            return Published::Another;
        }
        if !lists("s", ["email", "*"]) || !lists("h", ["sha256", "sha256"]) {
            return Published::ForOtherUses;
        }
        if tag("t").is_some_and(|flags| flags.split(':').any(|flag| flag == "y")) {
            return Published::OnTrial;
        }
        Published::Same
    }
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}

impl Published {
    /// Whether receivers verify signatures of the key.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self {
            Published::Same | Published::NamedHere => true,
            Published::OnTrial
            | Published::AmongOthers
            | Published::ForOtherUses
            | Published::Another
            | Published::Revoked
            | Published::NoKey
            | Published::Missing
            | Published::Unanswered(_) => false,
        }
    }

    /// What was found, for people.
    #[must_use]
    pub fn found(&self) -> String {
        let text = match self {
            Published::Same => "DNS has this key",
            Published::NamedHere => "is named under [trust.keys], so DNS was not asked",
            Published::OnTrial => {
                "DNS has this key on trial (t=y): receivers ignore its signatures"
            }
            Published::AmongOthers => "DNS has this key and other records beside it",
            Published::ForOtherUses => {
                "DNS has this key, but not for mail (s=), or not with sha256 (h=)"
            }
            Published::Another => "DNS has another key: receivers refuse these signatures",
            Published::Revoked => "DNS says that the key is revoked (p= is empty)",
            Published::NoKey => "DNS has a TXT record there, but no key in it",
            Published::Missing => "DNS has no record: receivers cannot verify these signatures",
            Published::Unanswered(why) => {
                return format!("DNS did not answer: {}", untrusted::show(why));
            }
        };
        text.to_owned()
    }

    /// What to do about it; none where nothing is to be done.
    #[must_use]
    pub fn remedy(&self, own: &OwnKey) -> Option<String> {
        let (name, record) = (own.name(), own.key.record());
        match self {
            Published::Same | Published::NamedHere => None,
            Published::Unanswered(_) => {
                Some("see whether this computer has DNS; then try again".to_owned())
            }
            Published::AmongOthers => Some(format!(
                "remove the other TXT records of {name}, or take another selector"
            )),
            Published::Revoked => Some(
                "make a new key under a new selector: tradepost-server dkim-key --help".to_owned(),
            ),
            Published::OnTrial
            | Published::ForOtherUses
            | Published::Another
            | Published::NoKey
            | Published::Missing => Some(format!(
                "the TXT record of {name} has to be: {record}  (a new one takes its time to be seen everywhere)"
            )),
        }
    }
}
