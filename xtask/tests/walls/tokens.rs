//! Rust as its words and signs: what stands in comments and in strings is not code. Far less than a parser, and
//! enough to see what a file imports, names and calls.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// A word, a number, `::`, or one other sign; for a text or a character only its quotation mark.
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is_a_word(&self) -> bool {
        let first = self.text.chars().next();
        first.is_some_and(|c| c.is_alphabetic() || c == '_')
    }
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = if first.is_whitespace() {
            (first.len_utf8(), None)
        } else if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (length_of_comment(rest), None)
        } else if let Some(length) = length_of_text(rest) {
            (length, Some("\""))
        } else if let Some(length) = length_of_character(rest) {
            (length, Some("'"))
        } else {
            let length = length_of_word(rest);
            (length, Some(&rest[..length]))
        };
        if let Some(kept) = kept {
            let text = kept.to_owned();
            found.push(Token { text, line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// Comments of this form nest.
fn length_of_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `"a"`, `b"a"`, `c"a"`, `r"a"`, `br#"a"#`: none for anything else.
fn length_of_text(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    if let Some(raw) = inner.strip_prefix('r') {
        let content = raw.trim_start_matches('#');
        let hashes = &raw[..raw.len() - content.len()];
        let content = content.strip_prefix('"')?;
        let end = format!("\"{hashes}");
        let length = content
            .find(&end)
            .map_or(content.len(), |at| at + end.len());
        return Some(rest.len() - content.len() + length);
    }
    let content = inner.strip_prefix('"')?;
    let before = rest.len() - content.len();
    Some(before + length_to_mark(content, '"'))
}

/// `'a'`, `b'a'`, `'\''`: none for a lifetime.
fn length_of_character(rest: &str) -> Option<usize> {
    let content = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'')?;
    let mut characters = content.chars();
    let first = characters.next()?;
    if first != '\\' && characters.next() != Some('\'') {
        return None;
    }
    let before = rest.len() - content.len();
    Some(before + length_to_mark(content, '\''))
}

/// Up to the mark and with it; a backslash takes the meaning of what follows.
fn length_to_mark(content: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in content.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return at + c.len_utf8();
        }
    }
    content.len()
}

/// A word (`r#type` and `'a` too), a number, `::`, or else one sign.
fn length_of_word(rest: &str) -> usize {
    let before = if rest.starts_with("r#") {
        2
    } else if rest.starts_with('\'') {
        1
    } else {
        0
    };
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = rest[before..]
        .find(|c| !is_of_a_word(c))
        .unwrap_or(rest.len() - before);
    match word {
        0 if rest.starts_with("::") => 2,
        0 => rest.chars().next().map_or(1, char::len_utf8),
        _ => before + word,
    }
}

/// The code without what is compiled for tests only, and the names of the modules that are in files of their own
/// and compiled for tests only.
pub(crate) fn without_tests(code: &[Token]) -> (Vec<Token>, Vec<String>) {
    let mut kept = Vec::new();
    let mut modules = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if !is_for_tests(&code[at..]) {
            kept.push(code[at].clone());
            at += 1;
            continue;
        }
        while texts(&code[at..], &["#", "["]) {
            at = end_of_group(code, at + 1);
        }
        let end = end_of_item(code, at);
        let words: Vec<&str> = code[at..end].iter().map(|t| t.text.as_str()).collect();
        if let [.., "mod", name, ";"] = words[..] {
            modules.push(name.to_owned());
        }
        at = end;
    }
    (kept, modules)
}

fn is_for_tests(code: &[Token]) -> bool {
    texts(code, &["#", "[", "cfg", "(", "test", ")", "]"])
        || texts(code, &["#", "[", "cfg", "(", "all", "(", "test"])
}

/// Whether the code begins with these words and signs.
pub(crate) fn texts(code: &[Token], wanted: &[&str]) -> bool {
    code.len() >= wanted.len()
        && code
            .iter()
            .zip(wanted)
            .all(|(token, text)| token.text == *text)
}

