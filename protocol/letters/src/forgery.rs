//! A letter to oneself with forged results, to find out whether the own provider removes what bears
//! its id and comes from others (RFC 8601 section 5): evidence of the level `relay` rests on that.
//! The id is written in every way that RFC 8601 allows, each in a field of its own, since a provider
//! may know one of them and overlook another.
//!
//! What is forged proves nothing about anybody, even where it is believed: it vouches for a domain
//! that cannot exist.

use std::fmt;

use tradepost_statements::{Address, Time};

use crate::authentication_results::AuthenticationResults;
use crate::compose::{HeaderText, quoted_printable};
use crate::evidence::RelayPolicy;
use crate::guard::RawHeader;
use crate::header::Field;
use crate::lexer::{Lexer, is_token};
use crate::untrusted::show;

/// A letter that finds out what becomes of forged results.
#[derive(Debug, Clone, Copy)]
pub struct Forgery<'a> {
    /// The own address: sender and receiver.
    pub address: &'a Address,
    /// Letters and digits that nobody else can know: the letter is found by it.
    pub token: &'a str,
    /// Whose results are forged: each id in every spelling.
    pub policy: &'a RelayPolicy,
    /// What its Date field says.
    pub date: Time,
}

/// How a field names the authserv-id (RFC 8601 section 2.2: `[CFWS] authserv-id [CFWS version]`, the id a
/// token or a quoted string).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdSpelling {
    /// As providers write it: `Authentication-Results: mx.home.example;`.
    Plain,
    /// In capitals.
    Capitals,
    /// In a field whose name is in small letters.
    SmallFieldName,
    /// Right behind the colon.
    NoBlank,
    /// On the line after the field's name.
    NextLine,
    /// The semicolon on the line after it.
    NextLineSemicolon,
    /// With the version.
    Version,
    /// With a comment behind it.
    CommentBehind,
    /// With comments around the version.
    CommentsAndVersion,
    /// As a quoted string.
    Quoted,
    /// As a quoted string with a backslash in it.
    QuotedPair,
    /// Behind a comment.
    CommentBefore,
    /// Behind a comment with one in it, each line folded.
    CommentsBefore,
    /// Behind a comment, as a quoted string.
    CommentBeforeQuoted,
}

impl IdSpelling {
    /// All of them.
    pub const ALL: [IdSpelling; 14] = [
        IdSpelling::Plain,
        IdSpelling::Capitals,
        IdSpelling::SmallFieldName,
        IdSpelling::NoBlank,
        IdSpelling::NextLine,
        IdSpelling::NextLineSemicolon,
        IdSpelling::Version,
        IdSpelling::CommentBehind,
        IdSpelling::CommentsAndVersion,
        IdSpelling::Quoted,
        IdSpelling::QuotedPair,
        IdSpelling::CommentBefore,
        IdSpelling::CommentsBefore,
        IdSpelling::CommentBeforeQuoted,
    ];

    /// A label of the domain that a field of this spelling vouches for.
    fn label(self) -> &'static str {
        match self {
            IdSpelling::Plain => "plain",
            IdSpelling::Capitals => "capitals",
            IdSpelling::SmallFieldName => "small-field-name",
            IdSpelling::NoBlank => "no-blank",
            IdSpelling::NextLine => "next-line",
            IdSpelling::NextLineSemicolon => "next-line-semicolon",
            IdSpelling::Version => "version",
            IdSpelling::CommentBehind => "comment-behind",
            IdSpelling::CommentsAndVersion => "comments-and-version",
            IdSpelling::Quoted => "quoted",
            IdSpelling::QuotedPair => "quoted-pair",
            IdSpelling::CommentBefore => "comment-before",
            IdSpelling::CommentsBefore => "comments-before",
            IdSpelling::CommentBeforeQuoted => "comment-before-quoted",
        }
    }

    /// The field up to its first semicolon.
    fn field(self, id: &str) -> String {
        let name = Field::AuthenticationResults.name();
        match self {
            IdSpelling::Plain => format!("{name}: {id};"),
            IdSpelling::Capitals => format!("{name}: {};", id.to_ascii_uppercase()),
            IdSpelling::SmallFieldName => format!("{}: {id};", name.to_ascii_lowercase()),
            IdSpelling::NoBlank => format!("{name}:{id};"),
            IdSpelling::NextLine => format!("{name}:\r\n\t{id};"),
            IdSpelling::NextLineSemicolon => format!("{name}: {id}\r\n\t;"),
            IdSpelling::Version => format!("{name}: {id} 1;"),
            IdSpelling::CommentBehind => format!("{name}: {id} (a);"),
            IdSpelling::CommentsAndVersion => format!("{name}: {id}(a)1(b);"),
            IdSpelling::Quoted => format!("{name}: \"{id}\";"),
            IdSpelling::QuotedPair => format!("{name}: \"\\{id}\";"),
            IdSpelling::CommentBefore => format!("{name}: (a) {id};"),
            IdSpelling::CommentsBefore => format!("{name}:\r\n\t(a (b) c)\r\n\t{id};"),
            IdSpelling::CommentBeforeQuoted => format!("{name}: (a) \"{id}\";"),
        }
    }
}

