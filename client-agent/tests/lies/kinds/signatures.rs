//! Lies about signatures: made by others, or in ways that do not count.

use crate::draft::{Letter, Said, multipart};
use crate::kind::{Expected, Kind, UNPROVEN, kind};
use crate::signing::{Key, Signing};
use crate::world::{Scene, minute};

pub fn kinds() -> Vec<Kind> {
    let shops = [Scene::Record, Scene::Version, Scene::Adopted, Scene::Order];
    let by_shops_keys = keys().into_iter().map(|k| k.scenes(&shops));
    let all = [who(), what_is_covered(), when(), tags(), names()].concat();
    all.into_iter()
        .chain(by_shops_keys)
        .map(Kind::dkim)
        .collect()
}

/// Signed in another way.
fn signed(s: Said, change: fn(Signing) -> Signing) -> Letter {
    let draft = s.draft();
    let signing = change(draft.signatures[0].clone());
    draft.signed([signing]).seal()
}

fn seconds(minutes: i64) -> String {
    (minute(minutes).unix_millis() / 1000).to_string()
}

fn who() -> Vec<Kind> {
    let payment = [Scene::Payment];
    vec![
        kind("dkim: none", UNPROVEN, |s| s.draft().unsigned().seal()),
        kind("dkim: none, but the provider's word", UNPROVEN, |s| {
            let domain = s.draft().signatures[0].domain.clone();
            s.draft()
                .unsigned()
                .results(&format!(
                    "dkim=pass header.d={domain}; dmarc=pass header.from={domain}"
                ))
                .seal()
        }),
        kind("dkim: of another domain", UNPROVEN, |s| {
            s.draft().by("evil.example").seal()
        }),
        kind("dkim: of another domain, three times", UNPROVEN, |s| {
            s.draft()
                .signed(["evil.example", "second.example", "courier.example"].map(Signing::by))
                .seal()
        }),
        kind("dkim: of a sibling subdomain", UNPROVEN, |s| {
            s.draft().by("us.pay.example").seal()
        })
        .scenes(&payment),
        kind("dkim: of a subdomain", UNPROVEN, |s| {
            s.draft().by("x.eu.pay.example").seal()
        })
        .scenes(&payment),
        kind("dkim: of a subdomain of the shop", UNPROVEN, |s| {
            s.draft().by("mail.shop.example").seal()
        })
        .scenes(&[Scene::Record]),
        kind("dkim: of a public suffix", UNPROVEN, |s| {
            s.draft().by("example").seal()
        }),
        kind("dkim: of a namesake", UNPROVEN, |s| {
            s.draft().by("notshop.example").seal()
        })
        .scenes(&[Scene::Record]),
        kind("dkim: of the buyer's own domain", UNPROVEN, |s| {
            s.draft().by("home.example").seal()
        }),
        kind("dkim: i= of the sender, d= of another", UNPROVEN, |s| {
            let domain = s.draft().signatures[0].domain.clone();
            let signing = Signing::by("evil.example").tag("i", format!("@{domain}"));
            s.draft().signed([signing]).seal()
        }),
        kind("dkim: i= of another, d= of the sender", UNPROVEN, |s| {
            signed(s, |g| g.tag("i", "@evil.example"))
        }),
        kind("dkim: by another's key", UNPROVEN, |s| {
            let domain = s.draft().signatures[0].domain.clone();
            let signing = Signing::by("evil.example");
            let letter = s.draft().signed([signing]).seal();
            letter.replace("d=evil.example", &format!("d={domain}"))
        }),
        kind(
            "dkim: 1,000 broken ones before the good one",
            UNPROVEN,
            |s| {
                let draft = s.draft();
                let good = draft.signatures[0].clone();
                let mut bad = good.clone();
                bad.tags.push(("bh", "AAAA".to_owned()));
                let mut all = vec![bad; 1_000];
                all.push(good);
                draft.signed(all).seal()
            },
        )
        .scenes(&[Scene::Delivery]),
        kind(
            "dkim: five broken ones before the good one",
            UNPROVEN,
            |s| {
                let draft = s.draft();
                let good = draft.signatures[0].clone();
                let mut all = vec![good.clone().tag("x", "1"); 5];
                all.push(good);
                draft.signed(all).seal()
            },
        ),
        kind("dkim: 1,000 of others", UNPROVEN, |s| {
            s.draft()
                .signed(vec![Signing::by("evil.example"); 1_000])
                .seal()
        })
        .scenes(&[Scene::Delivery]),
    ]
}

