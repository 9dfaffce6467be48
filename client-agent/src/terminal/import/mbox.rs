//! Mbox files: letters one after another, each after a line that starts with `From `.
//!
//! RFC 4155 and the habits it describes: a `From ` line counts at the start and after an empty
//! line; in the letter such lines stand with `>` in front ("mboxrd": one `>` more than the letter
//! has, which also undoes "mboxo" for the common case).

use std::io::{self, BufRead};

use super::files::MOST_OCTETS;

/// The letters of an mbox file, one by one; a mailbox of many gigabytes needs memory for one.
pub(super) struct Mbox<R> {
    reader: R,
    line: Vec<u8>,
    started: bool,
    ended: bool,
}

impl<R: BufRead> Mbox<R> {
    pub(super) fn new(reader: R) -> Mbox<R> {
        Mbox {
            reader,
            line: Vec::new(),
            started: false,
            ended: false,
        }
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        Ok(self.reader.read_until(b'\n', &mut self.line)? > 0)
    }

    fn letter(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.started {
            // The caller saw that the file starts with a `From ` line.
            self.started = true;
            self.read_line()?;
        }
        let mut letter: Vec<u8> = Vec::new();
        let mut after_empty_line = false;
        while self.read_line()? {
            if after_empty_line && self.line.starts_with(b"From ") {
                drop_last_empty_line(&mut letter);
                return Ok(Some(letter));
            }
            after_empty_line = matches!(self.line.as_slice(), b"\n" | b"\r\n");
            let text = unquoted(&self.line);
            if (letter.len() + text.len()) as u64 <= MOST_OCTETS {
                letter.extend_from_slice(text);
            }
        }
        self.ended = true;
        if after_empty_line {
            drop_last_empty_line(&mut letter);
        }
        Ok((!letter.is_empty()).then_some(letter))
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let letter = self.letter();
        self.ended |= letter.is_err();
        letter.transpose()
    }
}

fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|b| **b == b'>').count();
    match (quotes, line.get(quotes..)) {
        (1.., Some(rest)) if rest.starts_with(b"From ") => line.get(1..).unwrap_or(line),
        _ => line,
    }
}

/// The empty line before the next `From ` line belongs to the mbox, not to the letter.
fn drop_last_empty_line(letter: &mut Vec<u8>) {
    for end in [&b"\r\n"[..], b"\n"] {
        if letter.ends_with(end) {
            letter.truncate(letter.len() - end.len());
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letters(text: &str) -> Vec<String> {
        Mbox::new(text.as_bytes())
            .map(|l| String::from_utf8(l.unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn letters_are_told_apart_by_from_lines_after_empty_lines() {
        let text = "From a@b Thu\nSubject: 1\n\nFirst\nFrom here on\n>From the start\n>>From afar\n\n\
                    From c@d Fri\nSubject: 2\n\nSecond\n";
        assert_eq!(
            letters(text),
            [
                "Subject: 1\n\nFirst\nFrom here on\nFrom the start\n>From afar\n",
                "Subject: 2\n\nSecond\n"
            ]
        );
    }

    #[test]
    fn an_empty_body_ends_a_letter_too() {
        assert_eq!(
            letters("From a\r\nSubject: 1\r\n\r\n\r\nFrom b\r\nSubject: 2\r\n\r\n"),
            ["Subject: 1\r\n\r\n", "Subject: 2\r\n"]
        );
        assert!(letters("From a\n").is_empty());
    }
}
