//! What the TOML library finds wrong, in words for a person who writes a configuration.

/// `message` is the library's; `key` the one whose value is wrong, where that is known.
pub(super) fn in_own_words(message: &str, key: Option<&str>) -> String {
    if let Some(text) = unknown_key(message) {
        return text;
    }
    let text = unknown_word(message).or_else(|| wrong_type(message));
    match (text, key) {
        (Some(text), Some(key)) => format!("{key}: {text}"),
        (Some(text), None) => text,
        (None, _) => message.to_owned(),
    }
}

/// The library names all the keys that are known; a person looks for one.
fn unknown_key(message: &str) -> Option<String> {
    let (unknown, known) = unknown_and_known(message.strip_prefix("unknown field `")?)?;
    if unknown == "password" && known.contains(&"password_file") {
        let text = "a password does not stand in the configuration: put it into a file that only you can read \
                    (password_file), or name an environment variable (password_env) or a command (password_command)";
        return Some(text.to_owned());
    }
    Some(match nearest(unknown, &known) {
        Some(suggestion) => format!("unknown key {unknown:?}: did you mean {suggestion:?}?"),
        None if known.is_empty() => format!("unknown key {unknown:?}"),
        None => format!(
            "unknown key {unknown:?}: the keys here are {}",
            known.join(", ")
        ),
    })
}

fn unknown_word(message: &str) -> Option<String> {
    let (unknown, known) = unknown_and_known(message.strip_prefix("unknown variant `")?)?;
    let all: Vec<String> = known.iter().map(|k| format!("{k:?}")).collect();
    let all = all.join(", ");
    Some(match nearest(unknown, &known) {
        Some(suggestion) => {
            format!("{unknown:?} is none of {all}: did you mean {suggestion:?}?")
        }
        None => format!("{unknown:?} is none of {all}"),
    })
}

/// After the unknown one: ", expected one of ", "known", ", ", "known", ...
fn unknown_and_known(rest: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = rest.split('`');
    let unknown = quoted.next()?;
    Some((unknown, quoted.skip(1).step_by(2).collect()))
}

/// "invalid type: string \"993\", expected u16"
fn wrong_type(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "a string" => "a text in quotes",
        "a sequence" => "a list in brackets, such as [\"..\"]",
        "u16" => "a whole number from 0 to 65535, without quotes",
        "usize" | "u64" | "u32" => "a whole number, without quotes",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") => "a section",
        other => other,
    };
    let found = match found {
        "map" => "a section".to_owned(),
        "sequence" => "a list".to_owned(),
        other => ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| other.strip_prefix(kind))
            .unwrap_or(other)
            .replace('`', ""),
    };
    Some(format!("{found} is not {expected}"))
}

fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(unknown, k), *k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
        .min()
        .map(|(_, k)| k)
}
