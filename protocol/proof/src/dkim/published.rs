//! Compares an own key with what DNS tells others about it.

use tradepost_letters::dkim::{BadRecord, KeyRecord};
use tradepost_letters::untrusted;

use super::dns::TxtAnswer;
use super::sign::OwnKey;

/// What others find at a key's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The key, and nothing beside it.
    Same,
    /// The key; it is named in `[trust.keys]`, so DNS was not asked.
    NamedHere,
    /// The key, as a trial: receivers take its signatures for none (RFC 6376 section 3.6.1, `t=y`).
    OnTrial,
    /// The key beside other records: which one receivers take is chance (section 3.6.2.2).
    AmongOthers,
    /// A key for other uses than mail, or for another hash (`s=`, `h=`).
    ForOtherUses,
    /// Another key, or one that cannot be read.
    Another,
    /// An empty key: it was revoked.
    Revoked,
    /// Records, but no key among them.
    NoKey,
    /// DNS says that there is no record.
    Missing,
    /// DNS did not answer; why, for people.
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
        // Read as those read it who verify letters.
        let found = match KeyRecord::read(record) {
            Ok(found) => found,
            Err(BadRecord::Tags(_) | BadRecord::UnknownVersion | BadRecord::NoKey) => {
                return Published::NoKey;
            }
            Err(BadRecord::Revoked) => return Published::Revoked,
            Err(BadRecord::UnknownKind | BadRecord::BadKey) => return Published::Another,
            Err(BadRecord::NotForSha256 | BadRecord::NotForMail) => {
                return Published::ForOtherUses;
            }
        };
        let own = KeyRecord::read(&self.key.record());
        if own.is_ok_and(|own| own.key != found.key) {
            Published::Another
        } else if found.is_a_test {
            Published::OnTrial
        } else {
            Published::Same
        }
    }
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
                "DNS has a key that is not for mail (s=), or not for sha256 (h=)"
            }
            Published::Another => "DNS has another key: receivers refuse these signatures",
            Published::Revoked => "DNS says that the key is revoked (p= is empty)",
            Published::NoKey => "DNS has a TXT record there, but no key in it",
            Published::Missing => "DNS has no record: receivers cannot verify these signatures",
            Published::Unanswered(why) => {
                return untrusted::show(why).to_string();
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
