//! A kind of lie: the genuine letter with one change, and what is to become of it.

use tradepost_buyer::{Verdict, WarningKind};

use crate::draft::{Letter, Said};
use crate::world::{FLAVOURS, Flavour, SCENES, Scene};

/// One kind of lie.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    pub lie: fn(Said) -> Letter,
    pub expected: Expected,
    pub scenes: Vec<Scene>,
    pub flavours: Vec<Flavour>,
    /// A second warning that is given beside the verdict.
    pub lookalike: bool,
    /// It is a statement of its own, with an id of its own; else one that takes the real one's place.
    pub is_another: bool,
}

/// What becomes of a letter, and by which line of protocol 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Warned(u8, WarningKind),
    /// It is counted, and has no other effect (line 7, or the same octets again).
    Duplicate,
    /// It waits for DNS (line 2).
    Held,
    /// No Tradepost part (line 1): not a word of it is looked at.
    NotOurs,
}

impl Expected {
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Expected::Warned(..) => Some(Verdict::Warned),
            Expected::Duplicate => Some(Verdict::Duplicate),
            Expected::Held => Some(Verdict::Held),
            Expected::NotOurs => None,
        }
    }

    pub fn warning(self) -> Option<WarningKind> {
        match self {
            Expected::Warned(_, kind) => Some(kind),
            Expected::Duplicate | Expected::Held | Expected::NotOurs => None,
        }
    }
}

pub const UNPROVEN: Expected = Expected::Warned(3, WarningKind::UnprovenSender);
pub const UNREADABLE: Expected = Expected::Warned(4, WarningKind::UnreadableStatement);
pub const UNSUPPORTED: Expected = Expected::Warned(4, WarningKind::UnsupportedStatement);
pub const NOT_ITS_AUTHOR: Expected = Expected::Warned(5, WarningKind::WrongSender);
pub const NOT_THE_SHOP: Expected = Expected::Warned(9, WarningKind::WrongSender);
pub const NO_PARTY: Expected = Expected::Warned(13, WarningKind::WrongSender);

/// What is said of any letter is tried with these: all kinds of parties, in all kinds of roles.
const USUAL: [Scene; 3] = [Scene::Record, Scene::Delivery, Scene::Payment];

/// A row of a table.
pub fn kind(name: &'static str, expected: Expected, lie: fn(Said) -> Letter) -> Kind {
    Kind {
        name,
        lie,
        expected,
        scenes: USUAL.to_vec(),
        flavours: FLAVOURS.to_vec(),
        lookalike: false,
        is_another: false,
    }
}

impl Kind {
    pub fn scenes(mut self, scenes: &[Scene]) -> Kind {
        self.scenes = scenes.to_vec();
        self
    }

    pub fn everywhere(self) -> Kind {
        self.scenes(&SCENES)
    }

    pub fn relay(mut self) -> Kind {
        self.flavours = vec![Flavour::Relay];
        self
    }

    pub fn dkim(mut self) -> Kind {
        self.flavours = vec![Flavour::Dkim];
        self
    }

    pub fn another(mut self) -> Kind {
        self.is_another = true;
        self
    }

    pub fn lookalike(mut self) -> Kind {
        self.lookalike = true;
        self
    }
}
