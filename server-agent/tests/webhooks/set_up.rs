//! How a webhook is configured, and who plays which role.

use std::os::unix::fs::PermissionsExt;

use tradepost_statements::Kind;

use crate::deliver::{recorded, secret_file, tracked, with_hooks, woo};
use crate::support::http::http_section;
use crate::support::{ALL_ROLES, ANN, CARRIER, PROCESSOR, SHOP, room};

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_with_a_carrier_and_processor_of_its_own_leaves_their_tracks_to_them() {
    let room = room().await;
    let roles = format!(
        "roles = [\"shop\"]\n[shop.payment.credit-card]\nprocessor = \"{PROCESSOR}\"\n\
         [shop.delivery.courier]\ncarrier = \"{CARRIER}\"\n"
    );
    let (_shop, running) = with_hooks(&room, &roles);
    assert_eq!(
        recorded(&running, "order.updated", &tracked(woo(10, "completed"))),
        2
    );
    let there = room.until(ANN, |s| s.len() == 2).await;
    assert_eq!(there[1].body.kind(), Kind::OrderStatus);
    let status = tradepost_statements::wire::to_value(&there[1]);
    assert_eq!(status["body"]["text"], "Tracking: royal-mail RM123456785GB");
    assert_eq!(
        status["body"].get("parcels"),
        None,
        "the carrier names them"
    );
    let record = tradepost_statements::wire::to_value(&there[0]);
    assert_eq!(record["body"]["payment"]["processor"], PROCESSOR);
    assert_eq!(
        record["body"]["delivery"]["carriers"][0]["address"],
        CARRIER
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_configured_with_a_name_of_its_own_and_a_private_secret() {
    let room = room().await;
    secret_file(&room);
    let http = http_section(&room);
    let hook =
        "[[webhook]]\nname = \"woo\"\nkind = \"woocommerce\"\nsecret_file = \"hook-secret\"\n";
    let look = |toml: &str| {
        let shop = room.server(SHOP, &format!("{ALL_ROLES}{toml}"));
        let out = shop.say(&["trades"], "");
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    for (toml, fault) in [
        (hook.to_owned(), Some("without [http]")),
        (
            format!("{http}{hook}{hook}"),
            Some("another one has that name"),
        ),
        (
            format!("{http}{}", hook.replace("woo\"", "w o\"")),
            Some("name"),
        ),
        (
            format!("{http}{}", hook.replace("woocommerce", "magento")),
            Some("magento"),
        ),
        (
            format!("{http}{}", hook.replace("hook-secret", "nowhere")),
            Some("nowhere"),
        ),
        (
            format!("{http}{hook}trade_prefix = \"W/\"\n"),
            Some("trade_prefix"),
        ),
        (
            format!("{http}{hook}[webhook.payment]\ncod = \"cash\"\n"),
            Some("cash"),
        ),
        (
            format!("{http}{hook}[webhook.payment]\ncod = \"none\"\n"),
            Some("costs nothing"),
        ),
        (
            format!("{http}{hook}silent_after = \"soon\"\n"),
            Some("is no duration"),
        ),
        (
            format!("{http}{hook}{}", hook.replace("\"woo\"", "\"woo2\"")),
            None,
        ),
        (
            format!(
                "{http}{hook}mail = false\ndelivery = \"electronic\"\n[webhook.payment]\n\"*\" = \"e-money\"\n"
            ),
            None,
        ),
    ] {
        let (accepted, said) = look(&toml);
        assert_eq!(accepted, fault.is_none(), "{toml}: {said}");
        assert!(said.contains(fault.unwrap_or_default()), "{toml}: {said}");
    }
    std::fs::set_permissions(
        room.folder.path().join("hook-secret"),
        PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let (accepted, said) = look(&format!("{http}{hook}"));
    assert!(!accepted && said.contains("chmod 600"), "{said}");
}
