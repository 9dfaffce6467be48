//! What a watch knows beyond one connection: how far it came, and which letters make trouble.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use tokio::time::Instant;

use super::idle::Idling;
use super::{Cursor, TroubleKind, Watch};
use crate::schedule::next_try;
use crate::trouble::Error;

/// A letter or a window that was asked for when a connection failed gets points by the sort of
/// failure; at this many it is not asked for any more.
const ENOUGH: u32 = 4;

/// Letters that were given up one after the other without one between them that came: when there are
/// more, it is rather not the letters' fault, and each is tried more often, with growing waits.
const GIVEN_UP_IN_A_ROW: usize = 10;

/// Pauses between two tries for one letter on one connection, all letters together: whoever waits
/// behind many bad ones does not wait long.
const PAUSES: u32 = 4;

/// A letter that was set aside is tried so many times again, ever later: then it stays there.
const MOST_TRIES: u32 = 6;

/// What is being asked for: to be blamed when the connection fails over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchTarget {
    /// The header fields of the letters in a window that begins at this UID.
    Window(LetterUid),
    /// Several letters, up to this UID.
    Group(LetterUid),
    One(LetterUid),
    /// To open the folder of this name.
    Folder(String),
}

impl FetchTarget {
    /// Whether a letter may be at fault, or several.
    pub(super) fn is_of_letters(&self) -> bool {
        match self {
            FetchTarget::Window(_) | FetchTarget::Group(_) | FetchTarget::One(_) => true,
            FetchTarget::Folder(_) => false,
        }
    }
}

/// Folder, UIDVALIDITY, UID.
pub(super) type LetterUid = (String, u32, u32);

#[derive(Debug, Default)]
pub(super) struct WatchState {
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// Whether the server's search for a header field finds what is there; none: not yet tried.
    pub(super) search_works: Option<bool>,
    /// LIST gave an answer that can't be read.
    pub(super) no_list: bool,
    /// The server announces IDLE and refuses it.
    pub(super) no_idle: bool,
    /// How the server takes IDLE.
    pub(super) idling: Idling,
    /// Connections in a row that came to nothing.
    pub(super) failures: u32,
    /// Folders that were read on the present connection.
    pub(super) read_here: BTreeSet<String>,
    /// Folders of which all was read, on whichever connection.
    pub(super) read_to_its_end: BTreeSet<String>,
    /// Their UIDNEXT when they were last opened on it.
    pub(super) uid_next_here: BTreeMap<String, u32>,
    /// Something new was recorded, or all caught up, since this was last set to false.
    pub(super) progress: bool,
    /// All that can be read was, since this was last set to false.
    pub(super) all_read: bool,
    pub(super) asked: Option<FetchTarget>,
    /// Folders that could not be opened when that was last tried.
    pub(super) closed: BTreeMap<String, Closed>,
    /// Those of them that somebody was told of.
    pub(super) told_closed: BTreeSet<String>,
    /// The first wait of what is tried again, and the longest.
    retry: (Duration, Duration),
    letters: BTreeMap<LetterUid, u32>,
    windows: BTreeMap<LetterUid, u32>,
    /// Letters up to this UID are asked for one by one.
    one_by_one: Option<LetterUid>,
    /// In which folder the last connections failed, and how many of them.
    broke_in: Option<(String, u32)>,
    given_up_in_a_row: usize,
    pauses: u32,
    /// Letters that were set aside and are to be tried again.
    aside: BTreeMap<LetterUid, Again>,
}

/// A folder that can't be opened.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    /// In a row.
    pub(super) failures: u32,
    /// Until the next try, when it could not be opened.
    pub(super) wait: Duration,
    pub(super) next_try: Instant,
    /// In words for people.
    pub(super) why: String,
}

/// A letter that was set aside.
#[derive(Debug, Clone, Copy)]
struct Again {
    tries: u32,
    next_try: Instant,
}

/// Whose fault it is that a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The server's, or the line's: the next try will be the same as this one.
    Nobody,
    /// Something is suspected, and the next try will be another.
    Suspected,
    /// It is known, by what the server said, and will not be asked for again.
    Known,
}

impl WatchState {
    /// Knows how far each folder was read before, and what was set aside.
    pub(super) fn new(watch: &Watch) -> WatchState {
        let mut memory = WatchState {
            cursors: watch.cursors.clone(),
            retry: (watch.retry_first, watch.retry_longest),
            ..WatchState::default()
        };
        for aside in &watch.aside {
            let letter = (aside.folder.clone(), aside.uid_validity, aside.uid);
            let (tries, next_try) = (aside.tries, Instant::now());
            memory.aside.insert(letter, Again { tries, next_try });
        }
        memory
    }

    /// Forgets what holds for one connection only.
    pub(super) fn begin_connection(&mut self) {
        self.progress = false;
        self.all_read = false;
        self.read_here.clear();
        self.uid_next_here.clear();
        self.pauses = 0;
    }

