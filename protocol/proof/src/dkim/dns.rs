//! TXT records by DNS, with each way of not getting one told apart: that a name has none is an
//! answer, that nobody answered is not (protocol 5, line 2).

use std::net::SocketAddr;
use std::time::Duration;

use mail_auth::hickory_resolver::TokioResolver;
use mail_auth::hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use mail_auth::hickory_resolver::lookup::Lookup;
use mail_auth::hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::hickory_resolver::net::{DnsError, NetError};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::hickory_resolver::proto::rr::{Name, RData, RecordType};
use mail_auth::hickory_resolver::system_conf::read_system_conf;

/// The TXT records at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxtAnswer {
    /// From `[trust.keys]`: DNS was not asked.
    Fixed(String),
    /// What DNS has: one text a record, its strings put together.
    Found(Vec<String>),
    /// DNS says that there are none.
    Missing,
    /// DNS did not answer; for people.
    Unanswered(String),
}

/// Whether mail for a domain can arrive anywhere (RFC 5321 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailAnswer {
    /// It has a host for mail.
    Takes,
    /// DNS says that there is none.
    TakesNone,
    /// DNS did not answer; for people.
    Unanswered(String),
}

/// A resolver, or why there is none on this machine.
pub(super) struct Dns {
    resolver: Result<TokioResolver, String>,
    /// How long one look-up may take.
    budget: Duration,
}

/// A packet that is lost is sent again, within the budget.
const ATTEMPTS: u32 = 2;
/// A record has some hundred octets; one with more strings than this is no key.
const MOST_OCTETS: usize = 16 * 1024;
/// Records at one name; more are not looked at.
const MOST_RECORDS: usize = 10;

impl Dns {
    /// # Errors
    /// What the library says.
    pub(super) fn new(address: Option<SocketAddr>, budget: Duration) -> Result<Dns, NetError> {
        let (config, mut options) = match address {
            Some(address) => (at(address), ResolverOpts::default()),
            None => match read_system_conf() {
                Ok(system) => system,
                // A machine without DNS can do with the keys of its configuration.
                Err(e) => {
                    let why = format!("this machine has no resolver: {e}");
                    return Ok(Dns {
                        resolver: Err(why),
                        budget,
                    });
                }
            },
        };
        options.timeout = budget / ATTEMPTS;
        options.attempts = usize::try_from(ATTEMPTS).unwrap_or(1);
        options.use_hosts_file = ResolveHosts::Never;
        // Keys are kept by those who ask, with limits of their own.
        options.cache_size = 0;
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config, provider);
        Ok(Dns {
            resolver: Ok(builder.with_options(options).build()?),
            budget,
        })
    }

    /// The records, and how long they hold.
    pub(super) async fn txt(&self, name: &str) -> (TxtAnswer, Option<Duration>) {
        match self.records(name, RecordType::TXT).await {
            Ok(Some(lookup)) => found(&lookup),
            Ok(None) => (TxtAnswer::Missing, None),
            Err(no) => no,
        }
    }

    /// Where a domain has no MX record, its address counts; an MX record that names no host says that
    /// it takes no mail (RFC 7505).
    pub(super) async fn mail(&self, domain: &str) -> MailAnswer {
        for kind in [RecordType::MX, RecordType::A, RecordType::AAAA] {
            match self.records(domain, kind).await {
                Ok(Some(lookup)) if is_null_mx(&lookup) => return MailAnswer::TakesNone,
                Ok(Some(lookup)) if !lookup.answers().is_empty() => return MailAnswer::Takes,
                Ok(Some(_) | None) | Err((TxtAnswer::Missing, _)) => {}
                Err((TxtAnswer::Unanswered(why), _)) => return MailAnswer::Unanswered(why),
                Err((TxtAnswer::Fixed(_) | TxtAnswer::Found(_), _)) => {}
            }
        }
        MailAnswer::TakesNone
    }

    /// None: that is no name.
    async fn records(
        &self,
        name: &str,
        kind: RecordType,
    ) -> Result<Option<Lookup>, (TxtAnswer, Option<Duration>)> {
        let unanswered = |why: String| Err((TxtAnswer::Unanswered(why), None));
        let resolver = match &self.resolver {
            Ok(resolver) => resolver,
            Err(why) => return unanswered(why.clone()),
        };
        let Ok(mut fqdn) = Name::from_ascii(name) else {
            return Ok(None);
        };
        // No search domain is ever appended.
        fqdn.set_fqdn(true);
        match tokio::time::timeout(self.budget, resolver.lookup(fqdn, kind)).await {
            Ok(Ok(lookup)) => Ok(Some(lookup)),
            Ok(Err(e)) => Err(no_records(name, &e)),
            Err(_) => unanswered(format!(
                "DNS did not answer within {:?} for {name}",
                self.budget
            )),
        }
    }
}

fn is_null_mx(lookup: &Lookup) -> bool {
    let answers = lookup.answers();
    !answers.is_empty()
        && answers.iter().all(|record| {
            if let RData::MX(mx) = &record.data {
                mx.exchange.is_root()
            } else {
                false
            }
        })
}

fn at(address: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut connection| {
        connection.port = address.port();
        connection
    });
    let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
    ResolverConfig::from_name_servers(vec![server])
}

fn found(lookup: &Lookup) -> (TxtAnswer, Option<Duration>) {
    let mut texts = Vec::new();
    let mut seconds = u32::MAX;
    for record in lookup.answers() {
        // The TTL of an alias on the way counts too.
        seconds = seconds.min(record.ttl);
        let RData::TXT(txt) = &record.data else {
            continue;
        };
        // RFC 6376 section 3.6.2.2: strings are put together with nothing between.
        let octets: Vec<u8> = txt.txt_data.iter().flatten().copied().collect();
        if octets.len() <= MOST_OCTETS && texts.len() < MOST_RECORDS {
            texts.push(String::from_utf8_lossy(&octets).into_owned());
        }
    }
    let ttl = Duration::from_secs(u64::from(seconds));
    if texts.is_empty() {
        return (TxtAnswer::Missing, None);
    }
    (TxtAnswer::Found(texts), Some(ttl))
}

fn no_records(name: &str, error: &NetError) -> (TxtAnswer, Option<Duration>) {
    if let NetError::Dns(DnsError::NoRecordsFound(none)) = error {
        // An answer without records that points elsewhere is no answer: RFC 2308 section 2.2.
        let is_referral = none.soa.is_none() && none.ns.is_some();
        let says_none = matches!(
            none.response_code,
            ResponseCode::NXDomain | ResponseCode::NoError
        );
        if says_none && !is_referral {
            let ttl = none.negative_ttl.map(u64::from).map(Duration::from_secs);
            return (TxtAnswer::Missing, ttl);
        }
    }
    let why = format!("DNS did not answer for {name}: {error}");
    (TxtAnswer::Unanswered(why), None)
}
