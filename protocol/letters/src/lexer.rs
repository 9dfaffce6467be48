//! The lexical tokens that structured header fields share (RFC 5322 section 3.2): blanks, comments,
//! quoted strings. Works on unfolded octets and never recurses, however comments are nested.

/// Reads tokens one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether a comment was passed that holds an odd number of quotes.
    half_quote_in_comment: bool,
}

/// A comment or quoted string that does not end, or a character that no token may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenToken;

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Lexer {
            text,
            at: 0,
            half_quote_in_comment: false,
        }
    }

    /// Whether a comment ended while a quote in it was open. To RFC 5322 a quote in a comment is a
    /// character like any other; to whoever put a quoted text into one, the comment goes on.
    pub(crate) fn passed_half_a_quote(&self) -> bool {
        self.half_quote_in_comment
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// How many octets were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Takes the octet when it is the next one.
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        let is_next = self.peek() == Some(octet);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the next octet, whatever it is.
    pub(crate) fn skip_one(&mut self) {
        self.at = self.text.len().min(self.at + 1);
    }

    /// The longest run of octets that fit; may be empty.
    pub(crate) fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| !fits(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Blanks and comments (CFWS). Says whether there were any.
    pub(crate) fn skip_cfws(&mut self) -> Result<bool, BrokenToken> {
        let start = self.at;
        loop {
            self.run(|b| b == b' ' || b == b'\t');
            if self.peek() != Some(b'(') {
                return Ok(self.at > start);
            }
            self.skip_comment()?;
        }
    }

    fn skip_comment(&mut self) -> Result<(), BrokenToken> {
        let mut depth = 0usize;
        let mut in_quote = false;
        loop {
            let b = self.peek().ok_or(BrokenToken)?;
            self.at += 1;
            match b {
                b'"' => in_quote = !in_quote,
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    self.peek().filter(|b| !is_control(*b)).ok_or(BrokenToken)?;
                    self.at += 1;
                }
                b if is_control(b) => return Err(BrokenToken),
                _ => {}
            }
            if depth == 0 {
                self.half_quote_in_comment |= in_quote;
                return Ok(());
            }
        }
    }

    /// A quoted string as it stands, with its quotes; the next octet is the opening one.
    pub(crate) fn quoted_raw(&mut self) -> Result<&'a [u8], BrokenToken> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(BrokenToken);
        }
        loop {
            let b = self.peek().ok_or(BrokenToken)?;
            self.at += 1;
            match b {
                b'"' => return Ok(self.text.get(start..self.at).unwrap_or_default()),
                b'\\' => {
                    self.peek().filter(|b| !is_control(*b)).ok_or(BrokenToken)?;
                    self.at += 1;
                }
                b if is_control(b) => return Err(BrokenToken),
                _ => {}
            }
        }
    }

    /// What a quoted string means (RFC 5322 section 3.2.4).
    pub(crate) fn quoted(&mut self) -> Result<Vec<u8>, BrokenToken> {
        Ok(unquote(self.quoted_raw()?))
    }
}

/// Takes the quotes and the backslashes of quoted pairs away.
fn unquote(raw: &[u8]) -> Vec<u8> {
    let inner = raw
        .strip_prefix(b"\"")
        .and_then(|r| r.strip_suffix(b"\""))
        .unwrap_or(raw);
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for b in inner {
        if *b == b'\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        out.push(*b);
    }
    out
}

/// Control characters; a tab is a blank.
pub(crate) fn is_control(b: u8) -> bool {
    b.is_ascii_control() && b != b'\t'
}

/// RFC 2045 section 5.1: what MIME parameters and RFC 8601 values are made of.
pub(crate) fn is_token(b: u8) -> bool {
    b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b)
}

/// RFC 5322 section 3.2.3, and RFC 6532's octets of UTF-8.
pub(crate) fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || !b.is_ascii() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}
