//! Where a decision is made: it reads the book, sees what it wrote itself, and gathers the change.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_statements::{
    Address, Body, RequestId, Statement, StatementId, Time, TradeRef, wire,
};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::rows::{Overlay, Row, Rows};

use super::book::{self, AwaitedAnswer, PartyTrade};
use super::change::{Occasion, PartyChange, PartyOutcome, PersonNotice, StatementToSend};
use super::own_status::OwnStatus;
use super::readdress::{Addressed, is_for_a_former_address};
use super::rules::{PartyRule, RULES};
use super::settings::PartySettings;
use super::track::TrackReport;

pub(crate) struct PartyCase<'a> {
    pub(crate) settings: &'a PartySettings,
    pub(crate) now: Time,
    /// The lines of protocol 5 by which letters are judged.
    pub(super) rules: &'a [PartyRule],
    rows: Overlay<'a>,
    ids: &'a mut FreshIds,
    send: Vec<StatementToSend>,
    notices: Vec<PersonNotice>,
    saved: Vec<TradeRef>,
    to_ourselves: VecDeque<Statement>,
    said_to_ourselves: usize,
    hears_itself: bool,
}

/// Statements from role to role of one server in one decision: each of the 200 parcels of a trade may
/// be instructed, recalled and told of, and the payment beside them. What is beyond is mailed.
const MOST_TO_OURSELVES: usize = 1_000;

/// What a statement is about and whom it answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naming {
    pub(crate) trade: Option<TradeRef>,
    pub(crate) request: Option<RequestId>,
    pub(crate) answers: Option<StatementId>,
}

