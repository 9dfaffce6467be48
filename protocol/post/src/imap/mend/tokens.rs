//! Words, quoted strings, lists and literals of a response, read leniently: whatever is there, there is
//! always a next one, or the end.

/// A literal (RFC 9051 section 4.3) of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) octets: Vec<u8>,
    /// More octets came than were to be kept.
    pub(super) is_cut: bool,
}

/// Stands in the text of a response where one of its literals stood.
pub(super) const HERE: u8 = 0;

/// A number of any length, as far as 64 bits hold it.
pub(super) fn digits(word: &[u8]) -> Option<u64> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = std::str::from_utf8(word).ok()?;
    Some(text.parse().unwrap_or(u64::MAX))
}

/// Words between blanks.
pub(super) struct ResponseWords<'a> {
    pub(super) rest: &'a [u8],
}

impl ResponseWords<'_> {
    pub(super) fn of(rest: &[u8]) -> ResponseWords<'_> {
        ResponseWords { rest }
    }
}

impl<'a> Iterator for ResponseWords<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace);
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ImapToken<'a> {
    Open,
    Close,
    /// What stands in brackets belongs to it, blanks and all.
    Word(&'a [u8]),
    Quoted(Vec<u8>),
    /// By its place among the literals.
    Literal(usize),
}

impl ImapToken<'_> {
    pub(super) fn text(self, literals: &mut [Literal]) -> Option<Vec<u8>> {
        match self {
            ImapToken::Word(w) => Some(w.to_vec()),
            ImapToken::Quoted(text) => Some(text),
            ImapToken::Literal(n) => Some(std::mem::take(literals.get_mut(n)?).octets),
            ImapToken::Open | ImapToken::Close => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ImapTokens<'a> {
    text: &'a [u8],
    at: usize,
    /// Literals before here.
    literal: usize,
}

impl<'a> ImapTokens<'a> {
    /// From a place on, before which there are no literals.
    pub(super) fn of(text: &'a [u8], at: usize) -> ImapTokens<'a> {
        ImapTokens {
            text,
            at,
            literal: 0,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn quoted(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        while let Some(b) = self.peek() {
            match b {
                b'"' => {
                    self.at += 1;
                    break;
                }
                // Its closing mark is missing.
                HERE => break,
                b'\\' => {
                    text.extend(self.text.get(self.at + 1));
                    self.at += 2;
                }
                _ => {
                    text.push(b);
                    self.at += 1;
                }
            }
        }
        text
    }

    fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut in_brackets = false;
        while let Some(b) = self.peek() {
            match b {
                b'[' => in_brackets = true,
                b']' => in_brackets = false,
                HERE if in_brackets => self.literal += 1,
                b' ' | b'\t' | b'(' | b')' | HERE if !in_brackets => break,
                _ => {}
            }
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn skip_group(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                Some(ImapToken::Open) => depth += 1,
                Some(ImapToken::Close) => depth -= 1,
                Some(ImapToken::Word(_) | ImapToken::Quoted(_) | ImapToken::Literal(_)) => {}
                None => return,
            }
        }
    }

    pub(super) fn skip_value(&mut self) {
        let mut ahead = *self;
        match ahead.next() {
            Some(ImapToken::Open) => {
                *self = ahead;
                self.skip_group();
            }
            Some(ImapToken::Word(_) | ImapToken::Quoted(_) | ImapToken::Literal(_)) => {
                *self = ahead
            }
            Some(ImapToken::Close) | None => {}
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut ahead = *self;
        let Some(ImapToken::Word(word)) = ahead.next() else {
            self.skip_value();
            return None;
        };
        *self = ahead;
        digits(word)
    }
}

impl<'a> Iterator for ImapTokens<'a> {
    type Item = ImapToken<'a>;

    fn next(&mut self) -> Option<ImapToken<'a>> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let one = self.peek()?;
        let token = match one {
            b'(' => ImapToken::Open,
            b')' => ImapToken::Close,
            HERE => {
                self.literal += 1;
                ImapToken::Literal(self.literal - 1)
            }
            b'"' => {
                self.at += 1;
                return Some(ImapToken::Quoted(self.quoted()));
            }
            _ => return Some(ImapToken::Word(self.word())),
        };
        self.at += 1;
        Some(token)
    }
}
