//! Why a line is refused.

use tradepost_statements::wire::JsonError;
use tradepost_statements::{Amount, PaymentState};

use crate::kernel::track::StepRefused;

/// Why a line of the merchant's own system is refused. Nothing was recorded; the same line may
/// come again once the reason is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineRefusal {
    /// Not JSON as the protocol wants it.
    #[error("{}", .0.to_string().replacen("the statement", "the line", 1))]
    IsNotJson(#[from] JsonError),
    /// JSON, but no object.
    #[error(
        "a line is a JSON object such as {{\"key\":\"1\",\"trade\":\"T-1\",\"track\":\"order\",\"state\":\"shipped\"}}"
    )]
    IsNotAnObject,
    /// The key names another content.
    #[error("the key {0:?} was used for other content before: use a new key for a new event")]
    KeyWasUsedForOtherContent(String),
    /// A member that a line of this kind does not have.
    #[error("unknown member {name:?} {place}: the members are {known}")]
    UnknownMember {
        /// As the line writes it, cut after 64 characters.
        name: String,
        /// What has no such member, in the words of the message: `of a record`.
        place: String,
        /// The members that may stand there, with commas between.
        known: String,
    },
    /// A member is missing or wrong.
    #[error("{name}: {problem}")]
    Member {
        /// As it stands in the line, with the path to it: `record.total`.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The statement that the line asks for would break the protocol.
    #[error("{0}")]
    CannotBeSaid(String),
    /// No shop has a trade of that id here.
    #[error(
        "there is no trade {0} here: neither an order nor an instruction of its shop has arrived"
    )]
    NoSuchTrade(String),
    /// Several shops have a trade of that id.
    #[error("several shops have a trade {id}: name one in the member shop ({shops})")]
    SeveralShopsHaveThatTrade {
        /// As the line has it, without a shop.
        id: String,
        /// Addresses of up to 8 of them, with commas between.
        shops: String,
    },
    /// The server has no such role.
    #[error("this server is no {role}: its roles do not include the {track} track")]
    RoleIsMissing {
        /// Which one would be needed.
        role: &'static str,
        /// The track that this role works on: `order`, `delivery` or `payment`.
        track: &'static str,
    },
    /// The trade does not name this server for that track.
    #[error("this server does not work on the {track} track of {trade}: {why}")]
    TrackIsNotOurs {
        /// The track that is to be told: `order`, `delivery` or `payment`.
        track: &'static str,
        /// As `shop/id`.
        trade: String,
        /// What makes the track somebody else's.
        why: &'static str,
    },
    /// There is no question to answer.
    #[error("no shop has asked to authorize a payment for a trade {0}")]
    NobodyAskedToAuthorize(String),
    /// The shop was answered, by a line or as the configuration says: that stands.
    #[error("the payment of {trade} was {how} at {at}: that is decided once")]
    AuthorizationWasDecided {
        /// As `shop/id`.
        trade: String,
        /// `approved` or `declined`.
        how: &'static str,
        /// When the shop was told so, by this server's clock.
        at: tradepost_statements::Time,
    },
    /// The shop has no use for an answer any more.
    #[error("the shop called the payment of {0} off: there is nothing to authorize")]
    AuthorizationWasCalledOff(String),
    /// A status that readers would warn about.
    #[error("{why}{}", instead(.could))]
    Step {
        /// The step that a reader's walk would step over (protocol 4).
        why: StepRefused,
        /// The states that the track can still take, with commas between; empty: none.
        could: String,
    },
    /// There is no sequence left.
    #[error(transparent)]
    Place(#[from] StepRefused),
    /// Protocol 4: senders say `returned` only after something shipped.
    #[error("the order cannot be returned: nothing has shipped; say cancelled instead")]
    NothingShippedYet,
    /// The record says that the shop waits (protocol 3, `confirm_by`): nobody was instructed or charged.
    #[error(
        "the buyer has not confirmed {0} yet, so neither carrier nor payment processor was instructed: \
         it can ship once it is confirmed"
    )]
    NotConfirmedYet(String),
    /// Protocol 5, line 14 (E17).
    #[error("amount: {stated} is not the trade's total of {total}")]
    AmountIsNotTheTotal {
        /// `amount` of the line.
        stated: Amount,
        /// The trade's total, as it was instructed or recorded.
        total: Amount,
    },
    /// Protocol 5, line 14.
    #[error("{member}: {stated} is more than {most}")]
    MoreThanCanBe {
        /// `paid` or `refunded`.
        member: &'static str,
        /// The member of the line: a sum so far.
        stated: Amount,
        /// For `paid` the total, for `refunded` what was paid.
        most: Amount,
    },
    /// An amount that the state is about.
    #[error("{member}: is missing; {state} says how much, as the sum so far")]
    HowMuch {
        /// `paid` for `partly-paid`, `refunded` for `partly-refunded`.
        member: &'static str,
        /// The state that asks for that member.
        state: PaymentState,
    },
    /// A sum never gets smaller.
    #[error("{member}: is the sum so far, which was {before} already; {stated} is less")]
    SumShrinks {
        /// `paid` or `refunded`.
        member: &'static str,
        /// The line's sum so far, which is lower.
        stated: Amount,
        /// The sum so far by the last status of the track.
        before: Amount,
    },
    /// Another state says what the amounts say.
    #[error("{state}: {because}; say {instead} instead")]
    AnotherStateFits {
        /// `state` of the line.
        state: PaymentState,
        /// What the amounts say, in the words of the message: `nothing is paid`.
        because: String,
        /// The wire's word for the state that fits those amounts.
        instead: &'static str,
    },
    /// `settled` says that all is paid.
    #[error("paid: settled means that all of {total} is paid, not {paid}; say partly-paid instead")]
    SettledIsAllOfIt {
        /// `paid` of the line, less than the total.
        paid: Amount,
        /// The trade's total, which is what `settled` says is paid.
        total: Amount,
    },
    /// A currency that the trade does not have.
    #[error("{member}: {stated} is not in the trade's currency, {total}")]
    OtherCurrency {
        /// `paid` or `refunded`.
        member: &'static str,
        /// The line's amount, in the other currency.
        stated: Amount,
        /// The trade's total, in the currency that all its amounts have.
        total: Amount,
    },
    /// Protocol 5, line 15.
    #[error("lines: the trade has no line {line} of which there are {quantity}")]
    LineIsNotInTheTrade {
        /// Index into the trade record's lines, from 0.
        line: u32,
        /// Pieces of that line, more than there are.
        quantity: u32,
    },
    /// The shop named the parcels.
    #[error("parcel: {named:?} is none of the parcels that the shop named ({known})")]
    UnknownParcel {
        /// The parcel that the line or `attach` names; empty: none.
        named: String,
        /// The parcels that may be named, with commas between; for `attach`, those told of so far.
        known: String,
    },
    /// Parcels of one trade have a limit.
    #[error("parcel: this trade has {0} parcels already, which is the most that is kept")]
    TooManyParcels(usize),
    /// A time that has not come.
    #[error("at: {0} lies in the future; a status tells what has happened (use planned)")]
    AtLiesAhead(tradepost_statements::Time),
    /// The total of a record.
    #[error("record.total: {total} is not lines and charges less discounts, which is {sum}")]
    TotalIsNotTheSum {
        /// `record.total` of the line.
        total: Amount,
        /// What lines and charges less discounts come to, or why they have no sum.
        sum: String,
    },
    /// Something newer was told of the order.
    #[error("at: {at} is older than what was told of this order, which is of {told}")]
    RecordIsOlder {
        /// `at` of the line: since when the order is as the record says.
        at: tradepost_statements::Time,
        /// `at` of the newest record that was told.
        told: tradepost_statements::Time,
    },
    /// A record of another shop.
    #[error("record.trade: {0} is another shop; this server makes records of its own trades only")]
    RecordOfAnotherShop(String),
    /// E14: statuses go to the stored address, which is the sender's of an order that came by mail.
    #[error(
        "record.buyer_mail: the buyer of {trade} is {known}, whose order came by mail: that never changes"
    )]
    BuyerIsAnother {
        /// As `shop/id`.
        trade: String,
        /// The address that the order came from.
        known: String,
    },
    /// One order of the merchant's own system is one trade.
    #[error("origin: {origin:?} is the trade {trade}, not another one")]
    OriginIsAnotherTrade {
        /// What the merchant's own system calls the order.
        origin: String,
        /// The id of the trade that this order is.
        trade: String,
    },
    /// Two orders never become one trade.
    #[error("origin: the trade {0} is of another order than {1:?}")]
    TradeIsOfAnotherOrder(String, String),
    /// E23: nothing waits for a decision.
    #[error("nothing of {trade} waits for a decision: {before}")]
    NothingToDecide {
        /// As `shop/id`.
        trade: String,
        /// What became of the last wish.
        before: String,
    },
    /// An older or equal version with another content.
    #[error(
        "record.version: version {known} of this trade is known; the next one must be higher, or left out"
    )]
    VersionIsNotNew {
        /// The newest version that was told, which the next one has to exceed.
        known: u32,
    },
}

fn instead(could: &str) -> String {
    if could.is_empty() {
        String::new()
    } else {
        format!("; possible are {could}")
    }
}
