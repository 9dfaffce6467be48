//! What holds at every step, whatever happens: looked at from outside, with the wire's reader and
//! the views as the only means.

use std::collections::BTreeMap;

use serde_json::Value;
use tradepost_buyer::view;
use tradepost_statements::{Address, Amount, StatementId, Time, wire};

use super::buyer::Buyer;
use super::machine::Machine;
use super::post::Outgoing;
use crate::facts::text;

pub(super) struct Witness {
    events: usize,
    /// What was said under an id.
    said: BTreeMap<(Address, StatementId), String>,
    /// Sender, trade, kind and parcel: what each sequence said.
    tracks: BTreeMap<String, BTreeMap<u64, Value>>,
    /// Warnings that belong to the story.
    belongs: Vec<String>,
    /// Mail is late or lost: letters overtake one another.
    with_faults: bool,
}

/// Warnings that letters give rise to which come too early; they are resolved.
const TOO_EARLY: [&str; 2] = ["no-such-trade", "wrong-sender"];
/// Warnings that time gives rise to; they are resolved as well, once it is repaired.
const OF_TIME: [&str; 4] = [
    "no-answer",
    "undeliverable",
    "overdue-delivery",
    "overdue-payment",
];

impl Witness {
    pub(super) fn new(belongs: &[String], with_faults: bool) -> Witness {
        Witness {
            events: 0,
            said: BTreeMap::new(),
            tracks: BTreeMap::new(),
            belongs: belongs.to_vec(),
            with_faults,
        }
    }

    pub(super) fn counts(&mut self, most: usize) {
        self.events += 1;
        assert!(self.events < most, "the world goes round in circles");
    }

    /// Whatever is said can be read, is not said twice with other words, and goes on from what was
    /// said before.
    pub(super) fn hears(&mut self, outgoing: &Outgoing) {
        let read = wire::decode(outgoing.octets.as_bytes());
        let read =
            read.unwrap_or_else(|e| panic!("nobody can read this ({e}): {}", outgoing.octets));
        assert_eq!(read.statement, outgoing.statement);
        let id = (outgoing.statement.from.clone(), outgoing.statement.id);
        let before = self
            .said
            .entry(id)
            .or_insert_with(|| outgoing.octets.clone());
        assert_eq!(
            *before, outgoing.octets,
            "under one id something else was said"
        );
        self.follows_its_track(&read.value);
    }

    fn follows_its_track(&mut self, value: &Value) {
        let body = &value["body"];
        let Some(sequence) = body["sequence"].as_u64() else {
            return;
        };
        let trade = value["trade"].to_string();
        let (from, kind, parcel) = (
            text(value, "from"),
            text(body, "kind"),
            text(body, "parcel"),
        );
        let track = format!("{from} {trade} {kind} {parcel}");
        let track = self.tracks.entry(track).or_default();
        let known = track.entry(sequence).or_insert_with(|| body.clone());
        assert_eq!(known, body, "one sequence says two things");
        let time = |body: &Value| text(body, "at").parse::<Time>().expect("it was read above");
        let before = track.range(..sequence).next_back();
        let after = track.range(sequence + 1..).next();
        assert!(
            before.is_none_or(|(_, before)| time(before) <= time(body))
                && after.is_none_or(|(_, after)| time(body) <= time(after)),
            "the time of a track runs backwards: {track:#?}"
        );
    }

    /// No honest party gives rise to a warning that stays, and the counts are what the trades say.
    pub(super) fn looks_at(&self, ann: &Buyer, now: Time) {
        for warning in view::warnings(&ann.rows, true) {
            let kind = warning.kind.to_string();
            let is_fine = self.belongs.contains(&kind)
                || (self.with_faults && OF_TIME.contains(&kind.as_str()))
                || TOO_EARLY.contains(&kind.as_str());
            assert!(is_fine, "warned of an honest party: {warning:#?}");
        }
        let trades = view::trades(&ann.rows, now);
        let counted: Vec<_> = trades.iter().filter(|trade| !trade.apart).collect();
        let stats = view::stats(&ann.rows);
        let count = |is: &dyn Fn(&view::BuyerTradeView) -> bool| {
            counted.iter().filter(|trade| is(trade)).count() as u64
        };
        assert_eq!(stats.trades, counted.len() as u64);
        assert_eq!(stats.undelivered, count(&|trade| trade.undelivered));
        assert_eq!(stats.unpaid, count(&|trade| !trade.paid));
        let mut totals: BTreeMap<String, Amount> = BTreeMap::new();
        for unpaid in counted.iter().filter_map(|trade| trade.unpaid) {
            let sum = totals
                .entry(unpaid.currency().code().to_owned())
                .or_insert_with(|| Amount::zero(unpaid.currency()));
            *sum = sum.plus(unpaid).expect("it is small change");
        }
        let totals: Vec<Amount> = totals.into_values().filter(|sum| !sum.is_zero()).collect();
        assert_eq!(stats.unpaid_total, totals, "the totals of {trades:#?}");
        for trade in &trades {
            assert!(
                trade
                    .unpaid
                    .is_none_or(|unpaid| !unpaid.is_more_than(trade.total)),
                "more is unpaid than it costs: {trade:#?}"
            );
        }
    }

    /// After the end nobody has anything left to do.
    pub(super) fn sees_that_all_is_silent(
        &self,
        ann: &Buyer,
        servers: &BTreeMap<String, Machine>,
        now: Time,
    ) {
        let trades = view::trades(&ann.rows, now);
        if !trades.iter().all(|trade| trade.ended) {
            return;
        }
        for (name, machine) in servers {
            assert_eq!(
                machine.next_wake(),
                None,
                "{name} still waits for something"
            );
        }
        assert_eq!(ann.wake(), None, "ann still waits for something");
    }
}
