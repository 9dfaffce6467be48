//! What a letter proves about its sender by the word of the user's own provider (protocol 5,
//! `relay`), and when that provider received it.

use std::collections::BTreeSet;

use tradepost_statements::{Address, Evidence, Time};

use crate::authentication_results::{MethodResult, UnreadField};
use crate::domain::{self, AuthservPattern, HostPattern};
use crate::parse::{Letter, Stamp};
use crate::untrusted::{show, show_some};

/// Whom the user's own provider is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayPolicy {
    /// The ids that its Authentication-Results fields bear: configured, never learned.
    pub authserv_ids: Vec<AuthservPattern>,
    /// The hosts whose Received fields are its own.
    pub own_hosts: Vec<HostPattern>,
    /// Whether `dmarc=pass` counts where it rests on SPF alone (protocol 5, `relay`).
    pub takes_spf: bool,
}

impl RelayPolicy {
    /// Without `own_hosts`, they are the organizational domains of the ids and all below. What rests on
    /// SPF alone does not count.
    #[must_use]
    pub fn new(
        authserv_ids: Vec<AuthservPattern>,
        own_hosts: Option<Vec<HostPattern>>,
    ) -> RelayPolicy {
        let own_hosts = own_hosts.unwrap_or_else(|| {
            authserv_ids
                .iter()
                .flat_map(AuthservPattern::own_hosts)
                .collect()
        });
        RelayPolicy {
            authserv_ids,
            own_hosts,
            takes_spf: false,
        }
    }

    fn is_own_host(&self, host: &str) -> bool {
        self.own_hosts.iter().any(|own| own.covers(host))
    }

    fn is_own_id(&self, id: &str) -> bool {
        self.authserv_ids.iter().any(|own| own.covers(id))
    }
}

/// What the provider says about the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelayEvidence {
    /// [`Evidence::Relay`] or [`Evidence::None`].
    pub(crate) evidence: Evidence,
    /// What was read, or what was missing: one sentence for people.
    pub(crate) why: String,
    /// The ids of all Authentication-Results fields in the letter, for finding out what to
    /// configure; anybody can have written them.
    pub(crate) authserv_ids: Vec<String>,
}

/// Protocol 5, the row `relay`.
#[must_use]
pub(crate) fn relay_evidence(letter: &Letter, policy: &RelayPolicy) -> RelayEvidence {
    let read = CountedFields::of(letter, policy);
    let proof = match &letter.author {
        Err(why) => Err(format!("{why}, so nothing proves its sender")),
        Ok(author) => read
            .proof(author, policy)
            .ok_or_else(|| read.lack(author, policy)),
    };
    let (evidence, why) = match proof {
        Ok(why) => (Evidence::Relay, why),
        Err(why) => (Evidence::None, why),
    };
    RelayEvidence {
        evidence,
        why: show_some(&why, MOST_PROOF_CHARACTERS),
        authserv_ids: read.ids.into_iter().collect(),
    }
}

/// The account that the provider says has submitted a letter itself.
pub(crate) fn submitted_by(letter: &Letter, policy: &RelayPolicy) -> Option<String> {
    let read = CountedFields::of(letter, policy);
    let submission = read
        .results
        .iter()
        .find(|(_, r)| r.method == "auth" && r.result == "pass")?;
    let account = submission.1.values("smtp.auth").next();
    Some(show(account.unwrap_or("an account that it does not name")))
}

/// The time of the topmost Received field of an own host.
#[must_use]
pub fn time_of_receipt(letter: &Letter, policy: &RelayPolicy) -> Option<Time> {
    letter.stamps.iter().find_map(|(_, stamp)| match stamp {
        Stamp::Received(received) => {
            let host = received.by.as_deref()?;
            policy.is_own_host(host).then_some(received.at)?
        }
        Stamp::Results(_) | Stamp::UnreadResults(_) => None,
    })
}

/// RFC 8601 section 2.2 wants an authserv-id; Microsoft's servers write none.
const NAMELESS: &str = "an Authentication-Results field names no authserv-id, as Microsoft's \
     servers leave it out, so nobody can tell whose word it is";

/// How many different ids are told.
const MOST_IDS: usize = 50;
/// A proof is kept with every letter, and names what anybody can have written at any length.
pub(crate) const MOST_PROOF_CHARACTERS: usize = 2000;

/// What the fields say that count, read as one.
#[derive(Default)]
struct CountedFields<'a> {
    results: Vec<(&'a str, &'a MethodResult)>,
    ids: BTreeSet<String>,
    /// A field that bears an own id where anybody could have written it.
    misplaced: Option<String>,
    broken: usize,
    /// Fields that name no authserv-id.
    nameless: usize,
}

