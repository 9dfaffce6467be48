//! The other side of the tables: letters that look as odd as lies and are none. Each is believed, as the real letter is.

use crate::draft::{Letter, Part, Said, multipart};
use crate::signing::{Key, Signing};
use crate::world::{FLAVOURS, Flavour, PROVIDER, Scene, minute};

/// A letter that must be believed.
pub struct Honest {
    pub name: &'static str,
    pub letter: fn(Said) -> Letter,
    pub scenes: Vec<Scene>,
    pub flavours: Vec<Flavour>,
}

fn honest(name: &'static str, letter: fn(Said) -> Letter) -> Honest {
    Honest {
        name,
        letter,
        scenes: vec![Scene::Record, Scene::Delivery, Scene::Payment],
        flavours: FLAVOURS.to_vec(),
    }
}

impl Honest {
    fn only(self, flavour: Flavour, scenes: &[Scene]) -> Honest {
        let scenes = if scenes.is_empty() {
            self.scenes
        } else {
            scenes.to_vec()
        };
        Honest {
            scenes,
            flavours: vec![flavour],
            ..self
        }
    }
}

fn from(s: Said, words: fn(&str) -> String) -> Letter {
    let address = s.statement["from"].as_str().unwrap().to_owned();
    s.draft()
        .set("From", format!("From: {}", words(&address)))
        .seal()
}

fn signed(s: Said, change: fn(Signing) -> Signing) -> Letter {
    s.draft().sign(|g| *g = change(g.clone())).seal()
}

pub fn letters() -> Vec<Honest> {
    [written(), signatures(), results()]
        .into_iter()
        .flatten()
        .collect()
}

fn written() -> Vec<Honest> {
    vec![
        honest("a display name with another address", |s| {
            from(s, |a| format!("\"evil@evil.example\" <{a}>"))
        }),
        honest("an encoded display name", |s| {
            from(s, |a| format!("=?utf-8?q?evil=40evil.example?= <{a}>"))
        }),
        honest("a comment with another address", |s| {
            from(s, |a| format!("{a} (evil@evil.example)"))
        }),
        honest("the address in capitals", |s| from(s, |a| a.to_uppercase())),
        honest("the local part in quotes", |s| {
            from(s, |a| {
                let (local, domain) = a.rsplit_once('@').unwrap();
                format!("\"{local}\"@{domain}")
            })
        }),
        honest("a folded From", |s| from(s, |a| format!("Shop\r\n\t<{a}>"))),
        honest("another Sender and Reply-To", |s| {
            s.draft()
                .last("Sender: evil@evil.example")
                .last("Reply-To: evil@evil.example")
                .seal()
        }),
        honest("eight levels of parts", |s| {
            let mut part = Part::json(&s.draft().json());
            for level in 0..7 {
                let boundary = format!("level-{level}-");
                let header = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"");
                part = Part::new(&header, multipart(&boundary, &[part]));
            }
            s.draft().parts(|p| *p = vec![part]).seal()
        }),
        honest("64 parts", |s| {
            s.draft()
                .parts(|p| {
                    p.extend(std::iter::repeat_n(
                        Part::new("Content-Type: text/plain", "x"),
                        61,
                    ))
                })
                .seal()
        }),
        honest("a letter within, whose statement is not this one's", |s| {
            let other = Part::json(s.clone().anew(1).statement.to_string().as_bytes());
            let within = [
                b"Content-Type: multipart/mixed; boundary=in\r\n\r\n".to_vec(),
                multipart("in", &[other]),
            ]
            .concat();
            s.draft()
                .parts(|p| p.push(Part::new("Content-Type: message/rfc822", within)))
                .seal()
        }),
        honest("members that nobody knows", |s| {
            s.say("/x-extra", "1")
                .say("/body/x-extra", serde_json::json!([1, { "a": null }]))
                .seal()
        }),
    ]
}

