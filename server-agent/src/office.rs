//! Where statements become letters: composed and signed once, before they are recorded.

use tradepost_letters::{
    Attachment, AutoSubmitted, Composition, NoticeParts, Story, attach, compose, compose_notice,
};
use tradepost_parties::kernel::book::PartyTrade;
use tradepost_parties::kernel::{Occasion, PartyChange, PersonNotice, StatementToSend};
use tradepost_proof::dkim::{SignError, Signing};
use tradepost_statements::order::DeliveryMethod;
use tradepost_statements::{Address, Kind, Statement, Time, wire};

use crate::book::{BookError, Input};
use crate::config::Config;

/// What letters need beyond their statements.
#[derive(Debug, Clone)]
pub(crate) struct Composer {
    name: String,
    domain: String,
    contact: Option<String>,
    signing: Signing,
}

/// A letter, ready to be recorded and sent.
pub(crate) struct Composed {
    /// What it carries, or what a notice is about.
    pub(crate) statement: Statement,
    /// Whom it goes to.
    pub(crate) to: Address,
    /// Without angle brackets.
    pub(crate) message_id: String,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
}

impl Composer {
    pub(crate) fn new(config: &Config) -> Composer {
        Composer {
            name: config.settings.name.clone(),
            domain: config.settings.address.domain().to_owned(),
            contact: config.contact.clone(),
            signing: config.signing.clone(),
        }
    }

    /// The letters of a change, in their order.
    pub(crate) fn compose(
        &self,
        input: &Input,
        change: &PartyChange,
        now: Time,
    ) -> Result<Vec<Composed>, SignError> {
        let letters = change.send.iter().map(|s| self.letter(input, s, now));
        let notices = change.notices.iter().map(|n| self.notice(n, now));
        let sign = |letter: Composed| {
            let from = &letter.statement.from;
            Ok(Composed {
                bytes: self.signing.sign(letter.bytes, from, now)?,
                ..letter
            })
        };
        letters.chain(notices).map(sign).collect()
    }

    /// A mail of the merchant's own system with a statement in it, signed where this server signs.
    pub(crate) fn attach(
        &self,
        sending: &StatementToSend,
        mail: &[u8],
        now: Time,
    ) -> Result<Composed, BookError> {
        let statement = &sending.statement;
        let facts = Facts::of(sending.about.as_deref());
        let made;
        let json = match &sending.octets {
            Some(octets) => octets,
            None => {
                made = wire::encode(statement);
                &made
            }
        };
        let attached = attach(
            mail,
            &Attachment {
                statement,
                json,
                story: facts.story(self.contact.as_deref()),
                message_id: &self.new_message_id(),
                date: now,
            },
        );
        let attached = attached.map_err(BookError::Unattachable)?;
        Ok(Composed {
            to: statement.to.clone(),
            statement: statement.clone(),
            message_id: attached.message_id,
            bytes: self.signing.sign(attached.letter, &statement.from, now)?,
        })
    }

    fn letter(&self, input: &Input, sending: &StatementToSend, now: Time) -> Composed {
        let statement = &sending.statement;
        let message_id = self.new_message_id();
        let facts = Facts::of(sending.about.as_deref());
        let answered = match (input, sending.occasion) {
            (Input::Letter { message_id, .. }, Occasion::Answer) => message_id.as_deref(),
            (Input::Letter { .. } | Input::Line(_) | Input::Time, _) => None,
        };
        let bytes = compose(&Composition {
            statement,
            json: sending.octets.as_deref(),
            message_id: &message_id,
            date: now,
            from_name: Some(&self.name),
            story: facts.story(self.contact.as_deref()),
            in_reply_to: answered,
            references: &[],
            auto: match sending.occasion {
                Occasion::Answer => AutoSubmitted::Replied,
                Occasion::News => AutoSubmitted::Generated,
            },
            with_html: is_for_a_buyer(sending),
        });
        Composed {
            to: statement.to.clone(),
            statement: statement.clone(),
            message_id,
            bytes,
        }
    }

    fn notice(&self, notice: &PersonNotice, now: Time) -> Composed {
        let message_id = self.new_message_id();
        let bytes = compose_notice(&NoticeParts {
            statement: &notice.statement,
            to: &notice.to,
            message_id: &message_id,
            date: now,
            from_name: Some(&self.name),
            shop_name: notice.shop_name.as_deref(),
        });
        Composed {
            to: notice.to.clone(),
            statement: notice.statement.clone(),
            message_id,
            bytes,
        }
    }

    fn new_message_id(&self) -> String {
        format!("{}@{}", uuid::Uuid::now_v7(), self.domain)
    }
}

/// Protocol 6: letters between servers may leave out the HTML.
fn is_for_a_buyer(sending: &StatementToSend) -> bool {
    let to = &sending.statement.to;
    let is_the_buyer = sending.about.as_ref().is_some_and(|t| t.buyer_mail == *to);
    match sending.statement.body.kind() {
        Kind::TradeRecord | Kind::OrderRejected | Kind::ReturnDecision | Kind::UnknownTrade => true,
        Kind::OrderStatus | Kind::DeliveryStatus | Kind::PaymentStatus => is_the_buyer,
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
        | Kind::Recall => false,
    }
}

/// What is known of a trade, for the texts for people.
#[derive(Default)]
struct Facts<'t> {
    trade: Option<&'t PartyTrade>,
    carriers: Vec<Address>,
}

impl<'t> Facts<'t> {
    fn of(trade: Option<&'t PartyTrade>) -> Facts<'t> {
        let shop = trade.and_then(|t| t.shop.as_ref());
        let carriers = shop.iter().flat_map(|s| &s.record.delivery.carriers);
        Facts {
            trade,
            carriers: carriers.map(|c| c.address.clone()).collect(),
        }
    }

    fn story<'s>(&'s self, contact: Option<&'s str>) -> Story<'s> {
        let record = self.trade.and_then(|t| t.shop.as_ref()).map(|s| &s.record);
        Story {
            shop_name: record.map(|r| r.shop_name.as_str()),
            lines: record.map(|r| r.lines.as_slice()),
            total: self.trade.and_then(PartyTrade::total),
            placed: record.map(|r| r.placed),
            processor: record.map(|r| &r.payment.processor),
            carriers: record.map(|_| self.carriers.as_slice()),
            electronic: record.is_some_and(|r| r.delivery.method == DeliveryMethod::Electronic),
            contact,
        }
    }
}