impl fmt::Display for IdSpelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            IdSpelling::Plain => "as providers write it",
            IdSpelling::Capitals => "in capitals",
            IdSpelling::SmallFieldName => "in a field whose name is in small letters",
            IdSpelling::NoBlank => "right behind the colon",
            IdSpelling::NextLine => "on the next line",
            IdSpelling::NextLineSemicolon => "with the semicolon on the next line",
            IdSpelling::Version => "with a version",
            IdSpelling::CommentBehind => "with a comment behind it",
            IdSpelling::CommentsAndVersion => "with comments and a version",
            IdSpelling::Quoted => "in quotes",
            IdSpelling::QuotedPair => "in quotes with a backslash",
            IdSpelling::CommentBefore => "behind a comment",
            IdSpelling::CommentsBefore => "behind comments on lines of their own",
            IdSpelling::CommentBeforeQuoted => "in quotes behind a comment",
        })
    }
}

/// A forged field that came back under an id of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptForgery {
    /// The id, as it came back.
    pub id: String,
    /// How the field was sent.
    pub spelling: IdSpelling,
    /// Whether such a field is believed: protocol 5 takes the id as a bare token at the start alone.
    pub counts: bool,
}

/// What became of the forged results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forged {
    /// None came back under an id of the provider's.
    Removed,
    /// These came back, in their order.
    Kept(Vec<KeptForgery>),
}

impl Forgery<'_> {
    /// Without angle brackets.
    fn message_id(&self) -> String {
        format!("tradepost-test-{}@{}", self.token, self.address.domain())
    }

    /// The letter, as it is submitted.
    #[must_use]
    pub fn letter(&self) -> Vec<u8> {
        let mut letter = Vec::new();
        for id in self.ids() {
            for spelling in IdSpelling::ALL {
                let field = format!(
                    "{}\r\n\tdkim=pass header.d={}\r\n",
                    spelling.field(&id),
                    self.domain(spelling)
                );
                letter.extend_from_slice(field.as_bytes());
            }
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
    pub fn find(&self, came: &[u8]) -> Forged {
        let header = RawHeader::of_letter(came);
        let fields = header.all(Field::AuthenticationResults);
        let kept: Vec<KeptForgery> = fields
            .filter_map(|field| self.kept(&field.unfolded(came)))
            .collect();
        if kept.is_empty() {
            Forged::Removed
        } else {
            Forged::Kept(kept)
        }
    }

    fn kept(&self, body: &[u8]) -> Option<KeptForgery> {
        let (id, rest) = id_by_the_grammar(body)?;
        let results = AuthenticationResults::read(&[b"id", rest].concat()).ok()?;
        let vouches_for = |spelling: &IdSpelling| {
            let domain = self.domain(*spelling);
            let mut signers = results.results.iter().flat_map(|r| r.values("header.d"));
            signers.any(|d| d.eq_ignore_ascii_case(&domain))
        };
        let spelling = IdSpelling::ALL.into_iter().find(vouches_for)?;
        let is_own = self.policy.authserv_ids.iter().any(|own| own.covers(&id));
        is_own.then(|| KeptForgery {
            id: show(&id),
            spelling,
            counts: AuthenticationResults::read(body).is_ok(),
        })
    }

    /// One id that each pattern covers.
    fn ids(&self) -> Vec<String> {
        self.policy
            .authserv_ids
            .iter()
            .map(|p| p.example())
            .collect()
    }

    /// RFC 2606 section 2: no domain can have this name.
    fn domain(&self, spelling: IdSpelling) -> String {
        format!("{}.{}.invalid", spelling.label(), self.token)
    }
}

/// Whose results a field says it has in the whole grammar of RFC 8601 section 2.2, and what follows.
fn id_by_the_grammar(body: &[u8]) -> Option<(String, &[u8])> {
    let mut lexer = Lexer::new(body);
    lexer.skip_cfws().ok()?;
    let id = if lexer.peek() == Some(b'"') {
        lexer.quoted().ok()?
    } else {
        lexer.run(|b| is_token(b) || !b.is_ascii()).to_vec()
    };
    let rest = body.get(lexer.position()..).unwrap_or_default();
    Some((String::from_utf8(id).ok()?, rest))
}

const TEXT: &str = "This letter was sent by `doctor --probe` of Tradepost, from this mailbox to \
itself.\n\nIts header holds Authentication-Results fields that claim to be written by your mail \
provider, and are not. Whether they are still there tells whether your provider removes such fields from \
letters of others, as it should.\n\nThere is nothing to do, and you may delete this letter.\n";
