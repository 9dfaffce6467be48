//! What a letter means for its trade: lines 8 to 16 of protocol 5 and the fold of protocol 4.
//!
//! Of a trade that is open here, a status is judged by what the trade records say together, and enters
//! its track (`tracks`); a trade record is walked among the others (`records`), and when that comes to
//! other terms, what was refused by the former ones is looked at again (`backlog`). So the state depends
//! on which letters came, not on their order or number, but for the order of the trade records among
//! themselves; and a letter costs the same, however many came before it.

use std::collections::BTreeSet;

use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::{
    Address, Body, DeliveryState, OrderState, PaymentState, Time, TradeRef,
};

use super::backlog::{self, Which};
use super::case::BuyerCase;
use super::filed::{Filed, LetterOutcome};
use super::judge::lines_8_to_15;
use super::known::{Agreed, KnownTrade, nothing_known};
use super::progress::{CountedTrade, PaymentTold, TradeOrigin, TradeState, TradeTerms};
use super::records::{self, ListedRecords, MOST_SETTLED, MOST_SETTLED_LINES, RecordsOfTrade};
use super::state::{Fate, RequestAnswer};
use super::terms::Terms;
use super::tracks::{self, EnteringStatus, TrackTold};
use super::trade::BuyerTrade;
use super::{
    Notice, answering, count, expected, keys, lookalikes, namesakes, parcels, schedule, totals,
    undoing,
};

/// A trade that is worked on: [`OpenTrade::close`] writes what has changed.
pub(super) struct OpenTrade {
    trade: BuyerTrade,
    before: Option<TradeState>,
    terms_before: Option<TradeTerms>,
    was_apart: bool,
    /// What was told of parcels, for the person.
    of_parcels: Vec<String>,
}

impl OpenTrade {
    /// Opens a trade that is known, or that a letter names for the first time.
    pub(super) fn named(case: &mut BuyerCase<'_>, trade: &TradeRef) -> OpenTrade {
        OpenTrade::known(case, trade).unwrap_or_else(|| {
            case.mark(&keys::no_trade_by_id(trade));
            OpenTrade::of(BuyerTrade::named(trade))
        })
    }

    pub(super) fn known(case: &BuyerCase<'_>, trade: &TradeRef) -> Option<OpenTrade> {
        case.trade(trade).map(OpenTrade::of)
    }

    fn of(trade: BuyerTrade) -> OpenTrade {
        OpenTrade {
            before: trade.state.clone(),
            terms_before: trade.terms.clone(),
            was_apart: trade.counted.as_ref().is_some_and(|c| c.apart),
            trade,
            of_parcels: Vec::new(),
        }
    }

    /// Judges a letter about this trade, new or not.
    pub(super) fn judge(&mut self, case: &mut BuyerCase<'_>, no: u64) {
        let Some(filed) = case.filed(no) else { return };
        if filed.record().is_some() {
            self.judge_record(case, filed);
        } else {
            self.judge_other(case, filed);
        }
    }

    fn judge_record(&mut self, case: &mut BuyerCase<'_>, filed: Filed) {
        let no = filed.letter.no;
        claim_request(case, &self.trade, &filed);
        let (statement, accepted) = (&filed.decoded.statement, filed.letter.accepted_through);
        let nothing_known = nothing_known(&self.trade);
        let finding = lines_8_to_15(case, statement, accepted, &nothing_known);
        let key = keys::records(&self.trade.trade);
        let mut listed: ListedRecords = case.get(&key).unwrap_or_default();
        // What the records say among themselves decides about the rest.
        if let Some(finding) = finding.filter(|f| f.rule <= 9) {
            let was_listed = listed.has(no);
            listed.remove(no);
            self.set_aside(case, filed, LetterOutcome::refused(finding));
            if was_listed {
                self.walk_records(case, listed);
            }
            return;
        }
        case.delete_if_there(&keys::aside(&self.trade.trade, no));
        listed.add(no);
        self.walk_records(case, listed);
    }

    /// Walks the trade records that are listed, and takes over what they come to.
    pub(super) fn judge_records(&mut self, case: &mut BuyerCase<'_>) {
        if let Some(listed) = case.get(&keys::records(&self.trade.trade)) {
            self.walk_records(case, listed);
        }
    }

