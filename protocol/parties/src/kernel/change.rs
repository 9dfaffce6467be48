//! What a decision of a server wants done.

use tradepost_statements::order::RejectionReason;
use tradepost_statements::{
    Address, Amount, Evidence, Kind, Statement, StatementId, Time, TradeId, TradeRef,
};
use tradepost_trades::rows::Row;

use super::book::PartyTrade;

/// All that a decision wants done: record the rows and the letters together, then send.
#[derive(Debug, Clone)]
#[must_use = "what is not recorded and sent did not happen"]
pub struct PartyChange {
    /// What to write to the book, one row for each key.
    pub rows: Vec<Row>,
    /// Statements to send, in this order.
    pub send: Vec<StatementToSend>,
    /// Mails for people that go with them (Q6).
    pub notices: Vec<PersonNotice>,
    /// What became of the input.
    pub outcome: PartyOutcome,
}

/// A statement that a decision says, before it is made a letter.
#[derive(Debug, Clone)]
pub struct StatementToSend {
    /// What is said; its `to` is who gets the letter.
    pub statement: Statement,
    /// Its octets, when it was sent before: they stay the same (protocol 6).
    pub octets: Option<String>,
    /// Whether it answers somebody: `Auto-Submitted` says so (protocol 6).
    pub occasion: Occasion,
    /// The trade it is about, for the texts for people.
    pub about: Option<Box<PartyTrade>>,
}

/// Why a statement is sent; RFC 3834 tells the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Its receiver asked: `auto-replied`.
    Answer,
    /// Something happened, or this server asks: `auto-generated`.
    News,
}

/// A status that is told to an address for people in addition (Q6).
#[derive(Debug, Clone)]
pub struct PersonNotice {
    /// The status, as the buyer is told it.
    pub statement: Statement,
    /// `to` of the buyer's wishes: on the buyer's domain, or it agreed.
    pub to: Address,
    /// Whose trade it is, for people.
    pub shop_name: Option<String>,
}

/// What became of a letter, a line or a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartyOutcome {
    /// An order became a trade.
    #[error("made the trade {0}")]
    TradeMade(TradeRef),
    /// An order was refused, or cancelled before there was a trade of it.
    #[error("rejected the order: {reason} ({text})")]
    OrderRejected {
        /// As it is said to the buyer.
        reason: RejectionReason,
        /// Why, for people.
        text: String,
    },
    /// An order becomes a trade once its payment is authorized (E3).
    #[error("the order becomes the trade {0} once its payment is authorized")]
    AuthorizationAwaited(TradeId),
    /// A request changed a trade and was answered.
    #[error("did what the {kind} asks for the trade {trade}")]
    Done {
        /// The kind of the request, of a buyer or of a shop.
        kind: Kind,
        /// The trade that it changed.
        trade: TradeRef,
    },
    /// A request changed nothing and was answered.
    #[error("answered the {0}; nothing changed")]
    Answered(Kind),
    /// The operator has something to decide.
    #[error("the buyer of {trade} sent a {kind}: accept or refuse the return")]
    OperatorDecides {
        /// `cancel` or `return`.
        kind: Kind,
        /// The trade whose buyer waits for the decision.
        trade: TradeRef,
    },
    /// A shop asks for an authorization, which the operator decides.
    #[error(
        "{} asks to authorize {amount} for {}: answer with a line for emit such as \
         {{\"key\":\"1\",\"trade\":\"{}\",\"authorize\":\"approve\"}}", trade.shop, trade.id, trade.id
    )]
    AuthorizationAsked {
        /// As its shop names it; here there need be no such trade yet.
        trade: TradeRef,
        /// The total that is to be authorized.
        amount: Amount,
    },
    /// Another server's status was noted.
    #[error("noted a {kind} of {from} about the trade {trade}")]
    Heard {
        /// `delivery-status`, `payment-status` or `authorization`.
        kind: Kind,
        /// The carrier or payment processor that said it.
        from: Address,
        /// The trade that it is about.
        trade: TradeRef,
    },
    /// The sender is not the buyer of such a trade.
    #[error("answered unknown-trade: no trade of {0} has that name")]
    UnknownTrade(Address),
    /// It overtook what it is about (protocol 3, "Overtaking").
    #[error("kept a mark: the {0} overtook what it is about")]
    Marked(Kind),
    /// The same statement or order came again.
    #[error("repeated the stored answer")]
    AnswerRepeated,
    /// The address named for notices agreed to them; that is not answered (protocol 3, "Wishes").
    #[error("{0} agreed to notices about the trade")]
    ConsentNoted(Address),
    /// Its time lies ahead; it is judged then.
    #[error("held until {0}: it says that it was sent then")]
    Held(Time),
    /// DNS did not say whether its sender is proven; it is tried again (protocol 5, line 2).
    #[error("held, since DNS did not answer; its sender is proven again at {until}")]
    HeldForProof {
        /// When DNS is asked again.
        until: Time,
    },
    /// A line of the merchant's own system was taken.
    #[error("recorded {0}")]
    Emitted(StatementId),
    /// The same line was taken before.
    #[error("this line was recorded before, as {0}")]
    EmittedBefore(StatementId),
    /// What was due, or the operator wanted, was done or settled before; which, in words.
    #[error("did what was due: {0}")]
    WasDue(String),
    /// An answer has been missing for long: the operator is to know.
    #[error(
        "{to} has not answered a {kind} about {trade} for {hours} h; it is sent again and again"
    )]
    OperatorTold {
        /// The server that does not answer.
        to: Address,
        /// The kind of the statement that waits for its answer.
        kind: Kind,
        /// As `shop/id`.
        trade: String,
        /// Full hours since it left first.
        hours: u64,
    },
    /// The merchant's own system did a job.
    #[error("{0} is done")]
    JobDone(String),
    /// It did not, for now.
    #[error("{job} failed and is tried again at {next}: {why}")]
    JobFailed {
        /// As the merchant's own system knows it: `T-1.hand-over`.
        job: String,
        /// In words for people, of the command or of the answer's fault.
        why: String,
        /// When it is tried again.
        next: Time,
    },
    /// A job has failed for long: the operator is to know.
    #[error("{job} has failed for {hours} h, and is tried again and again: {why}")]
    JobFailsForLong {
        /// As the merchant's own system knows it: `T-1.hand-over`.
        job: String,
        /// Full hours since a try failed first.
        hours: u64,
        /// Why the last try failed, in at most 500 characters.
        why: String,
    },
    /// The mail server accepted the letter that brings electronic goods.
    #[error("the goods of {0} are delivered")]
    GoodsDelivered(TradeRef),
    /// It did not: the operator is to know.
    #[error("the goods of {trade} are not delivered: the letter to {to} did not leave: {why}")]
    GoodsNotDelivered {
        /// The trade whose buyer has not got them.
        trade: TradeRef,
        /// To whom the letter goes.
        to: Address,
        /// As the mail server said, or that the time was over.
        why: String,
    },
    /// Something that only the operator can set right.
    #[error("{trade}: {text}")]
    OperatorActs {
        /// The trade that stands still until then.
        trade: TradeRef,
        /// What happened, and what can be done.
        text: String,
    },
    /// Nothing was done, and nobody is told.
    #[error(transparent)]
    Ignored(#[from] Ignored),
}

