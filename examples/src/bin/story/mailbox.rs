//! `examples/mailbox`: a buyer attaches the daemon to a mailbox.

use anyhow::Result;
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    Ok(vec![
        Part::ann(mail)?,
        // Somebody to order from.
        Part::server("shop", "one-shop", "shop.toml", mail)?,
    ])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("Ann has written her configuration; is all well?");
    scene.types("ann", "tradepost doctor")?;

    scene.title("It is: the daemon attaches to the mailbox. From now on she only asks her ledger");
    scene.starts("ann").await?;
    scene.starts("shop").await?;
    scene.types("ann", "tradepost pending")?;

    scene.title("She orders; the shop answers, and the daemon keeps the ledger");
    scene.types("ann", "tradepost order order.toml")?;
    let trade = scene.trade_of_ann(1).await?;
    scene.ann_sees(&trade, "payment", "pending").await?;
    scene.ann_sees(&trade, "delivery", "announced").await?;
    scene.types("ann", "tradepost pending")?;
    scene.types("ann", "tradepost stats")?;

    scene.title("She need not wait for mail: she asks, and has it asked every morning");
    scene.types("ann", &format!("tradepost ask {trade} --wait"))?;
    scene.types("ann", "tradepost schedule add all-pending --at 08:00")?;
    Ok(())
}
