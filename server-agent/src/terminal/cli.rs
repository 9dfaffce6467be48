//! The command line: what can be asked for, and the help that says how.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tradepost_agent::config::Span;
use tradepost_agent::terminal::output;
use tradepost_statements::{Address, Amount, TradeId};

use crate::config::Places;

/// How the program is called.
pub(crate) const PROGRAM: &str = "tradepost-server";

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

/// Takes orders, instructions and requests by mail, and mails buyers how far their purchases are.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about = "Takes orders, instructions and requests by mail, and mails buyers how far their purchases are",
    after_help = "Examples:
  tradepost-server doctor                    is everything set up?
  tradepost-server run                       read the mailbox, answer, send what waits
  tradepost-server emit - < events.jsonl     tell what happened
  tradepost-server trades                    what is in the book
  tradepost-server outbox                    what has not left yet, and why

The commands work whether `run` runs or not. Exit status: 0 done, 1 failed,
2 wrong use of the command line. No answer is a failure: a command says then what may have been
done, and gives up a `run` of which it hears nothing for 30 s ([timers] command_patience).",
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
    /// Read the mailbox, decide, answer, and send what waits, until SIGTERM or Ctrl-C
    #[command(after_help = "Examples:
  tradepost-server run
  tradepost-server --config shop.toml --data /var/lib/shop run
  TRADEPOST_LOG=debug tradepost-server run

Letters are only read: nothing is moved, deleted or marked as seen.")]
    Run,
    /// Tell what happened to trades: a JSON object a line, each answered by a line
    #[command(
        after_help = "Examples:
  echo '{\"key\":\"woo-8812\",\"trade\":\"T-1001\",\"track\":\"order\",\"state\":\"shipped\"}' | tradepost-server emit
  tradepost-server emit events.jsonl > answers.jsonl
  tradepost-server emit --help             what a line holds

Exit status 0: every line is accepted and on disk. 1: a line was refused, which its answer says, or
has no answer, which standard error says: send the same lines again, with the same keys.",
        after_long_help = EMIT_HELP
    )]
    Emit {
        /// A file of lines, or - for standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Put what there is to tell into a mail that your own system is about to send
    #[command(
        after_help = "Examples:
  tradepost-server attach --trade T-1001 < mail.eml | sendmail -t
  tradepost-server attach --trade T-1001 --track delivery --parcel P2 mail.eml > out.eml
  tradepost-server attach --help           what may be in the mail, and how customers get one mail",
        after_long_help = ATTACH_HELP
    )]
    Attach {
        #[command(flatten)]
        args: AttachArgs,
    },
    /// What is in the book
    #[command(after_help = "Examples:
  tradepost-server trades
  tradepost-server trades T-1001
  tradepost-server trades --json | jq -r '.[] | select(.wants_back) | .id'")]
    Trades {
        /// Only trades of this id
        trade: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Payments that shops asked to authorize, and that wait for your answer
    #[command(after_help = "Examples:
  tradepost-server authorizations
  tradepost-server authorizations --json | jq -r '.[].id'
  echo '{\"key\":\"bank-17\",\"trade\":\"T-1001\",\"authorize\":\"approve\"}' | tradepost-server emit

With [payment] authorize = \"ask\", or above authorize_up_to, each waits for such a line.")]
    Authorizations {
        #[command(flatten)]
        json: Json,
    },
    /// What other servers have not answered yet: it is sent again and again
    #[command(after_help = "Examples:
  tradepost-server unanswered
  tradepost-server unanswered --json | jq '.[] | select(.order_waits)'    orders that wait for an authorization")]
    Unanswered {
        #[command(flatten)]
        json: Json,
    },
    /// What buyers want to give back, and wait for you to decide
    #[command(after_help = "Examples:
  tradepost-server returns
  tradepost-server returns --json | jq -r '.[] | select(.everything) | .id'
  tradepost-server decide T-1001 --accept")]
    Returns {
        #[command(flatten)]
        json: Json,
    },
    /// Decide about what a buyer wants to give back
    #[command(after_help = "Examples:
  tradepost-server decide T-1001 --accept                         pays back what the goods cost
  tradepost-server decide T-1001 --accept --refund '20.00 EUR' --text 'Keep it.'
  tradepost-server decide T-1001 --refuse --text 'It is more than 30 days old.'

