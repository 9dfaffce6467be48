//! Where a command puts its questions: to the daemon when one runs; else what only asks is answered from the
//! files of the ledger, which stay as they are, and for all else the command opens the ledger itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tradepost_agent::arrival::Reader;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::config::is_private_folder;
use tradepost_agent::held::prove_again;
use tradepost_agent::outgoing::{Outbox, copy_what_left};
use tradepost_agent::reading::ReadStore;
use tradepost_agent::rpc::{Caller, Reply, Unanswered};
use tradepost_agent::run::Answers as _;
use tradepost_agent::terminal::output::note;
use tradepost_post::stop;

use super::waiting::Answering;
use super::{Answer, Effect, Question};
use crate::api;
use crate::config::{Config, Places, YOURS_ALONE, config_file, data_folder, private_data_folder};
use crate::ledger::{self, Ledger, LedgerHost, judge_again};
use crate::way_out::{mailer, pace, sent_copies};

/// The daemon, or the ledger opened here; found anew when a daemon ends.
pub(crate) struct Connection {
    places: Places,
    to: To,
    /// Until the ledger is opened with it.
    config: Option<Config>,
    /// It was said what is left for whoever works with the ledger.
    has_noted: bool,
    patience: Duration,
}

enum To {
    /// The daemon has the ledger.
    Daemon(Caller),
    /// None runs.
    Nobody,
    /// The ledger's files, as they were at the first question.
    Files(Box<ReadStore>),
    OwnLedger(Box<OwnLedger>),
}

/// The ledger, opened by a command.
struct OwnLedger {
    host: Arc<LedgerHost>,
    config: Config,
    reader: Reader,
}

/// Another command may have the ledger for a moment, and a daemon that starts may replay its
/// journal before it opens its door: it is looked again, as long as commands are patient.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A person waits beside the screen: what DNS does not say until then, it may say another time.
const FOR_HELD_LETTERS: Duration = Duration::from_secs(3);

/// What is left after that is left to the daemon, or to the next command.
const FOR_WHAT_IS_DUE: Duration = Duration::from_secs(3);

/// A change of trust is worth a longer wait, which the screen explains.
const FOR_JUDGING_AGAIN: Duration = Duration::from_secs(10);

impl Connection {
    /// Finds the daemon. What to do without one is decided by the first question.
    pub(crate) async fn find(places: &Places) -> anyhow::Result<Connection> {
        // A faulty configuration is told whether a daemon runs or not; without one, no folder is made.
        let config = Config::load(&config_file(places)?)?;
        let patience = config.patience;
        Ok(Connection {
            to: find_daemon(places, patience).await?,
            places: places.clone(),
            config: Some(config),
            has_noted: false,
            patience,
        })
    }

    /// Whether a daemon runs, which fetches what comes.
    pub(crate) fn has_daemon(&self) -> bool {
        matches!(self.to, To::Daemon(_))
    }

