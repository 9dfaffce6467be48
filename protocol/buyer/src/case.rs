//! Where one input is worked on: typed rows over the ledger, and what is to come out.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_statements::Evidence;
use tradepost_statements::{RequestId, StatementId, Time, TradeRef};
use tradepost_trades::letter::LetterFacts;
use tradepost_trades::rows::{Overlay, Row, Rows};

use super::rules::{RULES, Rule};
use super::saying::Saying;
use super::settings::BuyerSettings;
use super::state::{BuyerTrade, FiledLetter, LetterPlace, Own, OwnRequest, Totals, read};
use super::warning::{Finding, Warning, WarningKind, WarningState};
use super::{BuyerChange, Counted, Judgement, Notice, keys, namesakes};

pub(super) struct BuyerCase<'l> {
    pub(super) settings: &'l BuyerSettings,
    pub(super) now: Time,
    /// The lines of protocol 5 by which letters are judged.
    pub(super) rules: &'l [Rule],
    rows: Overlay<'l>,
    pub(super) notices: Vec<Notice>,
    pub(super) say_again: Vec<StatementId>,
    pub(super) say: Vec<Saying>,
    /// The letters whose warnings were looked at.
    pub(super) judged: BTreeSet<u64>,
    /// The input only counted something up.
    pub(super) counted: Option<Counted>,
}

