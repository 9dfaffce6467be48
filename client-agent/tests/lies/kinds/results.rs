//! Lies about what the provider found: Authentication-Results, and what looks like it.

use crate::draft::{Letter, Said};
use crate::kind::{Kind, UNPROVEN, kind};
use crate::world::PROVIDER;

/// With these results of the provider's own; `D` stands for the sender's domain.
fn results(s: Said, results: &str) -> Letter {
    let results = results.replace('D', &domain(&s));
    s.draft().results(&results).seal()
}

/// With these lines above the author's fields; `D` stands for the sender's domain.
fn trace(s: Said, lines: &str) -> Letter {
    let lines = lines.replace('D', &domain(&s)).replace("MX", PROVIDER);
    s.draft().trace(lines).seal()
}

fn domain(s: &Said) -> String {
    s.statement["from"]
        .as_str()
        .unwrap()
        .rsplit_once('@')
        .unwrap()
        .1
        .to_owned()
}

pub fn kinds() -> Vec<Kind> {
    let all = [whose_word(), which_result(), grammar()].concat();
    all.into_iter().map(Kind::relay).collect()
}

/// Fields that are not the provider's, or stand where anybody could have written them.
fn whose_word() -> Vec<Kind> {
    vec![
        kind("results: none at all", UNPROVEN, |s| trace(s, "")),
        kind("results: the provider says none", UNPROVEN, |s| {
            results(s, "none")
        }),
        kind("results: of another provider", UNPROVEN, |s| {
            trace(
                s,
                "Authentication-Results: mx.evil.example; dkim=pass header.d=D",
            )
        }),
        kind("results: another's above the provider's", UNPROVEN, |s| {
            trace(
                s,
                "Authentication-Results: mx.evil.example; dkim=pass header.d=D\r\nAuthentication-Results: MX; dkim=fail header.d=D",
            )
        }),
        kind("results: another's below the provider's", UNPROVEN, |s| {
            trace(
                s,
                "Authentication-Results: MX; dkim=fail header.d=D\r\nAuthentication-Results: mx.evil.example; dkim=pass header.d=D",
            )
        }),
        kind(
            "results: of a host above the provider's name",
            UNPROVEN,
            |s| trace(s, "Authentication-Results: a.MX; dkim=pass header.d=D"),
        ),
        kind(
            "results: of a name that ends as the provider's",
            UNPROVEN,
            |s| trace(s, "Authentication-Results: xMX; dkim=pass header.d=D"),
        ),
        kind(
            "results: of a name that begins as the provider's",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Authentication-Results: MX.evil.example; dkim=pass header.d=D",
                )
            },
        ),
        kind("results: the provider's name in a comment", UNPROVEN, |s| {
            trace(
                s,
                "Authentication-Results: (MX) mx.evil.example; dkim=pass header.d=D",
            )
        }),
        kind(
            "results: the provider's name quoted with a tail",
            UNPROVEN,
            |s| trace(s, "Authentication-Results: \"MX \" ; dkim=pass header.d=D"),
        ),
        kind("results: the provider's name quoted", UNPROVEN, |s| {
            trace(s, "Authentication-Results: \"MX\"; dkim=pass header.d=D")
        }),
        kind(
            "results: the provider's name behind a comment",
            UNPROVEN,
            |s| trace(s, "Authentication-Results: (a) MX; dkim=pass header.d=D"),
        ),
        kind(
            "results: the provider's name behind a comment on a line of its own",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Authentication-Results:\r\n (a)\r\n MX; dkim=pass header.d=D",
                )
            },
        ),
        kind("results: no name", UNPROVEN, |s| {
            trace(s, "Authentication-Results: ; dkim=pass header.d=D")
        }),
        kind(
            "results: a result where the name should be",
            UNPROVEN,
            |s| trace(s, "Authentication-Results: dkim=pass header.d=D"),
        ),
        kind("results: under another field name", UNPROVEN, |s| {
            trace(s, "X-Authentication-Results: MX; dkim=pass header.d=D")
        }),
        kind("results: a blank before the colon", UNPROVEN, |s| {
            trace(s, "Authentication-Results : MX; dkim=pass header.d=D")
        }),
        kind(
            "results: in a field that is folded into another",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "X-Note: a\r\n Authentication-Results: MX; dkim=pass header.d=D",
                )
            },
        ),
        kind("results: among the author's fields", UNPROVEN, |s| {
            let line = format!(
                "Authentication-Results: {PROVIDER}; dkim=pass header.d={}",
                domain(&s)
            );
            s.draft().last(line).trace("").seal()
        }),
        kind(
            "results: between the author's fields, above From",
            UNPROVEN,
            |s| {
                let line = format!(
                    "Subject: x\r\nAuthentication-Results: {PROVIDER}; dkim=pass header.d={}",
                    domain(&s)
                );
                s.draft().without("Subject").first(line).trace("").seal()
            },
        ),
        kind("results: below a To field on top", UNPROVEN, |s| {
            let line = s.draft().field("To");
            let field = format!(
                "{line}\r\nAuthentication-Results: {PROVIDER}; dkim=pass header.d={}",
                domain(&s)
            );
            s.draft().without("To").first(field).trace("").seal()
        }),
        kind("results: in the header of a part", UNPROVEN, |s| {
            let line = format!(
                "Authentication-Results: {PROVIDER}; dkim=pass header.d={}\r\n",
                domain(&s)
            );
            s.draft()
                .part(|p| p.header.push_str(&line))
                .trace("")
                .seal()
        }),
        kind("results: in the body", UNPROVEN, |s| {
            let line = format!(
                "Authentication-Results: {PROVIDER}; dkim=pass header.d={}\r\n\r\n",
                domain(&s)
            );
            let body = [line.into_bytes(), s.draft().whole_body()].concat();
            s.draft().body(body).trace("").seal()
        }),
        kind("results: behind a foreign Received", UNPROVEN, |s| {
            trace(
                s,
                "Received: from a.example by mx.evil.example; Fri, 20 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
            )
        }),
        kind("results: behind a Received of nobody", UNPROVEN, |s| {
            trace(
                s,
                "Received: from a.example; Fri, 20 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
            )
        }),
        kind(
            "results: behind a Received that has our name in a comment",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Received: from a.example by mx.evil.example (by MX); Fri, 20 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
                )
            },
        ),
        kind("results: behind a Received of a namesake", UNPROVEN, |s| {
            trace(
                s,
                "Received: by MX.evil.example; Fri, 20 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
            )
        }),
        kind(
            "results: own ones behind own and foreign Received fields",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Received: by MX; Fri, 20 Nov 2026 10:00:01 +0000\r\nReceived: by mx.evil.example; Fri, 20 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
                )
            },
        ),
        kind("results: ARC only", UNPROVEN, |s| {
            trace(
                s,
                "ARC-Seal: i=1; cv=none; d=evil.example; s=s1; a=rsa-sha256; b=AAAA\r\nARC-Authentication-Results: i=1; MX; dkim=pass header.d=D",
            )
        }),
        kind("results: ARC passes at the provider", UNPROVEN, |s| {
            results(
                s,
                "arc=pass (i=1 dkim=pass dkdomain=D) header.oldest-pass=1",
            )
        }),
    ]
}