The buyer is told, the payment processor pays back, and what is under way is recalled where
everything goes back. The same decision again does nothing.")]
    Decide {
        #[command(flatten)]
        args: DecideArgs,
        #[command(flatten)]
        json: Json,
    },
    /// Letters that wait to be sent, failed or came back, and what became of others
    #[command(after_help = "Examples:
  tradepost-server outbox                  what waits, was refused, has expired or came back
  tradepost-server outbox --all            and what was accepted
  tradepost-server outbox show 1:2040      all about one letter, and why it has not left
  tradepost-server outbox retry 1:2040     try it at once; those that failed or came back too
  tradepost-server outbox retry --all")]
    Outbox {
        /// Those that have ended as well
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        json: Json,
        #[command(subcommand)]
        what: Option<OutboxCommand>,
    },
    /// What your own system has still to be told or asked: commands that wait, fail, or sent goods
    #[command(after_help = "Examples:
  tradepost-server jobs
  tradepost-server jobs --json | jq -r '.[] | select(.attempts > 3) | .name'
  tradepost-server jobs retry T-1001.hand-over     run it at once

What commands read and answer stands in examples/fulfilment/README.md.")]
    Jobs {
        #[command(flatten)]
        json: Json,
        #[command(subcommand)]
        what: Option<JobsCommand>,
    },
    /// Look whether everything is set up, and say what to do where it is not
    #[command(after_help = "Examples:
  tradepost-server doctor
  tradepost-server doctor --probe      sends the mailbox a letter, to see what the provider does with forged results
  tradepost-server doctor --json | jq '.[] | select(.ok | not)'")]
    Doctor {
        /// Send the mailbox a letter that tells whether the provider removes forged results
        #[arg(long)]
        probe: bool,
        /// How long to wait for that letter
        #[arg(long, value_name = "TIME", default_value = "2 min", requires = "probe")]
        wait: Span,
        #[command(flatten)]
        json: Json,
    },
    /// Make a key that signs your letters, and say what DNS and the configuration need (DKIM)
    #[command(after_help = "Examples:
  tradepost-server dkim-key --selector s1 --domain shop.example
  tradepost-server dkim-key --selector s2 --domain shop.example --algorithm ed25519 --out /etc/shop/s2.pem
  tradepost-server dkim-key --selector s3 --domain shop.example --json | jq -r .zone

Receivers look the key up at SELECTOR._domainkey.DOMAIN. For a new key take a new selector, and
leave the old record in DNS until all letters that it signed have been read.")]
    DkimKey {
        #[command(flatten)]
        args: DkimKeyArgs,
        #[command(flatten)]
        json: Json,
    },
    /// Say what is damaged or missing in the journal, and accept the loss when asked to
    #[command(after_help = "Examples:
  tradepost-server repair             says what would be lost
  tradepost-server repair --yes       keeps what can be read, and sets the rest aside

Where there is a backup of the data folder, put its journal back instead: what is missing is
lost for good.")]
    Repair {
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Print completions for a shell
    #[command(after_help = "Examples:
  tradepost-server completions bash > ~/.local/share/bash-completion/completions/tradepost-server")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = "Examples:
  tradepost-server man ~/.local/share/man/man1")]
    Man {
        /// The folder
        dir: PathBuf,
    },
}

/// `tradepost-server attach ..`.
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The trade's id
    #[arg(long, value_name = "ID")]
    pub(crate) trade: TradeId,
    /// Its shop, where several have a trade of that id
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) shop: Option<Address>,
    /// What the mail tells
    #[arg(long, value_enum, default_value_t = AttachTrack::Order)]
    pub(crate) track: AttachTrack,
    /// Which parcel, where there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) parcel: Option<String>,
    /// The mail, or - for standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
}

