//! What a story shows: titles, the lines that people type, each with what it really printed, and what they wait for.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::stage::Stage;

/// Lines are typed on a stage, and shown as in the terminal of the one who types.
pub struct Scene<'a> {
    stage: &'a Stage,
}

impl<'a> Scene<'a> {
    /// On this stage.
    pub fn on(stage: &'a Stage) -> Scene<'a> {
        Scene { stage }
    }

    /// Says what happens now.
    pub fn title(&self, text: &str) {
        println!("\n== {text}");
    }

    /// Types a line into the shell of a part, and shows it with what it printed.
    ///
    /// # Errors
    /// It does not end with success.
    pub fn types(&self, name: &str, line: &str) -> Result<String> {
        println!("\n{name}$ {line}");
        // A terminal shows both streams.
        let both = format!("exec 2>&1; {line}");
        let printed = self.stage.run(name, &["sh", "-c", &both], "")?;
        print!("{printed}");
        if !printed.is_empty() && !printed.ends_with('\n') {
            println!();
        }
        Ok(printed)
    }

    /// Starts the long-running process of a part, as a person would, and waits until it reads its mailbox.
    ///
    /// # Errors
    /// It can't be started, or does not get there.
    pub async fn starts(&self, name: &str) -> Result<()> {
        let program = self.stage.part(name)?.program;
        println!("\n{name}$ {} {} &", program.name(), program.runs_by());
        self.stage.start(name)?;
        self.said(name, |line| line.contains("attached to ").then_some(()))
            .await
    }

    /// Tells a server of an event, as the merchant's own system would.
    ///
    /// # Errors
    /// The server does not accept it.
    pub fn emits(&self, name: &str, event: &str) -> Result<()> {
        self.types(name, &format!("echo '{event}' | tradepost-server emit"))?;
        Ok(())
    }

    /// Waits until a command of a part prints JSON in which `look` finds what it looks for.
    ///
    /// # Errors
    /// The command fails, or that does not come.
    pub async fn until<T>(
        &self,
        what: &str,
        name: &str,
        arguments: &[&str],
        look: impl Fn(&Value) -> Option<T>,
    ) -> Result<T> {
        self.stage
            .wait_for(what, || Ok(look(&self.stage.ask_json(name, arguments)?)))
            .await
            .with_context(|| format!("{name} looked in vain by {}", arguments.join(" ")))
    }

    /// Waits until the process of a part has said a line in which `look` finds what it looks for.
    ///
    /// # Errors
    /// It does not say such a line.
    pub async fn said<T>(&self, name: &str, look: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.stage
            .wait_for(&format!("what {name} says"), || {
                Ok(self.stage.log(name).lines().find_map(&look))
            })
            .await
    }

    /// The id of the newest trade in Ann's ledger, once there are so many.
    ///
    /// # Errors
    /// It does not come.
    pub async fn trade_of_ann(&self, count: usize) -> Result<String> {
        self.until(
            "the shop's trade record",
            "ann",
            &["list", "--json"],
            |listed| {
                let trades = listed.as_array()?;
                let newest = trades.iter().max_by_key(|trade| trade["placed"].as_str())?;
                (trades.len() == count).then(|| newest["id"].as_str().map(str::to_owned))?
            },
        )
        .await
    }

    /// A server has heard of a trade.
    ///
    /// # Errors
    /// It does not.
    pub async fn knows(&self, name: &str, trade: &str) -> Result<()> {
        self.until("the instruction", name, &["trades", "--json"], |listed| {
            let trades = listed.as_array()?;
            trades
                .iter()
                .any(|known| known["trade"] == trade || known["id"] == trade)
                .then_some(())
        })
        .await
    }

    /// Ann's ledger says so of a track of a trade.
    ///
    /// # Errors
    /// It does not.
    pub async fn ann_sees(&self, trade: &str, track: &str, state: &str) -> Result<()> {
        let what = format!("{track} {state}");
        self.until(&what, "ann", &["show", trade, "--json"], |shown| {
            let track = &shown[track];
            let told = track.get(0).unwrap_or(track);
            (told["state"] == state).then_some(())
        })
        .await
    }
}
