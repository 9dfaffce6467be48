//! Letters in the making: what is said, how it is written, and how it is sealed. A change can be made at each
//! of the three, and to the octets that come out at last.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_statements::{Address, Statement, wire};

use crate::signing::Signing;
use crate::world::{Flavour, PROVIDER};

/// What is said.
#[derive(Clone)]
pub struct Said {
    pub statement: Value,
    flavour: Flavour,
    /// As it was before any change: what a letter is made of where the change cannot be composed.
    plain: Value,
    json: Option<Vec<u8>>,
}

impl Said {
    pub fn new(statement: Value, flavour: Flavour) -> Said {
        Said {
            plain: statement.clone(),
            statement,
            flavour,
            json: None,
        }
    }

    /// With a member, named by its JSON pointer, set to another value.
    #[track_caller]
    pub fn say(mut self, pointer: &str, value: impl Into<Value>) -> Said {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.statement.pointer_mut(parent).unwrap();
        match name.parse::<usize>() {
            Ok(index) if parent.is_array() => parent[index] = value.into(),
            _ => parent[name] = value.into(),
        }
        self
    }

    /// Without a member.
    #[track_caller]
    pub fn leave_out(mut self, pointer: &str) -> Said {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.statement.pointer_mut(parent).unwrap();
        assert!(
            parent.as_object_mut().unwrap().remove(name).is_some(),
            "{pointer} is there"
        );
        self
    }

    /// A new statement of somebody: another id.
    pub fn anew(self, n: u64) -> Said {
        self.say("/id", crate::world::uuid(0xabc000 + n))
    }

    /// With these octets in place of the JSON.
    pub fn json(mut self, octets: impl Into<Vec<u8>>) -> Said {
        self.json = Some(octets.into());
        self
    }

    /// With the JSON text changed at one place.
    #[track_caller]
    pub fn spell(self, from: &str, to: &str) -> Said {
        let text = self.statement.to_string();
        assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
        let text = text.replace(from, to);
        self.json(text)
    }

    /// The domain of who says it; where that is no address, of who would have said it.
    fn domain(&self) -> String {
        let said = self.statement["from"]
            .as_str()
            .and_then(|from| from.parse::<Address>().ok());
        let author = said.unwrap_or_else(|| self.plain["from"].as_str().unwrap().parse().unwrap());
        author.domain().to_owned()
    }

    /// As a letter that is written, and not yet sealed.
    pub fn draft(&self) -> Draft {
        let text = self.statement.to_string();
        let (whole, json) = match (wire::decode(text.as_bytes()), &self.json) {
            (Ok(decoded), None) => (decoded.statement, None),
            (Ok(decoded), Some(json)) => (decoded.statement, Some(json.clone())),
            (Err(_), json) => {
                let plain = wire::decode(self.plain.to_string().as_bytes()).unwrap();
                (
                    plain.statement,
                    Some(json.clone().unwrap_or(text.clone().into_bytes())),
                )
            }
        };
        let mut draft = Draft::of(&whole, &text, self.flavour);
        if let Some(json) = json {
            draft.set_json(&json);
        }
        draft.signatures = vec![Signing::by(&self.domain())];
        draft
    }

    /// Sealed as its sender would.
    pub fn seal(&self) -> Letter {
        self.draft().seal()
    }
}

/// A letter that is written.
#[derive(Clone)]
pub struct Draft {
    /// Header fields, each with its line ends.
    pub fields: Vec<Vec<u8>>,
    pub boundary: String,
    pub parts: Vec<Part>,
    /// In place of the parts.
    pub body: Option<Vec<u8>>,
    flavour: Flavour,
    /// Who signs it, and how.
    pub signatures: Vec<Signing>,
    /// What the provider writes above it, in place of what it would find.
    pub trace: Option<Vec<u8>>,
}

/// A part of a multipart.
#[derive(Clone)]
pub struct Part {
    pub header: String,
    pub body: Vec<u8>,
}

pub const TYPE: &str = "application/vnd.tradepost+json";

impl Part {
    pub fn new(header: &str, body: impl Into<Vec<u8>>) -> Part {
        Part {
            header: format!("{header}\r\n"),
            body: body.into(),
        }
    }

    pub fn json(json: &[u8]) -> Part {
        let header = format!("Content-Type: {TYPE}\r\nContent-Transfer-Encoding: base64");
        Part::new(&header, base64_lines(json))
    }

    pub fn is_json(&self) -> bool {
        self.header.contains(TYPE)
    }

