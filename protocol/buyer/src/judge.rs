//! Lines 8 to 15 of protocol 5: whether a letter that was filed may say what it says about its
//! trade. Each line asks the same of every kind of statement, in the order of the protocol.

use std::collections::BTreeSet;

use tradepost_statements::order::{Line, LineQuantity};
use tradepost_statements::rule::in_force;
use tradepost_statements::status::DeliveryStatus;
use tradepost_statements::{Address, Amount, Body, Kind, Statement, TradeRef};
use tradepost_trades::paid::paid_for_refund;

use super::case::BuyerCase;
use super::expected;
use super::settings::Adopt;
use super::state::{BuyerTrade, RequestAnswer};
use super::terms::Terms;
use super::warning::{Finding, WarningKind};

/// What is known of the trade when a letter is judged.
#[derive(Clone, Copy)]
pub(super) struct KnownTrade<'k> {
    /// The trade that the letters are filed with; none for a letter that names none.
    pub(super) trade: Option<&'k TradeRef>,
    /// The trade was adopted by this very letter.
    pub(super) adopted: bool,
    /// What its trade records say, when there is one that counts.
    pub(super) agreed: Option<&'k Agreed>,
    /// What a trade record is compared with (protocol 4).
    pub(super) terms: Terms<'k>,
}

/// What the trade records that count say.
pub(super) struct Agreed {
    /// Every carrier that any version names.
    pub(super) carriers: BTreeSet<Address>,
    /// Every processor that one of them names; one, unless the person accepted another.
    pub(super) processors: BTreeSet<Address>,
    /// The total of each, the present one last.
    pub(super) totals: Vec<Amount>,
    /// The lines of each, the present ones last.
    pub(super) lines: Vec<Vec<Line>>,
}

/// A trade of which no record counts yet.
pub(super) fn nothing_known(trade: &BuyerTrade) -> KnownTrade<'_> {
    KnownTrade {
        trade: Some(&trade.trade),
        adopted: false,
        agreed: None,
        terms: Terms::default(),
    }
}

/// The first line from 8 to 15 that applies to a statement whose lines up to `accepted` the
/// person passed; none when it may be folded (line 16).
pub(super) fn lines_8_to_15(
    case: &BuyerCase<'_>,
    statement: &Statement,
    accepted: u8,
    known: &KnownTrade<'_>,
) -> Option<Finding> {
    let asks = |line: u8| accepted < line;
    None.or_else(|| {
        asks(8)
            .then(|| line_8_answers_something_of_ours(case, statement))
            .flatten()
    })
    .or_else(|| {
        asks(9)
            .then(|| line_9_the_shop_speaks_for_itself(statement))
            .flatten()
    })
    .or_else(|| {
        asks(10)
            .then(|| line_10_is_the_first_answer(case, statement))
            .flatten()
    })
    .or_else(|| {
        asks(11)
            .then(|| known.terms.line_11_are_kept_by(statement))
            .flatten()
    })
    .or_else(|| {
        asks(12)
            .then(|| line_12_there_is_such_a_trade(case, statement, known))
            .flatten()
    })
    .or_else(|| {
        asks(13)
            .then(|| line_13_is_a_party_that_may_say_so(statement, known))
            .flatten()
    })
    .or_else(|| {
        asks(14)
            .then(|| line_14_the_amounts_fit(statement, known))
            .flatten()
    })
    .or_else(|| {
        asks(15)
            .then(|| line_15_the_items_are_the_trades(statement, known))
            .flatten()
    })
}