fn what_is_covered() -> Vec<Kind> {
    vec![
        kind("dkim: l= of the whole body", UNPROVEN, |s| {
            let length = s.draft().whole_body().len();
            s.draft().sign(|g| g.body_length = Some(length)).seal()
        }),
        kind("dkim: l=0", UNPROVEN, |s| {
            s.draft().sign(|g| g.body_length = Some(0)).seal()
        }),
        kind("dkim: l=0, and another body", UNPROVEN, |s| {
            let other = s.clone().anew(3).draft();
            let body = multipart(&s.draft().boundary, &other.parts);
            s.draft()
                .body(body)
                .sign(|g| g.body_length = Some(0))
                .seal()
        }),
        kind(
            "dkim: l= of the text, and a statement behind it",
            UNPROVEN,
            |s| s.draft().sign(|g| g.body_length = Some(40)).seal(),
        ),
        kind("dkim: l= that is no number", UNPROVEN, |s| {
            signed(s, |g| g.tag("l", "all"))
        }),
        kind("dkim: From not signed", UNPROVEN, |s| {
            signed(s, |g| g.not("From"))
        }),
        kind("dkim: To not signed", UNPROVEN, |s| {
            signed(s, |g| g.not("To"))
        }),
        kind("dkim: Subject not signed", UNPROVEN, |s| {
            signed(s, |g| g.not("Subject"))
        }),
        kind("dkim: Date not signed", UNPROVEN, |s| {
            signed(s, |g| g.not("Date"))
        }),
        kind("dkim: nothing signed", UNPROVEN, |s| {
            signed(s, |g| g.tag("h", ""))
        }),
        kind("dkim: only what is not there signed", UNPROVEN, |s| {
            signed(s, |mut g| {
                g.signed = vec!["X-From", "X-To"];
                g
            })
        }),
        kind("dkim: From in another field's name", UNPROVEN, |s| {
            signed(s, |mut g| {
                g.signed.retain(|f| *f != "From");
                g.signed.push("Resent-From");
                g
            })
        }),
        kind(
            "dkim: an encoding of the whole that is not signed",
            UNPROVEN,
            |s| s.draft().last("Content-Transfer-Encoding: base64").seal(),
        ),
        kind(
            "dkim: a second encoding of the whole, above",
            UNPROVEN,
            |s| {
                s.draft()
                    .last("Content-Transfer-Encoding: 8bit")
                    .sign(|g| g.signed.push("Content-Transfer-Encoding"))
                    .seal()
                    .before("From", "Content-Transfer-Encoding: quoted-printable")
            },
        ),
    ]
}

fn when() -> Vec<Kind> {
    vec![
        kind("dkim: expired", UNPROVEN, |s| {
            signed(s, |g| g.tag("x", seconds(-1)))
        }),
        kind("dkim: expires at this moment", UNPROVEN, |s| {
            signed(s, |g| g.tag("x", seconds(0)))
        }),
        kind("dkim: expired long ago", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", "1").tag("x", "2"))
        }),
        kind("dkim: from the future", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", seconds(11)))
        }),
        kind("dkim: expires before it was made", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", seconds(9)).tag("x", seconds(8)))
        }),
        kind("dkim: expires when it was made", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", seconds(9)).tag("x", seconds(9)))
        }),
        kind("dkim: a time that is none", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", "yesterday"))
        }),
        kind("dkim: a time before all times", UNPROVEN, |s| {
            signed(s, |g| g.tag("t", "-1"))
        }),
        kind("dkim: a time beyond all times", UNPROVEN, |s| {
            signed(s, |g| g.tag("x", "9".repeat(30)))
        }),
    ]
}

