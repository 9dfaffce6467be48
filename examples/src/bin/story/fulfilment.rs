//! `examples/fulfilment`: the server hands trades over to a program of 30 lines, and asks it how far they are.

use anyhow::Result;
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    // Nobody wants to wait half an hour for the end of a story.
    let shop = Part::server("shop", "fulfilment", "shop.toml", mail)?;
    let shop = shop.with("fulfilment", "progress_every", "1 s")?;
    Ok(vec![shop, Part::ann(mail)?])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("A shop with a program that packs, and Ann's daemon");
    for name in ["shop", "ann"] {
        scene.starts(name).await?;
    }

    scene.title(
        "Ann orders; the server hands the trade over, and the program makes a file for the packers",
    );
    scene.types("ann", "tradepost order order.toml")?;
    let trade = scene.trade_of_ann(1).await?;
    scene.ann_sees(&trade, "order", "preparing").await?;
    scene.ann_sees(&trade, "payment", "pending").await?;
    scene.ann_sees(&trade, "delivery", "announced").await?;
    scene.types("shop", "ls orders")?;
    scene.types("ann", "tradepost pending")?;

    scene.title("The packers are done; the server asks, hears it, and tells Ann");
    scene.types("shop", &format!("echo shipped > orders/{trade}.state"))?;
    scene.ann_sees(&trade, "order", "shipped").await?;
    scene.types("shop", "tradepost-server jobs")?;

    scene.title("What the program does not know is told by emit, as ever");
    for (key, track, state) in [
        ("paid", "payment", "settled"),
        ("there", "delivery", "delivered"),
    ] {
        scene.emits(
            "shop",
            &format!(r#"{{"key":"{key}","trade":"{trade}","track":"{track}","state":"{state}"}}"#),
        )?;
        scene.ann_sees(&trade, track, state).await?;
    }
    scene.types("ann", &format!("tradepost show {trade}"))?;
    let jobs = ["jobs", "--json"];
    scene
        .until("the end of all jobs", "shop", &jobs, |jobs| {
            jobs.as_array()?.is_empty().then_some(())
        })
        .await
}