    fn walk_records(&mut self, case: &mut BuyerCase<'_>, mut listed: ListedRecords) {
        let mut letters: Vec<Filed> = listed.letters().filter_map(|no| case.filed(no)).collect();
        letters.sort_by_key(|f| f.letter.no);
        let walked = records::walk(case, &self.trade, &listed, &letters);
        let origin = origin(case, &self.trade.trade, &listed, &letters, &walked);
        let outcomes = record_outcomes(&letters, &walked, origin);
        let record_before = self.trade.terms.as_ref().map(|t| t.record);
        self.trade.terms = walked.terms(&listed, &letters, origin);
        if self.trade.adopted_by.is_none()
            && origin == TradeOrigin::Adopted
            && self.trade.terms.is_some()
        {
            let first = walked.counting.first().and_then(|i| letters.get(*i));
            self.trade.adopted_by = first.map(|f| f.letter.no);
        }
        listed.note(&walked, &letters);
        case.put_if_changed(&keys::records(&self.trade.trade), &listed);
        for (filed, outcome) in letters.into_iter().zip(outcomes) {
            self.note(case, filed, outcome);
        }
        let record = self.trade.terms.as_ref().map(|t| t.record);
        parcels::name_by_record(case, &mut self.trade, (record_before, record));
    }

    fn judge_other(&mut self, case: &mut BuyerCase<'_>, filed: Filed) {
        let (no, trade) = (filed.letter.no, self.trade.trade.clone());
        let statement = &filed.decoded.statement;
        let agreed = self.agreed(case, &statement.body);
        let known = KnownTrade {
            trade: Some(&trade),
            adopted: false,
            agreed: agreed.as_ref(),
            terms: Terms::default(),
        };
        let finding = lines_8_to_15(case, statement, filed.letter.accepted_through, &known);
        let in_history = keys::in_history(&trade, no);
        if let Some(finding) = finding {
            if case.has(&in_history) {
                case.delete(&in_history);
                self.take_out(case, &filed);
            }
            self.set_aside(case, filed, LetterOutcome::refused(finding));
            return;
        }
        case.delete_if_there(&keys::aside(&trade, no));
        let is_known = case.has(&in_history);
        if !is_known {
            case.mark(&in_history);
        }
        match &filed.decoded.statement.body {
            Body::OrderStatus(status) => self.tell_order(case, (&filed, is_known), status),
            Body::DeliveryStatus(status) => self.tell_parcel(case, (&filed, is_known), status),
            Body::PaymentStatus(status) => self.tell_payment(case, (&filed, is_known), status),
            Body::ReturnDecision(_) => {
                undoing::note_decision(case, no, &filed.decoded.statement);
                self.note(case, filed, LetterOutcome::of(Fate::Applied));
            }
            Body::Order(_)
            | Body::TradeRecord(_)
            | Body::OrderRejected(_)
            | Body::Confirm(_)
            | Body::Cancel(_)
            | Body::Return(_)
            | Body::StatusRequest
            | Body::Notify(_)
            | Body::UnknownTrade
            | Body::Authorize(_)
            | Body::Authorization(_)
            | Body::PaymentInstruction(_)
            | Body::DeliveryInstruction(_)
            | Body::Refund(_)
            | Body::Recall(_) => self.note(case, filed, LetterOutcome::of(Fate::Applied)),
        }
    }

    /// What the records say together, as far as a statement is compared with it.
    fn agreed(&self, case: &BuyerCase<'_>, body: &Body) -> Option<Agreed> {
        let terms = self.trade.terms.as_ref()?;
        // A status made before a newer version of the record may speak of that one's lines.
        let speaks_of_lines = matches!(body, Body::DeliveryStatus(s) if s.lines.is_some());
        let former = terms.lines_of.iter().filter(|_| speaks_of_lines);
        let former = former.filter_map(|no| Some(case.filed(*no)?.record()?.lines.clone()));
        Some(Agreed {
            carriers: terms.carriers.clone(),
            processors: terms.processors.clone(),
            totals: terms.totals.clone(),
            lines: former.chain(std::iter::once(terms.lines.clone())).collect(),
        })
    }

    fn tell_order(
        &mut self,
        case: &mut BuyerCase<'_>,
        (filed, is_known): (&Filed, bool),
        status: &OrderStatus,
    ) {
        let track = keys::order_track(&self.trade.trade);
        let entering = entering(
            (filed, is_known),
            status.sequence.number(),
            status.state,
            status.at,
        );
        let told = tracks::enter(case, &track, entering, ships);
        self.order_told(case, told);
    }