/// Behind the bracket that closes the one at `open`.
pub(crate) fn end_of_group(code: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in code.iter().enumerate().skip(open) {
        depth += step(token);
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// How much deeper in brackets the code is behind this sign.
pub(crate) fn step(token: &Token) -> i32 {
    match token.text.as_str() {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// What ends with a semicolon even where braces stand in it.
const UP_TO_SEMICOLON: [&str; 4] = ["use", "const", "static", "let"];

const ITEMS: [&str; 12] = [
    "mod",
    "fn",
    "struct",
    "enum",
    "impl",
    "trait",
    "type",
    "async",
    "extern",
    "unsafe",
    "macro_rules",
    "pub",
];

/// Behind the item, member, variant or statement that begins at `start`.
fn end_of_item(code: &[Token], start: usize) -> usize {
    let mut first = start;
    if texts(&code[start..], &["pub", "("]) {
        first = end_of_group(code, start + 1);
    } else if texts(&code[start..], &["pub"]) {
        first += 1;
    }
    let Some(word) = code.get(first).map(|token| token.text.as_str()) else {
        return code.len();
    };
    let is_const_fn = word == "const" && texts(&code[first + 1..], &["fn"]);
    let up_to_semicolon = UP_TO_SEMICOLON.contains(&word) && !is_const_fn;
    let is_an_item = ITEMS.contains(&word) || is_const_fn;
    let mut depth = 0;
    for (at, token) in code.iter().enumerate().skip(start) {
        depth += step(token);
        match token.text.as_str() {
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 && !is_an_item && !up_to_semicolon => return at + 1,
            "}" if depth == 0 && !up_to_semicolon => return at + 1,
            _ if depth < 0 => return at,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_texts_and_characters_are_not_code() {
    let read = |text: &str| -> Vec<String> {
        let code = tokens(text).into_iter();
        code.map(|token| token.text).collect()
    };
    for (text, code) in [
        ("a // b\nc", &["a", "c"][..]),
        ("a /* b /* c */ d */ e", &["a", "e"]),
        (r#"a("b \" c", d)"#, &["a", "(", "\"", ",", "d", ")"]),
        (
            r##"r#"b " c"# d b"e" br"\" f"##,
            &["\"", "d", "\"", "\"", "f"],
        ),
        (r"'a' '\'' b'\\' 'é' x", &["'", "'", "'", "'", "x"]),
        ("&'a str, 'static", &["&", "'a", "str", ",", "'static"]),
        ("r#type::b2:c", &["r#type", "::", "b2", ":", "c"]),
        ("\"// a\" b", &["\"", "b"]),
        ("\"ä\u{2014}\" ä", &["\"", "ä"]),
    ] {
        assert_eq!(read(text), code, "{text}");
    }
    let lines: Vec<usize> = tokens("a\n/* \n */ b \"\n\" c")
        .iter()
        .map(|t| t.line)
        .collect();
    assert_eq!(lines, [1, 3, 3, 4]);
}

#[test]
fn what_is_compiled_for_tests_only_is_left_out() {
    let read = |text: &str| -> (String, Vec<String>) {
        let (kept, modules) = without_tests(&tokens(text));
        let kept: Vec<String> = kept.into_iter().map(|token| token.text).collect();
        (kept.join(" "), modules)
    };
    for (text, kept, modules) in [
        (
            "a #[cfg(test)] mod tests { fn b() { c } } d",
            "a d",
            &[][..],
        ),
        ("#[cfg(test)]\n#[allow(x)]\nmod tests;\nd", "d", &["tests"]),
        ("#[cfg(test)] pub(super) mod trace; d", "d", &["trace"]),
        ("#[cfg(test)] use a::{b, c}; d", "d", &[]),
        ("#[cfg(test)] const A: [u8; 2] = [b, c]; d", "d", &[]),
        ("#[cfg(test)] pub const fn a<B, C>() { e } d", "d", &[]),
        (
            "struct A { #[cfg(test)] b: B, c: C }",
            "struct A { c : C }",
            &[],
        ),
        ("{ #[cfg(test)] trace::note(|| a, b); c }", "{ c }", &[]),
        ("{ #[cfg(test)] a }", "{ }", &[]),
        ("#[cfg(all(test, unix))] mod tests {} d", "d", &[]),
        ("#[cfg(not(test))] a", "# [ cfg ( not ( test ) ) ] a", &[]),
        ("mod a; d", "mod a ; d", &[]),
    ] {
        let modules: Vec<String> = modules.iter().map(|m: &&str| (*m).to_owned()).collect();
        assert_eq!(read(text), (kept.to_owned(), modules), "{text}");
    }
}
