//! The MIME tree (RFC 2046) and the part of it that holds the statement.
//!
//! One pass over the lines with a stack of open multiparts: a letter with ten thousand nested
//! multiparts costs what any letter of its size costs. A letter within a letter (`message/*`) is
//! somebody else's letter: its parts are not this one's (protocol 6).

use std::collections::HashMap;

use crate::guard::{HeaderReader, RawField, RawHeader, RawLine, lines};
use crate::header::Field;
use crate::media_type::MediaType;
use crate::transfer::TransferEncoding;
use crate::{MOST_LETTER_OCTETS, MOST_LEVELS, MOST_PARTS, TRADEPOST_TYPE};

/// What a letter holds of a statement (protocol 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementPart {
    /// No Tradepost part: the letter is not ours.
    None,
    /// The decoded octets of the one part.
    Part(Vec<u8>),
    /// The letter is encrypted (RFC 3156) and says in its `Tradepost` field that it is ours.
    Encrypted,
    /// There is a Tradepost part, and it is not to be read.
    Unreadable(UnreadablePart),
}

/// Why a Tradepost part is not read (protocol 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadablePart {
    /// More than [`MOST_LETTER_OCTETS`].
    #[error("the letter has more than 10 MiB")]
    TooLarge,
    /// More than [`MOST_LEVELS`] multiparts within one another.
    #[error("the letter has parts nested more than {MOST_LEVELS} levels deep")]
    TooDeep,
    /// More than [`MOST_PARTS`].
    #[error("the letter has more than {MOST_PARTS} parts")]
    TooManyParts,
    /// Two parts of the type: which one was meant is not guessed.
    #[error("the letter has two {TRADEPOST_TYPE} parts")]
    TwoParts,
    /// Readers do not agree where the header ends, so neither on what is in the part.
    #[error("a part's header has a line that is no header field")]
    MalformedHeader,
    /// The same line opens a part of one and closes another.
    #[error("the letter has multiparts whose boundaries clash")]
    ClashingBoundaries,
    /// The part says twice what it is or how it is encoded.
    #[error("the Tradepost part has a header field twice")]
    AmbiguousPart,
    /// The part's transfer encoding is not one of RFC 2045.
    #[error("the Tradepost part is encoded in a way that is not known (RFC 2045 section 6)")]
    UnknownEncoding,
    /// The part is not encoded as it says.
    #[error("the Tradepost part is not valid base64 or quoted-printable")]
    BrokenEncoding,
}

/// A part that is of interest: its header and where its body is.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) kind: LeafKind,
    /// Where the line of its Content-Type starts.
    type_at: Option<usize>,
    encoding: Result<TransferEncoding, UnreadablePart>,
    body: (usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafKind {
    Tradepost,
    /// RFC 3464: what became of a letter.
    DeliveryReport,
    /// RFC 6522 section 3: the letter that a report is about, or its header.
    ReturnedLetter,
}

impl Leaf {
    pub(crate) fn decode(&self, raw: &[u8]) -> Result<Vec<u8>, UnreadablePart> {
        let body = raw.get(self.body.0..self.body.1).unwrap_or_default();
        self.encoding?
            .decode(body)
            .ok_or(UnreadablePart::BrokenEncoding)
    }
}

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// At most two Tradepost parts, and a few of a report's.
    pub(crate) leaves: Vec<Leaf>,
    parts: usize,
    is_too_deep: bool,
    /// A Tradepost part or a multipart, the letter itself not counted, has a line in its header that is no field.
    has_malformed_header: bool,
    has_clashing_boundaries: bool,
    /// The type's name stands in what is nested too deep to be walked.
    names_tradepost_too_deep: bool,
    /// A part is a letter, or a piece of one (`message/*`).
    pub(crate) has_letter_within: bool,
    pub(crate) root: Option<MediaType>,
}

/// How many Content-Type fields of a header are looked at; an honest one has one.
const MOST_TYPES: usize = 3;

/// Of each kind: two Tradepost parts are one too many, and a report has one of each.
const MOST_LEAVES_OF_A_KIND: usize = 2;

enum LineIn {
    Header(HeaderReader),
    Leaf(Leaf),
    /// A part that is not read: preambles, epilogues, texts, pictures, letters within the letter.
    Skipped,
    /// A multipart beyond the last level.
    TooDeep,
}

struct TreeWalk<'a> {
    raw: &'a [u8],
    tree: Tree,
    /// The delimiters of the open multiparts, outermost first.
    open: Vec<Vec<u8>>,
    /// Where each stands in `open`.
    levels: HashMap<Vec<u8>, usize>,
    state: LineIn,
}

