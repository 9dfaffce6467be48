//! Where one input is worked on: typed rows over the ledger, and what is to come out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_statements::Evidence;
use tradepost_statements::{RequestId, StatementId, Time, TradeRef};
use tradepost_trades::letter::{Content, LetterFacts};
use tradepost_trades::rows::{Overlay, Row, Rows};

use super::filed::Filed;
use super::rules::{RULES, Rule};
use super::saying::Saying;
use super::settings::BuyerSettings;
use super::state::{
    FiledLetter, LetterCounts, LetterPlace, LetterRow, Own, OwnRequest, Totals, content,
    is_default, read,
};
use super::trade::BuyerTrade;
use super::warning::{Finding, Warning, WarningKind, WarningState};
use super::{BuyerChange, Counted, Judgement, Notice, keys};

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
    /// What this input has given reason to judge again, and is not yet looked at.
    pub(super) look_again: Vec<String>,
    /// What was read of letters.
    contents: RefCell<BTreeMap<u64, Content>>,
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
            look_again: Vec::new(),
            contents: RefCell::new(BTreeMap::new()),
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

    /// Writes a row, unless it says this already.
    pub(super) fn put_if_changed<T: Serialize>(&mut self, key: &str, value: &T) {
        let json = serde_json::to_vec(value).expect("a row of the ledger always has a JSON form");
        if self.rows.get(key.as_bytes()).as_ref() != Some(&json) {
            self.rows.apply([Row::put(key, json)]);
        }
    }

    /// Deletes a row, where there is one.
    pub(super) fn delete_if_there(&mut self, key: &str) {
        if self.has(key) {
            self.delete(key);
        }
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

    /// Keeps a count up: one more, or one less.
    fn count(&mut self, key: &str, is_more: bool) {
        let known = self.get::<u64>(key).unwrap_or(0);
        let now = if is_more {
            known + 1
        } else {
            known.saturating_sub(1)
        };
        if now == 0 {
            self.delete(key);
        } else {
            self.put(key, &now);
        }
    }

    /// Puts a letter into the queue of those that are held.
    pub(super) fn hold(&mut self, until: Time, no: u64) {
        let key = keys::held(until, no);
        if !self.has(&key) {
            self.mark(&key);
            self.count(keys::HELD_COUNT, true);
        }
    }

    /// Takes a letter out of it.
    pub(super) fn release(&mut self, until: Time, no: u64) {
        let key = keys::held(until, no);
        if self.has(&key) {
            self.delete(&key);
            self.count(keys::HELD_COUNT, false);
        }
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
        let row: LetterRow = self.get(&keys::letter(no))?;
        let counts = self.get(&keys::letter_counts(no)).unwrap_or_default();
        Some(row.with(counts, self.content(no)?))
    }

    /// A letter that can be read.
    pub(super) fn filed(&self, no: u64) -> Option<Filed> {
        Filed::of(self.letter(no)?)
    }

    pub(super) fn put_letter(&mut self, letter: &FiledLetter) {
        self.put_if_changed(&keys::letter(letter.no), &LetterRow::of(letter));
        let (key, counts) = (keys::letter_counts(letter.no), LetterCounts::of(letter));
        if is_default(&counts) {
            self.delete_if_there(&key);
        } else {
            self.put_if_changed(&key, &counts);
        }
    }

    /// What a letter says, read once.
    fn content(&self, no: u64) -> Option<Content> {
        if let Some(known) = self.contents.borrow().get(&no) {
            return Some(known.clone());
        }
        let content = content(&self.rows, no)?;
        self.contents.borrow_mut().insert(no, content.clone());
        Some(content)
    }

    /// Keeps what a letter says.
    pub(super) fn keep_content(&mut self, no: u64, content: &Content) {
        if self.content(no).as_ref() != Some(content) {
            self.put(&keys::content(no), content);
            self.contents.borrow_mut().insert(no, content.clone());
        }
    }

    pub(super) fn trade(&self, trade: &TradeRef) -> Option<BuyerTrade> {
        BuyerTrade::load(&self.rows, trade)
    }

    pub(super) fn put_trade(&mut self, trade: &BuyerTrade) {
        self.put_if_changed(&keys::trade(&trade.trade), &trade.terms_row());
        let progress = keys::progress(&trade.trade);
        match trade.progress_row() {
            Some(row) => self.put_if_changed(&progress, &row),
            None => self.delete_if_there(&progress),
        }
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

    /// The numbers of the warnings about a letter, whatever their state.
    pub(super) fn warnings_of_letter(&self, no: u64) -> Vec<Warning> {
        let prefix = keys::warnings_of_letter(no);
        let numbers = numbers_after(&self.rows, &prefix, &prefix, MOST_WARNINGS_OF_A_LETTER);
        let warnings = numbers.into_iter();
        warnings
            .filter_map(|id| self.get(&keys::warning(id)))
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
        let (open, is_open) = (keys::open_warning(warning.id), state == WarningState::Open);
        if self.has(&open) != is_open {
            self.count(keys::OPEN_WARNING_COUNT, is_open);
            if let Some(trade) = &warning.trade {
                self.count(&keys::warning_count_of_trade(trade), is_open);
            }
            if is_open {
                self.mark(&open);
            } else {
                self.delete(&open);
            }
        }
        if was_open && state == WarningState::Resolved {
            self.notices.push(Notice::Resolved {
                warning: warning.id,
            });
        }
        self.put(&keys::warning(warning.id), &warning);
    }
}

/// One for each line and kind, so that there are never more than this.
const MOST_WARNINGS_OF_A_LETTER: usize = 64;

/// The numbers that end the first `limit` keys that start with `prefix` and are not below `from`.
pub(super) fn numbers_after(rows: &dyn Rows, prefix: &str, from: &str, limit: usize) -> Vec<u64> {
    rows.scan_from(prefix.as_bytes(), from.as_bytes(), limit)
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
    }
}

/// What a letter says of itself, when there is none: a warning of the ledger's own.
fn no_letter() -> LetterFacts {
    LetterFacts::default()
}
