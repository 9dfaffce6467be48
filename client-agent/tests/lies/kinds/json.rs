//! Lies in the statement's JSON, and statements that the protocol does not know.

use serde_json::json;

use crate::draft::Said;
use crate::kind::{Kind, UNREADABLE, UNSUPPORTED, kind};
use crate::world::{Scene, at, eur};

pub fn kinds() -> Vec<Kind> {
    [text(), numbers(), amounts(), members(), not_known()].concat()
}

/// One more member, which no reader needs, written as it stands here.
fn beside(s: Said, member: &str) -> Said {
    let text = s.statement.to_string();
    let text = format!("{{{member},{}", &text[1..]);
    s.json(text)
}

/// It is not I-JSON (RFC 7493), or not within the bounds.
fn text() -> Vec<Kind> {
    vec![
        kind("json: a member twice", UNREADABLE, |s| {
            beside(s, "\"from\":\"evil@evil.example\"").seal()
        }),
        kind("json: a member twice, the same", UNREADABLE, |s| {
            beside(s, "\"tradepost\":1").seal()
        }),
        kind(
            "json: a member twice, once with an escape",
            UNREADABLE,
            |s| beside(s, "\"fr\\u006fm\":\"evil@evil.example\"").seal(),
        ),
        kind("json: a member twice, deeper", UNREADABLE, |s| {
            s.spell("\"body\":{", "\"body\":{\"kind\":\"notify\",")
                .seal()
        }),
        kind("json: an unknown member twice", UNREADABLE, |s| {
            beside(s, "\"x\":1,\"x\":2").seal()
        }),
        kind("json: a lone high surrogate", UNREADABLE, |s| {
            beside(s, "\"x\":\"\\ud800\"").seal()
        }),
        kind("json: a lone low surrogate", UNREADABLE, |s| {
            beside(s, "\"x\":\"\\udc00 \"").seal()
        }),
        kind("json: surrogates the wrong way round", UNREADABLE, |s| {
            beside(s, "\"x\":\"\\udc00\\ud800\"").seal()
        }),
        kind("json: a lone surrogate in a name", UNREADABLE, |s| {
            beside(s, "\"\\ud83d\":1").seal()
        }),
        kind("json: a control character", UNREADABLE, |s| {
            beside(s, "\"x\":\"a\u{1}\"").seal()
        }),
        kind("json: a line end within a string", UNREADABLE, |s| {
            beside(s, "\"x\":\"a\nb\"").seal()
        }),
        kind("json: an unknown escape", UNREADABLE, |s| {
            beside(s, "\"x\":\"\\x41\"").seal()
        }),
        kind("json: a comment", UNREADABLE, |s| {
            beside(s, "/* \"x\":1, */ \"y\":1").seal()
        }),
        kind("json: single quotes", UNREADABLE, |s| {
            beside(s, "'x':1").seal()
        }),
        kind("json: a name without quotes", UNREADABLE, |s| {
            beside(s, "x:1").seal()
        }),
        kind("json: a comma too many", UNREADABLE, |s| {
            beside(s, "\"x\":[1,]").seal()
        }),
        kind("json: NaN", UNREADABLE, |s| beside(s, "\"x\":NaN").seal()),
        kind("json: a leading zero", UNREADABLE, |s| {
            beside(s, "\"x\":01").seal()
        }),
        kind("json: a number of the future", UNREADABLE, |s| {
            beside(s, "\"x\":0x10").seal()
        }),
        kind("json: something behind it", UNREADABLE, |s| {
            let text = format!("{} {{}}", s.statement);
            s.json(text).seal()
        }),
        kind("json: cut off", UNREADABLE, |s| {
            let text = s.statement.to_string();
            let text = text[..text.len() - 1].to_owned();
            s.json(text).seal()
        }),
        kind("json: a list of statements", UNREADABLE, |s| {
            let text = format!("[{}]", s.statement);
            s.json(text).seal()
        }),
        kind("json: a string that holds it", UNREADABLE, |s| {
            let text = json!(s.statement.to_string()).to_string();
            s.json(text).seal()
        }),
        kind("json: 17 levels", UNREADABLE, |s| {
            let deep = format!("\"x\":{}{}", "[".repeat(16), "]".repeat(16));
            beside(s, &deep).seal()
        }),
        kind("json: 100,000 levels", UNREADABLE, |s| {
            let deep = format!("\"x\":{}{}", "[".repeat(100_000), "]".repeat(100_000));
            beside(s, &deep).seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("json: a string of more than 16 KiB", UNREADABLE, |s| {
            beside(s, &format!("\"x\":\"{}\"", "a".repeat(16 * 1024 + 1))).seal()
        }),
        kind("json: more than 256 KiB", UNREADABLE, |s| {
            let many = vec!["\"0123456789\""; 25_000].join(",");
            beside(s, &format!("\"x\":[{many}]")).seal()
        })
        .scenes(&[Scene::Delivery]),
    ]
}

fn numbers() -> Vec<Kind> {
    let statuses = [Scene::Order, Scene::Delivery, Scene::Payment];
    let all = vec![
        kind("number: sequence 0", UNREADABLE, |s| {
            s.say("/body/sequence", 0).seal()
        }),
        kind("number: a negative sequence", UNREADABLE, |s| {
            s.say("/body/sequence", -1).seal()
        }),
        kind("number: sequence 2^31", UNREADABLE, |s| {
            s.say("/body/sequence", 1_u64 << 31).seal()
        }),
        kind("number: sequence 2^32 + 3", UNREADABLE, |s| {
            s.say("/body/sequence", (1_u64 << 32) + 3).seal()
        }),
        kind("number: sequence 2^64 + 3", UNREADABLE, |s| {
            s.say("/body/sequence", json!(99))
                .spell("\"sequence\":99", "\"sequence\":18446744073709551619")
                .seal()
        }),
        kind("number: a sequence with a fraction", UNREADABLE, |s| {
            s.say("/body/sequence", 3.5).seal()
        }),
        kind(
            "number: a sequence with an exponent that is too large",
            UNREADABLE,
            |s| {
                s.say("/body/sequence", 99)
                    .spell("\"sequence\":99", "\"sequence\":1e400")
                    .seal()
            },
        ),
        kind("number: a sequence in a string", UNREADABLE, |s| {
            s.say("/body/sequence", "3").seal()
        }),
    ];
    let mut all: Vec<Kind> = all.into_iter().map(|k| k.scenes(&statuses)).collect();
    let records = [Scene::Record, Scene::Adopted];
    all.extend([
        kind("number: version 0", UNREADABLE, |s| {
            s.say("/body/version", 0).seal()
        })
        .scenes(&records),
        kind("number: quantity 0", UNREADABLE, |s| {
            s.say("/body/lines/0/quantity", 0).seal()
        })
        .scenes(&records),
        kind("number: a negative quantity", UNREADABLE, |s| {
            s.say("/body/lines/0/quantity", -2).seal()
        })
        .scenes(&records),
        kind("number: a quantity beyond all bounds", UNREADABLE, |s| {
            s.say("/body/lines/0/quantity", u64::MAX).seal()
        })
        .scenes(&records),
    ]);
    all
}

fn amounts() -> Vec<Kind> {
    fn of(name: &'static str, lie: fn(Said) -> crate::draft::Letter) -> Kind {
        kind(name, UNREADABLE, lie).scenes(&[Scene::Payment])
    }
    vec![
        of("amount: one decimal for EUR", |s| {
            s.say("/body/amount", eur("58.0")).seal()
        }),
        of("amount: no decimals for EUR", |s| {
            s.say("/body/amount", eur("58")).seal()
        }),
        of("amount: three decimals for EUR", |s| {
            s.say("/body/amount", eur("58.000")).seal()
        }),
        of("amount: two decimals for JPY", |s| {
            s.say(
                "/body/amount",
                json!({ "amount": "58.00", "currency": "JPY" }),
            )
            .seal()
        }),
        of("amount: two decimals for KWD", |s| {
            s.say(
                "/body/amount",
                json!({ "amount": "58.00", "currency": "KWD" }),
            )
            .seal()
        }),
        of("amount: negative", |s| {
            s.say("/body/amount", eur("-58.00")).seal()
        }),
        of("amount: with a plus", |s| {
            s.say("/body/amount", eur("+58.00")).seal()
        }),
        of("amount: with a blank", |s| {
            s.say("/body/amount", eur(" 58.00")).seal()
        }),
        of("amount: with a comma", |s| {
            s.say("/body/amount", eur("58,00")).seal()
        }),
        of("amount: with thousands", |s| {
            s.say("/body/amount", eur("1,058.00")).seal()
        }),
        of("amount: with an exponent", |s| {
            s.say("/body/amount", eur("5.8e1")).seal()
        }),
        of("amount: of 16 digits", |s| {
            s.say("/body/amount", eur("12345678901234.56")).seal()
        }),
        of("amount: in other digits", |s| {
            s.say("/body/amount", eur("\u{665}\u{668}.00")).seal()
        }),
        of("amount: a JSON number", |s| {
            s.say("/body/amount/amount", 58.0).seal()
        }),
        of("amount: no currency", |s| {
            s.leave_out("/body/amount/currency").seal()
        }),
        of("amount: an unknown currency", |s| {
            s.say("/body/amount/currency", "XXQ").seal()
        }),
        of("amount: a currency in small letters", |s| {
            s.say("/body/amount/currency", "eur").seal()
        }),
        of("amount: a price in a record", |s| {
            s.say("/body/lines/0/price/amount", "24").seal()
        })
        .scenes(&[Scene::Record]),
    ]
}

/// Members that are missing, or of a wrong form.
fn members() -> Vec<Kind> {
    vec![
        kind("member: no id", UNREADABLE, |s| s.leave_out("/id").seal()),
        kind("member: an id of another version", UNREADABLE, |s| {
            s.say("/id", "01932c07-9a2e-4c11-8f54-0f6a1c0d9e22").seal()
        }),
        kind("member: an id that is none", UNREADABLE, |s| {
            s.say("/id", "1").seal()
        }),
        kind("member: no from", UNREADABLE, |s| {
            s.leave_out("/from").seal()
        }),
        kind("member: a from with a display name", UNREADABLE, |s| {
            let from = format!("Shop <{}>", s.statement["from"].as_str().unwrap());
            s.say("/from", from).seal()
        }),
        kind("member: from is a list", UNREADABLE, |s| {
            let from = json!([s.statement["from"], "evil@evil.example"]);
            s.say("/from", from).seal()
        }),
        kind("member: no to", UNREADABLE, |s| s.leave_out("/to").seal()),
        kind("member: no sent", UNREADABLE, |s| {
            s.leave_out("/sent").seal()
        }),
        kind("member: sent without offset", UNREADABLE, |s| {
            s.say("/sent", "2026-11-20T10:15:00").seal()
        }),
        kind("member: sent on a day that is none", UNREADABLE, |s| {
            s.say("/sent", "2026-02-30T10:15:00Z").seal()
        }),
        kind("member: sent two days ahead", UNREADABLE, |s| {
            s.say("/sent", at(2 * 24 * 60)).seal()
        }),
        kind("member: no body", UNREADABLE, |s| {
            s.leave_out("/body").seal()
        }),
        kind("member: no kind", UNREADABLE, |s| {
            s.leave_out("/body/kind").seal()
        }),
        kind("member: no trade", UNREADABLE, |s| {
            s.leave_out("/trade").seal()
        }),
        kind("member: a trade id with a slash", UNREADABLE, |s| {
            s.say("/trade/id", "T-1001/1").seal()
        }),
        kind("member: a trade id of 65 characters", UNREADABLE, |s| {
            s.say("/trade/id", "T".repeat(65)).seal()
        }),
        kind("member: an empty trade id", UNREADABLE, |s| {
            s.say("/trade/id", "").seal()
        }),
        kind("member: a trade that is a string", UNREADABLE, |s| {
            s.say("/trade", "orders@shop.example/T-1001").seal()
        }),
        kind("member: no version of the protocol", UNREADABLE, |s| {
            s.leave_out("/tradepost").seal()
        }),
        kind(
            "member: the version of the protocol in a string",
            UNREADABLE,
            |s| s.say("/tradepost", "1").seal(),
        ),
        kind("member: delivered without a time", UNREADABLE, |s| {
            s.leave_out("/body/delivery/actual").seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("member: settled without a time", UNREADABLE, |s| {
            s.leave_out("/body/settle/actual").seal()
        })
        .scenes(&[Scene::Payment]),
        kind("member: shipped without a time", UNREADABLE, |s| {
            s.leave_out("/body/ship/actual").seal()
        })
        .scenes(&[Scene::Order]),
        kind("member: a page to track by http", UNREADABLE, |s| {
            s.say("/body/tracking_url", "http://carrier.example/1")
                .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind(
            "member: a page to track that is a script",
            UNREADABLE,
            |s| s.say("/body/tracking_url", "javascript:alert(1)").seal(),
        )
        .scenes(&[Scene::Delivery]),
        kind("member: a record without lines", UNREADABLE, |s| {
            s.say("/body/lines", json!([])).seal()
        })
        .scenes(&[Scene::Record]),
        kind("member: a record without buyer", UNREADABLE, |s| {
            s.leave_out("/body/buyer").seal()
        })
        .scenes(&[Scene::Record]),
        kind("member: a country that is none", UNREADABLE, |s| {
            s.say("/body/buyer/address/country", "Germany").seal()
        })
        .scenes(&[Scene::Record]),
        kind("member: a processor that is no address", UNREADABLE, |s| {
            s.say("/body/payment/processor", "pay here").seal()
        })
        .scenes(&[Scene::Record]),
        kind(
            "member: a rejection that answers nothing",
            UNREADABLE,
            |s| s.leave_out("/answers").seal(),
        )
        .scenes(&[Scene::Rejected]),
        kind("member: a decision that answers nothing", UNREADABLE, |s| {
            s.leave_out("/answers").seal()
        })
        .scenes(&[Scene::Decision]),
    ]
}

/// A newer program could read it: it is kept, never guessed at.
fn not_known() -> Vec<Kind> {
    vec![
        kind("unknown: version 2 of the protocol", UNSUPPORTED, |s| {
            s.say("/tradepost", 2).seal()
        })
        .everywhere(),
        kind("unknown: version 0 of the protocol", UNSUPPORTED, |s| {
            s.say("/tradepost", 0).seal()
        }),
        kind("unknown: version 1.5 of the protocol", UNSUPPORTED, |s| {
            s.say("/tradepost", 1.5).seal()
        }),
        kind("unknown: a kind", UNSUPPORTED, |s| {
            s.say("/body/kind", "duty-due").seal()
        })
        .everywhere(),
        kind("unknown: a kind in capitals", UNSUPPORTED, |s| {
            let kind = s.statement["body"]["kind"].as_str().unwrap().to_uppercase();
            s.say("/body/kind", kind).seal()
        }),
        kind("unknown: a state", UNSUPPORTED, |s| {
            s.say("/body/state", "half-delivered").seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("unknown: a state of another track", UNSUPPORTED, |s| {
            s.say("/body/state", "settled").seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery]),
    ]
}