    /// Asks. No answer is an error that says what to do: only a question that changes nothing, or that a
    /// daemon says it has not begun, is asked again elsewhere.
    pub(crate) async fn ask(&mut self, question: Question) -> anyhow::Result<Answer> {
        let start = Instant::now();
        loop {
            let daemon = match &mut self.to {
                To::Daemon(daemon) => daemon,
                To::OwnLedger(own) => return own.ask(question).await,
                To::Nobody if question.effect() != Effect::None => {
                    self.to = self.open().await?;
                    continue;
                }
                To::Nobody => {
                    self.to = To::Files(Box::new(self.files()?));
                    continue;
                }
                To::Files(files) => {
                    if let Some(reply) = api::read(files, &question)? {
                        self.note_what_is_left()?;
                        return Ok(reply.into_answer()?);
                    }
                    self.to = self.open().await?;
                    continue;
                }
            };
            let why = match daemon.ask(&question).await {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            let changes_nothing = question.effect() == Effect::None;
            let may_be_asked_again = match &why {
                Unanswered::Stopping => true,
                Unanswered::NoAnswer(why) => why.is_gone() && changes_nothing,
                Unanswered::Failed(_) => false,
                Unanswered::Refused(_) | Unanswered::Unsayable(_) => bail!(why),
            };
            // Without a daemon no answers come in that could be waited for.
            let waits = matches!(question, Question::Progress { .. });
            if !may_be_asked_again || waits || start.elapsed() >= self.patience {
                let has_not_begun = matches!(why, Unanswered::Stopping) && !waits;
                let known = if has_not_begun {
                    "nothing was done; try again"
                } else {
                    question.without_answer()
                };
                match &why {
                    Unanswered::NoAnswer(_) => {
                        bail!("the daemon did not answer: {why}; {known}")
                    }
                    Unanswered::Stopping => bail!("the daemon is stopping; {known}"),
                    Unanswered::Failed(_) | Unanswered::Refused(_) | Unanswered::Unsayable(_) => {
                        bail!("{why}; {known}")
                    }
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            // Whoever has the ledger now knows the same.
            self.to = find_daemon(&self.places, self.patience).await?;
        }
    }

    /// Looks at the ledger's files.
    fn files(&self) -> anyhow::Result<ReadStore> {
        let data = data_folder(&self.places)?;
        Ok(ReadStore::open::<Ledger>(&data, Arc::new(SystemClock))?)
    }

    /// Says, once, where something was left for whoever works with the ledger.
    fn note_what_is_left(&mut self) -> anyhow::Result<()> {
        let To::Files(files) = &self.to else {
            return Ok(());
        };
        if let Some(config) = &self.config
            && !std::mem::replace(&mut self.has_noted, true)
            && files.reading(|of| ledger::is_to_judge_again(of.rows(), config))?
        {
            note(
                "tradepost: [trust] is another one than before; letters that came before are judged again by the \
                 daemon, or by the next command that changes something",
            );
        }
        Ok(())
    }

    /// Opens the ledger, unless a daemon has started meanwhile.
    async fn open(&mut self) -> anyhow::Result<To> {
        let path = config_file(&self.places)?;
        let data = private_data_folder(&self.places)?;
        let start = Instant::now();
        loop {
            let config = match self.config.take() {
                Some(config) => config,
                None => Config::load(&path)?,
            };
            match ledger::open(&data, &config, Arc::new(SystemClock), &mut |_| {}) {
                Ok((host, opened)) => {
                    if opened.torn_bytes > 0 {
                        note(&opened.to_string());
                    }
                    let own = OwnLedger {
                        host: Arc::new(host),
                        reader: config.reader()?,
                        config,
                    };
                    own.catch_up().await?;
                    return Ok(To::OwnLedger(Box::new(own)));
                }
                Err(e) if e.is_in_use() && start.elapsed() < self.patience => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(e) => return Err(e.into()),
            }
            let found = find_daemon(&self.places, self.patience).await?;
            if matches!(found, To::Daemon(_)) {
                return Ok(found);
            }
        }
    }
}

impl OwnLedger {
    async fn ask(&self, question: Question) -> anyhow::Result<Answer> {
        let known = question.without_answer();
        let sends = question.effect() == Effect::Sends && self.config.smtp.is_some();
        let reply = if sends {
            // Before anything is queued: a password that cannot be had is told first.
            let sender = Sender::start(self).await?;
            let reply = self.answer(question).await;
            sender.finish(self).await;
            reply
        } else {
            self.answer(question).await
        };
        match reply.into_answer() {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Failed(why)) => bail!("{why}; {known}"),
            Err(other) => bail!(other),
        }
    }

    async fn answer(&self, question: Question) -> Reply<Answer> {
        let (_stopper, stop) = stop::channel();
        let answering = Answering {
            host: Arc::clone(&self.host),
            reader: self.reader.clone(),
            wait_to_send: self.config.wait_to_send,
            stop,
        };
        let ask = |question| async {
            let answer = move |host: &LedgerHost| Ledger::answer(host, question);
            let answered = self.host.work(answer).await;
            answered.unwrap_or_else(|e| Reply::Failed(e.to_string()))
        };
        answering.answer(question, ask).await
    }
}

/// The outbox at work, for the time of one command.
struct Sender {
    stopper: stop::Stopper,
    outbox: Outbox<Ledger>,
}

/// The person has waited for what is still under way already.
const GRACE: Duration = Duration::from_secs(1);

/// The copy for the Sent folder may take so long; then it is left to the daemon.
const FOR_THE_COPY: Duration = Duration::from_secs(5);

impl Sender {
    /// Starts to send what waits.
    async fn start(own: &OwnLedger) -> anyhow::Result<Sender> {
        let mailer = mailer(&own.host, &own.config).await?;
        mailer.submitter.prepare().await?;
        let (stopper, stop) = stop::channel();
        let mut pace = pace(&own.config);
        pace.grace = GRACE;
        let outbox = mailer.start(pace, stop);
        Ok(Sender { stopper, outbox })
    }

    /// Ends when what is on its way has arrived, or it took too long; puts copies into Sent.
    async fn finish(self, own: &OwnLedger) {
        self.stopper.stop();
        self.outbox.finish().await;
        let _ = tokio::time::timeout(FOR_THE_COPY, async {
            if let Some(sent) = sent_copies(&own.config).await? {
                copy_what_left(Arc::clone(&own.host), sent).await?;
            }
            anyhow::Ok(())
        })
        .await;
    }
}

/// The daemon, where one runs.
async fn find_daemon(places: &Places, patience: Duration) -> anyhow::Result<To> {
    let data = data_folder(places)?;
    if !is_private_folder(&data).context(YOURS_ALONE)? {
        return Ok(To::Nobody);
    }
    let daemon = Caller::find(&data, patience)
        .await
        .with_context(|| format!("the daemon of {} cannot be asked", data.display()))?;
    Ok(daemon.map_or(To::Nobody, To::Daemon))
}

impl OwnLedger {
    /// Does what is left to do, as the daemon would have done it.
    async fn catch_up(&self) -> anyhow::Result<()> {
        let judged = judge_again(&self.host, &self.reader, FOR_JUDGING_AGAIN).await?;
        if let Some(judged) = judged {
            note(&format!("tradepost: {judged}"));
        }
        let (host, reader) = (Arc::clone(&self.host), self.reader.clone());
        prove_again(host, reader, FOR_HELD_LETTERS).await?;
        self.host
            .work(|host| host.do_what_is_due(FOR_WHAT_IS_DUE))
            .await?;
        Ok(())
    }
}

/// The ledger for commands that need it alone: no daemon may run.
pub(crate) async fn alone(places: &Places) -> anyhow::Result<(PathBuf, Config)> {
    let config = Config::load(&config_file(places)?)?;
    let data = private_data_folder(places)?;
    if Caller::find(&data, config.patience).await?.is_some() {
        bail!("the daemon has the ledger open: stop it first");
    }
    Ok((data, config))
}