impl<'l> BuyerCase<'l> {
    pub(super) fn new(settings: &'l BuyerSettings, rows: &'l dyn Rows, now: Time) -> BuyerCase<'l> {
        BuyerCase::judging_by(RULES, settings, rows, now)
    }

    pub(super) fn judging_by(
        rules: &'l [Rule],
        settings: &'l BuyerSettings,
        rows: &'l dyn Rows,
        now: Time,
    ) -> BuyerCase<'l> {
        BuyerCase {
            settings,
            now,
            rules,
            rows: Overlay::new(rows),
            notices: Vec::new(),
            say_again: Vec::new(),
            say: Vec::new(),
            judged: BTreeSet::new(),
            counted: None,
        }
    }

    pub(super) fn finish(self, judgement: Option<Judgement>) -> BuyerChange {
        BuyerChange {
            rows: self.rows.into_rows(),
            judgement,
            say_again: self.say_again,
            say: self.say,
            notices: self.notices,
            counted: self.counted,
        }
    }

    pub(super) fn rows(&self) -> &Overlay<'l> {
        &self.rows
    }

    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        read(&self.rows, key)
    }

    pub(super) fn put<T: Serialize>(&mut self, key: &str, value: &T) {
        let json = serde_json::to_vec(value).expect("a row of the ledger always has a JSON form");
        self.rows.apply([Row::put(key, json)]);
    }

    pub(super) fn mark(&mut self, key: &str) {
        self.rows.apply([Row::put(key, "")]);
    }

    pub(super) fn delete(&mut self, key: &str) {
        self.rows.apply([Row::delete(key)]);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.rows.get(key.as_bytes()).is_some()
    }

    /// Counts up, from 1.
    pub(super) fn next_number(&mut self, counter: &str) -> u64 {
        let next = self.get::<u64>(counter).unwrap_or(0) + 1;
        self.put(counter, &next);
        next
    }

    /// Behind all letters that have come.
    pub(super) fn next_place(&mut self) -> LetterPlace {
        LetterPlace {
            after: self.get(keys::LETTER_COUNTER).unwrap_or(0),
            nth: self.next_number(keys::PLACE_COUNTER),
        }
    }

    pub(super) fn letter(&self, no: u64) -> Option<FiledLetter> {
        self.get(&keys::letter(no))
    }

    pub(super) fn put_letter(&mut self, letter: &FiledLetter) {
        self.put(&keys::letter(letter.no), letter);
    }

    pub(super) fn trade(&self, trade: &TradeRef) -> Option<BuyerTrade> {
        self.get(&keys::trade(trade))
    }

    pub(super) fn own(&self, id: StatementId) -> Option<Own> {
        self.get(&keys::own(id))
    }

    pub(super) fn request(&self, id: &RequestId) -> Option<OwnRequest> {
        self.get(&keys::request(id))
    }

    pub(super) fn totals(&self) -> Totals {
        self.get(keys::TOTALS).unwrap_or_default()
    }

    /// At most `limit` trades of other shops that have this id too.
    pub(super) fn namesakes(&self, trade: &TradeRef, limit: usize) -> Vec<TradeRef> {
        namesakes::made(&self.rows, trade, limit)
    }

    /// What letters name as a trade of another shop with this id, but is none so far.
    pub(super) fn waiting_namesakes(&self, trade: &TradeRef) -> Vec<TradeRef> {
        namesakes::waiting(&self.rows, trade)
    }

    /// The letters about a trade that were set aside.
    pub(super) fn set_aside(&self, trade: &TradeRef) -> Vec<u64> {
        numbers_after(&self.rows, &keys::set_aside(trade))
    }

    /// The numbers of the warnings about a letter, whatever their state.
    pub(super) fn warnings_of_letter(&self, no: u64) -> Vec<Warning> {
        let prefix = keys::warnings_of_letter(no);
        self.rows
            .scan(prefix.as_bytes())
            .into_iter()
            .filter_map(|(key, _)| {
                let hex = std::str::from_utf8(key.get(prefix.len()..)?).ok()?;
                self.get(&keys::warning(u64::from_str_radix(hex, 16).ok()?))
            })
            .collect()
    }

    /// Makes the open warnings about a letter the ones that `findings` say: new ones are given,
    /// void ones resolved, and one that the person dismissed stays dismissed while it holds.
    /// Returns the number of the first finding's warning.
    pub(super) fn reconcile(
        &mut self,
        letter: &FiledLetter,
        trade: Option<&TradeRef>,
        findings: &[Finding],
    ) -> Option<u64> {
        self.judged.insert(letter.no);
        let known = self.warnings_of_letter(letter.no);
        let of_lines = known.iter().filter(|w| w.rule.is_some());
        for warning in of_lines {
            let holds = findings.iter().any(|f| is_about(warning, f));
            if !holds && matches!(warning.state, WarningState::Open | WarningState::Dismissed) {
                self.set_warning_state(warning.clone(), WarningState::Resolved);
            }
        }
        let mut first = None;
        for finding in findings {
            let id = match known.iter().find(|w| is_about(w, finding)) {
                Some(warning) => {
                    self.renew(warning, letter, finding);
                    warning.id
                }
                None => self.warn_of_letter(letter, trade, finding),
            };
            first.get_or_insert(id);
        }
        first
    }

    /// The same for the warning that stands beside the verdict, whatever that is.
    pub(super) fn reconcile_beside(
        &mut self,
        letter: &FiledLetter,
        trade: Option<&TradeRef>,
        finding: Option<&Finding>,
    ) {
        let known = self.warnings_of_letter(letter.no);
        let known = known.iter().find(|w| w.rule.is_none());
        match (known, finding) {
            (Some(warning), Some(finding)) => self.renew(warning, letter, finding),
            (None, Some(finding)) => {
                self.warn_of_letter(letter, trade, finding);
            }
            (Some(warning), None) => {
                if matches!(warning.state, WarningState::Open | WarningState::Dismissed) {
                    self.set_warning_state(warning.clone(), WarningState::Resolved);
                }
            }
            (None, None) => {}
        }
    }

    /// A finding that is known already: its words say what is known now, not what was known when
    /// it was first made.
    fn renew(&mut self, known: &Warning, letter: &FiledLetter, finding: &Finding) {
        let state = match known.state {
            WarningState::Open | WarningState::Dismissed => known.state,
            WarningState::Resolved | WarningState::Accepted => WarningState::Open,
        };
        let renewed = Warning {
            evidence: letter.received.evidence,
            proof: letter.received.proof.clone(),
            payee: finding.payee.clone(),
            received: finding.received.clone(),
            expected: finding.expected.clone(),
            ..known.clone()
        };
        if renewed != *known || state != known.state {
            self.set_warning_state(renewed, state);
        }
    }

    fn warn_of_letter(
        &mut self,
        letter: &FiledLetter,
        trade: Option<&TradeRef>,
        finding: &Finding,
    ) -> u64 {
        let id = self.open_warning(Warning {
            id: 0,
            kind: finding.kind,
            rule: finding.line(),
            at: self.now,
            state: WarningState::Open,
            trade: trade.cloned(),
            letter: Some(letter.no),
            facts: letter.received.letter.clone(),
            evidence: letter.received.evidence,
            proof: letter.received.proof.clone(),
            payee: finding.payee.clone(),
            received: finding.received.clone(),
            expected: finding.expected.clone(),
            more: 0,
        });
        self.mark(&keys::warning_of_letter(letter.no, id));
        id
    }

    /// A warning of the ledger itself: at most one about the same thing at a time.
    pub(super) fn warn_of_own(&mut self, about: &str, warning: Warning) -> u64 {
        let key = keys::own_warning(warning.kind.word(), about);
        let known = self
            .get::<u64>(&key)
            .and_then(|id| self.get::<Warning>(&keys::warning(id)));
        if let Some(known) = known
            && matches!(known.state, WarningState::Open | WarningState::Dismissed)
        {
            return known.id;
        }
        let id = self.open_warning(warning);
        self.put(&key, &id);
        id
    }

    /// Closes a warning of the ledger itself, when there is one.
    pub(super) fn resolve_own(&mut self, kind: &str, about: &str) {
        let key = keys::own_warning(kind, about);
        let Some(id) = self.get::<u64>(&key) else {
            return;
        };
        self.delete(&key);
        if let Some(warning) = self.get::<Warning>(&keys::warning(id))
            && matches!(warning.state, WarningState::Open | WarningState::Dismissed)
        {
            self.set_warning_state(warning, WarningState::Resolved);
        }
    }

    fn open_warning(&mut self, mut warning: Warning) -> u64 {
        warning.id = self.next_number(keys::WARNING_COUNTER);
        let (id, kind, trade) = (warning.id, warning.kind, warning.trade.clone());
        self.notices.push(Notice::Warned {
            warning: id,
            kind,
            trade,
        });
        self.set_warning_state(warning, WarningState::Open);
        id
    }

    pub(super) fn set_warning_state(&mut self, mut warning: Warning, state: WarningState) {
        let was_open = warning.state == WarningState::Open;
        warning.state = state;
        let of_trade = warning
            .trade
            .as_ref()
            .map(|t| keys::warning_of_trade(t, warning.id));
        if state == WarningState::Open {
            self.mark(&keys::open_warning(warning.id));
            of_trade.iter().for_each(|key| self.mark(key));
        } else {
            self.delete(&keys::open_warning(warning.id));
            of_trade.iter().for_each(|key| self.delete(key));
        }
        if was_open && state == WarningState::Resolved {
            self.notices.push(Notice::Resolved {
                warning: warning.id,
            });
        }
        self.put(&keys::warning(warning.id), &warning);
    }
}

/// The numbers that end the keys that start with `prefix`.
pub(super) fn numbers_after(rows: &dyn Rows, prefix: &str) -> Vec<u64> {
    rows.scan(prefix.as_bytes())
        .into_iter()
        .filter_map(|(key, _)| {
            u64::from_str_radix(std::str::from_utf8(key.get(prefix.len()..)?).ok()?, 16).ok()
        })
        .collect()
}

fn is_about(warning: &Warning, finding: &Finding) -> bool {
    warning.kind == finding.kind && warning.rule == finding.line()
}

/// A warning that no letter gave rise to.
pub(super) fn own_warning(kind: WarningKind, case: &BuyerCase<'_>) -> Warning {
    Warning {
        id: 0,
        kind,
        rule: None,
        at: case.now,
        state: WarningState::Open,
        trade: None,
        letter: None,
        facts: no_letter(),
        evidence: Evidence::None,
        proof: String::new(),
        payee: None,
        received: String::new(),
        expected: String::new(),
        more: 0,
    }
}

/// What a letter says of itself, when there is none: a warning of the ledger's own.
fn no_letter() -> LetterFacts {
    LetterFacts::default()
}
