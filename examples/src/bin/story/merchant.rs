//! `examples/merchant`: a shop's own system tells of its orders by `emit`, one of them by a script.

use anyhow::Result;
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

/// As `web-order.jsonl` and its reader call it.
const TRADE: &str = "W-1001";

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    Ok(vec![
        Part::server("shop", "merchant", "shop.toml", mail)?,
        Part::ann(mail)?,
    ])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("A shop with a web shop of its own, and Ann, who looks at her mailbox");
    for name in ["shop", "ann"] {
        scene.starts(name).await?;
    }

    scene.title("Ann orders in the web shop, which tells the server of it");
    scene.types("shop", "tradepost-server emit web-order.jsonl")?;
    scene.trade_of_ann(1).await?;
    scene.types("ann", "tradepost list")?;

    scene.title("Ann did order that: from now on it counts as hers");
    scene.types("ann", &format!("tradepost confirm {TRADE}"))?;

    scene.title("Whatever happens in the shop, its system calls the script");
    scene.types(
        "shop",
        &format!("./tell.sh {TRADE} preparing {}", in_days(3)),
    )?;
    scene.ann_sees(TRADE, "order", "preparing").await?;
    scene.types("ann", "tradepost pending")?;
    scene.types("shop", &format!("./tell.sh {TRADE} shipped"))?;
    scene.ann_sees(TRADE, "order", "shipped").await?;

    scene.title("It may call twice: the answer is the same, and Ann is mailed nothing more");
    scene.types("shop", &format!("./tell.sh {TRADE} shipped"))?;
    scene.types("ann", &format!("tradepost show {TRADE}"))?;
    Ok(())
}

/// A time to promise something for.
fn in_days(days: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    then.strftime("%Y-%m-%dT12:00:00Z").to_string()
}
