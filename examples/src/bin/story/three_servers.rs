//! `examples/three-servers`: shop, carrier and payment processor are servers on mailboxes of their own (E27), and a trade
//! goes all its way, and in part back (E23, E24).

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
        scene.starts(name).await?;
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

    one_goes_back(scene, &trade).await?;

    scene.title("The other one was so good that Ann orders both once more");
    scene.types("ann", &format!("tradepost reorder {trade} --yes"))?;
    let again = scene.trade_of_ann(2).await?;
    for name in ["carrier", "payment"] {
        scene.knows(name, &again).await?;
    }
    scene.ann_sees(&again, "payment", "pending").await?;
    scene.ann_sees(&again, "delivery", "announced").await?;
    scene.types("ann", "tradepost pending")?;
    Ok(())
}

async fn one_goes_back(scene: &Scene<'_>, trade: &str) -> Result<()> {
    scene.title("One lid is cracked: Ann asks to give that kettle back, and the shop decides");
    let wish = format!("tradepost return {trade} --line 1:1 --reason 'the lid is cracked'");
    scene.types("ann", &wish)?;
    scene
        .until("the wish", "shop", &["returns", "--json"], |returns| {
            (!returns.as_array()?.is_empty()).then_some(())
        })
        .await?;
    scene.types("shop", "tradepost-server returns")?;
    let decision = format!("tradepost-server decide {trade} --accept --refund '49.00 EUR'");
    scene.types("shop", &decision)?;

    scene.title(
        "The shop has told the payment processor what to pay back; once it has, all is over",
    );
    scene.ann_sees(trade, "payment", "refund-pending").await?;
    scene.emits(
        "payment",
        &format!(
            r#"{{"key":"back","trade":"{trade}","track":"payment","state":"partly-refunded"}}"#
        ),
    )?;
    scene.ann_sees(trade, "payment", "partly-refunded").await?;
    scene.types("ann", &format!("tradepost show {trade}"))?;
    Ok(())
}
