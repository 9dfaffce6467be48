//! Letters whose statement an earlier version of this program could not understand are read again by
//! this one, from the journal (protocol 2: "the letter is kept and judged again after an upgrade").
//!
//! The ledger notes what reads when it is opened, and with it how far this has come: each slice is
//! recorded together with the place behind it, so it goes on where it was broken off.

use tradepost_agent::arrival::content;
use tradepost_agent::host::HostError;
use tradepost_buyer::{self as buyer, Verdict};
use tradepost_letters::RelayPolicy;
use tradepost_statements::Kind;
use tradepost_trades::letter::{Content, Unreadable};
use tradepost_trades::rows::Rows;

use super::entry::{self, LedgerEntry, kept_letter};
use super::trust::JudgedAgain;
use super::{LedgerError, LedgerHost, enter_one};

/// So many letters are looked at, and recorded, together. At 256 KiB each that is far below what a
/// batch may hold.
const LETTERS: usize = 16;

/// What reads letters now: another text than was noted, and what was not understood is read again.
pub(super) fn what_reads() -> String {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    format!("{} {}", env!("CARGO_PKG_VERSION"), kinds.join(" "))
}

/// Whether letters are still to be read again.
pub(crate) fn is_left_to_read(rows: &dyn Rows) -> bool {
    entry::left_to_read(rows).is_some()
}

/// Reads some of what is left, and has it judged again; none when nothing is left.
pub(crate) fn read_slice(host: &LedgerHost) -> Result<Option<JudgedAgain>, LedgerError> {
    let Some(left) = host.view(entry::left_to_read) else {
        return Ok(None);
    };
    let mut letters = host.view(|rows| buyer::unsupported(rows, left.from, LETTERS));
    let is_last = letters.len() < LETTERS;
    letters.retain(|no| *no <= left.through);
    let through = match letters.last() {
        Some(last) if !is_last => *last,
        Some(_) | None => left.through,
    };
    let mut understood = Vec::new();
    for no in letters {
        if let Some(content) = read_anew(host, no)? {
            understood.push((no, content));
        }
    }
    let judgements = host.write(|page| {
        let mut judgements = Vec::new();
        for (letter, content) in understood {
            let now = host.now();
            let entry = LedgerEntry::ReadAgain {
                letter,
                content,
                now,
            };
            judgements.extend(enter_one(host, page, entry)?.verdict);
        }
        enter_one(host, page, LedgerEntry::ReadThrough { letter: through })?;
        Ok::<_, LedgerError>(judgements)
    })?;
    let done = JudgedAgain::read(judgements.iter().map(|judged| {
        // Line 4 may still refuse it, as a statement that breaks the protocol.
        judged.verdict != Verdict::Warned
    }));
    Ok(Some(done))
}