/// Who asked, where a status is an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AskedBy<'s> {
    Nobody,
    Buyer(&'s Statement),
    Shop(&'s Statement),
}

impl<'a> PartyCase<'a> {
    pub(crate) fn new(
        settings: &'a PartySettings,
        rows: &'a dyn Rows,
        now: Time,
        ids: &'a mut FreshIds,
    ) -> PartyCase<'a> {
        PartyCase::judging_by(RULES, settings, rows, now, ids)
    }

    pub(crate) fn judging_by(
        rules: &'a [PartyRule],
        settings: &'a PartySettings,
        rows: &'a dyn Rows,
        now: Time,
        ids: &'a mut FreshIds,
    ) -> PartyCase<'a> {
        PartyCase {
            settings,
            now,
            rules,
            rows: Overlay::new(rows),
            ids,
            send: Vec::new(),
            notices: Vec::new(),
            saved: Vec::new(),
            to_ourselves: VecDeque::new(),
            said_to_ourselves: 0,
            hears_itself: false,
        }
    }

    pub(crate) fn finish(self, outcome: PartyOutcome) -> PartyChange {
        // Protocol 9: once the address was corrected, nothing more goes to the old one, be it a stored
        // answer or what waited for a mail of the merchant's own.
        let may_go = |sending: &StatementToSend| {
            !is_for_a_former_address(&self.rows, &Addressed::from(&sending.statement))
        };
        let send = self.send.into_iter().filter(may_go).collect();
        PartyChange {
            rows: self.rows.into_rows(),
            send,
            notices: self.notices,
            outcome,
        }
    }

    /// The book, as this decision has changed it so far.
    pub(crate) fn rows(&self) -> &dyn Rows {
        &self.rows
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        book::read(&self.rows, key)
    }

    pub(crate) fn put<T: Serialize>(&mut self, key: String, value: &T) {
        self.rows.apply([book::put(key, value)]);
    }

    pub(crate) fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.rows.apply([Row::delete(key)]);
    }

    pub(crate) fn due_at(&mut self, at: Time, what: &str) {
        self.rows.apply([Row::put(book::due_key(at, what), "null")]);
    }

    /// Writes a row whose key says all.
    pub(crate) fn mark(&mut self, key: &str) {
        self.rows.apply([Row::put(key, "null")]);
    }

    pub(crate) fn fresh_id(&mut self) -> StatementId {
        self.ids.statement()
    }

    pub(crate) fn fresh_text(&mut self) -> String {
        self.ids.short()
    }

    pub(crate) fn trade(&self, trade: &TradeRef) -> Option<PartyTrade> {
        book::load(&self.rows, trade)
    }

    pub(crate) fn save(&mut self, trade: &mut PartyTrade) {
        if trade.revision == 0 {
            let named = format!(
                "{}{}",
                book::name_prefix(&trade.trade.id),
                trade.trade.shop.as_str()
            );
            self.put(named, &trade.trade);
        }
        trade.revision += 1;
        self.put(book::trade_key(&trade.trade), trade);
        if !self.saved.contains(&trade.trade) {
            self.saved.push(trade.trade.clone());
        }
    }

    /// The trades that were saved since this was asked last, as they stand now.
    pub(crate) fn take_saved(&mut self) -> Vec<PartyTrade> {
        let saved = std::mem::take(&mut self.saved);
        saved.iter().filter_map(|name| self.trade(name)).collect()
    }

    /// Sends a new statement, always by mail; what a role is told, [`PartyCase::say_to_role`] says.
    pub(crate) fn say(
        &mut self,
        to: &Address,
        naming: Naming,
        body: Body,
        about: Option<&PartyTrade>,
    ) -> StatementId {
        let statement = self.new_statement(to, naming, body);
        let id = statement.id;
        self.mail(statement, about);
        id
    }

    fn new_statement(&mut self, to: &Address, naming: Naming, body: Body) -> Statement {
        Statement {
            id: self.fresh_id(),
            from: self.settings.address.clone(),
            to: to.clone(),
            sent: self.now,
            trade: naming.trade,
            request: naming.request,
            answers: naming.answers,
            body,
        }
    }

    fn mail(&mut self, statement: Statement, about: Option<&PartyTrade>) {
        let occasion = match statement.answers {
            Some(_) => Occasion::Answer,
            None => Occasion::News,
        };
        self.send.push(StatementToSend {
            statement,
            octets: None,
            occasion,
            about: about.map(|t| Box::new(t.clone())),
        });
    }

    /// Says something to a role: by mail, or, where this server plays it at its own address, within this
    /// decision (E27), once the role that speaks is done.
    pub(crate) fn say_to_role(
        &mut self,
        to: &Address,
        naming: Naming,
        body: Body,
        about: Option<&PartyTrade>,
    ) -> Statement {
        let statement = self.new_statement(to, naming, body);
        if self.is_ourselves(to) && self.said_to_ourselves < MOST_TO_OURSELVES {
            self.said_to_ourselves += 1;
            self.to_ourselves.push_back(statement.clone());
        } else {
            self.mail(statement.clone(), about);
        }
        statement
    }

    /// What one role of this server said to another, in its order: until there is no more, what is
    /// decided is said to be heard from ourselves.
    pub(crate) fn next_to_ourselves(&mut self) -> Option<Statement> {
        let next = self.to_ourselves.pop_front();
        self.hears_itself = next.is_some();
        next
    }

    /// Whether the statement that is decided about was said within this decision: its sender is this
    /// server, which no letter could prove, and nothing can have overtaken it.
    pub(crate) fn hears_itself(&self) -> bool {
        self.hears_itself
    }

    fn is_ourselves(&self, address: &Address) -> bool {
        *address == self.settings.address
    }

    /// Takes back a statement of this decision: something else brings it to its receiver.
    pub(crate) fn withhold(&mut self, id: StatementId) -> Option<StatementToSend> {
        let at = self.send.iter().position(|s| s.statement.id == id)?;
        Some(self.send.remove(at))
    }

    /// Sends a statement that was sent before, octet for octet (protocol 6).
    pub(crate) fn say_again(&mut self, octets: &str, occasion: Occasion) {
        let Ok(decoded) = wire::decode(octets.as_bytes()) else {
            return;
        };
        let statement = decoded.statement;
        let about = statement.trade.as_ref().and_then(|t| self.trade(t));
        self.send.push(StatementToSend {
            statement,
            octets: Some(octets.to_owned()),
            occasion,
            about: about.map(Box::new),
        });
    }

    /// Says something to a role; to another server again and again, until it is answered (protocol 7).
    pub(crate) fn say_until_answered(
        &mut self,
        to: &Address,
        trade: &PartyTrade,
        body: Body,
    ) -> StatementId {
        self.ask_until_answered(to, &trade.trade, body, Some(trade))
    }

    /// The same about a trade that is not made yet (E3).
    pub(crate) fn ask_until_answered(
        &mut self,
        to: &Address,
        name: &TradeRef,
        body: Body,
        about: Option<&PartyTrade>,
    ) -> StatementId {
        let naming = Naming {
            trade: Some(name.clone()),
            ..Naming::default()
        };
        let statement = self.say_to_role(to, naming, body, about);
        let id = statement.id;
        if self.is_ourselves(to) {
            // It is answered within this decision, or waits where its operator decides.
            return id;
        }
        let due = self.now.plus(self.settings.timers.answer_first);
        let waiting = AwaitedAnswer {
            octets: wire::encode(&statement),
            since: self.now,
            again: 0,
            due,
            operator_told: false,
        };
        self.put(book::waiting_key(id), &waiting);
        self.due_at(due, &format!("wait/{id}"));
        id
    }

    /// Tells a status to whom it is for: the buyer, as far as the buyer wishes (E14, Q7), and the
    /// shop, where that is another server. Returns the statement that tells it to the buyer.
    pub(crate) fn tell(
        &mut self,
        trade: &PartyTrade,
        status: &OwnStatus,
        asked: AskedBy<'_>,
    ) -> StatementId {
        let naming = |answers| Naming {
            trade: Some(trade.trade.clone()),
            request: None,
            answers,
        };
        let mut told = None;
        match asked {
            AskedBy::Shop(asking) => {
                let naming = naming(Some(asking.id));
                told = Some(self.tell_shop(trade, naming, status));
            }
            AskedBy::Nobody if status.is_for_the_shop() => {
                told = Some(self.tell_shop(trade, naming(None), status));
            }
            AskedBy::Nobody | AskedBy::Buyer(_) => {}
        }
        let answers = match asked {
            AskedBy::Buyer(asking) => Some(asking.id),
            AskedBy::Nobody | AskedBy::Shop(_) => None,
        };
        if answers.is_some() || status.is_wished(trade) {
            let to = trade.buyer_mail.clone();
            told = Some(self.say(&to, naming(answers), status.body(), Some(trade)));
            self.tell_people(trade, status);
        }
        // An untold change has a statement id as well: it counts in the sequence.
        told.unwrap_or_else(|| self.fresh_id())
    }

    /// Tells a track of which a shop said something: the shop that asked always; the buyer, and the shop
    /// unasked, when it is news.
    pub(crate) fn tell_track(
        &mut self,
        trade: &PartyTrade,
        status: &OwnStatus,
        report: TrackReport,
        asked: Option<&Statement>,
    ) {
        match (report, asked) {
            (TrackReport::News, Some(statement)) => {
                self.tell(trade, status, AskedBy::Shop(statement));
            }
            (TrackReport::News, None) => {
                self.tell(trade, status, AskedBy::Nobody);
            }
            (TrackReport::Remarked | TrackReport::Same, Some(statement)) => {
                self.answer_shop(trade, status, statement);
            }
            (TrackReport::Remarked | TrackReport::Same, None) => {}
        }
    }

    /// Repeats a status that did not change to the shop that asked; the buyer knows it.
    pub(crate) fn answer_shop(
        &mut self,
        trade: &PartyTrade,
        status: &OwnStatus,
        asking: &Statement,
    ) {
        let naming = Naming {
            trade: Some(trade.trade.clone()),
            request: None,
            answers: Some(asking.id),
        };
        self.tell_shop(trade, naming, status);
    }

    fn tell_shop(&mut self, trade: &PartyTrade, naming: Naming, status: &OwnStatus) -> StatementId {
        let shop = &trade.trade.shop;
        self.say_to_role(shop, naming, status.body(), Some(trade))
            .id
    }

    /// Repeats a status that did not change to the buyer who asked.
    pub(crate) fn answer_buyer(
        &mut self,
        trade: &PartyTrade,
        status: &OwnStatus,
        asking: &Statement,
    ) {
        let naming = Naming {
            trade: Some(trade.trade.clone()),
            request: None,
            answers: Some(asking.id),
        };
        let to = trade.buyer_mail.clone();
        self.say(&to, naming, status.body(), Some(trade));
    }

    /// Q6: the address named for notices, once it is known that it wants them.
    fn tell_people(&mut self, trade: &PartyTrade, status: &OwnStatus) {
        let Some(to) = trade.wishes.as_ref().and_then(|w| w.wishes.to.as_ref()) else {
            return;
        };
        let wants_them = to.domain() == trade.buyer_mail.domain() || trade.consents.contains(to);
        let last = self.send.last().map(|s| s.statement.clone());
        if let (true, true, Some(statement)) = (wants_them, status.is_wished(trade), last) {
            self.notices.push(PersonNotice {
                statement,
                to: to.clone(),
                shop_name: trade.shop_name().map(str::to_owned),
            });
        }
    }

    /// Whether this server is the shop of the trade.
    pub(crate) fn is_own_shop(&self, trade: &PartyTrade) -> bool {
        self.settings.shop.is_some() && trade.trade.shop == self.settings.address
    }

    /// Whether this decision said that to this address already.
    pub(crate) fn has_said(&self, to: &Address, body: &Body) -> bool {
        let said = |s: &StatementToSend| s.statement.to == *to && s.statement.body == *body;
        self.send.iter().any(said)
    }

    /// What this decision said under that id, octet for octet.
    pub(crate) fn said(&self, id: StatementId) -> Option<String> {
        let said = self.send.iter().find(|s| s.statement.id == id)?;
        Some(match &said.octets {
            Some(octets) => octets.clone(),
            None => wire::encode(&said.statement),
        })
    }

    /// What was said in answer to a statement so far, octet for octet; what its sender was told again
    /// because of it, too.
    pub(crate) fn answers_to(&self, asking: &Statement) -> Vec<String> {
        let answers = |s: &StatementToSend| {
            s.statement.answers == Some(asking.id)
                || (s.octets.is_some() && s.occasion == Occasion::Answer)
        };
        self.send
            .iter()
            .filter(|s| s.statement.to == asking.from && answers(s))
            .map(|s| match &s.octets {
                Some(octets) => octets.clone(),
                None => wire::encode(&s.statement),
            })
            .collect()
    }
}

/// Protocol 5: a stored answer is repeated at most 5 times an hour.
const MOST_REPEATS: usize = 5;
const REPEATS_COUNT_FOR: Duration = Duration::from_secs(3600);

/// Whether an answer may be repeated now; if so, that is counted.
pub(crate) fn may_repeat(repeated: &mut Vec<Time>, now: Time) -> bool {
    repeated.retain(|at| now.since(*at) < REPEATS_COUNT_FOR);
    if repeated.len() >= MOST_REPEATS {
        return false;
    }
    repeated.push(now);
    true
}
