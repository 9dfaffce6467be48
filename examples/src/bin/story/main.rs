//! Tells one of the stories of `examples/`, each in a folder of its own: the programs run as separate processes
//! on this machine, with the configuration files of that folder, and are typed at.

mod fulfilment;
mod http_intake;
mod mailbox;
mod merchant;
mod one_shop;
mod three_servers;

use std::process::ExitCode;

use anyhow::Result;
use tradepost_examples::mail::{self, Mail};
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;
use tradepost_examples::show::{Afterwards, put_on};
use tradepost_examples::stage::{Logs, Stage};

const USAGE: &str = "\
Tells a story of `examples/` with the real programs, on this machine alone. Usually started as
`cargo xtask story NAME`.

Usage: story NAME [--keep | --by-hand] [--dovecot]

Options:
      --keep      Leave everything running at the end and print the commands to play on
      --by-hand   Start nothing but the mail server, and print what to type
      --dovecot   Let Dovecot and Postfix carry the mail; needs root
  -h, --help      Print this text
";

/// One for each folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    OneShop,
    ThreeServers,
    Merchant,
    HttpIntake,
    Fulfilment,
    Mailbox,
}

impl Story {
    const ALL: [Story; 6] = [
        Story::OneShop,
        Story::ThreeServers,
        Story::Merchant,
        Story::HttpIntake,
        Story::Fulfilment,
        Story::Mailbox,
    ];

    /// That of its folder.
    fn name(self) -> &'static str {
        match self {
            Story::OneShop => "one-shop",
            Story::ThreeServers => "three-servers",
            Story::Merchant => "merchant",
            Story::HttpIntake => "http-intake",
            Story::Fulfilment => "fulfilment",
            Story::Mailbox => "mailbox",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Story::OneShop => "one server is shop, carrier and payment processor",
            Story::ThreeServers => {
                "shop, carrier and payment processor are servers on mailboxes of their own"
            }
            Story::Merchant => "a shop's own system tells of its orders, by a script",
            Story::HttpIntake => "a shop's own system tells of its orders by HTTP, with curl",
            Story::Fulfilment => "the server hands trades over to a program of 30 lines",
            Story::Mailbox => "a buyer attaches the daemon to a mailbox",
        }
    }

    fn named(name: &str) -> Option<Story> {
        Story::ALL.into_iter().find(|story| story.name() == name)
    }

    fn cast(self, mail: &Mail) -> Result<Vec<Part>> {
        match self {
            Story::OneShop => one_shop::cast(mail),
            Story::ThreeServers => three_servers::cast(mail),
            Story::Merchant => merchant::cast(mail),
            Story::HttpIntake => http_intake::cast(mail),
            Story::Fulfilment => fulfilment::cast(mail),
            Story::Mailbox => mailbox::cast(mail),
        }
    }

    async fn tell(self, stage: &Stage) -> Result<()> {
        let scene = Scene::on(stage);
        match self {
            Story::OneShop => one_shop::tell(&scene).await,
            Story::ThreeServers => three_servers::tell(&scene).await,
            Story::Merchant => merchant::tell(&scene).await,
            Story::HttpIntake => http_intake::tell(&scene).await,
            Story::Fulfilment => fulfilment::tell(&scene).await,
            Story::Mailbox => mailbox::tell(&scene).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        // How this program starts itself as the mail server.
        [mail::ARGUMENT] => mail::serve().await,
        ["--help" | "-h"] => {
            print!("{USAGE}\n{}", names());
            return ExitCode::SUCCESS;
        }
        [] => return wrong_usage("which one?"),
        words => match Wish::of(words) {
            Ok(wish) => show(wish).await,
            Err(what) => return wrong_usage(&what),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("story: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(what: &str) -> ExitCode {
    eprintln!("story: {what}\n\n{USAGE}\n{}", names());
    ExitCode::from(2)
}

fn names() -> String {
    let lines = Story::ALL.map(|story| format!("  {:<15} {}\n", story.name(), story.about()));
    format!("Names:\n{}", lines.concat())
}

/// What is wanted.
struct Wish {
    story: Story,
    /// Who tells it.
    teller: Teller,
    afterwards: Afterwards,
    on_dovecot: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    Program,
    /// The person, at the terminal.
    Person,
}

impl Wish {
    fn of(words: &[&str]) -> std::result::Result<Wish, String> {
        let (options, names): (Vec<&str>, Vec<&str>) =
            words.iter().partition(|word| word.starts_with('-'));
        let mut wish = match names.as_slice() {
            [name] => Wish {
                story: Story::named(name).ok_or_else(|| format!("there is no story {name}"))?,
                teller: Teller::Program,
                afterwards: Afterwards::Clear,
                on_dovecot: false,
            },
            [] => return Err("which one?".to_owned()),
            [_, ..] => return Err("one at a time".to_owned()),
        };
        for option in options {
            match option {
                "--keep" => wish.afterwards = Afterwards::KeepUntilAsked,
                "--by-hand" => {
                    wish.teller = Teller::Person;
                    wish.afterwards = Afterwards::KeepUntilAsked;
                }
                "--dovecot" => wish.on_dovecot = true,
                other => return Err(format!("there is no argument {other}")),
            }
        }
        Ok(wish)
    }
}

async fn show(wish: Wish) -> Result<()> {
    let story = wish.story;
    put_on(
        async || {
            let mail = if wish.on_dovecot {
                Mail::start_dovecot_and_postfix()?
            } else {
                Mail::start_built_in().await?
            };
            let mut stage = Stage::with(mail, story.name(), Logs::Kept)?;
            for part in story.cast(&stage.mail)? {
                stage.enter(part)?;
            }
            Ok(stage)
        },
        async |stage| match wish.teller {
            Teller::Program => story.tell(stage).await,
            Teller::Person => Ok(()),
        },
        |stage| match wish.teller {
            Teller::Program => tell_how_to_play_on(stage),
            Teller::Person => tell_how_to_begin(stage),
        },
        wish.afterwards,
    )
    .await
}

fn tell_how_to_begin(stage: &Stage) {
    println!("== The mail server runs until Ctrl-C. To begin, in another terminal each:");
    for part in stage.parts() {
        let (script, program) = (stage.script(part.name), part.program);
        let script = script.display();
        println!("{script} {} {}", program.name(), program.runs_by());
    }
    println!(
        "\nWithout a command behind it, each of these opens a shell in which to type the rest."
    );
}

fn tell_how_to_play_on(stage: &Stage) {
    println!(
        "\n== Everything goes on running until Ctrl-C. To play on, type in another terminal, in somebody's name:"
    );
    for part in stage.parts() {
        let typed = part.program.lists_by();
        println!("{} {typed}", stage.script(part.name).display());
    }
    println!("\nWithout a command behind it, each of these opens a shell.");
}