fn signatures() -> Vec<Honest> {
    let shops = [Scene::Record, Scene::Order];
    let all = vec![
        honest("blank lines at the end, under relaxed", |s| {
            s.seal().below("\r\n\r\n \t\r\n\r\n")
        }),
        honest("blanks at the ends of lines, under relaxed", |s| {
            s.seal().replace(
                "Content-Transfer-Encoding: base64\r\n",
                "Content-Transfer-Encoding: base64 \t\r\n",
            )
        }),
        honest("a header rewrapped, under relaxed", |s| {
            s.seal().replace("Subject: ", "SUBJECT:\t  ")
        }),
        honest("simple canonicalization", |s| {
            signed(s, |mut g| {
                g.canonicalization = "simple/simple";
                g
            })
        }),
        honest("blank lines at the end, under simple", |s| {
            signed(s, |mut g| {
                g.canonicalization = "relaxed/simple";
                g
            })
            .below("\r\n\r\n")
        }),
        honest("expires later", |s| {
            signed(s, |g| {
                g.tag("x", (minute(1).unix_millis() / 1000).to_string())
            })
        }),
        honest("made a little ahead of our clock", |s| {
            signed(s, |g| {
                g.tag("t", (minute(9).unix_millis() / 1000).to_string())
            })
        }),
        honest("without times", |s| {
            signed(s, |mut g| {
                g.tags.clear();
                g
            })
        }),
        honest("i= in the domain", |s| {
            let identity = format!("someone@{}", s.draft().signatures[0].domain);
            s.draft().sign(|g| *g = g.clone().tag("i", identity)).seal()
        }),
        honest("four others, and the fifth aligned one is good", |s| {
            let good = s.draft().signatures[0].clone();
            let mut all = vec![Signing::by("evil.example"); 20];
            all.extend(vec![good.clone().tag("x", "1"); 4]);
            all.push(good);
            s.draft().signed(all).seal()
        }),
        honest("Content-Type not signed, and one reading", |s| {
            signed(s, |g| g.not("Content-Type"))
        }),
        honest("an unsigned encoding that is none", |s| {
            s.draft().last("Content-Transfer-Encoding: 8bit").seal()
        }),
        honest("fields signed once each", |s| signed(s, Signing::once_each)),
    ];
    let mut all: Vec<Honest> = all
        .into_iter()
        .map(|h| h.only(Flavour::Dkim, &[]))
        .collect();
    all.extend([
        honest("the parent domain signs", |s| {
            s.draft().by("pay.example").seal()
        })
        .only(Flavour::Dkim, &[Scene::Payment]),
        honest("the parent domain signs, in the provider's word", |s| {
            s.draft().by("pay.example").seal()
        })
        .only(Flavour::Relay, &[Scene::Payment]),
        honest("RSA with 1,024 bits", |s| {
            signed(s, |g| g.key("r1024", Key::Rsa(1024)))
        })
        .only(Flavour::Dkim, &shops),
        honest("a key by DNS", |s| {
            signed(s, |g| g.key("good", Key::Ed25519))
        })
        .only(Flavour::Dkim, &shops),
        honest("a strict key, for its own domain", |s| {
            signed(s, |g| g.key("strict", Key::Ed25519))
        })
        .only(Flavour::Dkim, &shops),
    ]);
    all
}

fn results() -> Vec<Honest> {
    fn trace(s: Said, lines: &str) -> Letter {
        let domain = s.draft().signatures[0].domain.clone();
        let lines = lines.replace('D', &domain).replace("MX", PROVIDER);
        s.draft().trace(lines).seal()
    }
    let all = vec![
        honest("results with comments everywhere", |s| {
            trace(
                s,
                "Authentication-Results: MX (b) 1 (c); (d) dkim (e) / 1 (f) = (g) pass (h (i)) header (j) . d (k) = (l) D",
            )
        }),
        honest("results in capitals", |s| {
            trace(
                s,
                "AUTHENTICATION-RESULTS: mX.hOme.Example; dkim=PASS header.d=D",
            )
        }),
        honest("results below the provider's own Received", |s| {
            trace(
                s,
                "Received: from a.example by MX; Wed, 18 Nov 2026 11:00:00 +0000\r\nAuthentication-Results: MX; dkim=pass header.d=D",
            )
        }),
        honest("a failed signature beside a good one", |s| {
            trace(
                s,
                "Authentication-Results: MX; dkim=fail header.d=D; dkim=pass header.d=D",
            )
        }),
        honest("the provider's id on a line of its own", |s| {
            trace(
                s,
                "Authentication-Results:\r\n\tMX;\r\n\tdkim=pass header.d=D",
            )
        }),
        honest("dmarc=pass beside a signature of a domain below", |s| {
            trace(
                s,
                "Authentication-Results: MX; dkim=pass header.d=a.D; dmarc=pass header.from=D",
            )
        }),
        honest("dmarc=pass", |s| {
            trace(
                s,
                "Authentication-Results: MX; spf=pass smtp.mailfrom=D; dmarc=pass (p=none) header.from=D",
            )
        }),
        honest("header.i alone", |s| {
            trace(s, "Authentication-Results: MX; dkim=pass header.i=@D")
        }),
        honest("another's results above", |s| {
            trace(
                s,
                "Authentication-Results: mx.evil.example; dkim=fail header.d=D\r\nAuthentication-Results: MX; dkim=pass header.d=D",
            )
        }),
        honest("another's results below", |s| {
            trace(
                s,
                "Authentication-Results: MX; dkim=pass header.d=D\r\nAuthentication-Results: mx.evil.example; dkim=fail header.d=D",
            )
        }),
    ];
    all.into_iter()
        .map(|h| h.only(Flavour::Relay, &[]))
        .collect()
}
