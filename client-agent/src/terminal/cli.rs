//! The command line: what can be asked for, and the help that says how.

mod acting;
mod asking;
mod expect;
mod order;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tradepost_agent::config::Span;
use tradepost_agent::terminal::output;

use crate::config::Places;

pub(crate) use acting::{CancelArgs, NotifyArgs, ReturnArgs};
pub(crate) use asking::{AddArgs, AskArgs, ScheduleCommand};
pub(crate) use expect::{ExpectArgs, Expecting};
pub(crate) use order::{OrderArgs, ReorderArgs};

/// How the program is called.
pub(crate) const PROGRAM: &str = "tradepost";

/// What the command line says; else how the program ends, since help was asked for or something is wrong.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|said| {
        let text = said.render().to_string();
        if said.use_stderr() {
            output::wrong_use(&text)
        } else {
            output::help(PROGRAM, &text)
        }
    })
}

/// Keeps a ledger of your purchases from what shops, carriers and payment processors mail you.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about = "Keeps a ledger of your purchases from what shops, carriers and payment processors mail you",
    after_help = "Examples:
  tradepost doctor                 is everything set up?
  tradepost daemon                 attach to the mailbox and keep the ledger up to date
  tradepost pending                what is still to come
  tradepost order kettle.toml      order something
  tradepost warnings               what did not fit, and what you can do

The commands work whether the daemon runs or not. Exit status: 0 done, 1 failed,
2 wrong use of the command line. No answer is a failure: a command says then what may have been
done and how to look, and gives up a daemon of which it hears nothing for 30 s ([timers]
command_patience).",
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Attach to the mailbox: fetch, judge and record letters, and send what waits
    #[command(after_help = "Examples:
  tradepost daemon            runs until SIGTERM or Ctrl-C
  tradepost daemon --once     fetches and sends what there is, and ends; e.g. from cron

Letters are only read: nothing is moved, deleted or marked as seen.")]
    Daemon {
        /// Process what is there and end
        #[arg(long)]
        once: bool,
    },
    /// What is not delivered yet, by promised date
    #[command(after_help = "Examples:
  tradepost pending
  tradepost pending --json | jq -r '.[] | select(.overdue) | .id'")]
    Pending {
        #[command(flatten)]
        json: Json,
    },
    /// All trades
    #[command(after_help = "Examples:
  tradepost list --unpaid
  tradepost list --undelivered --sort payment
  tradepost list --group-by shop
  tradepost list --json")]
    List(ListArgs),
    /// One trade with its parties and history
    #[command(after_help = "Examples:
  tradepost show T-1001
  tradepost show orders@shop.example/T-1001     where two shops use one id
  tradepost show T-1001 --json | jq .history")]
    Show {
        /// A trade's id, or shop/id
        trade: String,
        #[command(flatten)]
        json: Json,
    },
    /// What did not fit, and what you can do about it
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:
  tradepost warnings
  tradepost warnings show 3        what was received, what was expected
  tradepost warnings dismiss 3     it is nothing
  tradepost warnings accept 3      judge the letter on, although this rule says no"
    )]
    Warnings {
        /// Dismissed, accepted and resolved ones too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        json: Json,
        #[command(subcommand)]
        what: Option<WarningCommand>,
    },
    /// Letters that wait until DNS proves their sender, or until the time that they bear
    #[command(after_help = "Examples:
  tradepost held
  tradepost held --json | jq -r '.[] | .next_try + \" \" + .from'

DNS is asked again by the daemon and by every command, for 7 days; then a letter is judged by
the evidence that there is. Held letters block nothing.")]
    Held {
        #[command(flatten)]
        json: Json,
    },
    /// Counts and totals
    #[command(after_help = "Examples:
  tradepost stats
  tradepost stats --json | jq .unpaid_total")]
    Stats {
        #[command(flatten)]
        json: Json,
    },
    /// Order from a shop: from a file, or by questions at the terminal
    Order(OrderArgs),
    /// Order once more what you bought, from the same shop
    Reorder(ReorderArgs),
    /// Agree to a trade record; of an adopted trade: take it as yours
    #[command(after_help = "Examples:
  tradepost confirm T-1001")]
    Confirm {
        /// A trade's id, or shop/id
        trade: String,
        #[command(flatten)]
        json: Json,
    },
    /// Cancel a trade, or an order that was not answered yet
    Cancel(CancelArgs),
    /// Ask the shop to take goods back
    Return(ReturnArgs),
    /// Say which changes of a trade you want to be told of, and where
    Notify(NotifyArgs),
    /// Expect a trade that you ordered in a shop, from the link that the shop shows
    Expect(Box<ExpectArgs>),
    /// Ask for the present status of a trade
    Ask(AskArgs),
    /// Have the status asked for by itself, again and again
    #[command(after_help = "Examples:
  tradepost schedule add T-1001 --every 12h --until delivered
  tradepost schedule add all-pending --at 08:00
  tradepost schedule list
  tradepost schedule remove 1")]
    Schedule {
        #[command(subcommand)]
        what: ScheduleCommand,
    },
    /// What was ordered, asked and wished, and what became of it
    #[command(after_help = "Examples:
  tradepost requests
  tradepost requests --all         what was settled more than 30 days ago, too
  tradepost requests --json | jq '.[] | select(.state == \"bounced\")'