    fn order_told(&mut self, case: &mut BuyerCase<'_>, told: TrackTold) {
        if let Some(now) = &told.now {
            let filed = now.state_of.and_then(|no| case.filed(no));
            let status = filed.as_ref().and_then(Filed::order_status);
            self.trade.progress.order = status.map(count::order_now);
            parcels::name_by_shipped(case, &mut self.trade, now.marked);
        }
        self.note_all(case, told);
    }

    fn tell_parcel(
        &mut self,
        case: &mut BuyerCase<'_>,
        (filed, is_known): (&Filed, bool),
        status: &DeliveryStatus,
    ) {
        let carrier = &filed.decoded.statement.from;
        let track = keys::delivery_track(&self.trade.trade, &status.parcel, carrier);
        let entering = entering(
            (filed, is_known),
            status.sequence.number(),
            status.state,
            status.at,
        );
        let told = tracks::enter(case, &track, entering, |_| false);
        self.parcel_told(case, filed, status, told);
    }

    fn parcel_told(
        &mut self,
        case: &mut BuyerCase<'_>,
        filed: &Filed,
        status: &DeliveryStatus,
        told: TrackTold,
    ) {
        let parcel = (&filed.decoded.statement.from, status.parcel.as_str());
        if let Some(now) = &told.now {
            let before = parcels::present(case.rows(), &self.trade, parcel);
            let filed = now.state_of.and_then(|no| case.filed(no));
            let status = filed.as_ref().and_then(Filed::delivery_status);
            parcels::tell(case, &mut self.trade, parcel, status);
            let now = parcels::present(case.rows(), &self.trade, parcel);
            if now != before {
                self.of_parcels
                    .extend(now.map(|s| format!("delivery {}", s.state)));
            }
        }
        self.note_all(case, told);
    }

    fn tell_payment(
        &mut self,
        case: &mut BuyerCase<'_>,
        (filed, is_known): (&Filed, bool),
        status: &PaymentStatus,
    ) {
        let track = keys::payment_track(&self.trade.trade, &filed.decoded.statement.from);
        let entering = entering(
            (filed, is_known),
            status.sequence.number(),
            status.state,
            status.at,
        );
        let told = tracks::enter(case, &track, entering, |_| false);
        self.payment_told(case, filed, told);
    }

    fn payment_told(&mut self, case: &mut BuyerCase<'_>, filed: &Filed, told: TrackTold) {
        let sender = &filed.decoded.statement.from;
        if let Some(now) = &told.now {
            let filed = now.state_of.and_then(|no| case.filed(no));
            let status = filed.as_ref().and_then(|f| Some((f, f.payment_status()?)));
            let payments = &mut self.trade.progress.payments;
            match status {
                Some((filed, status)) => {
                    let told = PaymentTold {
                        letter: filed.letter.no,
                        accepted: filed.letter.accepted_through >= 13,
                        told: count::payment_now(status),
                    };
                    payments.insert(sender.clone(), told);
                }
                None => {
                    payments.remove(sender);
                }
            }
        }
        self.note_all(case, told);
    }

    /// Takes a letter out of its track that is no part of the trade any more.
    fn take_out(&mut self, case: &mut BuyerCase<'_>, filed: &Filed) {
        let (no, trade) = (filed.letter.no, &self.trade.trade);
        let sender = &filed.decoded.statement.from;
        if filed.order_status().is_some() {
            let track = keys::order_track(trade);
            let told = tracks::take_out(case, &track, no, ships);
            self.order_told(case, told);
        } else if let Some(status) = filed.delivery_status() {
            let track = keys::delivery_track(trade, &status.parcel, sender);
            let told = tracks::take_out::<DeliveryState>(case, &track, no, |_| false);
            self.parcel_told(case, filed, status, told);
        } else if filed.payment_status().is_some() {
            let track = keys::payment_track(trade, sender);
            let told = tracks::take_out::<PaymentState>(case, &track, no, |_| false);
            self.payment_told(case, filed, told);
        }
    }

    fn set_aside(&mut self, case: &mut BuyerCase<'_>, filed: Filed, outcome: LetterOutcome) {
        let key = keys::aside(&self.trade.trade, filed.letter.no);
        if !case.has(&key) {
            case.mark(&key);
        }
        self.note(case, filed, outcome);
    }

    fn note_all(&self, case: &mut BuyerCase<'_>, told: TrackTold) {
        for (no, outcome) in told.outcomes {
            if let Some(filed) = case.filed(no) {
                self.note(case, filed, outcome);
            }
        }
    }

