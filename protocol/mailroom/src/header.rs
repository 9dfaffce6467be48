//! The header section of a raw letter, as lines: no decoding, no judgement.

/// A field of a header section, as it stands in the letter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// What stands before the colon, without blanks before it; empty where there is no colon.
    pub(crate) name: &'a [u8],
    /// What stands after the colon, folded as it is.
    pub(crate) value: &'a [u8],
    /// The whole field with its line ends.
    pub(crate) raw: &'a [u8],
}

impl Field<'_> {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, for comparing.
    pub(crate) fn unfolded(&self) -> String {
        let text = String::from_utf8_lossy(self.value);
        text.replace(['\r', '\n'], "").trim().to_owned()
    }
}

/// Splits a letter after the empty line that ends the header section.
pub(crate) fn split(letter: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    for line in letter.split_inclusive(|octet| *octet == b'\n') {
        end += line.len();
        if is_empty_line(line) {
            break;
        }
    }
    letter.split_at(end)
}

/// The fields of the header section, from top to bottom.
pub(crate) fn fields(letter: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut rest = letter;
    while !rest.is_empty() {
        let length = field_length(rest);
        let (raw, after) = rest.split_at(length);
        if is_empty_line(raw) {
            break;
        }
        fields.push(parse(raw));
        rest = after;
    }
    fields
}

/// Octets of the first field of `text`: its line and the continuation lines below it.
fn field_length(text: &[u8]) -> usize {
    let mut length = 0;
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let continues = matches!(line.first(), Some(b' ' | b'\t'));
        if length > 0 && !continues {
            break;
        }
        length += line.len();
        if is_empty_line(line) {
            break;
        }
    }
    length
}

fn parse(raw: &[u8]) -> Field<'_> {
    let colon = raw.iter().position(|octet| *octet == b':');
    let (name, value) = match colon {
        Some(at) => {
            let (name, value) = raw.split_at(at);
            (name, value.get(1..).unwrap_or_default())
        }
        None => (&b""[..], raw),
    };
    Field {
        name: name.trim_ascii_end(),
        value,
        raw,
    }
}

fn is_empty_line(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_fields_stay_whole_and_the_body_is_left_alone() {
        let letter = b"A: 1\r\n 2\r\nb : 3\nno colon\r\n\r\nA: body\r\n";
        let found = fields(letter);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].raw, b"A: 1\r\n 2\r\n");
        assert_eq!(found[0].unfolded(), "1 2");
        assert!(found[1].is_named("B"));
        assert!(found[2].name.is_empty());
        assert_eq!(split(letter).1, b"A: body\r\n");
    }

    #[test]
    fn a_letter_without_an_empty_line_is_all_header() {
        assert_eq!(split(b"A: 1").0, b"A: 1");
        assert_eq!(fields(b"A: 1").len(), 1);
        assert!(fields(b"").is_empty());
    }
}
