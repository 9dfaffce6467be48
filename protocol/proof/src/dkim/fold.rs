//! Writing a header field of words, folded (RFC 5322 section 2.2.3).

/// RFC 5322 section 2.1.1: 78 at most; some programs fold what is longer than 76.
const COLUMNS: usize = 76;

/// A field that is being written. It breaks only where blanks mean nothing.
pub(super) struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    /// With the name and its colon.
    pub(super) fn new(name: &str) -> Folded {
        Folded {
            text: name.to_owned(),
            column: name.len(),
        }
    }

    /// Something after a blank.
    pub(super) fn word(&mut self, word: &str) {
        if self.column + 1 + word.len() > COLUMNS {
            self.fold();
        } else {
            self.push(" ");
        }
        self.push(word);
    }

    /// Something that follows without a blank, unless on the next line.
    pub(super) fn piece(&mut self, piece: &str) {
        if self.column + piece.len() > COLUMNS {
            self.fold();
        }
        self.push(piece);
    }

    /// ASCII that may be broken anywhere, such as base64 (RFC 6376 section 3.2).
    pub(super) fn anywhere(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.column >= COLUMNS {
                self.fold();
            }
            let room = COLUMNS.saturating_sub(self.column).max(1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, ""));
            self.push(now);
            rest = later;
        }
    }

    /// What is written so far.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The field with its line end.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.len();
    }
}
