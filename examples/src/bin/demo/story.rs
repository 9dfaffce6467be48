//! What happens, in order. Every line that is shown as a program's output is that.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tradepost_statements::TradeRef;

use tradepost_examples::stage::Stage;

use crate::cast::{CARRIER, EVIL, ORDER};
use crate::forgery;

pub(crate) async fn tell(stage: &Stage) -> Result<()> {
    title(
        "A mail server, a shop, a carrier, a payment processor and Ann's daemon run as separate processes",
    );
    println!(
        "Their configurations, data and logs are in {}",
        stage.folder().display()
    );

    println!(
        "Shop, carrier and payment processor sign their letters by DKIM, with keys that `dkim-key` has just made"
    );

    title("Ann orders two kettles");
    print!("{ORDER}");
    show(stage, "ann", &["order", "-"], ORDER)?;
    let trade = stage
        .wait_for("the shop's trade record", || {
            let trades = stage.ask_json("ann", &["list", "--json"])?;
            Ok(trades
                .get(0)
                .and_then(|t| serde_json::from_value::<TradeRef>(t.clone()).ok()))
        })
        .await?;
    let id = trade.id.as_str().to_owned();

    title("The shop made the trade and told carrier and payment processor; they work on it");
    known_to(stage, "carrier").await?;
    known_to(stage, "payment").await?;
    let tomorrow = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    emit(
        stage,
        "shop",
        json!({"key": "packed", "trade": id, "track": "order", "state": "preparing"}),
    )?;
    emit(
        stage,
        "payment",
        json!({"key": "reserved", "trade": id, "track": "payment", "state": "authorized"}),
    )?;
    emit(
        stage,
        "shop",
        json!({"key": "gone", "trade": id, "track": "order", "state": "shipped"}),
    )?;
    emit(
        stage,
        "carrier",
        json!({"key": "moving", "trade": id, "track": "delivery", "state": "in-transit", "planned": tomorrow, "place": "Hub North"}),
    )?;
    reaches(stage, &id, "delivery", "in-transit").await?;
    reaches(stage, &id, "payment", "authorized").await?;
    show(stage, "ann", &["pending"], "")?;

    title("Somebody else mails Ann in the carrier's name: delivered, please pay the duty");
    println!("From: {CARRIER}, but submitted by {EVIL}");
    forgery::submit(stage, &trade).await?;
    stage
        .wait_for("the warning", || {
            let warnings = stage.ask_json("ann", &["warnings", "--json"])?;
            Ok(warnings
                .as_array()
                .is_some_and(|w| !w.is_empty())
                .then_some(()))
        })
        .await?;
    show(stage, "ann", &["warnings"], "")?;
    show(stage, "ann", &["warnings", "show", "1"], "")?;

    title("The real carrier delivers, and the payment is settled");
    emit(
        stage,
        "carrier",
        json!({"key": "there", "trade": id, "track": "delivery", "state": "delivered"}),
    )?;
    emit(
        stage,
        "payment",
        json!({"key": "paid", "trade": id, "track": "payment", "state": "settled"}),
    )?;
    reaches(stage, &id, "delivery", "delivered").await?;
    reaches(stage, &id, "payment", "settled").await?;
    show(stage, "ann", &["show", &id], "")?;
    show(stage, "ann", &["pending"], "")?;
    Ok(())
}

pub(crate) fn tell_how_to_play_on(stage: &Stage) {
    title("Everything goes on running until Ctrl-C. To play on, in another terminal:");
    for (name, typed) in [
        ("ann", "tradepost list"),
        ("ann", "tradepost warnings"),
        ("shop", "tradepost-server trades"),
        ("carrier", "tradepost-server outbox"),
    ] {
        println!("{} {typed}", stage.script(name).display());
    }
    println!(
        "\nThe next order: {} tradepost order - < FILE",
        stage.script("ann").display()
    );
}

fn title(text: &str) {
    println!("\n== {text}");
}

/// Types a command and shows it with its real output.
fn show(stage: &Stage, name: &str, arguments: &[&str], stdin: &str) -> Result<()> {
    println!("\n$ tradepost {}", arguments.join(" "));
    print!("{}", stage.ask(name, arguments, stdin)?);
    Ok(())
}

fn emit(stage: &Stage, name: &str, event: Value) -> Result<()> {
    println!("\n$ echo '{event}' | tradepost-server emit   # {name}");
    print!(
        "{}",
        stage.ask(name, &["emit", "-"], &format!("{event}\n"))?
    );
    Ok(())
}

/// The instruction has arrived.
async fn known_to(stage: &Stage, name: &str) -> Result<()> {
    stage
        .wait_for("the instruction", || {
            let trades = stage.ask_json(name, &["trades", "--json"])?;
            Ok(trades
                .as_array()
                .is_some_and(|t| !t.is_empty())
                .then_some(()))
        })
        .await
        .with_context(|| format!("{name} was not told"))
}

async fn reaches(stage: &Stage, id: &str, track: &str, state: &str) -> Result<()> {
    stage
        .wait_for(&format!("{track} {state}"), || {
            let trade = stage.ask_json("ann", &["show", id, "--json"])?;
            let told = trade.get(track);
            let parcel = told.and_then(|t| t.get(0)).or(told);
            Ok((parcel.and_then(|t| t.get("state")) == Some(&json!(state))).then_some(()))
        })
        .await
}