    /// Takes down how a letter stands.
    fn note(&self, case: &mut BuyerCase<'_>, mut filed: Filed, outcome: LetterOutcome) {
        let before = std::mem::replace(&mut filed.letter.fate, outcome.fate);
        let is_other = filed.letter.fate != before;
        if is_other {
            case.put_letter(&filed.letter);
            let statement = &filed.decoded.statement;
            answering::note_new_answer(case, &before, &filed.letter, statement);
        }
        // What is not warned, and was not, has no open warnings.
        if is_other || !outcome.findings.is_empty() {
            case.reconcile(&filed.letter, Some(&self.trade.trade), &outcome.findings);
        }
    }

    /// Adds up, and writes what has changed.
    pub(super) fn close(mut self, case: &mut BuyerCase<'_>) {
        self.trade.progress.promised = parcels::promised(case.rows(), &self.trade);
        self.trade.add_up();
        let (before, now) = (self.before.as_ref(), self.trade.state.as_ref());
        if now.is_some() != before.is_some() {
            list_by_id(case, &self.trade);
        }
        totals::count(case, &mut self.trade);
        schedule::end_what_is_through(case, &self.trade);
        let is_apart = |c: Option<&CountedTrade>| c.is_some_and(|c| c.apart);
        if self.terms_before != self.trade.terms
            || self.was_apart != is_apart(self.trade.counted.as_ref())
        {
            lookalikes::list_parties(case, &mut self.trade);
        }
        case.put_trade(&self.trade);
        let (before, now) = (self.before.as_ref(), self.trade.state.as_ref());
        tell(case, &self.trade.trade, before, now, &self.of_parcels);
        self.look_again(case);
    }

    /// What was judged by what is known no more, or by less than is known now.
    fn look_again(&self, case: &mut BuyerCase<'_>) {
        let (before, now) = (self.terms_before.as_ref(), self.trade.terms.as_ref());
        if !same_terms(before, now) {
            // What passed by terms that are kept needs no look.
            let passes = before
                .zip(now)
                .is_some_and(|(before, now)| keeps(now, before));
            let which = if passes {
                Which::Refused
            } else {
                Which::RefusedAndPassed
            };
            backlog::look_at_trade(case, &self.trade.trade, which);
        }
        let parties =
            |terms: Option<&TradeTerms>| terms.map(|t| (t.carriers.clone(), t.processor.clone()));
        if parties(before) != parties(now) {
            // Line 12 asks whether a sender is a party of a trade with the same id.
            for namesake in namesakes::waiting(case.rows(), &self.trade.trade) {
                backlog::look_at_trade(case, &namesake, Which::RefusedAndRecords);
            }
        }
    }
}

/// Judges one letter about a trade.
pub(super) fn judge(case: &mut BuyerCase<'_>, trade: &TradeRef, no: u64) {
    let mut open = OpenTrade::named(case, trade);
    open.judge(case, no);
    open.close(case);
}

/// Judges the records of a trade again, and what was refused, since something else is asked for now.
pub(super) fn reconsider(case: &mut BuyerCase<'_>, trade: &TradeRef) {
    let Some(mut open) = OpenTrade::known(case, trade) else {
        return;
    };
    open.judge_records(case);
    open.close(case);
    backlog::look_at_trade(case, trade, Which::Refused);
}

