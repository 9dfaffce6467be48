//! `examples/three-servers`: shop, carrier and payment processor are servers on mailboxes of their own (E27).

use anyhow::Result;
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    Ok(vec![
        Part::server("shop", "three-servers", "shop.toml", mail)?,
        Part::server("carrier", "three-servers", "carrier.toml", mail)?,
        Part::server("payment", "three-servers", "payment.toml", mail)?,
        Part::ann(mail)?,
    ])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("Three servers and a buyer's daemon start, each on a mailbox of its own");
    for name in ["shop", "carrier", "payment", "ann"] {
        scene.starts(name)?;
    }

    scene.title("Ann orders two kettles");
    scene.types("ann", "tradepost order order.toml")?;
    let trade = scene.trade_of_ann(1).await?;

    scene.title(
        "The shop has told the carrier and the payment processor; each has a book of its own",
    );
    for name in ["carrier", "payment"] {
        scene.knows(name, &trade).await?;
        scene.types(name, "tradepost-server trades")?;
    }

    scene.title("Each tells Ann, and the shop, of its own part of the trade");
    scene.emits(
        "payment",
        &format!(r#"{{"key":"paid","trade":"{trade}","track":"payment","state":"settled"}}"#),
    )?;
    scene.emits(
        "shop",
        &format!(r#"{{"key":"gone","trade":"{trade}","track":"order","state":"shipped"}}"#),
    )?;
    scene.emits(
        "carrier",
        &format!(r#"{{"key":"1","trade":"{trade}","track":"delivery","state":"in-transit","place":"Hub North"}}"#),
    )?;
    scene.ann_sees(&trade, "payment", "settled").await?;
    scene.ann_sees(&trade, "delivery", "in-transit").await?;
    scene.types("ann", "tradepost pending")?;

    scene.title("The parcel arrives");
    scene.emits(
        "carrier",
        &format!(r#"{{"key":"2","trade":"{trade}","track":"delivery","state":"delivered"}}"#),
    )?;
    scene.ann_sees(&trade, "delivery", "delivered").await?;
    scene.types("ann", &format!("tradepost show {trade}"))?;
    Ok(())
}
