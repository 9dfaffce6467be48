//! Catching up with one folder: from its cursor, or from the beginning, to its newest letter.

use std::sync::Arc;

use tokio::sync::mpsc;
use tradepost_statements::Time;

use super::failure::{CommandFailure, unless_denied};
use super::fetch::{Choice, FetchSource, Fetched, NOT_SHOWN, NOT_TO_BE_HAD, fetch, next_group};
use super::folders::{FolderStatus, MailFolder, examine};
use super::look::{Looked, look, look_at};
use super::memory::{FetchTarget, WatchState};
use super::search::{self, HeaderSearch, UidWindow};
use super::select::{LARGEST, LetterHeader};
use super::session::{SMALL, Session};
use super::{Cursor, MailEvent, TroubleKind, Watch};

/// Letters in one window of a scan: its search answer stays below 20 KiB.
const WINDOW: u32 = 2000;

/// With more new letters than this since the last time, the server is asked for the marked ones
/// only: fetching whatever may hold a statement would fetch most of a mailbox.
const LOOKED_AT: u32 = 500;

/// How letters are chosen.
#[derive(Debug, Clone, Copy)]
enum How {
    /// Those with the `Tradepost` field.
    Marked {
        /// That came since.
        since: Option<Time>,
    },
    /// All that may hold a statement.
    Closely,
}

/// One connection and what goes with it.
pub(super) struct Round<'a> {
    pub(super) session: &'a mut Session,
    pub(super) memory: &'a mut WatchState,
    pub(super) watch: Arc<Watch>,
    pub(super) events: mpsc::Sender<MailEvent>,
}

