//! A letter to oneself with forged results, to find out whether the own provider removes what bears
//! its id and comes from others (RFC 8601 section 5): evidence of the level `relay` rests on that.
//!
//! What is forged proves nothing about anybody, even where it is believed: it vouches for a domain
//! that cannot exist.

use tradepost_statements::{Address, Time};

use crate::compose::{HeaderText, quoted_printable};
use crate::evidence::RelayPolicy;
use crate::header::Field;
use crate::parse::{Letter, Stamp};

/// A letter that finds out what becomes of forged results.
#[derive(Debug, Clone, Copy)]
pub struct Forgery<'a> {
    /// The own address: sender and receiver.
    pub address: &'a Address,
    /// Letters and digits that nobody else can know: the letter is found by it.
    pub token: &'a str,
    /// Whose results are forged: one field for each id.
    pub policy: &'a RelayPolicy,
    /// What its Date field says.
    pub date: Time,
}

/// What became of the forged results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forged {
    /// None came back under an id that is believed.
    Removed,
    /// These ids came back as they were forged.
    Kept(Vec<String>),
}

impl Forgery<'_> {
    /// Without angle brackets.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("tradepost-test-{}@{}", self.token, self.address.domain())
    }

    /// The letter, as it is submitted.
    #[must_use]
    pub fn letter(&self) -> Vec<u8> {
        let mut letter = Vec::new();
        for id in self.ids() {
            let field = format!(
                "Authentication-Results: {id};\r\n\tdkim=pass header.d={}\r\n",
                self.domain()
            );
            letter.extend_from_slice(field.as_bytes());
        }
        let mut header = HeaderText::default();
        header.from(self.address, None);
        header.to(self.address);
        header.text(
            Field::Subject,
            &format!(
                "Test of your mail provider, you may delete it ({})",
                self.token
            ),
        );
        header.date(self.date);
        header.ids(Field::MessageId, &[self.message_id()]);
        header.token(Field::AutoSubmitted, "auto-generated");
        header.token(Field::MimeVersion, "1.0");
        header.token(Field::ContentType, "text/plain; charset=utf-8");
        header.token(Field::ContentTransferEncoding, "quoted-printable");
        letter.extend_from_slice(&header.finish());
        letter.extend_from_slice(&quoted_printable(TEXT));
        letter.extend_from_slice(b"\r\n");
        letter
    }

    /// What became of it, in the letter as it came back.
    #[must_use]
    pub fn find(&self, came: &Letter) -> Forged {
        let domain = self.domain();
        let mut kept = Vec::new();
        for (_, stamp) in &came.stamps {
            let Stamp::Results(results) = stamp else {
                continue;
            };
            let is_ours = results.results.iter().any(|r| {
                r.values("header.d")
                    .any(|d| d.eq_ignore_ascii_case(&domain))
            });
            let is_believed = |id: &str| self.policy.authserv_ids.iter().any(|own| own.covers(id));
            if is_ours && is_believed(&results.authserv_id) {
                kept.push(crate::untrusted::show(&results.authserv_id));
            }
        }
        if kept.is_empty() {
            Forged::Removed
        } else {
            Forged::Kept(kept)
        }
    }

    /// One id that each pattern covers.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.policy
            .authserv_ids
            .iter()
            .map(|p| p.example())
            .collect()
    }

    /// RFC 2606 section 2: no domain can have this name.
    fn domain(&self) -> String {
        format!("{}.invalid", self.token)
    }
}

const TEXT: &str = "This letter was sent by `doctor --probe` of Tradepost, from this mailbox to \
itself.\n\nIts header holds an Authentication-Results field that claims to be written by your mail \
provider, and is not. Whether it is still there tells whether your provider removes such fields from \
letters of others, as it should.\n\nThere is nothing to do, and you may delete this letter.\n";