    fn decoded(&self) -> Vec<u8> {
        let text: Vec<u8> = self
            .body
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        STANDARD.decode(text).unwrap()
    }
}

pub fn base64_lines(octets: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(octets);
    text.as_bytes()
        .chunks(76)
        .collect::<Vec<_>>()
        .join(&b"\r\n"[..])
}

impl Draft {
    fn of(statement: &Statement, json: &str, flavour: Flavour) -> Draft {
        let raw = compose(&Composition {
            statement,
            json: Some(json),
            message_id: &format!("{}@{}", statement.id, statement.from.domain()),
            date: statement.sent,
            from_name: None,
            story: Story::default(),
            in_reply_to: None,
            references: &[],
            auto: AutoSubmitted::Generated,
            with_html: true,
        });
        let (header, body) = split_at_empty_line(&raw);
        let boundary = text(header)
            .split("boundary=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let delimiter = format!("--{boundary}");
        let parts = text(body)
            .split(&delimiter)
            .filter(|part| part.starts_with("\r\n"))
            .map(|part| {
                let (header, body) = part[2..].split_once("\r\n\r\n").unwrap();
                Part::new(header, body.strip_suffix("\r\n").unwrap())
            });
        Draft {
            parts: parts.collect(),
            fields: fields(header),
            boundary,
            body: None,
            flavour,
            signatures: Vec::new(),
            trace: None,
        }
    }

    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The JSON that it carries.
    pub fn json(&self) -> Vec<u8> {
        self.parts.iter().find(|p| p.is_json()).unwrap().decoded()
    }

    fn set_json(&mut self, json: &[u8]) {
        let part = self.parts.iter_mut().find(|p| p.is_json()).unwrap();
        *part = Part::json(json);
    }

    /// With the part that holds the statement changed.
    pub fn part(mut self, change: impl FnOnce(&mut Part)) -> Draft {
        change(self.parts.iter_mut().find(|p| p.is_json()).unwrap());
        self
    }

    /// With the parts changed.
    pub fn parts(mut self, change: impl FnOnce(&mut Vec<Part>)) -> Draft {
        change(&mut self.parts);
        self
    }

    /// With a field, which is there once, in another wording: `Name: value`, without line end.
    #[track_caller]
    pub fn set(mut self, name: &str, line: impl AsRef<[u8]>) -> Draft {
        let at = self.place(name);
        self.fields[at] = [line.as_ref(), b"\r\n"].concat();
        self
    }

    /// Without a field.
    #[track_caller]
    pub fn without(mut self, name: &str) -> Draft {
        let at = self.place(name);
        self.fields.remove(at);
        self
    }

    #[track_caller]
    fn place(&self, name: &str) -> usize {
        self.fields
            .iter()
            .position(|f| is_named(f, name))
            .unwrap_or_else(|| panic!("{name} is there"))
    }

    /// A field as it stands there, without line end.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        text(&self.fields[self.place(name)]).trim_end().to_owned()
    }

    /// With one more field above the others.
    pub fn first(mut self, line: impl AsRef<[u8]>) -> Draft {
        self.fields.insert(0, [line.as_ref(), b"\r\n"].concat());
        self
    }

    /// With one more field below the others.
    pub fn last(mut self, line: impl AsRef<[u8]>) -> Draft {
        self.fields.push([line.as_ref(), b"\r\n"].concat());
        self
    }

