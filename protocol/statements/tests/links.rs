//! `tradepost:` links (protocol 9), read strictly as RFC 3986 has it.
#![allow(clippy::unwrap_used)]

use tradepost_statements::link::{ExpectedOrder, KeyError, LinkError};

const GOOD: &str = "tradepost:orders@shop.example?trade=T-1001&total=98.00EUR";
const KEY: &str = "0123456789abcdef0123456789ABCDEF01234567";

fn read(text: &str) -> Result<ExpectedOrder, LinkError> {
    text.parse()
}

#[test]
fn the_link_of_the_protocol_is_read() {
    let link = read(&format!("{GOOD}&key={KEY}&pk=bQ%2Bc%2F_-%3D")).unwrap();
    assert_eq!(link.trade.to_string(), "orders@shop.example/T-1001");
    assert_eq!(link.total.unwrap().to_string(), "98.00 EUR");
    assert_eq!(link.key.unwrap().to_string(), KEY.to_uppercase());
    assert_eq!(link.pk.unwrap().to_string(), "bQ+c/_-=");
    let least = read("tradepost:orders@shop.example?trade=T-1001").unwrap();
    assert_eq!((least.total, least.key, least.pk), (None, None, None));
}

#[test]
fn what_says_the_same_in_another_way_is_the_same() {
    let good = read(GOOD).unwrap();
    for same in [
        "TRADEPOST:orders@shop.example?trade=T-1001&total=98.00EUR",
        "tradepost:orders%40shop.example?total=98%2E00EUR&trade=T%2d1001",
        "tradepost:orders@shop.example?%74rade=T-1001&total=98.00EUR&later=%F0%9F%92%A1",
        "tradepost:ORDERS@SHOP.EXAMPLE?trade=T-1001&total=98.00EUR",
    ] {
        assert_eq!(read(same), Ok(good.clone()), "{same}");
    }
}

#[test]
fn a_link_with_one_fault_is_refused_by_its_name() {
    let fingerprint = |key: &str| {
        LinkError::Key(match key {
            "pk" => KeyError::PublicKey,
            _ => KeyError::Fingerprint,
        })
    };
    let faults = [
        ("tradepost:", "https:", LinkError::OtherScheme),
        (
            "tradepost:",
            "tradepost://",
            LinkError::HasAuthorityOrFragment,
        ),
        ("EUR", "EUR#top", LinkError::HasAuthorityOrFragment),
        ("EUR", "EUR&a= ", LinkError::Character(' ')),
        (
            "shop.example",
            "b\u{fc}cher.example",
            LinkError::Character('\u{fc}'),
        ),
        ("T-1001", "T-1001%2", LinkError::PercentEncoding),
        ("T-1001", "T-1001%+1", LinkError::PercentEncoding),
        ("EUR", "EUR&a=%ff", LinkError::NotUtf8),
        ("trade=T-1001&", "", LinkError::NoTrade),
        ("total=98.00EUR", "trade=T-1001", LinkError::Twice("trade")),
        ("EUR", "EUR&total=1.00EUR", LinkError::Twice("total")),
        ("EUR", &format!("EUR&key={}", &KEY[1..]), fingerprint("key")),
        ("EUR", "EUR&pk=%3C%3E", fingerprint("pk")),
    ];
    assert!(read(GOOD).is_ok());
    for (good, bad, error) in faults {
        let link = GOOD.replacen(good, bad, 1);
        assert_eq!(read(&link), Err(error), "{link}");
    }
    let no_address = read("tradepost:shop.example?trade=T-1001");
    assert!(matches!(no_address, Err(LinkError::Address(_))));
    for (good, bad) in [
        ("98.00EUR", "98.0EUR"),
        ("98.00EUR", "98.00"),
        ("98.00EUR", "98.00EURO"),
    ] {
        let link = GOOD.replacen(good, bad, 1);
        assert!(matches!(read(&link), Err(LinkError::Total(_))), "{link}");
    }
    let id = GOOD.replacen("T-1001", "T+1001", 1);
    assert!(matches!(read(&id), Err(LinkError::Trade(_))));
    let long = format!("{GOOD}&a={}", "a".repeat(64 * 1024));
    assert_eq!(read(&long), Err(LinkError::TooLong));
}

#[test]
fn a_link_that_is_written_is_read_back() {
    for text in [
        GOOD.to_owned(),
        format!("{GOOD}&key={KEY}&pk=bQ%2Bc%2F_-%3D"),
        "tradepost:%22a%20b%22@b%C3%BCcher.example?trade=T-1&total=1200JPY".to_owned(),
    ] {
        let link = read(&text).unwrap();
        assert_eq!(read(&link.to_string()), Ok(link.clone()), "{link}");
        let json = serde_json::to_string(&link).unwrap();
        assert_eq!(serde_json::from_str::<ExpectedOrder>(&json).unwrap(), link);
    }
    assert_eq!(read(GOOD).unwrap().to_string(), GOOD);
}