impl Tree {
    /// Walks a letter whose header is known.
    ///
    /// A letter that says several times what it is proves nothing (protocol 5), but to be warned of
    /// it has to be seen: the first of its types under which a Tradepost part is found counts.
    pub(crate) fn walk(raw: &[u8], header: &RawHeader) -> Tree {
        let first = Tree::walk_as(raw, header, 0);
        if first.has_statement() {
            return first;
        }
        let types = header.all(Field::ContentType).take(MOST_TYPES).count();
        let mut others = (1..types).map(|nth| Tree::walk_as(raw, header, nth));
        others.find(Tree::has_statement).unwrap_or(first)
    }

    /// With this one of the letter's types before the others.
    fn walk_as(raw: &[u8], header: &RawHeader, nth: usize) -> Tree {
        let mut walk = TreeWalk {
            raw,
            tree: Tree::default(),
            open: Vec::new(),
            levels: HashMap::new(),
            state: LineIn::Skipped,
        };
        walk.tree.root = media_types(raw, header).into_iter().nth(nth).flatten();
        walk.state = walk.enter(header, nth);
        for line in lines(raw, header.body_at) {
            walk.take(line);
        }
        walk.leave_part(raw.len());
        walk.tree
    }

    /// Whether there is a Tradepost part, readable or not.
    fn has_statement(&self) -> bool {
        self.names_tradepost_too_deep || self.leaves_of(LeafKind::Tradepost).next().is_some()
    }

    /// Protocol 6: the one part, or why there is none to be read.
    pub(crate) fn statement(&self, raw: &[u8]) -> StatementPart {
        use UnreadablePart::{
            ClashingBoundaries, MalformedHeader, TooDeep, TooLarge, TooManyParts, TwoParts,
        };
        let mut parts = self.leaves_of(LeafKind::Tradepost);
        let (first, second) = (parts.next(), parts.next());
        if !self.has_statement() {
            return StatementPart::None;
        }
        let limits = [
            (raw.len() > MOST_LETTER_OCTETS, TooLarge),
            (self.is_too_deep, TooDeep),
            (self.parts > MOST_PARTS, TooManyParts),
            (second.is_some(), TwoParts),
            (self.has_malformed_header, MalformedHeader),
            (self.has_clashing_boundaries, ClashingBoundaries),
        ];
        if let Some((_, why)) = limits.into_iter().find(|(is_broken, _)| *is_broken) {
            return StatementPart::Unreadable(why);
        }
        match first.map(|leaf| leaf.decode(raw)) {
            Some(Ok(octets)) => StatementPart::Part(octets),
            Some(Err(why)) => StatementPart::Unreadable(why),
            None => StatementPart::None,
        }
    }

    /// Where the line of the one Tradepost part's Content-Type starts.
    pub(crate) fn statement_type_at(&self) -> Option<usize> {
        let mut parts = self.leaves_of(LeafKind::Tradepost);
        let only = parts.next()?;
        parts.next().is_none().then_some(only.type_at)?
    }

    pub(crate) fn leaves_of(&self, kind: LeafKind) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter().filter(move |leaf| leaf.kind == kind)
    }
}