    /// With this in place of the whole body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Draft {
        self.body = Some(body.into());
        self
    }

    /// The whole body as it stands.
    pub fn whole_body(&self) -> Vec<u8> {
        self.body
            .clone()
            .unwrap_or_else(|| multipart(&self.boundary, &self.parts))
    }

    /// Signed, and vouched for, by another domain.
    pub fn by(self, domain: &str) -> Draft {
        self.signed([Signing::by(domain)])
    }

    /// Signed like this alone.
    pub fn signed(mut self, signatures: impl IntoIterator<Item = Signing>) -> Draft {
        self.signatures = signatures.into_iter().collect();
        self
    }

    /// With the one signature made in another way.
    pub fn sign(mut self, change: impl FnOnce(&mut Signing)) -> Draft {
        change(&mut self.signatures[0]);
        self
    }

    /// Signed by nobody.
    pub fn unsigned(self) -> Draft {
        self.signed([])
    }

    /// With these results of the provider's in place of what it would find.
    pub fn results(self, results: &str) -> Draft {
        self.trace(format!("Authentication-Results: {PROVIDER}; {results}"))
    }

    /// With these lines above what the author wrote, without the last line end.
    pub fn trace(mut self, lines: impl AsRef<[u8]>) -> Draft {
        let lines = lines.as_ref();
        self.trace = Some(if lines.is_empty() {
            Vec::new()
        } else {
            [lines, b"\r\n"].concat()
        });
        self
    }

    /// As its author hands it over.
    pub fn unstamped(&self) -> Vec<u8> {
        [self.fields.concat(), b"\r\n".to_vec(), self.whole_body()].concat()
    }

    /// As it comes into the mailbox: signed, where signatures count, and stamped by the provider,
    /// who is honest.
    pub fn seal(&self) -> Letter {
        let body = self.whole_body();
        let mut letter = match (self.flavour, &self.trace) {
            (_, Some(trace)) => trace.clone(),
            (Flavour::Relay, None) => self.honest_results().into_bytes(),
            (Flavour::Dkim, None) => Vec::new(),
        };
        if self.flavour == Flavour::Dkim {
            for signing in &self.signatures {
                letter.extend(signing.field(&self.fields, &body));
            }
        }
        letter.extend(self.fields.concat());
        letter.extend_from_slice(b"\r\n");
        letter.extend(body);
        Letter(letter)
    }

    fn honest_results(&self) -> String {
        let mut results: String = self
            .signatures
            .iter()
            .map(|s| {
                format!(
                    ";\r\n\tdkim=pass header.d={} header.s={}",
                    s.domain, s.selector
                )
            })
            .collect();
        if results.is_empty() {
            results = "; dkim=none".to_owned();
        }
        format!(
            "Authentication-Results: {PROVIDER}{results};\r\n\tspf=pass smtp.mailfrom=anybody.example\r\n"
        )
    }
}

pub fn multipart(boundary: &str, parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.header).as_bytes());
        body.extend_from_slice(&part.body);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

/// A letter as it comes.
#[derive(Clone)]
pub struct Letter(pub Vec<u8>);

impl Letter {
    /// Changed on its way, at one place.
    #[track_caller]
    pub fn replace(self, from: &str, to: &str) -> Letter {
        let count = self
            .0
            .windows(from.len())
            .filter(|w| *w == from.as_bytes())
            .count();
        assert_eq!(count, 1, "{from:?} in {}", String::from_utf8_lossy(&self.0));
        let at = self
            .0
            .windows(from.len())
            .position(|w| w == from.as_bytes())
            .unwrap();
        let (before, after) = (&self.0[..at], &self.0[at + from.len()..]);
        Letter([before, to.as_bytes(), after].concat())
    }

    /// From the first field on that its author writes (protocol 5).
    pub fn as_its_author_wrote_it(&self) -> &[u8] {
        let mut at = 0;
        for line in self.0.split_inclusive(|b| *b == b'\n') {
            let is_authors = [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "MIME-Version",
            ]
            .iter()
            .any(|name| line.contains(&b':') && is_named(line, name));
            let name = String::from_utf8_lossy(line).to_ascii_lowercase();
            if (is_authors || name.starts_with("content-")) && !name.starts_with([' ', '\t']) {
                break;
            }
            at += line.len();
        }
        &self.0[at.min(self.0.len())..]
    }

    /// With lines above all others.
    pub fn above(self, lines: &str) -> Letter {
        Letter([lines.as_bytes(), b"\r\n", &self.0].concat())
    }

    /// With octets behind all others.
    pub fn below(self, octets: &str) -> Letter {
        Letter([&self.0[..], octets.as_bytes()].concat())
    }

    /// With one more field right above the first one of this name.
    #[track_caller]
    pub fn before(self, name: &str, line: &str) -> Letter {
        let (header, _) = split_at_empty_line(&self.0);
        let mut at = 0;
        for field in fields(header) {
            if is_named(&field, name) {
                return Letter([&self.0[..at], line.as_bytes(), b"\r\n", &self.0[at..]].concat());
            }
            at += field.len();
        }
        panic!("{name} is there");
    }
}

/// The header with its last line end, and what follows the empty line.
fn split_at_empty_line(raw: &[u8]) -> (&[u8], &[u8]) {
    let at = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (&raw[..at + 2], &raw[at + 4..])
}

fn fields(header: &[u8]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in header.split_inclusive(|b| *b == b'\n') {
        match fields.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                field.extend_from_slice(line)
            }
            _ => fields.push(line.to_vec()),
        }
    }
    fields
}

pub fn is_named(field: &[u8], name: &str) -> bool {
    let colon = field.iter().position(|b| *b == b':').unwrap_or(field.len());
    field[..colon]
        .trim_ascii()
        .eq_ignore_ascii_case(name.as_bytes())
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}