impl<'a> CountedFields<'a> {
    fn of(letter: &'a Letter, policy: &RelayPolicy) -> CountedFields<'a> {
        let mut read = CountedFields::default();
        let mut foreign_host = None;
        for (is_above_author, stamp) in &letter.stamps {
            match stamp {
                Stamp::Received(received) => {
                    // A host that cannot be read is no own host.
                    let host = received
                        .by
                        .as_deref()
                        .unwrap_or("a host that it does not name");
                    if foreign_host.is_none() && !policy.is_own_host(host) {
                        foreign_host = Some(host);
                    }
                }
                Stamp::UnreadResults(UnreadField::Broken) => read.broken += 1,
                Stamp::UnreadResults(UnreadField::Nameless) => read.nameless += 1,
                Stamp::Results(results) => {
                    let id = results.authserv_id.as_str();
                    if read.ids.len() < MOST_IDS {
                        read.ids.insert(show(&id.to_ascii_lowercase()));
                    }
                    if !policy.is_own_id(id) {
                        continue;
                    }
                    match (*is_above_author, foreign_host) {
                        (true, None) => {
                            read.results.extend(results.results.iter().map(|r| (id, r)))
                        }
                        (true, Some(host)) => {
                            read.misplaced = Some(format!(
                                "below the Received field of {host}, which is none of the provider's own hosts"
                            ));
                        }
                        (false, _) => {
                            read.misplaced =
                                Some("among the fields that the sender wrote".to_owned());
                        }
                    }
                }
            }
        }
        read
    }

    fn proof(&self, author: &Address, policy: &RelayPolicy) -> Option<String> {
        self.dkim(author)
            .or_else(|| {
                let dmarc = self.dmarc(author)?;
                (policy.takes_spf || !self.rests_on_spf(author)).then_some(dmarc)
            })
            .or_else(|| {
                self.unanimous("auth", "smtp.auth", |user| {
                    user.parse::<Address>().is_ok_and(|user| user == *author)
                })
            })
    }

    /// Each result stands for its own signature: one that is good is enough.
    fn dkim(&self, author: &Address) -> Option<String> {
        self.results.iter().find_map(|(id, r)| {
            let signer = signer(r)?;
            (r.method == "dkim" && is_pass(r) && domain::is_aligned(signer, author.domain()))
                .then(|| format!("{id} says dkim=pass: signed by {signer}"))
        })
    }

    fn dmarc(&self, author: &Address) -> Option<String> {
        self.unanimous("dmarc", "header.from", |domain| {
            domain::canonical(domain).as_deref() == Some(author.domain())
        })
    }

    /// Whether a pass of DMARC can rest on nothing but SPF: DKIM was looked at, and did not pass for a
    /// domain that DMARC takes for the author's, which is any of the same organizational domain
    /// (RFC 7489 section 3.1.1). SPF vouches for a machine that many may send from.
    fn rests_on_spf(&self, author: &Address) -> bool {
        let mut found = self.results.iter().filter(|(_, r)| r.method == "dkim");
        let is_author = |signer: &str| {
            domain::is_aligned(signer, author.domain())
                || domain::organizational_domain(signer)
                    .is_some_and(|o| Some(o) == domain::organizational_domain(author.domain()))
        };
        let passes = |r: &MethodResult| is_pass(r) && signer(r).is_some_and(is_author);
        found.clone().next().is_some() && !found.any(|(_, r)| passes(r))
    }

    /// Reported several times, the worst counts: all must be a pass, for the same one.
    fn unanimous(
        &self,
        method: &str,
        property: &str,
        names_author: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut said = None;
        for (id, r) in self.results.iter().filter(|(_, r)| r.method == method) {
            let mut values = r.values(property);
            let value = values.next()?;
            let is_good = is_pass(r) && names_author(value) && values.all(&names_author);
            if !is_good {
                return None;
            }
            said = Some(format!("{id} says {method}=pass for {value}"));
        }
        said
    }

    fn lack(&self, author: &Address, policy: &RelayPolicy) -> String {
        if policy.authserv_ids.is_empty() {
            let mut text =
                "no authserv-id is configured, so no Authentication-Results field counts"
                    .to_owned();
            if self.nameless > 0 {
                text += &format!("; {NAMELESS}");
            }
            return text;
        }
        if self.results.is_empty() {
            let ids: Vec<String> = policy
                .authserv_ids
                .iter()
                .map(ToString::to_string)
                .collect();
            let mut text = format!("there is no result of {} that counts", ids.join(", "));
            if let Some(place) = &self.misplaced {
                text += &format!(": one stands {place}, where anybody could have written it");
            } else if self.nameless > 0 {
                text += &format!(": {NAMELESS}");
            } else if self.broken > 0 {
                text += ": an Authentication-Results field could not be read";
            } else if !self.ids.is_empty() {
                let seen: Vec<&str> = self.ids.iter().take(3).map(String::as_str).collect();
                text += &format!(": the letter has some of {}", seen.join(", "));
            }
            return text;
        }
        let said: Vec<String> = self
            .results
            .iter()
            .take(6)
            .map(|(_, r)| summary(r))
            .collect();
        let mut text = format!(
            "{} says {}: none of it proves {}",
            self.results.first().map_or("", |(id, _)| id),
            said.join(", "),
            author
        );
        if self.dmarc(author).is_some() {
            text += "; without a signature, dmarc=pass rests on SPF alone ([trust] spf = true takes it)";
        }
        text
    }
}

fn is_pass(r: &MethodResult) -> bool {
    r.result == "pass" && r.is_whole
}

/// `header.d`; where that is absent, the domain of `header.i`. Several different ones are none.
fn signer(r: &MethodResult) -> Option<&str> {
    let only = |name| {
        let mut values = r.values(name);
        let first: Option<&str> = values.next();
        first.filter(|first| values.all(|v| v.eq_ignore_ascii_case(first)))
    };
    if r.values("header.d").next().is_some() {
        return only("header.d");
    }
    only("header.i")?.rsplit_once('@').map(|(_, domain)| domain)
}

fn summary(r: &MethodResult) -> String {
    let about = [
        "header.d",
        "header.i",
        "header.from",
        "smtp.auth",
        "smtp.mailfrom",
    ]
    .iter()
    .find_map(|name| {
        r.values(name)
            .next()
            .map(|value| format!(" {name}={value}"))
    });
    let broken = if r.is_whole { "" } else { " (not readable)" };
    format!(
        "{}={}{}{broken}",
        r.method,
        r.result,
        about.unwrap_or_default()
    )
}