fn line_8_answers_something_of_ours(case: &BuyerCase<'_>, s: &Statement) -> Option<Finding> {
    let elsewhere = |to: &Address| {
        Finding::new(
            8,
            WarningKind::WrongSender,
            format!("an answer from {}", s.from.as_str()),
            format!("an answer from {}, who was asked", to.as_str()),
        )
    };
    if let Some(id) = s.answers {
        match case.own(id) {
            None if in_force("line 8: answers something of ours") => {
                let what = format!("an answer to the statement {id}, which is not ours");
                return Some(Finding::new(
                    8,
                    WarningKind::UnknownRequest,
                    what,
                    "an answer to something that was asked from here",
                ));
            }
            Some(own)
                if in_force("line 8: answered by whom was asked") && own.statement.to != s.from =>
            {
                return Some(elsewhere(&own.statement.to));
            }
            Some(_) | None => {}
        }
    }
    if let Some(id) = &s.request {
        match case.request(id) {
            None if in_force("line 8: a request of ours") => {
                let what = format!("an answer to the request {id}, which is not ours");
                return Some(Finding::new(
                    8,
                    WarningKind::UnknownRequest,
                    what,
                    "an answer to something that was asked from here",
                ));
            }
            // E6: a trade record counts only from the address that the order was sent to.
            Some(request)
                if in_force("line 8: a request is answered by whom it went to")
                    && request.to != s.from =>
            {
                return Some(elsewhere(&request.to));
            }
            Some(_) | None => {}
        }
    }
    None
}

fn line_9_the_shop_speaks_for_itself(s: &Statement) -> Option<Finding> {
    let shop = &s.trade.as_ref()?.shop;
    let kind = s.body.kind();
    let only_the_shop = (kind == Kind::TradeRecord && in_force("line 9: trade-record"))
        || (kind == Kind::OrderStatus && in_force("line 9: order-status"))
        || (kind == Kind::ReturnDecision && in_force("line 9: return-decision"));
    (only_the_shop && s.from != *shop).then(|| {
        Finding::new(
            9,
            WarningKind::WrongSender,
            format!("{} from {}", one(kind), s.from.as_str()),
            format!("{} from the shop, {}", one(kind), shop.as_str()),
        )
    })
}

fn line_10_is_the_first_answer(case: &BuyerCase<'_>, s: &Statement) -> Option<Finding> {
    let request = case.request(s.request.as_ref()?)?;
    let second = |received: String, expected: String| {
        Some(Finding::new(
            10,
            WarningKind::SecondTrade,
            received,
            expected,
        ))
    };
    match (s.body.kind(), &request.answer, &s.trade) {
        (Kind::TradeRecord, Some(RequestAnswer::Record { trade: first }), Some(trade))
            if first != trade && in_force("line 10: one trade for a request") =>
        {
            second(
                format!("the trade {} for the order {}", trade.id, request.id),
                format!("the trade {}, which came first", first.id),
            )
        }
        (Kind::TradeRecord, Some(RequestAnswer::Rejected { reason, .. }), Some(trade))
            if in_force("line 10: no record after a rejection") =>
        {
            second(
                format!("the trade {} for the order {}", trade.id, request.id),
                format!("nothing: the shop had rejected the order ({reason})"),
            )
        }
        (Kind::OrderRejected, Some(RequestAnswer::Record { trade: first }), _)
            if in_force("line 10: no rejection after a record") =>
        {
            second(
                format!("a rejection of the order {}", request.id),
                format!("the trade {}, which came first", first.id),
            )
        }
        _ => None,
    }
}

