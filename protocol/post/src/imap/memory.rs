//! What a watch knows beyond one connection: how far it came, and which letters make trouble.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cursor, TroubleKind};

/// A letter or a window that was asked for when a connection failed gets points by the sort of
/// failure; at this many it is not asked for any more.
const ENOUGH: u32 = 12;

/// What is being asked for: to be blamed when the connection fails over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The header fields of the letters in a window that begins at this UID.
    Window(Place),
    /// Several letters, up to this UID.
    Group(Place),
    /// This one letter.
    One(Place),
}

/// Folder, UIDVALIDITY, UID.
pub(super) type Place = (String, u32, u32);

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// Whether the server's search for a header field finds what is there; none: not yet tried.
    pub(super) search_works: Option<bool>,
    /// LIST gave an answer that can't be read.
    pub(super) no_list: bool,
    /// The server announces IDLE and refuses it.
    pub(super) no_idle: bool,
    /// Folders that were read on the present connection.
    pub(super) read_here: BTreeSet<String>,
    /// Their UIDNEXT when they were last opened on it.
    pub(super) uid_next_here: BTreeMap<String, u32>,
    /// Something new was recorded, or all caught up, since this was last set to false.
    pub(super) progress: bool,
    pub(super) asked: Option<Asked>,
    letters: BTreeMap<Place, u32>,
    windows: BTreeMap<Place, u32>,
    /// Letters up to this UID are asked for one by one.
    one_by_one: Option<Place>,
}

impl Memory {
    /// Knows how far each folder was read before.
    pub(super) fn new(cursors: BTreeMap<String, Cursor>) -> Memory {
        Memory {
            cursors,
            ..Memory::default()
        }
    }

    /// A new connection begins.
    pub(super) fn begin_connection(&mut self) {
        self.progress = false;
        self.read_here.clear();
        self.uid_next_here.clear();
    }

    /// The connection failed in this way; whatever was asked for is blamed. False when that was
    /// nothing: then the next try will be the same as this one.
    pub(super) fn blame(&mut self, kind: TroubleKind) -> bool {
        let points = match kind {
            // An answer that can't be read stays so: once more, to be sure.
            TroubleKind::NotUnderstood => ENOUGH / 2,
            TroubleKind::Refused => ENOUGH / 3,
            // The network may be at fault as well.
            TroubleKind::Lost | TroubleKind::TimedOut => ENOUGH / 4,
            TroubleKind::NameNotFound
            | TroubleKind::CannotConnect
            | TroubleKind::Tls
            | TroubleKind::WrongPassword
            | TroubleKind::Folder
            | TroubleKind::Configuration => 0,
        };
        match self.asked.take() {
            Some(Asked::Window(place)) => *self.windows.entry(place).or_default() += points,
            Some(Asked::Group(place)) => self.one_by_one = Some(place),
            Some(Asked::One(place)) => {
                self.one_by_one = Some(place.clone());
                *self.letters.entry(place).or_default() += points;
            }
            None => return false,
        }
        points > 0
    }

    /// Whether this letter is to be left alone from now on.
    pub(super) fn is_hopeless(&self, letter: &Place) -> bool {
        self.letters.get(letter).is_some_and(|p| *p >= ENOUGH)
    }

    /// Whether the window that begins there is to be walked letter by letter.
    pub(super) fn is_hopeless_window(&self, window: &Place) -> bool {
        self.windows.get(window).is_some_and(|p| *p >= ENOUGH)
    }

    /// Whether this letter is to be asked for alone.
    pub(super) fn is_suspect(&self, (folder, validity, uid): &Place) -> bool {
        self.one_by_one
            .as_ref()
            .is_some_and(|(f, v, u)| f == folder && v == validity && uid <= u)
    }
}
