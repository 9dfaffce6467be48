//! Where statements become letters: composed and signed once, before they are recorded.

use tradepost_agent::party::{ComposeError, Composed};
use tradepost_letters::{
    AttachedMail, Attachment, AutoSubmitted, Composition, NoticeParts, Story, attach, compose,
    compose_notice,
};
use tradepost_parties::kernel::book::PartyTrade;
use tradepost_parties::kernel::{Occasion, PersonNotice, StatementToSend};
use tradepost_proof::dkim::Signing;
use tradepost_statements::order::DeliveryMethod;
use tradepost_statements::{Address, Kind, Time, wire};

use crate::config::Config;

/// Something that is to leave.
#[derive(Debug, Clone)]
pub(crate) enum MailToSend {
    Statement {
        /// What is said, and why.
        sending: Box<StatementToSend>,
        /// The Message-ID of the letter that it answers, where there is one.
        answered: Option<String>,
    },
    /// A status that is told to an address for people (Q6).
    Notice(Box<PersonNotice>),
}

/// What letters need beyond their statements.
#[derive(Debug, Clone)]
pub(crate) struct Composer {
    name: String,
    domain: String,
    contact: Option<String>,
    signing: Signing,
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

    /// A letter, signed where this server signs.
    pub(crate) fn compose(&self, mail: &MailToSend, now: Time) -> Result<Composed, ComposeError> {
        let letter = match mail {
            MailToSend::Statement { sending, answered } => {
                let answered = match sending.occasion {
                    Occasion::Answer => answered.as_deref(),
                    Occasion::News => None,
                };
                self.letter(sending, answered, now)
            }
            MailToSend::Notice(notice) => self.notice(notice, now),
        };
        self.signed(letter, now)
    }

    fn signed(&self, letter: Composed, now: Time) -> Result<Composed, ComposeError> {
        let from = &letter.statement.from;
        Ok(Composed {
            octets: self.signing.sign(letter.octets, from, now)?,
            ..letter
        })
    }

    /// A mail of the merchant's own system with a statement in it, signed where this server signs.
    pub(crate) fn attach(
        &self,
        sending: &StatementToSend,
        mail: &[u8],
        now: Time,
    ) -> Result<Composed, ComposeError> {
        let statement = &sending.statement;
        let facts = TradeFacts::of(sending.about.as_deref());
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
        let AttachedMail { letter, message_id } = attached?;
        let mail = Composed {
            to: statement.to.clone(),
            statement: statement.clone(),
            json: None,
            message_id,
            octets: letter,
        };
        self.signed(mail, now)
    }

    fn letter(&self, sending: &StatementToSend, answered: Option<&str>, now: Time) -> Composed {
        let statement = &sending.statement;
        let message_id = self.new_message_id();
        let facts = TradeFacts::of(sending.about.as_deref());
        let octets = compose(&Composition {
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
            json: None,
            message_id,
            octets,
        }
    }

    fn notice(&self, notice: &PersonNotice, now: Time) -> Composed {
        let message_id = self.new_message_id();
        let octets = compose_notice(&NoticeParts {
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
            json: None,
            message_id,
            octets,
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
struct TradeFacts<'t> {
    trade: Option<&'t PartyTrade>,
    carriers: Vec<Address>,
}

impl<'t> TradeFacts<'t> {
    fn of(trade: Option<&'t PartyTrade>) -> TradeFacts<'t> {
        let shop = trade.and_then(|t| t.shop.as_ref());
        let carriers = shop.iter().flat_map(|s| &s.record.delivery.carriers);
        TradeFacts {
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
