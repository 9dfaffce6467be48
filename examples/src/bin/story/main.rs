//! Tells one of the stories of `examples/`, each in a folder of its own: the programs run as separate processes
//! on this machine, with the configuration files of that folder, and are typed at.

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

Usage: story NAME [--keep]

Options:
      --keep   Leave everything running at the end and print the commands to play on
  -h, --help   Print this text
";

/// One for each folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    OneShop,
    ThreeServers,
}

impl Story {
    const ALL: [Story; 2] = [Story::OneShop, Story::ThreeServers];

    /// That of its folder.
    fn name(self) -> &'static str {
        match self {
            Story::OneShop => "one-shop",
            Story::ThreeServers => "three-servers",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Story::OneShop => "one server is shop, carrier and payment processor",
            Story::ThreeServers => {
                "shop, carrier and payment processor are servers on mailboxes of their own"
            }
        }
    }

    fn named(name: &str) -> Option<Story> {
        Story::ALL.into_iter().find(|story| story.name() == name)
    }

    fn cast(self, mail: &Mail) -> Result<Vec<Part>> {
        match self {
            Story::OneShop => one_shop::cast(mail),
            Story::ThreeServers => three_servers::cast(mail),
        }
    }

    async fn tell(self, stage: &Stage) -> Result<()> {
        let scene = Scene::on(stage);
        match self {
            Story::OneShop => one_shop::tell(&scene).await,
            Story::ThreeServers => three_servers::tell(&scene).await,
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
        [name] => match Story::named(name) {
            Some(story) => show(story, Afterwards::Clear).await,
            None => return wrong_usage(&format!("there is no story {name}")),
        },
        [name, "--keep"] | ["--keep", name] => match Story::named(name) {
            Some(story) => show(story, Afterwards::KeepUntilAsked).await,
            None => return wrong_usage(&format!("there is no story {name}")),
        },
        [_, other, ..] => return wrong_usage(&format!("there is no argument {other}")),
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

async fn show(story: Story, afterwards: Afterwards) -> Result<()> {
    put_on(
        async || {
            let mut stage = Stage::with(Mail::start().await?, story.name(), Logs::Kept)?;
            for part in story.cast(&stage.mail)? {
                stage.enter(part)?;
            }
            Ok(stage)
        },
        async |stage| story.tell(stage).await,
        tell_how_to_play_on,
        afterwards,
    )
    .await
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