/// The provider's own word, which is not that the sender is proven.
fn which_result() -> Vec<Kind> {
    vec![
        kind("results: SPF only", UNPROVEN, |s| {
            results(s, "spf=pass smtp.mailfrom=D")
        }),
        kind("results: SPF of the very address", UNPROVEN, |s| {
            let address = s.statement["from"].as_str().unwrap().to_owned();
            s.draft()
                .results(&format!("spf=pass smtp.mailfrom={address}; iprev=pass"))
                .seal()
        }),
        kind("results: dkim=fail", UNPROVEN, |s| {
            results(s, "dkim=fail header.d=D")
        }),
        kind("results: dkim=neutral", UNPROVEN, |s| {
            results(s, "dkim=neutral header.d=D")
        }),
        kind("results: dkim=policy", UNPROVEN, |s| {
            results(s, "dkim=policy header.d=D")
        }),
        kind("results: dkim=temperror", UNPROVEN, |s| {
            results(s, "dkim=temperror header.d=D")
        }),
        kind("results: dkim=permerror", UNPROVEN, |s| {
            results(s, "dkim=permerror header.d=D")
        }),
        kind("results: dkim=passed", UNPROVEN, |s| {
            results(s, "dkim=passed header.d=D")
        }),
        kind("results: dkim=pass of another domain", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=evil.example")
        }),
        kind("results: dkim=pass without domain", UNPROVEN, |s| {
            results(s, "dkim=pass")
        }),
        kind("results: dkim=pass of a subdomain", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=a.D")
        }),
        kind("results: dkim=pass of a namesake", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=notD")
        }),
        kind("results: dkim=pass of a public suffix", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=example")
        }),
        kind("results: dkim=pass of an empty domain", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=\"\"")
        }),
        kind("results: dkim=pass of two domains", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=D header.d=evil.example")
        }),
        kind(
            "results: dkim=pass, the domain in header.i only against header.d",
            UNPROVEN,
            |s| results(s, "dkim=pass header.d=evil.example header.i=@D"),
        ),
        kind(
            "results: dkim=pass, the domain in header.from",
            UNPROVEN,
            |s| results(s, "dkim=pass header.from=D"),
        ),
        kind(
            "results: dkim=pass, the domain in header.b",
            UNPROVEN,
            |s| results(s, "dkim=pass header.b=D"),
        ),
        kind("results: the domain beside another result", UNPROVEN, |s| {
            results(s, "dkim=pass; spf=fail header.d=D")
        }),
        kind("results: notdkim=pass", UNPROVEN, |s| {
            results(s, "notdkim=pass header.d=D")
        }),
        kind("results: x-dkim=pass", UNPROVEN, |s| {
            results(s, "x-dkim=pass header.d=D")
        }),
        kind("results: dkim-adsp=pass", UNPROVEN, |s| {
            results(s, "dkim-adsp=pass header.d=D header.from=D")
        }),
        kind("results: domainkeys=pass", UNPROVEN, |s| {
            results(s, "domainkeys=pass header.d=D header.from=D")
        }),
        kind("results: dmarc=fail", UNPROVEN, |s| {
            results(s, "dmarc=fail header.from=D")
        }),
        kind("results: dmarc=pass of another domain", UNPROVEN, |s| {
            results(s, "dmarc=pass header.from=evil.example")
        }),
        kind("results: dmarc=pass of a parent", UNPROVEN, |s| {
            results(s, "dmarc=pass header.from=example")
        }),
        kind("results: dmarc=pass of a subdomain", UNPROVEN, |s| {
            results(s, "dmarc=pass header.from=a.D")
        }),
        kind("results: dmarc=pass without domain", UNPROVEN, |s| {
            results(s, "dmarc=pass (p=reject dis=none)")
        }),
        kind("results: dmarc=pass with header.d", UNPROVEN, |s| {
            results(s, "dmarc=pass header.d=D")
        }),
        kind("results: dmarc disagrees within a field", UNPROVEN, |s| {
            results(s, "dmarc=pass header.from=D; dmarc=fail header.from=D")
        }),
        kind(
            "results: dmarc disagrees between two fields",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Authentication-Results: MX; dmarc=fail header.from=D\r\nAuthentication-Results: MX; dmarc=pass header.from=D",
                )
            },
        ),
        kind("results: dmarc=pass beside dkim=fail", UNPROVEN, |s| {
            results(
                s,
                "dkim=fail header.d=D; spf=pass smtp.mailfrom=D; dmarc=pass header.from=D",
            )
        }),
        kind("results: dmarc=pass beside dkim=none", UNPROVEN, |s| {
            results(
                s,
                "dkim=none; spf=pass smtp.mailfrom=D; dmarc=pass header.from=D",
            )
        }),
        kind("results: dmarc=pass beside dkim=neutral", UNPROVEN, |s| {
            results(s, "dmarc=pass header.from=D; dkim=neutral header.d=D")
        }),
        kind(
            "results: dmarc=pass beside dkim=pass of another domain",
            UNPROVEN,
            |s| {
                results(
                    s,
                    "dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=D; dmarc=pass header.from=D",
                )
            },
        ),
        kind(
            "results: dmarc=pass above dkim=none in another field",
            UNPROVEN,
            |s| {
                trace(
                    s,
                    "Authentication-Results: MX; dmarc=pass header.from=D\r\nAuthentication-Results: MX; dkim=none",
                )
            },
        ),
        kind("results: bimi=pass", UNPROVEN, |s| {
            results(s, "bimi=pass header.d=D header.selector=default")
        }),
        kind("results: auth=pass of another", UNPROVEN, |s| {
            results(s, "auth=pass smtp.auth=evil@evil.example")
        }),
        kind(
            "results: auth=pass of a name without domain",
            UNPROVEN,
            |s| results(s, "auth=pass smtp.auth=orders"),
        ),
        kind(
            "results: auth=pass of the domain's postmaster",
            UNPROVEN,
            |s| results(s, "auth=pass smtp.auth=postmaster@D"),
        ),
        kind("results: auth disagrees", UNPROVEN, |s| {
            let address = s.statement["from"].as_str().unwrap().to_owned();
            s.draft()
                .results(&format!(
                    "auth=pass smtp.auth={address}; auth=fail smtp.auth={address}"
                ))
                .seal()
        }),
        kind(
            "results: auth=pass, the address in smtp.mailfrom",
            UNPROVEN,
            |s| {
                let address = s.statement["from"].as_str().unwrap().to_owned();
                s.draft()
                    .results(&format!("auth=pass smtp.mailfrom={address}"))
                    .seal()
            },
        ),
        kind("results: compauth=pass", UNPROVEN, |s| {
            results(s, "compauth=pass reason=100 header.from=D")
        }),
    ]
}

