//! Configuration files: what is wrong is told with file, line and remedy.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde::Deserialize;
use tradepost_post::config::{
    SecretToml, Source, Span, Spanned, TrustToml, check_private, load_secret, make_private_folder,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[allow(dead_code)]
    address: String,
    #[serde(default)]
    trust: TrustToml,
    #[allow(dead_code)]
    password_file: Option<Spanned<PathBuf>>,
    password_env: Option<Spanned<String>>,
    password_command: Option<Spanned<String>>,
    #[allow(dead_code)]
    wait: Option<Span>,
}

fn fault(text: &str) -> String {
    Source::from_text("server.toml", text)
        .parse::<File>()
        .unwrap_err()
        .to_string()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_key() {
    let good = "address = \"a@b.example\"\n[trust]\nminimum = \"relay\"\n";
    assert!(Source::from_text("x", good).parse::<File>().is_ok());
    assert_eq!(
        fault("address = \"a@b.example\"\n\n[trust]\nminimun = \"relay\"\n"),
        "server.toml:4: unknown key \"minimun\": did you mean \"minimum\"?"
    );
    let far = fault("address = \"a@b.example\"\nzebra = 1\n");
    assert!(
        far.starts_with("server.toml:2: unknown key \"zebra\": the keys here are address, "),
        "{far}"
    );
    let password = fault("address = \"a@b.example\"\npassword = \"hunter2\"\n");
    assert!(password.contains("password_file"), "{password}");
    assert!(!password.contains("hunter2"), "{password}");
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    let text = fault("address = \"a@b.example\"\n[trust]\nminimum = \"sure\"\n");
    assert!(text.starts_with("server.toml:3: "), "{text}");
    let text = fault("address = \"a@b.example\"\nwait = \"5 parsecs\"\n");
    assert!(
        text.contains("server.toml:2: ") && text.contains("5 min"),
        "{text}"
    );
    let text = fault("address = \n");
    assert!(text.starts_with("server.toml:1: "), "{text}");
}

#[test]
fn anybody_is_no_minimum() {
    let source = Source::from_text(
        "server.toml",
        "address = \"a@b.example\"\n[trust]\nminimum = \"none\"\n",
    );
    let file: File = source.parse().unwrap();
    let text = file.trust.minimum(&source).unwrap_err().to_string();
    assert!(text.starts_with("server.toml:3: minimum: "), "{text}");
}

#[test]
fn durations_are_a_number_and_a_unit() {
    for (text, millis) in [
        ("90 days", Some(7_776_000_000_u128)),
        ("5min", Some(300_000)),
        ("250 ms", Some(250)),
        ("1 h", Some(3_600_000)),
        ("", None),
        ("5", None),
        ("-5 s", None),
        ("1.5 h", None),
        ("99999999999999999999 s", None),
        ("99999999999999999 weeks", None),
    ] {
        let read = text.parse::<Span>().ok().map(|s| s.duration().as_millis());
        assert_eq!(read, millis, "{text:?}");
    }
}

#[test]
fn a_password_file_that_others_can_read_is_refused_with_the_command_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2\nsecond line\n").unwrap();
    let config = "address = \"a@b.example\"\npassword_file = \"secret\"\n";
    let source = Source::from_text(folder.path().join("server.toml"), config);
    let secret = secret_of(&source);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let text = load_secret(&secret, &source, "[imap]")
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("server.toml:2: ") && text.contains("chmod 600"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let read = load_secret(&secret, &source, "[imap]").unwrap();
    assert_eq!(read.expose_secret(), "hunter2");
}

fn secret_of(source: &Source) -> SecretToml {
    let file: File = source.parse().unwrap();
    SecretToml {
        password_file: file.password_file,
        password_env: file.password_env,
        password_command: file.password_command,
    }
}

#[test]
fn a_password_comes_from_a_command_or_from_nowhere() {
    let load = |line: &str| {
        let source = Source::from_text("s.toml", format!("address = \"a@b.example\"\n{line}\n"));
        load_secret(&secret_of(&source), &source, "[imap]")
    };
    let read = load("password_command = \"printf 'hunter2\\\\nmore'\"").unwrap();
    assert_eq!(read.expose_secret(), "hunter2");
    for (line, says) in [
        (
            "password_command = \"exit 3\"",
            "s.toml:2: password_command",
        ),
        ("password_command = \"true\"", "printed no password"),
        (
            "password_env = \"TRADEPOST_NO_SUCH_VARIABLE\"",
            "TRADEPOST_NO_SUCH_VARIABLE is not set",
        ),
        ("", "needs one of password_file"),
        (
            "password_env = \"A\"\npassword_command = \"b\"",
            "more than one of",
        ),
    ] {
        let text = load(line).unwrap_err().to_string();
        assert!(text.contains(says), "{line}: {text}");
    }
}

#[test]
fn a_data_folder_is_made_private_and_an_open_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/b");
    make_private_folder(&data).unwrap();
    assert!(check_private(&data).is_ok());
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o750)).unwrap();
    let text = make_private_folder(&data).unwrap_err().to_string();
    assert!(
        text.contains("mode 750") && text.contains("chmod 700"),
        "{text}"
    );
}