fn tags() -> Vec<Kind> {
    vec![
        kind("dkim: version 2", UNPROVEN, |s| {
            signed(s, |g| g.tag("v", "2"))
        }),
        kind("dkim: no version", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["v"]).seal()
        }),
        kind("dkim: no algorithm", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["a"]).seal()
        }),
        kind("dkim: no domain", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["d"]).seal()
        }),
        kind("dkim: no selector", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["s"]).seal()
        }),
        kind("dkim: no list of fields", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["h"]).seal()
        }),
        kind("dkim: no hash of the body", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["bh"]).seal()
        }),
        kind("dkim: no signature in it", UNPROVEN, |s| {
            s.draft().sign(|g| g.left_out = vec!["b"]).seal()
        }),
        kind("dkim: an unknown algorithm", UNPROVEN, |s| {
            signed(s, |g| g.tag("a", "ed25519-sha512"))
        }),
        kind("dkim: an algorithm that is not the key's", UNPROVEN, |s| {
            signed(s, |g| g.tag("a", "rsa-sha256"))
        }),
        kind("dkim: an unknown canonicalization", UNPROVEN, |s| {
            signed(s, |g| g.tag("c", "nowsp/relaxed"))
        }),
        kind("dkim: another way to the key", UNPROVEN, |s| {
            signed(s, |g| g.tag("q", "https/evil.example"))
        }),
        kind(
            "dkim: d= twice, the second one the sender's",
            UNPROVEN,
            |s| {
                let reword = |f: String| f.replacen("d=", "d=evil.example; d=", 1);
                s.draft().sign(|g| g.reword = reword).seal()
            },
        ),
        kind(
            "dkim: d= twice, the first one the sender's",
            UNPROVEN,
            |s| {
                s.draft()
                    .sign(|g| g.reword = |f| f.replacen("; s=", "; d=evil.example; s=", 1))
                    .seal()
            },
        ),
        kind("dkim: h= twice", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.reword = |f| f.replacen("; bh=", "; h=From; bh=", 1))
                .seal()
        }),
        kind("dkim: an unknown tag twice", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.reword = |f| f.replacen("; bh=", "; z=1; z=1; bh=", 1))
                .seal()
        }),
        kind("dkim: a tag without a value", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.reword = |f| f.replacen("; bh=", "; nothing; bh=", 1))
                .seal()
        }),
        kind("dkim: a tag without a name", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.reword = |f| f.replacen("; bh=", "; =1; bh=", 1))
                .seal()
        }),
        kind("dkim: d= with quotes", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("\"{}\"", g.domain))
                .seal()
        }),
        kind("dkim: d= with parentheses", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("({})", g.domain))
                .seal()
        }),
        kind("dkim: d= with a comment", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("evil.example ({})", g.domain))
                .seal()
        }),
        kind("dkim: d= with a comment behind it", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("{} (evil.example)", g.domain))
                .seal()
        }),
        kind("dkim: d= with a blank", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = g.domain.replace(".example", " .example"))
                .seal()
        }),
        kind("dkim: d= with NUL", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("{}\0.evil.example", g.domain))
                .seal()
        }),
        kind("dkim: d= with an address", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("a@{}", g.domain))
                .seal()
        }),
        kind("dkim: d= that ends with a dot", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.domain = format!("{}.", g.domain))
                .seal()
        }),
        kind("dkim: d= empty", UNPROVEN, |s| {
            s.draft().sign(|g| g.domain = String::new()).seal()
        }),
        kind("dkim: NUL in the selector", UNPROVEN, |s| {
            s.draft().sign(|g| g.selector = "s1\0".to_owned()).seal()
        }),
        kind("dkim: NUL within the selector", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.selector = "s1._domainkey.evil.example\0".to_owned())
                .seal()
        }),
        kind("dkim: quotes in the selector", UNPROVEN, |s| {
            s.draft().sign(|g| g.selector = "\"s1\"".to_owned()).seal()
        }),
        kind("dkim: a selector without a name", UNPROVEN, |s| {
            s.draft().sign(|g| g.selector = String::new()).seal()
        }),
        kind("dkim: a signature that is no base64", UNPROVEN, |s| {
            s.draft()
                .sign(|g| g.reword = |f| f)
                .seal()
                .replace("; b=", "; b=!!")
        }),
    ]
}

/// The key is not to be had: held where DNS did not answer, refused where it did.
fn names() -> Vec<Kind> {
    fn at(s: Said, selector: &str) -> Letter {
        s.draft().sign(|g| g.selector = selector.to_owned()).seal()
    }
    vec![
        kind("dns: SERVFAIL", Expected::Held, |s| at(s, "servfail")).everywhere(),
        kind("dns: REFUSED", Expected::Held, |s| at(s, "refused")),
        kind("dns: slow beyond all patience", Expected::Held, |s| {
            at(s, "silent")
        }),
        kind("dns: no such name", UNPROVEN, |s| at(s, "nowhere")),
        kind("dns: nothing at the name", UNPROVEN, |s| at(s, "nodata")),
        kind("dns: SERVFAIL for another domain", UNPROVEN, |s| {
            let signing = Signing::by("evil.example").key("servfail", Key::Ed25519);
            s.draft().signed([signing]).seal()
        }),
        kind(
            "dns: SERVFAIL, and a signature that cannot count",
            UNPROVEN,
            |s| signed(s, |g| g.not("To").key("servfail", Key::Ed25519)),
        ),
    ]
}

/// The shop signs, and its key does not count.
fn keys() -> Vec<Kind> {
    vec![
        kind("dkim: rsa-sha1", UNPROVEN, |s| {
            signed(s, |g| g.key("sha1", Key::RsaSha1))
        }),
        kind("dkim: a key of 512 bits", UNPROVEN, |s| {
            signed(s, |g| g.key("r512", Key::Rsa(512)))
        }),
        kind("dkim: a key of 1,016 bits", UNPROVEN, |s| {
            signed(s, |g| g.key("r1016", Key::Rsa(1016)))
        }),
        kind("dkim: a revoked key", UNPROVEN, |s| {
            signed(s, |g| g.key("revoked", Key::Ed25519))
        }),
        kind("dkim: a key under test", UNPROVEN, |s| {
            signed(s, |g| g.key("testing", Key::Ed25519))
        }),
        kind("dkim: a key for something else", UNPROVEN, |s| {
            signed(s, |g| g.key("web", Key::Ed25519))
        }),
        kind("dkim: a key for another hash", UNPROVEN, |s| {
            signed(s, |g| g.key("hash", Key::Ed25519))
        }),
        kind("dkim: another key at that name", UNPROVEN, |s| {
            signed(s, |g| g.key("other", Key::Ed25519))
        }),
        kind("dkim: a key of another kind", UNPROVEN, |s| {
            signed(s, |g| g.key("kind", Key::Ed25519))
        }),
        kind("dkim: a key of another version", UNPROVEN, |s| {
            signed(s, |g| g.key("version", Key::Ed25519))
        }),
        kind("dkim: a strict key, for a subdomain", UNPROVEN, |s| {
            signed(s, |g| {
                g.key("strict", Key::Ed25519).tag("i", "@mail.shop.example")
            })
        }),
    ]
}