impl Round<'_> {
    /// Opens the folder and hands out everything that is new in it, or everything. Denied, in words for
    /// people: it can't be opened or read now; the connection is sound.
    pub(super) async fn catch_up(&mut self, folder: &MailFolder) -> Result<(), CommandFailure> {
        self.memory.asked = Some(FetchTarget::Folder(folder.name.clone()));
        let opened = examine(self.session, folder).await;
        if !matches!(opened, Err(CommandFailure::Broken(_))) {
            self.memory.asked = None;
        }
        let server = &self.session.server;
        let mailbox = opened.map_err(|e| {
            let key = if folder.sent { "sent" } else { "folders" };
            e.in_words(|said| {
                let name = &folder.name;
                format!("{server} can't open the folder {name:?} (it says: {said}) - check `{key}` in [imap]")
            })
        })?;
        let read = self.read(folder, mailbox).await;
        read.map_err(|e| self.unreadable(folder, e))
    }

    /// The folder is open: what is refused now is no matter of its name.
    fn unreadable(&self, folder: &MailFolder, failure: CommandFailure) -> CommandFailure {
        let (server, name) = (&self.session.server, &folder.name);
        failure.in_words(|said| {
            format!("{server} does not show the letters in {name:?} (it says: {said})")
        })
    }

    async fn read(
        &mut self,
        folder: &MailFolder,
        mailbox: FolderStatus,
    ) -> Result<(), CommandFailure> {
        let cursor = self.memory.cursors.get(&folder.name).copied();
        let read_up_to = cursor.map_or(0, |c| c.last_uid);
        let newest = match mailbox.uid_next {
            Some(next) if next > self.session.exists && next > read_up_to => next - 1,
            // Missing, or it can't be: n letters have UIDs up to n at least.
            _ => self.newest_uid().await?,
        };
        let known = cursor
            .filter(|c| self.can_go_on(folder, mailbox, *c, newest))
            .map(|c| c.last_uid);
        if let Some(next) = mailbox.uid_next {
            let name = folder.name.clone();
            self.memory.uid_next_here.insert(name, next);
        }
        let last = known.unwrap_or(0);
        if known.is_none() || newest > last {
            // A folder that was never read has everything still to come, however little it is.
            let how = match known {
                None => How::Marked {
                    since: self.watch.since,
                },
                Some(last) if newest - last > LOOKED_AT => How::Marked { since: None },
                Some(_) => How::Closely,
            };
            self.scan(folder, mailbox.uid_validity, (last, newest), how)
                .await?;
        }
        self.memory.read_to_its_end.insert(folder.name.clone());
        self.try_again(folder, mailbox.uid_validity).await?;
        self.tell(MailEvent::CaughtUp {
            folder: folder.name.clone(),
        })
        .await
    }

    /// Hands out what came into the open folder since.
    pub(super) async fn catch_up_with_news(
        &mut self,
        folder: &MailFolder,
        mailbox_validity: u32,
    ) -> Result<(), CommandFailure> {
        let read = self.read_news(folder, mailbox_validity).await;
        read.map_err(|e| self.unreadable(folder, e))
    }

    async fn read_news(
        &mut self,
        folder: &MailFolder,
        mailbox_validity: u32,
    ) -> Result<(), CommandFailure> {
        let last = self
            .memory
            .cursors
            .get(&folder.name)
            .map_or(0, |c| c.last_uid);
        // Before looking: what is announced from now on is looked at next time.
        self.session.news = false;
        let behind = (last.saturating_add(1), search::NEWEST);
        let looked = look(self.session, behind).await?;
        let newest_seen = looked.seen.last().map(|s| s.uid);
        let Some(newest) = newest_seen.max(looked.unseen.last().copied()) else {
            return Ok(());
        };
        let choices = chosen(&looked, LetterHeader::may_matter);
        self.hand_out(folder, mailbox_validity, &choices, newest)
            .await?;
        self.tell(MailEvent::CaughtUp {
            folder: folder.name.clone(),
        })
        .await
    }

    /// Whether the cursor still counts. If not, the folder is read again; the digest of what was
    /// judged before drops what comes twice (protocol 5).
    fn can_go_on(
        &self,
        folder: &MailFolder,
        mailbox: FolderStatus,
        cursor: Cursor,
        newest: u32,
    ) -> bool {
        let read_here = self.memory.read_here.contains(&folder.name);
        let same =
            cursor.uid_validity == mailbox.uid_validity && (mailbox.uid_validity != 0 || read_here);
        // UIDs only grow (RFC 3501 section 2.3.1.1); where they went back, they were given anew.
        let went_back = match mailbox.uid_next {
            Some(next) => match self.memory.uid_next_here.get(&folder.name) {
                Some(before) => next < *before,
                None => next <= cursor.last_uid,
            },
            // On the same connection the newest letter was simply deleted.
            None => newest < cursor.last_uid && !read_here,
        };
        same && !went_back
    }

    /// Where UIDNEXT does not tell it.
    async fn newest_uid(&mut self) -> Result<u32, CommandFailure> {
        if self.session.exists == 0 {
            return Ok(0);
        }
        // By its number: some servers do not know `*` there.
        let last = self.session.exists.to_string();
        let told = unless_denied(self.uids_of(&last).await)?.unwrap_or_default();
        if let Some(newest) = told.last() {
            return Ok(*newest);
        }
        let all = search::uids_in(self.session, (1, search::NEWEST)).await?;
        all.last()
            .copied()
            .ok_or_else(|| CommandFailure::Denied("nothing, though there are letters".to_owned()))
    }

    /// The UIDs of letters named by sequence numbers.
    async fn uids_of(&mut self, numbers: &str) -> Result<Vec<u32>, CommandFailure> {
        let command = format!("FETCH {numbers} (UID)");
        let told = self.session.gather(&command, SMALL).await?;
        let mut uids: Vec<u32> = told.iter().filter_map(|f| f.uid).collect();
        uids.sort_unstable();
        Ok(uids)
    }

    /// Looks through all letters behind `last`, in windows of bounded size.
    async fn scan(
        &mut self,
        folder: &MailFolder,
        validity: u32,
        (last, newest): (u32, u32),
        how: How,
    ) -> Result<(), CommandFailure> {
        let windows = self.windows(last, newest).await?;
        let total = u64::from(self.session.exists);
        let many = windows.len() > 1;
        let mut done = 0;
        for window in windows {
            let choices = self.choose(folder, validity, window, how).await?;
            self.hand_out(folder, validity, &choices, window.1).await?;
            done += u64::from(WINDOW);
            if many {
                let done = done.min(total);
                let folder = folder.name.clone();
                self.tell(MailEvent::Progress {
                    folder,
                    done,
                    total,
                })
                .await?;
            }
        }
        Ok(())
    }

    /// UIDs may have large gaps, so the windows are cut by the letters that are there.
    async fn windows(&mut self, last: u32, newest: u32) -> Result<Vec<UidWindow>, CommandFailure> {
        let mut from = last.saturating_add(1);
        let mut windows = Vec::new();
        if newest.saturating_sub(last) > WINDOW && self.session.exists > WINDOW {
            let numbers: Vec<String> = (1..=self.session.exists)
                .step_by(WINDOW as usize)
                .skip(1)
                .map(|n| n.to_string())
                .collect();
            for uid in self.uids_of(&numbers.join(",")).await? {
                if uid > from && uid <= newest {
                    windows.push((from, uid - 1));
                    from = uid;
                }
            }
        }
        windows.push((from, newest.max(last)));
        Ok(windows)
    }

    /// The letters of a window that are to be fetched or told of.
    async fn choose(
        &mut self,
        folder: &MailFolder,
        validity: u32,
        (first, last): UidWindow,
        how: How,
    ) -> Result<Vec<Choice>, CommandFailure> {
        if first > last || self.session.exists == 0 {
            return Ok(Vec::new());
        }
        let window = (folder.name.clone(), validity, first);
        if self.memory.is_hopeless_window(&window) {
            return self
                .choose_one_by_one(folder, validity, (first, last))
                .await;
        }
        self.memory.asked = Some(FetchTarget::Window(window));
        let choices = match how {
            How::Closely => {
                self.choose_by_header((first, last), LetterHeader::may_matter)
                    .await
            }
            How::Marked { since } => match self.choose_by_search((first, last), since).await? {
                Some(choices) => Ok(choices),
                None => {
                    let early =
                        |s: &LetterHeader| s.received.zip(since).is_some_and(|(r, s)| r < s);
                    let rule = |s: &LetterHeader| s.is_marked() && !early(s);
                    self.choose_by_header((first, last), rule).await
                }
            },
        };
        if choices.is_ok() {
            self.memory.asked = None;
        }
        choices
    }

    async fn choose_by_header(
        &mut self,
        window: UidWindow,
        rule: impl Fn(&LetterHeader) -> bool,
    ) -> Result<Vec<Choice>, CommandFailure> {
        let looked = look(self.session, window).await?;
        Ok(chosen(&looked, rule))
    }

    /// None where the server's search is of no use.
    async fn choose_by_search(
        &mut self,
        window: UidWindow,
        since: Option<Time>,
    ) -> Result<Option<Vec<Choice>>, CommandFailure> {
        if self.memory.search_works == Some(false) {
            return Ok(None);
        }
        let found = match unless_denied(self.search(window, since).await) {
            Ok(found) => found.flatten(),
            Err(CommandFailure::Broken(e)) => {
                // An answer that can't be read or takes forever: next time without.
                if matches!(e.kind, TroubleKind::NotUnderstood | TroubleKind::TimedOut) {
                    self.memory.search_works = Some(false);
                    self.memory.asked = None;
                }
                return Err(CommandFailure::Broken(e));
            }
            Err(e @ (CommandFailure::Denied(_) | CommandFailure::NobodyListens)) => return Err(e),
        };
        self.memory.search_works = Some(found.is_some());
        let Some(uids) = found else { return Ok(None) };
        // Some servers find more than was asked for.
        let looked = look_at(self.session, &uids).await?;
        Ok(Some(chosen(&looked, LetterHeader::is_marked)))
    }

    async fn search(
        &mut self,
        window: UidWindow,
        since: Option<Time>,
    ) -> Result<Option<Vec<u32>>, CommandFailure> {
        if self.memory.search_works.is_none() {
            match search::try_search(self.session).await? {
                HeaderSearch::Works => {}
                HeaderSearch::Fails | HeaderSearch::Untried => return Ok(None),
            }
        }
        let wanted = search::marked_since(since);
        search::search(self.session, window, &wanted).await
    }

    /// A window over whose headers connections failed: each letter alone, so that only the one
    /// that is at fault is set aside.
    async fn choose_one_by_one(
        &mut self,
        folder: &MailFolder,
        validity: u32,
        window: UidWindow,
    ) -> Result<Vec<Choice>, CommandFailure> {
        let mut choices = Vec::new();
        for uid in search::uids_in(self.session, window).await? {
            let letter = (folder.name.clone(), validity, uid);
            if self.memory.is_hopeless(&letter) {
                choices.push(Choice::hopeless(uid, NOT_TO_BE_HAD));
                continue;
            }
            self.memory.asked = Some(FetchTarget::One(letter));
            let looked = look_at(self.session, &[uid]).await?;
            self.memory.asked = None;
            choices.extend(chosen(&looked, LetterHeader::may_matter));
        }
        Ok(choices)
    }

    /// Fetches the chosen letters and hands them out, in batches whose cursors only grow.
    async fn hand_out(
        &mut self,
        folder: &MailFolder,
        validity: u32,
        choices: &[Choice],
        up_to: u32,
    ) -> Result<(), CommandFailure> {
        let mut rest = choices;
        loop {
            let (group, later) = next_group(rest);
            let mut fetched = self.fetch(folder, validity, group).await;
            let failed = fetched.failed.take();
            let covered = match (&failed, group.last()) {
                (Some((failed, _)), _) => failed.saturating_sub(1),
                (None, Some(last)) if !later.is_empty() => last.uid,
                (None, _) => up_to,
            };
            if failed.is_none() || !fetched.is_empty() {
                self.hand_over(folder, validity, fetched, covered).await?;
                self.remember(folder, validity, covered);
            }
            if let Some((_, failure)) = failed {
                return Err(failure);
            }
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    async fn fetch(&mut self, folder: &MailFolder, uid_validity: u32, group: &[Choice]) -> Fetched {
        let from = FetchSource {
            folder: &folder.name,
            uid_validity,
            pause: self.watch.retry_first,
        };
        fetch(self.session, self.memory, from, group).await
    }

    /// Letters that were set aside, once more.
    async fn try_again(
        &mut self,
        folder: &MailFolder,
        validity: u32,
    ) -> Result<(), CommandFailure> {
        for uid in self.memory.due_again(&folder.name, validity) {
            let letter = (folder.name.clone(), validity, uid);
            // Whatever happens, it has had its try.
            self.memory.tried_again(&letter, self.watch.idle_for);
            self.memory.asked = Some(FetchTarget::One(letter));
            let looked = look_at(self.session, &[uid]).await?;
            self.memory.asked = None;
            let choices = chosen(&looked, |_| true);
            let mut fetched = self.fetch(folder, validity, &choices).await;
            if choices.is_empty() {
                fetched.gone.push(uid);
            }
            let failed = fetched.failed.take();
            if !fetched.is_empty() {
                let cursor = self.memory.cursors.get(&folder.name);
                let up_to = cursor.map_or(0, |c| c.last_uid);
                self.hand_over(folder, validity, fetched, up_to).await?;
            }
            if let Some((_, failure)) = failed {
                return Err(failure);
            }
        }
        Ok(())
    }

    async fn hand_over(
        &mut self,
        folder: &MailFolder,
        uid_validity: u32,
        fetched: Fetched,
        up_to: u32,
    ) -> Result<(), CommandFailure> {
        let letter = |uid: u32| (folder.name.clone(), uid_validity, uid);
        let came = fetched.mails.iter().map(|m| m.uid);
        for uid in came.chain(fetched.gone.iter().copied()) {
            self.memory.is_settled(&letter(uid));
        }
        for aside in fetched.set_aside.iter().filter(|a| a.again) {
            self.memory
                .set_aside(letter(aside.uid), self.watch.idle_for);
        }
        self.tell(MailEvent::Batch {
            folder: folder.name.clone(),
            sent: folder.sent,
            uid_validity,
            mails: fetched.mails,
            set_aside: fetched.set_aside,
            gone: fetched.gone,
            up_to,
        })
        .await
    }

    fn remember(&mut self, folder: &MailFolder, uid_validity: u32, last_uid: u32) {
        let cursor = Cursor {
            uid_validity,
            last_uid,
        };
        self.memory.cursors.insert(folder.name.clone(), cursor);
        self.memory.read_here.insert(folder.name.clone());
        self.memory.progress = true;
    }

    /// Waits while the consumer is behind, so that no more is fetched than it can take.
    pub(super) async fn tell(&self, event: MailEvent) -> Result<(), CommandFailure> {
        self.events
            .send(event)
            .await
            .map_err(|_| CommandFailure::NobodyListens)
    }
}

/// Letters that the rule takes, and those that the server does not show; too large ones are told of only
/// when they are marked as ours.
fn chosen(looked: &Looked, rule: impl Fn(&LetterHeader) -> bool) -> Vec<Choice> {
    let is_taken =
        |s: &&LetterHeader| rule(s) && (s.size.is_none_or(|size| size <= LARGEST) || s.is_marked());
    let seen = looked.seen.iter().filter(is_taken);
    let mut choices: Vec<Choice> = seen
        .map(|s| match s.is_over_a_limit {
            true => Choice::over_a_limit(s.uid),
            false => Choice::of(s.uid, s.size, s.is_marked()),
        })
        .collect();
    let unseen = looked.unseen.iter();
    choices.extend(unseen.map(|uid| Choice::hopeless(*uid, NOT_SHOWN)));
    choices.sort_by_key(|c| c.uid);
    choices
}