impl PartyOutcome {
    /// Of a statement that asks for something: done, or, when it changed nothing, only answered.
    pub(crate) fn of(kind: Kind, trade: TradeRef, changed: bool) -> PartyOutcome {
        if changed {
            PartyOutcome::Done { kind, trade }
        } else {
            PartyOutcome::Answered(kind)
        }
    }
}

/// Why nothing was done: protocol 5 as servers apply it, "silence and a log line".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// These octets were judged before.
    #[error("this letter was judged before")]
    SameLetter,
    /// Protocol 5, line 3.
    #[error("the sender is not proven ({evidence}): {proof}")]
    SenderIsNotProven {
        /// What was established, which is below the minimum for that sender.
        evidence: Evidence,
        /// How that was established, in one sentence.
        proof: String,
    },
    /// Protocol 5, line 2, and a limit of ours: strangers could fill the disk.
    #[error("DNS did not answer, and too many letters of {0} wait for it already")]
    TooManyWait(String),
    /// Protocol 5, line 4.
    #[error("the statement cannot be used: {0}")]
    StatementIsUnreadable(String),
    /// Protocol 5, line 4: `sent` is more than a day ahead.
    #[error("it says that it was sent at {0}, which is far in the future")]
    SentIsFarAhead(Time),
    /// Protocol 5, line 5.
    #[error("the statement is from {stated}, the letter from {author}")]
    StatementIsFromAnother {
        /// `from` of the statement.
        stated: String,
        /// From of the letter, which is proven.
        author: String,
    },
    /// Protocol 5, line 6.
    #[error("the statement is for {0}")]
    StatementIsForAnother(String),
    /// Protocol 5, line 7.
    #[error("this sender said something else under the same statement id")]
    StatementIdWithOtherContent,
    /// Protocol 5, line 7, for requests.
    #[error("the answer was repeated {0} times within the hour: that is enough")]
    RepeatedOftenEnough(usize),
    /// Protocol 5, line 8.
    #[error("it answers nothing that this server said to its sender")]
    AnswersNothing,
    /// Protocol 5, line 12.
    #[error("there is no trade {0} here")]
    NoSuchTrade(String),
    /// Protocol 5, line 13.
    #[error("a {0} is not for this server")]
    NotForThisServer(Kind),
    /// Protocol 3: instructions only from `trade.shop`, and only from configured shops.
    #[error("{from} may not instruct this server about {trade}: {why}")]
    SenderMayNotInstruct {
        /// The proven sender.
        from: String,
        /// As `shop/id`.
        trade: String,
        /// It is not the trade's shop, or no shop in the configuration.
        why: &'static str,
    },
    /// Protocol 5, line 13 (E16).
    #[error("{from} is no party of {trade} that says this")]
    SenderIsNoPartyOfTheTrade {
        /// The proven sender.
        from: String,
        /// As `shop/id`.
        trade: String,
    },
    /// Protocol 5, line 14 (E17).
    #[error("the amount is {stated}, the trade's total {total}")]
    AmountIsNotTheTotal {
        /// `amount` of the statement, or a `refunded` above the total.
        stated: String,
        /// As it was instructed or recorded; of an authorization, as it was asked.
        total: String,
    },
    /// E14: statuses go to the stored address, which was corrected often enough.
    #[error("{trade} is a trade of {known}, not of {stated}: the address was corrected too often")]
    BuyerIsAnother {
        /// As `shop/id`.
        trade: String,
        /// `buyer_mail` of the instruction.
        stated: String,
        /// The stored address, which stays.
        known: String,
    },
    /// A newer one of that track was heard before.
    #[error("a newer status of that track is known")]
    StatusIsOld,
    /// Whoever names ever more parcels would make every change of the trade cost more.
    #[error("its sender named more parcels of this trade than are kept")]
    TooManyParcels,
    /// A job's result came when nobody waited for it any more.
    #[error("{0} is done already, or no longer wanted")]
    JobIsOver(String),
    /// There was nothing to do: nothing is due yet, or a line was refused.
    #[error("nothing is due")]
    NothingDue,
}