/// `--track`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AttachTrack {
    /// The trade record: of the mail that confirms an order
    Record,
    /// How far the order is
    Order,
    /// How far a parcel is
    Delivery,
    /// How far the payment is
    Payment,
}

/// `tradepost-server outbox ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// All about one letter, and why it has not left
    #[command(after_help = "Examples:
  tradepost-server outbox show 1:2040")]
    Show {
        /// Its id, as `outbox` shows it
        id: String,
        #[command(flatten)]
        json: Json,
    },
    /// Try a letter at once, one that was refused or has expired too
    #[command(after_help = "Examples:
  tradepost-server outbox retry 1:2040
  tradepost-server outbox retry --all      everything that waits")]
    Retry {
        /// Its id, as `outbox` shows it
        #[arg(required_unless_present = "every")]
        id: Option<String>,
        /// Everything that waits
        #[arg(long = "all", id = "every", conflicts_with = "id")]
        every: bool,
    },
}

/// `tradepost-server jobs ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Run a job at once that waits for another try
    #[command(after_help = "Examples:
  tradepost-server jobs retry T-1001.hand-over")]
    Retry {
        /// Its name, as `jobs` shows it
        job: String,
    },
}

/// `tradepost-server decide ..`.
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The trade's id, as `returns` shows it
    pub(crate) trade: TradeId,
    /// The goods are taken back
    #[arg(long, required_unless_present = "refuse", conflicts_with = "refuse")]
    pub(crate) accept: bool,
    /// They are not
    #[arg(long)]
    pub(crate) refuse: bool,
    /// How much is paid back, as in '20.00 EUR' [default: what the goods cost]
    #[arg(long, value_name = "AMOUNT", conflicts_with = "refuse")]
    pub(crate) refund: Option<Amount>,
    /// What the buyer is told beside it
    #[arg(long)]
    pub(crate) text: Option<String>,
}

/// `tradepost-server dkim-key ..`.
#[derive(Debug, Args)]
pub(crate) struct DkimKeyArgs {
    /// The key's own name, of letters, digits and hyphens
    #[arg(long, value_name = "NAME")]
    pub(crate) selector: String,
    /// The domain that signs: what stands behind the @ of the address, or one above it
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: String,
    /// Every receiver verifies RSA; Ed25519 is shorter and faster, but newer
    #[arg(long, value_enum, default_value_t = KeyAlgorithm::Rsa)]
    pub(crate) algorithm: KeyAlgorithm,
    /// Where the private key goes [default: NAME.pem beside the configuration]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `--algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyAlgorithm {
    /// RSA of 2048 bits
    Rsa,
    /// Ed25519 (RFC 8463)
    Ed25519,
}

/// `--json`.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

const ATTACH_HELP: &str = "\
The mail is read from standard input and written to standard output, with the statement in it as a part
of its own (application/vnd.tradepost+json), and the same facts as JSON-LD in its HTML. Its text, HTML,
pictures, attachments and header fields stay as they are. It is signed where this server signs ([[dkim]]).

So that your customers get one mail and not two, tell what happened with \"mail\": false, and attach:

  echo '{\"key\":\"8812\",\"trade\":\"T-1001\",\"track\":\"order\",\"state\":\"shipped\",\"mail\":false}' | tradepost-server emit
  tradepost-server attach --trade T-1001 < mail.eml | sendmail -t

What no mail carried after an hour ([timers] attach_within) is mailed after all. Without \"mail\": false the
server has mailed it itself, and the mail tells the same again, which readers see as the same.

The mail must be from this server's address to the buyer's, each alone in From and To, have a Subject, and
must not be signed yet: a DKIM signature would break, so attach before your mail server signs. Once the
mail is written, it is recorded as sent: `outbox --all` lists it, and a bounce of it is recognized.";

