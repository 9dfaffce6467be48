//! `examples/http-intake`: the shop's own system tells by HTTP what happens, here with curl.

use anyhow::{Context, Result};
use tradepost_examples::mail::Mail;
use tradepost_examples::part::Part;
use tradepost_examples::scene::Scene;

/// As `order.json` calls it.
const TRADE: &str = "W-2001";

pub(crate) fn cast(mail: &Mail) -> Result<Vec<Part>> {
    // Whatever port is free, since several stories may be told at once.
    let shop = Part::server("shop", "http-intake", "shop.toml", mail)?;
    let shop = shop.with("http", "listen", "127.0.0.1:0")?;
    Ok(vec![shop, Part::ann(mail)?])
}

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.title("The shop makes a token, which whoever calls has to show, and starts its server");
    scene.types("shop", "(umask 077; openssl rand -hex 32 > http-token)")?;
    scene.starts("shop").await?;
    scene.starts("ann").await?;
    let url = scene
        .said("shop", |line| {
            let (_, url) = line.split_once("intake listens at ")?;
            url.split_whitespace().next().map(str::to_owned)
        })
        .await
        .context("the intake does not listen")?;
    let curl = |key: &str, body: &str, path: &str| {
        format!(
            "curl -sS -H \"Authorization: Bearer $(cat http-token)\" -H 'Idempotency-Key: {key}' --json {body} {url}{path}"
        )
    };
    let events = format!("/v1/trades/{TRADE}/events");

    scene.title("Ann orders in the web shop, which tells the server of it");
    scene.types("shop", &curl("web-2001", "@order.json", "/v1/trades"))?;
    scene.trade_of_ann(1).await?;
    scene.types("ann", &format!("tradepost confirm {TRADE}"))?;

    scene.title("Whatever happens is one call");
    for (key, track, state) in [
        ("paid", "payment", "settled"),
        ("gone", "order", "shipped"),
        ("there", "delivery", "delivered"),
    ] {
        let event = format!(r#"'{{"track":"{track}","state":"{state}"}}'"#);
        scene.types("shop", &curl(key, &event, &events))?;
        scene.ann_sees(TRADE, track, state).await?;
    }
    scene.types("ann", &format!("tradepost show {TRADE}"))?;

    scene.title(
        "The same call again is answered the same; the same key with something else is refused",
    );
    let event = r#"'{"track":"delivery","state":"delivered"}'"#;
    scene.types("shop", &curl("there", event, &events))?;
    let event = r#"'{"track":"delivery","state":"lost"}'"#;
    scene.types("shop", &curl("there", event, &events))?;

    scene.title("And it can be asked");
    scene.types(
        "shop",
        &format!("curl -sS -H \"Authorization: Bearer $(cat http-token)\" {url}/v1/trades/{TRADE}"),
    )?;
    Ok(())
}