impl TreeWalk<'_> {
    fn take(&mut self, line: RawLine) {
        if let Some((level, is_last)) = self.delimiter(line) {
            self.leave_part(line.start);
            let keep = if is_last { level } else { level + 1 };
            for closed in self.open.drain(keep..) {
                self.levels.remove(&closed);
            }
            self.state = LineIn::Skipped;
            if !is_last {
                self.tree.parts += 1;
                self.state = LineIn::Header(HeaderReader::default());
            }
            return;
        }
        match &mut self.state {
            LineIn::Header(_) if line.start == line.end => self.finish_header(line.next),
            LineIn::Header(reader) => reader.take(self.raw, line),
            LineIn::TooDeep => {
                let text = self.raw.get(line.start..line.end).unwrap_or_default();
                self.tree.names_tradepost_too_deep |= names_tradepost(text);
            }
            LineIn::Leaf(_) | LineIn::Skipped => {}
        }
    }

    /// Which open multipart's delimiter the line is, and whether it is the closing one.
    fn delimiter(&self, line: RawLine) -> Option<(usize, bool)> {
        if self.open.is_empty() {
            return None;
        }
        let text = self.raw.get(line.start..line.end)?.strip_prefix(b"--")?;
        // RFC 2046 section 5.1.1: transport padding.
        let end = text.iter().rposition(|b| *b != b' ' && *b != b'\t')?;
        let text = text.get(..=end)?;
        if let Some(level) = self.levels.get(text) {
            return Some((*level, false));
        }
        let level = self.levels.get(text.strip_suffix(b"--")?)?;
        Some((*level, true))
    }

    fn finish_header(&mut self, body_at: usize) {
        let before = std::mem::replace(&mut self.state, LineIn::Skipped);
        if let LineIn::Header(reader) = before {
            let header = reader.finish(body_at);
            let open_before = self.open.len();
            let state = self.enter(&header, 0);
            let is_of_interest = matches!(state, LineIn::Leaf(_)) || self.open.len() > open_before;
            self.tree.has_malformed_header |= is_of_interest && header.malformed_line.is_some();
            self.state = state;
        }
    }

    /// What to do with the part that has this header; of several types of it, this one counts.
    fn enter(&mut self, header: &RawHeader, nth: usize) -> LineIn {
        let raw = self.raw;
        let mut types = media_types(raw, header);
        let before = nth.min(types.len());
        types.rotate_left(before);
        let types: Vec<MediaType> = types.into_iter().flatten().collect();
        self.tree.has_letter_within |= types.iter().any(|t| t.name.starts_with("message/"));
        let is_repeated = header.all(Field::ContentType).nth(1).is_some();
        if types.iter().any(|t| t.name == TRADEPOST_TYPE) {
            let encoding = if is_repeated {
                Err(UnreadablePart::AmbiguousPart)
            } else {
                transfer_encoding(raw, header)
            };
            return self.leaf(LeafKind::Tradepost, encoding, header);
        }
        let Some(media_type) = types.into_iter().next() else {
            return LineIn::Skipped;
        };
        if let Some(boundary) = media_type.boundary() {
            return self.open_multipart(boundary);
        }
        let is_report = self
            .tree
            .root
            .as_ref()
            .is_some_and(|root| root.name == "multipart/report");
        let kind = match media_type.name.as_str() {
            "message/delivery-status" | "message/global-delivery-status" => {
                LeafKind::DeliveryReport
            }
            "message/rfc822"
            | "text/rfc822-headers"
            | "message/global"
            | "message/global-headers" => LeafKind::ReturnedLetter,
            _ => return LineIn::Skipped,
        };
        if !is_report {
            return LineIn::Skipped;
        }
        self.leaf(kind, transfer_encoding(raw, header), header)
    }

    fn open_multipart(&mut self, boundary: Vec<u8>) -> LineIn {
        if self.open.len() >= MOST_LEVELS {
            self.tree.is_too_deep = true;
            return LineIn::TooDeep;
        }
        // The same delimiter as one around it: its lines are those of the outer one.
        if !self.levels.contains_key(&boundary) {
            self.tree.has_clashing_boundaries |= self.clashes(&boundary);
            self.levels.insert(boundary.clone(), self.open.len());
            self.open.push(boundary);
        }
        LineIn::Skipped
    }

    /// Whether a line can be a delimiter of this one and the closing one of another: `x--` within `x`.
    fn clashes(&self, boundary: &[u8]) -> bool {
        let longer = [boundary, b"--"].concat();
        let shorter = boundary.strip_suffix(b"--");
        self.levels.contains_key(&longer) || shorter.is_some_and(|b| self.levels.contains_key(b))
    }

    fn leaf(
        &self,
        kind: LeafKind,
        encoding: Result<TransferEncoding, UnreadablePart>,
        header: &RawHeader,
    ) -> LineIn {
        LineIn::Leaf(Leaf {
            kind,
            type_at: header.first(Field::ContentType).map(|f| f.at),
            encoding,
            body: (header.body_at, header.body_at),
        })
    }

    fn leave_part(&mut self, at: usize) {
        if matches!(self.state, LineIn::Header(_)) {
            // A part that ends within its header has no body.
            self.finish_header(at);
        }
        let LineIn::Leaf(mut leaf) = std::mem::replace(&mut self.state, LineIn::Skipped) else {
            return;
        };
        leaf.body.1 = if self.open.is_empty() {
            at
        } else {
            leaf.body.0.max(without_line_end(self.raw, at))
        };
        if self.tree.leaves_of(leaf.kind).count() < MOST_LEAVES_OF_A_KIND {
            self.tree.leaves.push(leaf);
        }
    }
}

/// RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter.
fn without_line_end(raw: &[u8], at: usize) -> usize {
    let before = raw.get(..at).unwrap_or_default();
    let before = before.strip_suffix(b"\n").unwrap_or(before);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// What the Content-Type fields of a header say, in their order; None for one that cannot be read.
fn media_types(raw: &[u8], header: &RawHeader) -> Vec<Option<MediaType>> {
    header
        .all(Field::ContentType)
        .take(MOST_TYPES)
        .map(|f| MediaType::read(&f.unfolded(raw)))
        .collect()
}

fn transfer_encoding(raw: &[u8], header: &RawHeader) -> Result<TransferEncoding, UnreadablePart> {
    let mut fields = header.all(Field::ContentTransferEncoding);
    let first: Option<&RawField> = fields.next();
    match (first, fields.next()) {
        (None, _) => Ok(TransferEncoding::Identity),
        (Some(_), Some(_)) => Err(UnreadablePart::AmbiguousPart),
        (Some(field), None) => {
            TransferEncoding::read(&field.unfolded(raw)).ok_or(UnreadablePart::UnknownEncoding)
        }
    }
}

fn names_tradepost(text: &[u8]) -> bool {
    text.windows(TRADEPOST_TYPE.len())
        .any(|w| w.eq_ignore_ascii_case(TRADEPOST_TYPE.as_bytes()))
}
