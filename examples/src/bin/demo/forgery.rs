//! The lie: a letter that looks exactly like the carrier's, written by somebody else.

use anyhow::{Context, Result, bail};
use serde_json::json;
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_post::SecretString;
use tradepost_post::net::Tls;
use tradepost_post::smtp::{SmtpSettings, Submission, Submitter};
use tradepost_statements::{TradeRef, wire};

use tradepost_examples::part::CA_FILE;
use tradepost_examples::stage::Stage;

use crate::cast::{ANN, CARRIER, EVIL};

/// Somebody with an account of their own submits a letter in the carrier's name.
pub(crate) async fn submit(stage: &Stage, trade: &TradeRef) -> Result<()> {
    let now = jiff::Timestamp::now();
    let id = uuid::Uuid::now_v7();
    let statement = wire::from_value(&json!({
        "tradepost": 1, "id": id.to_string(), "from": CARRIER, "to": ANN, "sent": now.to_string(), "trade": trade,
        "body": {
            "kind": "delivery-status", "sequence": 99, "state": "delivered", "at": now.to_string(),
            "delivery": { "actual": now.to_string() }, "text": "Delivered. Please pay the duty of 19.99 EUR.",
        },
    }))
    .context("the forged statement is not even a statement")?;
    let letter = compose(&Composition {
        statement: &statement,
        json: None,
        message_id: &format!("{id}@carrier.example"),
        date: now.into(),
        from_name: Some("Swift Parcels"),
        story: Story::default(),
        in_reply_to: None,
        references: &[],
        auto: AutoSubmitted::Generated,
        with_html: true,
    });
    let password = SecretString::from(stage.mail.password.clone());
    let settings = SmtpSettings {
        ca_file: Some(stage.home("carrier").join(CA_FILE)),
        ..SmtpSettings::new(
            "localhost",
            stage.mail.smtps_port,
            Tls::Implicit,
            EVIL,
            password,
        )
    };
    let submitter = Submitter::new(settings)?;
    match submitter.submit(EVIL, ANN, &letter).await {
        Submission::Accepted { .. } => Ok(()),
        Submission::Refused { text, .. } | Submission::TryAgain { text, .. } => {
            bail!("the forged letter was not taken: {text}")
        }
    }
}
