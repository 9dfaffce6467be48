//! `examples/one-shop`: one server is shop, carrier and payment processor (E27).

use anyhow::Result;
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    Ok(vec![
        Part::server("shop", "one-shop", "shop.toml", mail)?,
        Part::ann(mail)?,
    ])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("The shop looks whether its mailbox and its table are in order, and starts");
    scene.types("shop", "tradepost-server doctor")?;
    scene.starts("shop").await?;
    scene.starts("ann").await?;

    scene.title("Ann orders two kettles, and the shop makes a trade of it");
    scene.types("ann", "tradepost order order.toml")?;
    let trade = scene.trade_of_ann(1).await?;
    scene.types("shop", "tradepost-server trades")?;

    scene.title("The shop takes the payment, packs, and sends the parcel with its own van");
    for event in [
        format!(r#"{{"key":"paid","trade":"{trade}","track":"payment","state":"settled"}}"#),
        format!(r#"{{"key":"gone","trade":"{trade}","track":"order","state":"shipped"}}"#),
        format!(
            r#"{{"key":"on-its-way","trade":"{trade}","track":"delivery","state":"out-for-delivery"}}"#
        ),
    ] {
        scene.emits("shop", &event)?;
    }
    scene.ann_sees(&trade, "payment", "settled").await?;
    scene
        .ann_sees(&trade, "delivery", "out-for-delivery")
        .await?;
    scene.types("ann", "tradepost pending")?;

    scene.title("It arrives");
    scene.emits(
        "shop",
        &format!(r#"{{"key":"there","trade":"{trade}","track":"delivery","state":"delivered"}}"#),
    )?;
    scene.ann_sees(&trade, "delivery", "delivered").await?;
    scene.types("ann", &format!("tradepost show {trade}"))?;
    scene.types("ann", "tradepost pending")?;
    scene.types("shop", "tradepost-server trades")?;
    Ok(())
}