    /// The connection failed in this way; whatever was asked for is blamed.
    pub(super) fn blame(&mut self, error: &Error) -> Blame {
        let (points, blame) = match error.kind {
            // What is over a limit, or no answer at all, stays so.
            TroubleKind::NotUnderstood => (ENOUGH, Blame::Known),
            // The network may be at fault as well: once more.
            TroubleKind::Refused | TroubleKind::Lost | TroubleKind::TimedOut => {
                (ENOUGH / 2, Blame::Suspected)
            }
            TroubleKind::NameNotFound
            | TroubleKind::CannotConnect
            | TroubleKind::Tls
            | TroubleKind::WrongPassword
            | TroubleKind::LoginRefused
            | TroubleKind::NoPassword
            | TroubleKind::Busy
            | TroubleKind::Folder
            | TroubleKind::Configuration => (0, Blame::Nobody),
        };
        let (points, blame) = match blame {
            Blame::Suspected if self.given_up_in_a_row >= GIVEN_UP_IN_A_ROW => {
                (ENOUGH / 4, Blame::Nobody)
            }
            Blame::Suspected | Blame::Known | Blame::Nobody => (points, blame),
        };
        if points == 0 {
            self.asked = None;
            return Blame::Nobody;
        }
        let asked = self.asked.take();
        self.broke_in = match &asked {
            Some(
                FetchTarget::Window((f, ..))
                | FetchTarget::Group((f, ..))
                | FetchTarget::One((f, ..)),
            ) => {
                let before = self.broke_in.take().filter(|(b, _)| b == f);
                Some((f.clone(), before.map_or(1, |(_, n)| n + 1)))
            }
            Some(FetchTarget::Folder(_)) | None => None,
        };
        match asked {
            Some(FetchTarget::Window(window)) => *self.windows.entry(window).or_default() += points,
            Some(FetchTarget::Group(letter)) => self.one_by_one = Some(letter),
            Some(FetchTarget::One(letter)) => {
                self.one_by_one = Some(letter.clone());
                let so_far = self.letters.entry(letter).or_default();
                *so_far += points;
                if *so_far >= ENOUGH && blame == Blame::Suspected {
                    self.given_up_in_a_row += 1;
                }
            }
            Some(FetchTarget::Folder(name)) => self.close(name, error.text.clone()),
            None => return Blame::Nobody,
        }
        blame
    }

    /// The folder over whose letters connections failed, again and again: the others come first.
    pub(super) fn last_folder(&self) -> Option<&str> {
        let (folder, times) = self.broke_in.as_ref()?;
        (*times > 1).then_some(folder)
    }

    /// A folder could not be opened: the others are read meanwhile.
    pub(super) fn close(&mut self, name: String, why: String) {
        let failures = self.closed.get(&name).map_or(1, |c| c.failures + 1);
        let (first, longest) = self.retry;
        let wait = next_try(failures, first, longest, rand::random());
        let closed = Closed {
            failures,
            wait,
            next_try: Instant::now() + wait,
            why,
        };
        self.closed.insert(name, closed);
    }

    /// A letter came: those given up in a row are counted anew.
    pub(super) fn came(&mut self) {
        self.given_up_in_a_row = 0;
    }

    /// A letter is given up on a connection that is sound. False: not now, there were many before it.
    pub(super) fn may_give_up(&mut self, letter: LetterUid) -> bool {
        if self.given_up_in_a_row < GIVEN_UP_IN_A_ROW {
            self.given_up_in_a_row += 1;
            return true;
        }
        *self.letters.entry(letter).or_default() += ENOUGH / 4;
        false
    }

    /// Whether there may be one more pause between two tries for a letter.
    pub(super) fn may_pause(&mut self) -> bool {
        self.pauses += 1;
        self.pauses <= PAUSES
    }

    /// A letter was set aside and may come later.
    pub(super) fn set_aside(&mut self, letter: LetterUid, first_wait: Duration) {
        let next_try = Instant::now() + first_wait;
        self.aside
            .entry(letter)
            .or_insert(Again { tries: 1, next_try });
    }

    /// A letter that was set aside is tried again: the next time is twice as far away.
    pub(super) fn tried_again(&mut self, letter: &LetterUid, first_wait: Duration) {
        if let Some(again) = self.aside.get_mut(letter) {
            again.tries = again.tries.saturating_add(1);
            let wait = first_wait.saturating_mul(1 << again.tries.min(MOST_TRIES));
            again.next_try = Instant::now() + wait;
        }
    }

    /// Letters of a folder that were set aside and are due. They may be asked for once more.
    pub(super) fn due_again(&mut self, folder: &str, uid_validity: u32) -> Vec<u32> {
        let now = Instant::now();
        let due: Vec<LetterUid> = self
            .aside
            .iter()
            .filter(|((f, v, _), again)| {
                f == folder
                    && *v == uid_validity
                    && again.tries < MOST_TRIES
                    && again.next_try <= now
            })
            .map(|(letter, _)| letter.clone())
            .collect();
        for letter in &due {
            self.letters.remove(letter);
        }
        due.into_iter().map(|(_, _, uid)| uid).collect()
    }

    /// A letter that was set aside is not to be tried any more.
    pub(super) fn is_settled(&mut self, letter: &LetterUid) {
        self.aside.remove(letter);
    }

    /// Whether this letter is to be left alone from now on.
    pub(super) fn is_hopeless(&self, letter: &LetterUid) -> bool {
        self.letters.get(letter).is_some_and(|p| *p >= ENOUGH)
    }

    /// Whether the window that begins there is to be walked letter by letter.
    pub(super) fn is_hopeless_window(&self, window: &LetterUid) -> bool {
        self.windows.get(window).is_some_and(|p| *p >= ENOUGH)
    }

    /// Whether this letter is to be asked for alone.
    pub(super) fn is_suspect(&self, (folder, validity, uid): &LetterUid) -> bool {
        self.one_by_one
            .as_ref()
            .is_some_and(|(f, v, u)| f == folder && v == validity && uid <= u)
    }
}