/// What a letter holds as it is read now; none where it was not kept, or is understood no better.
fn read_anew(host: &LedgerHost, no: u64) -> Result<Option<Content>, HostError> {
    let Some(at) = host.view(|rows| kept_letter(rows, no)) else {
        return Ok(None);
    };
    let letter = host.letter(at)?;
    // Its evidence stays what it was, so nobody is asked for keys.
    let opened = tradepost_letters::open(&letter, &RelayPolicy::default());
    let is_understood = |content: &Content| match content {
        Content::Statement(_) => true,
        Content::Unreadable { why, .. } => *why != Unreadable::Unsupported,
    };
    Ok(content(&opened).filter(is_understood))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;
    use std::sync::Arc;

    use serde_json::json;
    use tradepost_agent::clock::SystemClock;
    use tradepost_agent::config::Source;
    use tradepost_agent::host::fresh_ids;
    use tradepost_buyer::view;
    use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
    use tradepost_statements::{Address, Evidence, wire};
    use tradepost_trades::letter::{LetterFacts, Received};

    use super::super::{LedgerHost, enter, open};
    use super::*;
    use crate::config::Config;

    fn opened(data: &Path) -> LedgerHost {
        let config = Source::from_text("config.toml", "address = \"ann@home.example\"");
        let config = Config::check(config).unwrap();
        open(data, &config, Arc::new(SystemClock), &mut |_| {})
            .unwrap()
            .0
    }

    /// The letter of a trade record.
    fn letter(n: u32) -> Vec<u8> {
        let json = json!({
            "tradepost": 1, "id": format!("01a1f967-4933-767d-a52a-{n:012}"),
            "from": "orders@shop.example", "to": "ann@home.example", "sent": "2026-11-20T10:00:00Z",
            "trade": { "shop": "orders@shop.example", "id": format!("T-{n}") },
            "body": {
                "kind": "trade-record", "version": 1, "shop_name": "Shop", "placed": "2026-11-20T10:00:00Z",
                "lines": [{ "name": "Kettle", "quantity": 1, "price": { "amount": "9.00", "currency": "EUR" } }],
                "total": { "amount": "9.00", "currency": "EUR" },
                "payment": { "method": "credit-card", "processor": "billing@pay.example" },
                "delivery": { "method": "courier", "carriers": [{ "address": "track@carrier.example" }] },
                "buyer": { "name": "Ann",
                    "address": { "street": "1 High Street", "city": "York", "country": "GB" } },
            },
        })
        .to_string();
        let statement = wire::decode(json.as_bytes()).unwrap().statement;
        compose(&Composition {
            statement: &statement,
            json: Some(&json),
            message_id: &format!("{n}@shop.example"),
            date: statement.sent,
            from_name: None,
            story: Story::default(),
            in_reply_to: None,
            references: &[],
            auto: AutoSubmitted::Generated,
            with_html: false,
        })
    }

    /// As a version takes it that does not know this kind of statement.
    fn take_without_understanding(host: &LedgerHost, n: u32) {
        let octets = letter(n);
        let author: Address = "orders@shop.example".parse().unwrap();
        let now = host.now();
        let received = Received {
            letter: LetterFacts {
                size: octets.len() as u64,
                ..LetterFacts::default()
            },
            author: Some(author),
            evidence: Evidence::Relay,
            undecided: None,
            proof: "as the test says".to_owned(),
            digest: format!("{n}"),
            received_at: now,
            content: Content::Unreadable {
                why: Unreadable::Unsupported,
                text: "the kind is not known".to_owned(),
            },
        };
        let size = received.letter.size;
        let entry = LedgerEntry::Received { received, now };
        host.write(|page| {
            let decision = host.party().decision(page.rows(), entry, size)?;
            page.record(decision, &octets, now, &mut fresh_ids()?)?;
            Ok::<_, LedgerError>(())
        })
        .unwrap();
    }

    #[test]
    fn after_an_upgrade_what_was_not_understood_is_read_again_slice_by_slice_wherever_it_was_broken_off()
     {
        const MANY: u32 = 40;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let host = opened(&data);
        assert!(!host.view(is_left_to_read), "nothing came before");
        (0..MANY).for_each(|n| take_without_understanding(&host, n));
        let trades = |host: &LedgerHost| host.view(|rows| view::trades(rows, host.now()).len());
        let warnings = |host: &LedgerHost| host.view(|rows| view::warnings(rows, false).len());
        assert_eq!((trades(&host), warnings(&host)), (0, 40));
        host.close().unwrap();
        // The same program understands no more than before.
        let host = opened(&data);
        assert!(!host.view(is_left_to_read));
        let by = "an older version".to_owned();
        enter(&host, vec![LedgerEntry::Reads { by, through: 0 }]).unwrap();
        host.close().unwrap();

        for slice in 1.. {
            let host = opened(&data);
            let done = read_slice(&host).unwrap();
            host.close().unwrap();
            let read = (slice * LETTERS).min(MANY as usize);
            let host = opened(&data);
            let left = MANY as usize - read;
            assert_eq!(
                (trades(&host), warnings(&host)),
                (read, left),
                "slice {slice}"
            );
            assert_eq!(host.view(is_left_to_read), left > 0, "slice {slice}");
            let text = done.unwrap().to_string();
            assert!(text.contains("understood now"), "{text}");
            host.close().unwrap();
            if left == 0 {
                break;
            }
        }
        assert!(read_slice(&opened(&data)).unwrap().is_none());
    }
}