/// A pass that only a careless reader finds.
fn grammar() -> Vec<Kind> {
    vec![
        kind("results: a pass in a comment", UNPROVEN, |s| {
            results(s, "dkim=fail (dkim=pass header.d=D)")
        }),
        kind("results: a pass in nested comments", UNPROVEN, |s| {
            results(s, "spf=fail (a (b) ; dkim=pass header.d=D ; (c))")
        }),
        kind(
            "results: a pass behind an escaped parenthesis",
            UNPROVEN,
            |s| results(s, "spf=fail (a \\) ; dkim=pass header.d=D)"),
        ),
        kind("results: the domain in a comment", UNPROVEN, |s| {
            results(s, "dkim=pass (header.d=D)")
        }),
        kind("results: a comment that does not end", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=D (good")
        }),
        kind("results: a pass in a quoted reason", UNPROVEN, |s| {
            results(s, "dkim=fail reason=\"; dkim=pass header.d=D\"")
        }),
        kind("results: a pass behind a quoted quote", UNPROVEN, |s| {
            results(s, "dkim=fail reason=\"\\\"; dkim=pass header.d=D; x=\\\"\"")
        }),
        kind("results: a pass in a quoted local part", UNPROVEN, |s| {
            results(
                s,
                "spf=pass smtp.mailfrom=\"x; dkim=pass header.d=D ;\"@evil.example",
            )
        }),
        kind("results: a quote that does not end", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=D reason=\"good")
        }),
        kind("results: a reason that says pass", UNPROVEN, |s| {
            results(s, "dkim=fail reason=pass header.d=D")
        }),
        kind("results: fail and pass in one result", UNPROVEN, |s| {
            results(s, "dkim=fail dkim=pass header.d=D")
        }),
        kind("results: pass and fail in one result", UNPROVEN, |s| {
            results(s, "dkim=pass =fail header.d=D")
        }),
        kind("results: another version of the method", UNPROVEN, |s| {
            results(s, "dkim/2=pass header.d=D")
        }),
        kind("results: another version of the field", UNPROVEN, |s| {
            trace(s, "Authentication-Results: MX 2; dkim=pass header.d=D")
        }),
        kind("results: none beside a pass", UNPROVEN, |s| {
            results(s, "none; dkim=pass header.d=D")
        }),
        kind("results: a comma for a semicolon", UNPROVEN, |s| {
            results(s, "spf=pass, dkim=pass header.d=D")
        }),
        kind("results: an encoded word", UNPROVEN, |s| {
            results(s, "=?utf-8?q?dkim=3Dpass_header.d=3DD?=")
        }),
        kind("results: NUL within", UNPROVEN, |s| {
            results(s, "dkim=pass\0 header.d=D")
        }),
        kind("results: a bare CR within", UNPROVEN, |s| {
            results(s, "spf=fail\r; dkim=pass header.d=D")
        }),
        kind("results: a domain that goes on", UNPROVEN, |s| {
            results(s, "dkim=pass header.d=D.evil.example")
        }),
        kind(
            "results: a domain with an address before it",
            UNPROVEN,
            |s| results(s, "dkim=pass header.d=a@D"),
        ),
        kind("results: 10,000 of others before a pass", UNPROVEN, |s| {
            let all = format!(
                "{}dkim=fail header.d=D",
                "dkim=pass header.d=evil.example; ".repeat(10_000)
            );
            results(s, &all)
        })
        .scenes(&[crate::world::Scene::Delivery]),
    ]
}