const EMIT_HELP: &str = "\
A line tells the status of one track of a trade:

  {\"key\":\"woo-8812\",\"shop\":\"orders@shop.example\",\"trade\":\"T-1001\",
   \"track\":\"delivery\",\"state\":\"in-transit\",\"planned\":\"2026-11-22T12:00:00Z\"}

  key      your name for the event: the same line again is answered the same and does nothing
  shop     may be left out where only one shop has that trade id
  trade    the trade's id
  track    order, delivery, payment - as far as this server has that role
  state    order:    received confirmed preparing awaiting-payment on-hold partly-shipped
                     shipped cancelled returned
           delivery: announced picked-up at-terminal sorted in-transit out-for-delivery
                     attempt-failed ready-for-pickup on-hold exception lost delivered
                     stopped returning returned
           payment:  pending due declined partly-paid past-due authorized scheduled settled
                     disputed refund-pending partly-refunded refunded voided
  at       when it happened; now where it is absent
  mail     false: a mail of your own brings it (see attach --help); else the server mails it
  planned, actual   times; reason (e.g. recipient-absent), text
  order    parcels
  delivery parcel, planned_until, place, tracking_number, tracking_url, access, lines
  payment  amount (the total where it is absent), paid, refunded: {\"amount\":\"98.00\",\"currency\":\"EUR\"},
           each the sum so far

Several parcels are several lines. Once a track has ended, the same state again is taken and mails
nothing, and a line that cannot follow what was said is refused and says what could.

or it answers a shop that asks to authorize a payment (`authorizations` lists them):

  {\"key\":\"bank-17\",\"trade\":\"T-1001\",\"authorize\":\"approve\",\"until\":\"2026-12-01T00:00:00Z\"}
  {\"key\":\"bank-18\",\"trade\":\"T-1002\",\"authorize\":\"decline\",\"code\":\"51\",\"text\":\"Not covered.\"}

or your decision about what a buyer wants to give back, as `returns` lists it:

  {\"key\":\"rma-7\",\"trade\":\"T-1001\",\"return\":\"accept\",
   \"refund\":{\"amount\":\"49.00\",\"currency\":\"EUR\"},\"text\":\"Please use the box it came in.\"}

  return   accept, refuse
  refund   what is paid back; what the goods cost where it is absent
  text, send_to   for the buyer; send_to is {\"name\",\"address\":{\"street\",\"city\",\"country\" ..}}

or it brings the record of an order that was placed elsewhere, such as in your web shop:

  {\"key\":\"woo-1\",\"record\":{\"trade\":\"W-1\",\"buyer_mail\":\"ann@home.example\",
   \"lines\":[{\"name\":\"Kettle\",\"quantity\":2,\"price\":{\"amount\":\"49.00\",\"currency\":\"EUR\"}}],
   \"total\":{\"amount\":\"98.00\",\"currency\":\"EUR\"},
   \"payment\":{\"method\":\"credit-card\",\"processor\":\"billing@pay.example\"},
   \"delivery\":{\"method\":\"courier\",\"carriers\":[{\"address\":\"track@carrier.example\"}]},
   \"buyer\":{\"name\":\"Ann\",\"address\":{\"street\":\"1 High Street\",\"city\":\"York\",\"country\":\"GB\"}}}}

Another buyer_mail for such a trade corrects the address: it is told from now on, the old one nothing more. Beside record may
stand \"origin\", your system's own name of the order: the same is always the same trade, and no other order's; and \"at\",
since when the order is like that: what is older than what was told is refused.

Each line is answered once it is on disk:

  {\"line\":1,\"accepted\":true,\"statement\":\"01932c07-9a2e-7c11-8f54-0f6a1c0d9e22\"}
  {\"line\":2,\"accepted\":false,\"error\":\"state: ..\"}

Exit status 0 when every line is accepted and on disk. It is 1 when a line was refused; the others are
recorded all the same. And it is 1 when lines have no answer, because the disk is full, or because nobody
took them for 30 s ([timers] command_patience): standard error names them, such as `lines 3-40`, and nothing
is known about them. Send the same lines again, with the same keys: what was recorded already is answered
the same, and does nothing twice. A `run` that is stopped or restarted meanwhile is no failure: the lines
go to the next one, or into the book.";