/// Whether statuses are judged the same by both.
fn same_terms(a: Option<&TradeTerms>, b: Option<&TradeTerms>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.carriers == b.carriers
                && a.processors == b.processors
                && a.totals == b.totals
                && a.lines == b.lines
                && a.lines_of == b.lines_of
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether what passed by the former terms passes by these. What gave way since there are too many versions
/// is settled: it gives no reason to look again.
fn keeps(now: &TradeTerms, before: &TradeTerms) -> bool {
    let is_known = |no: &u64| now.lines_of.contains(no) || now.record == *no;
    let mut settled_last = before.lines_of.iter().rev().take(MOST_SETTLED_LINES);
    let mut totals = before.totals.iter().rev().take(MOST_SETTLED);
    let are_kept = |before: &BTreeSet<Address>, now: &BTreeSet<Address>| {
        before.len() > MOST_SETTLED || before.is_subset(now)
    };
    are_kept(&before.carriers, &now.carriers)
        && are_kept(&before.processors, &now.processors)
        && totals.all(|t| now.totals.contains(t))
        && settled_last.all(is_known)
        && (before.lines == now.lines || is_known(&before.record))
}

/// Whether a state of the order names its parcels.
fn ships(state: OrderState) -> bool {
    state == OrderState::Shipped
}

fn entering<S>(
    (filed, is_known): (&Filed, bool),
    sequence: u32,
    state: S,
    at: Time,
) -> EnteringStatus<S> {
    EnteringStatus {
        letter: filed.letter.no,
        sequence,
        state,
        at,
        statement: filed.decoded.statement.id,
        content: filed.content(),
        accepted: filed.accepted(),
        is_known,
    }
}

fn list_by_id(case: &mut BuyerCase<'_>, trade: &BuyerTrade) {
    let (is, was) = (
        keys::trade_by_id(&trade.trade),
        keys::no_trade_by_id(&trade.trade),
    );
    let (mark, delete) = if trade.state.is_some() {
        (is, was)
    } else {
        (was, is)
    };
    case.mark(&mark);
    case.delete(&delete);
}

/// Line 10 goes by arrival: the first record from the address that was asked is the answer.
fn claim_request(case: &mut BuyerCase<'_>, trade: &BuyerTrade, filed: &Filed) {
    let statement = &filed.decoded.statement;
    let Some(mut request) = statement.request.as_ref().and_then(|id| case.request(id)) else {
        return;
    };
    if request.answer.is_some()
        || request.to != statement.from
        || trade.trade.shop != statement.from
    {
        return;
    }
    // What lines 8 and 9 refuse is no answer.
    let (accepted, nothing_known) = (filed.letter.accepted_through, nothing_known(trade));
    let finding = lines_8_to_15(case, statement, accepted, &nothing_known);
    if finding.is_none_or(|f| f.rule > 9) {
        request.answer = Some(RequestAnswer::Record {
            trade: trade.trade.clone(),
        });
        case.put(&keys::request(&request.id.clone()), &request);
    }
}

fn origin(
    case: &BuyerCase<'_>,
    trade: &TradeRef,
    listed: &ListedRecords,
    letters: &[Filed],
    walked: &RecordsOfTrade,
) -> TradeOrigin {
    let mut requests = walked.requests(listed, letters);
    let answers_an_order = requests.any(|id| case.request(id).is_some_and(|r| r.order.is_some()));
    if answers_an_order {
        TradeOrigin::Placed
    } else if expected::of_trade(case.rows(), trade).is_some() {
        TradeOrigin::Expected
    } else {
        TradeOrigin::Adopted
    }
}

/// What becomes of each of the records, in the order of their letters.
fn record_outcomes(
    letters: &[Filed],
    records: &RecordsOfTrade,
    origin: TradeOrigin,
) -> Vec<LetterOutcome> {
    (0..letters.len())
        .map(|index| {
            let finding = records.refused.get(&index);
            if let Some(finding) = finding.or_else(|| records.conflicting.get(&index)) {
                LetterOutcome::refused(finding.clone())
            } else if records.duplicates.contains(&index) {
                LetterOutcome::of(Fate::Duplicate)
            } else if records.late.contains(&index) {
                LetterOutcome::of(Fate::Late)
            } else if origin == TradeOrigin::Adopted && records.counting.first() == Some(&index) {
                LetterOutcome::of(Fate::Adopted)
            } else {
                LetterOutcome::of(Fate::Applied)
            }
        })
        .collect()
}

/// What a person would want to know of the change.
fn tell(
    case: &mut BuyerCase<'_>,
    trade: &TradeRef,
    before: Option<&TradeState>,
    now: Option<&TradeState>,
    of_parcels: &[String],
) {
    let Some(now) = now else { return };
    let Some(before) = before else {
        case.notices.push(Notice::NewTrade {
            trade: trade.clone(),
            adopted: now.origin == TradeOrigin::Adopted,
        });
        return;
    };
    if before.newest_carriers != now.newest_carriers {
        case.notices.push(Notice::OtherCarriers {
            trade: trade.clone(),
        });
    }
    let mut parts = Vec::new();
    if before.order != now.order {
        parts.extend(now.order.as_ref().map(|o| format!("order {}", o.state)));
    }
    parts.extend(of_parcels.iter().cloned());
    if before.payment != now.payment {
        parts.extend(now.payment.as_ref().map(|p| format!("payment {}", p.state)));
    }
    if !parts.is_empty() {
        case.notices.push(Notice::Progress {
            trade: trade.clone(),
            text: parts.join(", "),
        });
    }
}