fn line_12_there_is_such_a_trade(
    case: &BuyerCase<'_>,
    s: &Statement,
    known: &KnownTrade<'_>,
) -> Option<Finding> {
    // What names no trade answers a request (lines 8 and 10).
    let trade = known.trade?;
    if known.agreed.is_some() {
        return None;
    }
    if s.body.kind() == Kind::TradeRecord {
        // Protocol 3: what belongs to an order bears its request.
        let belongs_to_an_order = s.request.is_some();
        let is_expected = expected::of_trade(case.rows(), trade).is_some();
        if belongs_to_an_order || is_expected || known.adopted || case.settings.adopt == Adopt::List
        {
            return None;
        }
    }
    let namesakes: Vec<_> = case
        .namesakes(trade, usize::MAX)
        .into_iter()
        .filter_map(|t| case.trade(&t))
        .collect();
    let strangers_to_all = namesakes.iter().all(|other| {
        other.state.as_ref().is_none_or(|state| {
            other.trade.shop != s.from
                && state.processor != s.from
                && !state.carriers.contains(&s.from)
        })
    });
    if let Some(other) = namesakes
        .iter()
        .find(|t| t.state.is_some())
        .filter(|_| strangers_to_all && in_force("line 12: a stranger to the trade of that id"))
    {
        return Some(Finding::new(
            12,
            WarningKind::WrongSender,
            format!("{} about the trade {trade}", s.from.as_str()),
            format!(
                "a party of the trade {}, which has the same id",
                other.trade
            ),
        ));
    }
    // Protocol 9: as if it had been placed, so the trade is there before its record comes.
    let mut expected = case.expected_namesakes(trade).into_iter();
    if let Some(other) = expected.find(|t| t.shop != s.from)
        && in_force("line 12: a stranger to the expected trade of that id")
    {
        return Some(Finding::new(
            12,
            WarningKind::WrongSender,
            format!("{} about the trade {trade}", s.from.as_str()),
            format!("a party of the trade {other}, which you expect"),
        ));
    }
    if !in_force("line 12: no such trade") {
        return None;
    }
    let expected = match case.settings.adopt {
        Adopt::List => "a trade that is in the ledger",
        Adopt::Ask => "a trade that is in the ledger; accept this warning to adopt the trade",
        Adopt::Off => "a trade that was ordered from here",
    };
    Some(Finding::new(
        12,
        WarningKind::NoSuchTrade,
        format!("{} about {trade}", one(s.body.kind())),
        expected,
    ))
}

fn line_13_is_a_party_that_may_say_so(s: &Statement, known: &KnownTrade<'_>) -> Option<Finding> {
    let kind = s.body.kind();
    let wrong = |expected: String| {
        Some(Finding::new(
            13,
            WarningKind::WrongSender,
            format!("{} from {}", one(kind), s.from.as_str()),
            expected,
        ))
    };
    let names = |parties: &BTreeSet<Address>| {
        parties
            .iter()
            .map(Address::as_str)
            .collect::<Vec<_>>()
            .join(" or ")
    };
    match (kind, known.agreed) {
        (Kind::DeliveryStatus, Some(agreed))
            if in_force("line 13: carrier") && !agreed.carriers.contains(&s.from) =>
        {
            wrong(format!(
                "a carrier of this trade: {}",
                names(&agreed.carriers)
            ))
        }
        (Kind::PaymentStatus, Some(agreed))
            if in_force("line 13: payment processor") && !agreed.processors.contains(&s.from) =>
        {
            wrong(format!(
                "the payment processor of this trade: {}",
                names(&agreed.processors)
            ))
        }
        (
            Kind::TradeRecord
            | Kind::OrderRejected
            | Kind::ReturnDecision
            | Kind::UnknownTrade
            | Kind::OrderStatus
            | Kind::DeliveryStatus
            | Kind::PaymentStatus,
            _,
        ) => None,
        // Protocol 3: these are never said to a buyer.
        (
            Kind::Order
            | Kind::Confirm
            | Kind::Cancel
            | Kind::Return
            | Kind::StatusRequest
            | Kind::Notify
            | Kind::Authorize
            | Kind::Authorization
            | Kind::PaymentInstruction
            | Kind::DeliveryInstruction
            | Kind::Refund
            | Kind::Recall,
            _,
        ) => {
            if in_force("line 13: not said to a buyer") {
                wrong("a statement that is meant for a buyer".to_owned())
            } else {
                None
            }
        }
    }
}

