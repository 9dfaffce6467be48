//! A letter taken apart, so that it can be changed as authors, gateways and lists change letters.
//! Nothing of it is shared with what reads letters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[derive(Clone)]
pub struct Letter {
    /// Name and body as it stands, with its folds.
    pub fields: Vec<(String, String)>,
    pub content: Content,
    /// What follows the last delimiter.
    pub epilogue: String,
}

#[derive(Clone)]
pub enum Content {
    Leaf(String),
    Parts { boundary: String, parts: Vec<Part> },
}

#[derive(Clone)]
pub struct Part {
    pub fields: Vec<(String, String)>,
    pub content: Content,
}

impl Letter {
    /// Of what our own agents compose: one multipart, with or without fields above.
    pub fn read(raw: &[u8]) -> Letter {
        let text = std::str::from_utf8(raw).unwrap();
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        let fields = fields(header);
        let boundary = body
            .strip_prefix("--")
            .and_then(|b| b.split_once("\r\n"))
            .unwrap()
            .0;
        let (inner, epilogue) = body.split_once(&format!("--{boundary}--\r\n")).unwrap();
        let parts = inner
            .split(&format!("--{boundary}\r\n"))
            .skip(1)
            .map(|part| {
                let (header, body) = part.split_once("\r\n\r\n").unwrap();
                Part {
                    fields: self::fields(header),
                    content: Content::Leaf(body.strip_suffix("\r\n").unwrap().to_owned()),
                }
            })
            .collect();
        Letter {
            fields,
            content: Content::Parts {
                boundary: boundary.to_owned(),
                parts,
            },
            epilogue: epilogue.to_owned(),
        }
    }

    /// The fields of any letter, and its body.
    pub fn read_header(raw: &[u8]) -> (Vec<(String, String)>, String) {
        let text = std::str::from_utf8(raw).unwrap();
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        (fields(header), body.to_owned())
    }

    /// With its sender's signature.
    pub fn signed(mut letter: Letter, sender: &str) -> Letter {
        let raw = crate::scene::signed(letter.octets(), sender);
        let text = String::from_utf8(raw).unwrap();
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        letter.fields = fields(header);
        letter
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut out = String::new();
        write(&self.fields, &self.content, &mut out);
        out += &self.epilogue;
        out.into_bytes()
    }

    pub fn field(&mut self, name: &str) -> &mut String {
        field(&mut self.fields, name)
    }

    pub fn parts(&mut self) -> &mut Vec<Part> {
        match &mut self.content {
            Content::Parts { parts, .. } => parts,
            Content::Leaf(_) => panic!("no multipart"),
        }
    }

    /// The leaf of this type, wherever it is.
    pub fn leaf(&mut self, media_type: &str) -> Option<&mut Part> {
        leaf(self.parts(), media_type)
    }

    /// The address in From.
    pub fn sender(&mut self) -> String {
        let from = self.field("From").replace(['<', '>'], " ");
        let address = from.split_whitespace().find(|word| word.contains('@'));
        address.unwrap().to_owned()
    }

    /// Puts a multipart around all, as its first part.
    pub fn wrap(&mut self, subtype: &str, boundary: &str, others: Vec<Part>) {
        let inner = Part {
            fields: vec![(
                "Content-Type".to_owned(),
                self.field("Content-Type").clone(),
            )],
            content: self.content.clone(),
        };
        *self.field("Content-Type") = format!(" multipart/{subtype}; boundary=\"{boundary}\"");
        let mut parts = vec![inner];
        parts.extend(others);
        self.content = Content::Parts {
            boundary: boundary.to_owned(),
            parts,
        };
    }
}

impl Part {
    pub fn new(content_type: &str, body: &str) -> Part {
        Part {
            fields: vec![("Content-Type".to_owned(), format!(" {content_type}"))],
            content: Content::Leaf(body.to_owned()),
        }
    }

    pub fn body(&mut self) -> &mut String {
        match &mut self.content {
            Content::Leaf(body) => body,
            Content::Parts { .. } => panic!("no leaf"),
        }
    }

    pub fn field(&mut self, name: &str) -> &mut String {
        field(&mut self.fields, name)
    }

    /// What the part says.
    pub fn octets(&mut self) -> Vec<u8> {
        let encoding = self
            .field("Content-Transfer-Encoding")
            .trim()
            .to_lowercase();
        let body = self.body();
        match encoding.as_str() {
            "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            "quoted-printable" => plain(body),
            _ => body.clone().into_bytes(),
        }
    }

    pub fn encode(&mut self, encoding: &str, width: usize) {
        let octets = self.octets();
        *self.field("Content-Transfer-Encoding") = format!(" {encoding}");
        *self.body() = match encoding {
            "base64" => {
                let encoded = STANDARD.encode(&octets);
                let lines: Vec<&str> = encoded
                    .as_bytes()
                    .chunks(width)
                    .map(|line| std::str::from_utf8(line).unwrap())
                    .collect();
                lines.join("\r\n")
            }
            "quoted-printable" => quoted(&octets, width),
            _ => String::from_utf8(octets).unwrap(),
        };
    }
}

fn fields(header: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in header.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            let last = fields.last_mut().unwrap();
            last.1 += &format!("\r\n{line}");
        } else {
            let (name, body) = line.split_once(':').unwrap();
            fields.push((name.to_owned(), body.to_owned()));
        }
    }
    fields
}

fn field<'f>(fields: &'f mut [(String, String)], name: &str) -> &'f mut String {
    let found = fields
        .iter_mut()
        .find(|(n, _)| n.eq_ignore_ascii_case(name));
    &mut found.unwrap_or_else(|| panic!("no {name}")).1
}

fn leaf<'p>(parts: &'p mut [Part], media_type: &str) -> Option<&'p mut Part> {
    for part in parts {
        let is_it = field(&mut part.fields, "Content-Type")
            .to_lowercase()
            .contains(media_type);
        if matches!(part.content, Content::Leaf(_)) {
            if is_it {
                return Some(part);
            }
        } else if let Content::Parts { parts, .. } = &mut part.content
            && let Some(found) = leaf(parts, media_type)
        {
            return Some(found);
        }
    }
    None
}

fn write(fields: &[(String, String)], content: &Content, out: &mut String) {
    for (name, body) in fields {
        *out += &format!("{name}:{body}\r\n");
    }
    *out += "\r\n";
    match content {
        Content::Leaf(body) => *out += body,
        Content::Parts { boundary, parts } => {
            for part in parts {
                *out += &format!("--{boundary}\r\n");
                write(&part.fields, &part.content, out);
                *out += "\r\n";
            }
            *out += &format!("--{boundary}--\r\n");
        }
    }
}

/// What quoted-printable stands for.
fn plain(encoded: &str) -> Vec<u8> {
    let joined = encoded.replace("=\r\n", "");
    let mut rest = joined.as_bytes();
    let mut out = Vec::new();
    while let [first, after @ ..] = rest {
        if *first == b'=' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            out.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

fn quoted(octets: &[u8], width: usize) -> String {
    let text: Vec<String> = String::from_utf8_lossy(octets)
        .split("\r\n")
        .map(|line| {
            let mut out = String::new();
            let mut column = 0;
            for b in line.bytes() {
                let code = if (33..=126).contains(&b) && b != b'=' {
                    char::from(b).to_string()
                } else {
                    format!("={b:02X}")
                };
                if column + code.len() > width - 1 {
                    out += "=\r\n";
                    column = 0;
                }
                column += code.len();
                out += &code;
            }
            out
        })
        .collect();
    text.join("\r\n")
}
