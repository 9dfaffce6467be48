//! What of a delivery is not told, and why. It is answered with 2xx all the same: the web shop cannot
//! do anything about it, and would switch the webhook off (see [`super`]).

/// Something that is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Left {
    pub(in crate::http) reason: LeftReason,
    /// In words: what, and what to do about it.
    pub(in crate::http) text: String,
}

/// What kind of reason: few, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum LeftReason {
    /// A delivery that says nothing of an order, or nothing that is told.
    Topic,
    /// A state that is none yet, or none any more; a test order.
    NotYet,
    /// The web shop sends another version of its API.
    Version,
    /// A member without which nothing can be told is missing or of another form.
    Content,
    /// There is no address to mail to.
    Mail,
    /// There is no postal address.
    Address,
    /// Nothing was ordered.
    Lines,
    /// The configuration does not say how it is paid or delivered, or lacks a role.
    Configuration,
    /// Something newer was told.
    Older,
    /// What was said cannot be taken back (protocol 4).
    Step,
    /// The order was not told of, and will not be.
    UnknownOrder,
    /// The book does not take it.
    Refused,
}

impl Left {
    pub(super) fn new(reason: LeftReason, text: impl Into<String>) -> Left {
        Left {
            reason,
            text: text.into(),
        }
    }

    /// What the web shop shows in its log, and we in ours: content may be of any length.
    pub(in crate::http) fn shown(&self) -> String {
        super::facts::shortened(&self.text, LONGEST_SHOWN)
    }
}

/// Two lines of a terminal say which member it is.
const LONGEST_SHOWN: usize = 240;

impl LeftReason {
    /// Its label in the metrics.
    pub(in crate::http) fn word(self) -> &'static str {
        match self {
            LeftReason::Topic => "topic",
            LeftReason::NotYet => "not-yet",
            LeftReason::Version => "version",
            LeftReason::Content => "content",
            LeftReason::Mail => "mail",
            LeftReason::Address => "address",
            LeftReason::Lines => "lines",
            LeftReason::Configuration => "configuration",
            LeftReason::Older => "older",
            LeftReason::Step => "step",
            LeftReason::UnknownOrder => "unknown-order",
            LeftReason::Refused => "refused",
        }
    }

    /// Whether it is a shop's every day, and nobody has to do anything.
    pub(in crate::http) fn is_usual(self) -> bool {
        match self {
            LeftReason::Topic | LeftReason::NotYet | LeftReason::Older | LeftReason::Step => true,
            LeftReason::Version
            | LeftReason::Content
            | LeftReason::Mail
            | LeftReason::Address
            | LeftReason::Lines
            | LeftReason::Configuration
            | LeftReason::UnknownOrder
            | LeftReason::Refused => false,
        }
    }
}