fn line_14_the_amounts_fit(s: &Statement, known: &KnownTrade<'_>) -> Option<Finding> {
    let agreed = known.agreed?;
    let total = *agreed.totals.last()?;
    let wrong = |received: String, expected: String| {
        Some(Finding::new(
            14,
            WarningKind::WrongAmount,
            received,
            expected,
        ))
    };
    match &s.body {
        Body::PaymentStatus(p) => {
            let others = [p.paid, p.refunded].into_iter().flatten();
            let stray = std::iter::once(p.amount)
                .chain(others)
                .find(|a| a.currency() != total.currency());
            if let Some(stray) = stray.filter(|_| in_force("line 14: currency")) {
                return wrong(
                    format!("an amount in {}", stray.currency()),
                    format!("an amount in {}", total.currency()),
                );
            }
            // A status made before a newer version of the record speaks of that version's total.
            if in_force("line 14: the total") && !agreed.totals.contains(&p.amount) {
                return wrong(
                    format!("the amount {}", p.amount),
                    format!("the total {total}"),
                );
            }
            let too_much = |paid: &Amount| paid.is_more_than(p.amount) && in_force("line 14: paid");
            if let Some(paid) = p.paid.filter(too_much) {
                return wrong(format!("{paid} paid"), format!("at most {}", p.amount));
            }
            let paid = paid_for_refund(p.state, p.paid, p.amount);
            let too_much =
                |refunded: &Amount| refunded.is_more_than(paid) && in_force("line 14: refunded");
            match p.refunded.filter(too_much) {
                Some(refunded) => wrong(
                    format!("{refunded} refunded"),
                    format!("at most {paid}, what was paid"),
                ),
                None => None,
            }
        }
        Body::ReturnDecision(d) => {
            let refund = d.refund?;
            let fits = refund.currency() == total.currency()
                && agreed.totals.iter().any(|t| !refund.is_more_than(*t));
            if fits || !in_force("line 14: the refund of a return") {
                None
            } else {
                wrong(format!("a refund of {refund}"), format!("at most {total}"))
            }
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
        | Body::OrderStatus(_)
        | Body::DeliveryStatus(_)
        | Body::Authorize(_)
        | Body::Authorization(_)
        | Body::PaymentInstruction(_)
        | Body::DeliveryInstruction(_)
        | Body::Refund(_)
        | Body::Recall(_) => None,
    }
}

fn line_15_the_items_are_the_trades(s: &Statement, known: &KnownTrade<'_>) -> Option<Finding> {
    let (Body::DeliveryStatus(status), Some(agreed)) = (&s.body, known.agreed) else {
        return None;
    };
    let DeliveryStatus { lines: parts, .. } = &**status;
    let stray = |lines: &Vec<Line>| stray_item(parts.iter().flatten(), lines);
    // A status made before a newer version of the record speaks of that version's lines.
    if agreed.lines.iter().any(|lines| stray(lines).is_none()) {
        return None;
    }
    stray(agreed.lines.last()?)
}

fn stray_item<'p>(
    mut parts: impl Iterator<Item = &'p LineQuantity>,
    lines: &[Line],
) -> Option<Finding> {
    parts.find_map(|part| {
        let line = usize::try_from(part.line).ok().and_then(|i| lines.get(i));
        match line {
            None if in_force("line 15: a line of the trade") => Some(Finding::new(
                15,
                WarningKind::WrongItems,
                format!("line {} of the trade", part.line),
                format!("lines 0 to {}", lines.len().saturating_sub(1)),
            )),
            Some(line) if part.quantity > line.quantity && in_force("line 15: quantity") => {
                Some(Finding::new(
                    15,
                    WarningKind::WrongItems,
                    format!("{} of line {}", part.quantity, part.line),
                    format!("at most {}", line.quantity),
                ))
            }
            Some(_) | None => None,
        }
    })
}

/// A kind with its article, for people.
fn one(kind: Kind) -> String {
    let article = if kind.word().starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