A request is queued, sent, bounced (its letter came back), answered, refused, given-up (nobody
answered for 30 days), or elsewhere (another program of yours sent it). What is not answered is
sent again by itself.")]
    Requests {
        /// What was settled long ago, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Judge letters from files exactly as if they had been fetched
    #[command(after_help = "Examples:
  tradepost import letter.eml
  tradepost import ~/Maildir Archive.mbox
  tradepost import --sent ~/Maildir/.Sent      copies of your own letters
  tradepost import --json letters/ | jq -r 'select(.verdict == \"warned\") | .file'

PATH is a letter (.eml), an mbox, a Maildir, or a folder of these. Letters are judged as they
were delivered into a Maildir, as they stand in an mbox, and else in the order of names: of two
trade records the first one counts.")]
    Import {
        /// Files and folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// They are copies of your own letters: restores the orders they carry
        #[arg(long)]
        sent: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Make the index anew from the journal, or the ledger from the mailbox
    #[command(after_help = "Examples:
  tradepost rebuild                    makes the index anew from the journal
  tradepost rebuild --from-mailbox     after the loss of a machine: reads mailbox and Sent
                                       folder from the beginning")]
    Rebuild {
        /// Read the whole mailbox and the Sent folder again
        #[arg(long)]
        from_mailbox: bool,
        #[command(flatten)]
        json: Json,
    },
    /// Say what is damaged or missing in the journal, and accept the loss when asked to
    #[command(after_help = "Examples:
  tradepost repair             says what would be lost
  tradepost repair --yes       keeps what can be read, and sets the rest aside

Where there is a backup of the data folder, put its journal back instead: what is missing is
lost for good.")]
    Repair {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Everything in the ledger, as JSON lines
    #[command(after_help = "Examples:
  tradepost export > ledger.jsonl
  tradepost export | jq -c 'select(.type == \"trade\")'")]
    Export,
    /// Look whether everything is set up, and say what to do where it is not
    #[command(after_help = "Examples:
  tradepost doctor
  tradepost doctor --probe        sends you a letter, to see what your provider does with forged results
  tradepost doctor --json | jq '.[] | select(.ok | not)'")]
    Doctor {
        /// Send a letter to yourself that tells whether your provider removes forged results
        #[arg(long)]
        probe: bool,
        /// How long to wait for that letter
        #[arg(long, value_name = "TIME", default_value = "2 min", requires = "probe")]
        wait: Span,
        #[command(flatten)]
        json: Json,
    },
    /// Print completions for a shell
    #[command(after_help = "Examples:
  tradepost completions bash > ~/.local/share/bash-completion/completions/tradepost
  tradepost completions fish > ~/.config/fish/completions/tradepost.fish")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = "Examples:
  tradepost man ~/.local/share/man/man1")]
    Man {
        /// The folder
        dir: PathBuf,
    },
}

/// `--json`.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tradepost list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only what is delivered
    #[arg(long, conflicts_with = "undelivered")]
    pub(crate) delivered: bool,
    /// Only what is not delivered yet
    #[arg(long)]
    pub(crate) undelivered: bool,
    /// Only what is paid
    #[arg(long, conflicts_with = "unpaid")]
    pub(crate) paid: bool,
    /// Only what is not paid yet
    #[arg(long)]
    pub(crate) unpaid: bool,
    /// In which order [default: date]
    #[arg(long, value_name = "BY")]
    pub(crate) sort: Option<Facet>,
    /// In groups
    #[arg(long, value_name = "BY")]
    pub(crate) group_by: Option<Facet>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What trades are sorted and grouped by (E18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Facet {
    /// How far the shop is
    Order,
    /// How far the delivery is
    Delivery,
    /// How far the payment is
    Payment,
    /// When it was ordered
    Date,
    /// By shop
    Shop,
    /// When it is promised for
    Promised,
}

/// `tradepost warnings ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum WarningCommand {
    /// All about one warning
    #[command(after_help = "Examples:
  tradepost warnings show 3
  tradepost warnings show 3 --letter     and the letter it is about")]
    Show {
        /// Its number
        id: u64,
        /// The letter as well, as it came, with everything escaped that a terminal would obey
        #[arg(long)]
        letter: bool,
        #[command(flatten)]
        json: Json,
    },
    /// It needs no attention; nothing else changes
    #[command(after_help = "Examples:
  tradepost warnings dismiss 3")]
    Dismiss {
        /// Its number
        id: u64,
    },
    /// Judge the letter on from the line after the one that fired; recorded as your own act
    #[command(after_help = "Examples:
  tradepost warnings accept 3")]
    Accept {
        /// Its number
        id: u64,
    },
}
