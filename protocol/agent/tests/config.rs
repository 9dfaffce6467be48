//! Configuration files: what is wrong is told with file, line and remedy.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use tradepost_agent::config::{
    EnvironmentToml, ImapToml, SecretToml, Section, SmtpToml, Source, Span, Spanned, TrustToml,
    check_private, make_private_file, make_private_folder, read_private_file,
};
use tradepost_post::imap::SentFolder;
use tradepost_post::net::Tls;
use tradepost_post::trouble::{Error, TroubleKind};
use tradepost_post::{Password, SecretString, smtp};
use tradepost_statements::Evidence;

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
    let host = Spanned::new(0..1, "imap.home.example".to_owned());
    let text = secret
        .password(&source, imap(&host))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("server.toml:2: ") && text.contains("chmod 600"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let read = secret.password(&source, imap(&host)).unwrap();
    assert_eq!(shown(&read), "hunter2");
}

#[test]
fn a_password_is_not_printed_with_what_it_belongs_to() {
    const PASSWORD: &str = "hunter2";
    let password = || SecretString::from(PASSWORD.to_owned());
    let mailbox = tradepost_post::imap::ImapSettings::new(
        "imap.home.example",
        993,
        Tls::Implicit,
        "ann",
        password(),
    );
    let way_out =
        smtp::SmtpSettings::new("smtp.home.example", 465, Tls::Implicit, "ann", password());
    for printed in [
        format!("{mailbox:?}"),
        format!("{mailbox:#?}"),
        format!("{way_out:?}"),
        format!("{way_out:#?}"),
    ] {
        assert!(printed.contains("home.example"), "{printed}");
        assert!(!printed.contains(PASSWORD), "{printed}");
    }
}

#[test]
fn a_secret_is_read_from_a_private_file_itself_and_from_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make_private_file(&at("key"), "hunter2\n").unwrap();
    let mode = std::fs::metadata(at("key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = || read_private_file(&at("key"));
    assert_eq!(read().unwrap().expose_secret(), "hunter2\n");

    let again = make_private_file(&at("key"), "other").unwrap_err();
    assert!(again.to_string().contains("exists"), "{again}");
    assert_eq!(read().unwrap().expose_secret(), "hunter2\n");
    std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
    assert!(make_private_file(&at("dangling"), "other").is_err());
    assert!(!at("nowhere").exists());

    std::os::unix::fs::symlink(at("key"), at("link")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("large"), vec![b'x'; 64 * 1024 + 1]).unwrap();
    std::fs::set_permissions(at("large"), PermissionsExt::from_mode(0o600)).unwrap();
    for (name, says) in [
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("folder", "not a file"),
        ("missing", "there is no file"),
        ("large", "larger than"),
        ("/dev/null", "not a file"),
    ] {
        let text = read_private_file(&at(name)).unwrap_err().to_string();
        assert!(text.contains(says), "{name}: {text}");
    }
    std::fs::set_permissions(at("key"), PermissionsExt::from_mode(0o640)).unwrap();
    let text = read().unwrap_err().to_string();
    assert!(text.contains("chmod 600"), "{text}");
}

#[test]
fn a_password_file_that_is_a_link_is_refused_before_anybody_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    make_private_file(&folder.path().join("real"), "hunter2\n").unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    let host = Spanned::new(0..1, "imap.home.example".to_owned());
    let load = |name: &str| {
        let config = format!("address = \"a@b.example\"\npassword_file = \"{name}\"\n");
        let source = Source::from_text(folder.path().join("server.toml"), config);
        let secret = secret_of(&source);
        secret.check(&source, imap(&host))?;
        secret.password(&source, imap(&host))
    };
    assert_eq!(shown(&load("real").unwrap()), "hunter2");
    let text = load("link").unwrap_err().to_string();
    assert!(
        text.contains("server.toml:2: ") && text.contains("symbolic link"),
        "{text}"
    );
}

fn imap(host: &Spanned<String>) -> Section<'_> {
    Section {
        name: "[imap]",
        host,
    }
}

fn secret_of(source: &Source) -> SecretToml {
    let file: File = source.parse().unwrap();
    SecretToml {
        password_file: file.password_file,
        password_env: file.password_env,
        password_command: file.password_command,
        environment: EnvironmentToml::default(),
    }
}

/// What a login would be given now.
fn now(password: &Password) -> Result<String, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let secret = runtime.block_on(password.secret())?;
    Ok(secret.expose_secret().to_owned())
}

fn shown(password: &Password) -> String {
    now(password).unwrap()
}

#[test]
fn a_password_comes_from_a_command_or_from_nowhere() {
    let host = Spanned::new(0..1, "imap.home.example".to_owned());
    let load = |line: &str| {
        let source = Source::from_text("s.toml", format!("address = \"a@b.example\"\n{line}\n"));
        secret_of(&source).password(&source, imap(&host))
    };
    let read = load("password_command = \"printf 'hunter2\\\\nmore'\"").unwrap();
    assert_eq!(shown(&read), "hunter2");
    // A keyring may be locked for a while: no fault of the configuration.
    for (line, says) in [
        ("password_command = \"exit 3\"", "failed: exit status: 3"),
        ("password_command = \"true\"", "printed no password"),
    ] {
        let e = now(&load(line).unwrap()).unwrap_err();
        assert_eq!(e.kind, TroubleKind::NoPassword);
        assert!(
            e.text.contains(says) && e.text.contains("`password_command` in [imap]"),
            "{line}: {e}"
        );
    }
    for (line, says) in [
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    imap: ImapToml,
    smtp: SmtpToml,
    #[serde(default)]
    trust: TrustToml,
}

const MAIL: &str = r#"[imap]
host = "imap.home.example"
password_env = "TRADEPOST_TEST_MAIL_PASSWORD"
folders = ["INBOX", "Shops"]
sent = "Sent Items"
since = "7 days"
[smtp]
host = "127.0.0.1"
port = 2525
tls = "none"
user = "ann"
password_command = "echo secret"
connections = 2
[trust]
authserv_ids = ["mx.home.example", "*.provider.example"]
own_hosts = ["*.home.example"]
"#;

fn mail_fault(from: &str, to: &str) -> String {
    assert!(MAIL.contains(from), "{from}");
    let source = Source::from_text("client.toml", MAIL.replace(from, to));
    let checked = source.parse::<Mail>().and_then(|mail| {
        mail.imap.check(&source)?;
        mail.smtp.check(&source)?;
        mail.trust.relay_policy(&source)
    });
    checked.unwrap_err().to_string()
}

#[test]
fn the_mail_sections_become_settings() {
    let source = Source::from_text("client.toml", MAIL);
    let mail: Mail = source.parse().unwrap();
    mail.imap.check(&source).unwrap();
    let watch = mail.imap.watch();
    assert_eq!(watch.folders, ["INBOX", "Shops"]);
    assert_eq!(watch.sent, SentFolder::Named("Sent Items".to_owned()));
    assert_eq!(mail.imap.since(), Duration::from_secs(7 * 86_400));
    let smtp = mail.smtp.settings(&source, "ann@home.example").unwrap();
    assert_eq!(
        (smtp.port, smtp.tls, smtp.user.as_str()),
        (2525, Tls::None, "ann")
    );
    assert_eq!(shown(&smtp.password), "secret");
    assert_eq!(smtp.connections, 2);
    // No password there: told only when it is needed.
    let unset = mail.imap.settings(&source, "ann@home.example").unwrap_err();
    assert!(
        unset
            .to_string()
            .starts_with("client.toml:3: password_env: "),
        "{unset}"
    );
    let policy = mail.trust.relay_policy(&source).unwrap();
    assert_eq!((policy.authserv_ids.len(), policy.own_hosts.len()), (2, 1));
}

#[test]
fn each_fault_of_the_mail_sections_names_its_line_and_the_remedy() {
    for (from, to, expected) in [
        (
            "host = \"127.0.0.1\"",
            "host = \"smtp.home.example\"",
            "client.toml:10: tls = \"none\" would send",
        ),
        ("\"imap.home.example\"", "\"\"", "client.toml:2: host: give"),
        ("port = 2525", "port = 0", "client.toml:9: port: a number"),
        ("port = 2525", "port = 70000", "client.toml:9: "),
        ("tls = \"none\"", "tls = \"maybe\"", "client.toml:10: "),
        (
            "folders = [\"INBOX\", \"Shops\"]",
            "folders = []",
            "client.toml:4: folders: name",
        ),
        (
            "sent = \"Sent Items\"",
            "sent = \"\"",
            "client.toml:5: sent: give",
        ),
        ("since = \"7 days\"", "since = \"7\"", "client.toml:6: "),
        (
            "connections = 2",
            "connections = 0",
            "client.toml:13: connections: a number",
        ),
        (
            "connections = 2",
            "conections = 2",
            "client.toml:13: unknown key \"conections\": did you mean",
        ),
        (
            "user = \"ann\"",
            "ca_file = \"nowhere.pem\"",
            "client.toml:11: ca_file: nowhere.pem: ",
        ),
        (
            "password_command = \"echo secret\"",
            "",
            "[smtp] needs one of password_file",
        ),
        (
            "own_hosts = [\"*.home.example\"]",
            "own_hosts = [\"*\"]",
            "client.toml:16: own_hosts: ",
        ),
    ] {
        let fault = mail_fault(from, to);
        assert!(fault.contains(expected), "{to}: {fault}");
    }
}

const TRUST: &str = r#"address = "a@b.example"
[trust]
minimum = "dkim"
resolver = "127.0.0.1:5353"
dns_budget = "2 s"
[trust.keys]
"S1._domainkey.shop.example." = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
[trust.minimum_of]
"Orders@shop.example" = "relay"
"#;

#[test]
fn where_keys_come_from_and_whom_to_believe_is_read() {
    let source = Source::from_text("client.toml", TRUST);
    let trust = source.parse::<File>().unwrap().trust;
    assert_eq!(trust.minimum(&source).unwrap(), Evidence::Dkim);
    let keys = trust.key_source(&source).unwrap();
    assert_eq!(keys.resolver, Some("127.0.0.1:5353".parse().unwrap()));
    assert_eq!(keys.budget, Duration::from_secs(2));
    let names: Vec<&String> = keys.fixed.keys().collect();
    assert_eq!(names, ["s1._domainkey.shop.example"]);
    let of = trust.minimum_of(&source).unwrap();
    let orders = "orders@shop.example".parse().unwrap();
    assert_eq!(of.get(&orders), Some(&Evidence::Relay));
    let none = Source::from_text("client.toml", "address = \"a@b.example\"\n");
    let usual = none.parse::<File>().unwrap().trust;
    let keys = usual.key_source(&none).unwrap();
    assert_eq!((keys.resolver, keys.fixed.len()), (None, 0));
    assert!(!trust.relay_policy(&source).unwrap().takes_spf);
    let text = TRUST.replace("minimum =", "spf = true\nminimum =");
    let taken = Source::from_text("client.toml", text);
    let trust = taken.parse::<File>().unwrap().trust;
    assert!(trust.relay_policy(&taken).unwrap().takes_spf);
}

#[test]
fn each_fault_of_the_trust_section_names_its_line_and_the_remedy() {
    let key = "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    for (from, to, expected) in [
        (
            "127.0.0.1:5353",
            "127.0.0.1",
            ":4: resolver = \"127.0.0.1\": give an IP address and a port",
        ),
        ("127.0.0.1:5353", "dns.example:53", ":4: resolver"),
        ("\"2 s\"", "\"soon\"", ":5: "),
        ("\"2 s\"", "\"0 s\"", ":5: dns_budget: DNS needs some time"),
        ("._domainkey", "", ":7: [trust.keys]: a key's name is like"),
        (
            "key.shop",
            "key.shöp",
            ":7: [trust.keys]: write the domain of a key in punycode",
        ),
        (
            key,
            "k=ed25519; p=",
            ":7: [trust.keys] s1._domainkey.shop.example: the key was revoked",
        ),
        (
            key,
            "k=rsa; p=AAAA",
            ":7: [trust.keys] s1._domainkey.shop.example: the record's RSA key cannot be read",
        ),
        (
            "Orders@shop.example",
            "shop.example",
            ":9: [trust.minimum_of]: ",
        ),
        (
            "\"relay\"",
            "\"none\"",
            ":9: minimum_of: \"none\" would believe anybody",
        ),
    ] {
        assert!(TRUST.contains(from), "{from}");
        let source = Source::from_text("client.toml", TRUST.replacen(from, to, 1));
        let read = source.parse::<File>().and_then(|file| {
            file.trust.minimum_of(&source)?;
            file.trust.key_source(&source)
        });
        let text = read.unwrap_err().to_string();
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

/// A file of which only the command is looked at.
#[derive(Debug, Deserialize)]
struct OfACommand {
    password_command: Option<Spanned<String>>,
}

/// What programs get of the environment, as this configuration has it.
fn environment(text: &str) -> tradepost_agent::command::Environment {
    Source::from_text("s.toml", text).environment().unwrap()
}

#[test]
fn no_program_gets_what_any_key_names_as_a_secret_nor_what_is_of_the_agents_own() {
    let environment = environment(
        "[imap]\npassword_env = \"IMAP_PASSWORD\"\nsmtp = { password_env = \"SMTP_PASSWORD\" }\n\
         [[webhook]]\nsecret_env = \"HOOK_SECRET\"\n[[webhook]]\nsecret_env = \"OTHER SECRET\"\n\
         [http]\ntoken_env = \"HTTP_TOKEN\"\nname = \"HOME\"\n",
    );
    for withheld in [
        "IMAP_PASSWORD",
        "SMTP_PASSWORD",
        "HOOK_SECRET",
        "OTHER SECRET",
        "HTTP_TOKEN",
        "TRADEPOST_DATA",
        "TRADEPOST_SERVER_CONFIG",
        "TRADEPOST_LOG",
        "TRADEPOST_",
    ] {
        assert!(!environment.passes(withheld.as_ref()), "{withheld}");
    }
    for passed in [
        "HOME",
        "PATH",
        "DBUS_SESSION_BUS_ADDRESS",
        "GNUPGHOME",
        "SSH_AUTH_SOCK",
        "IMAP_PASSWORD_OF_ANOTHER",
        "imap_password",
        "NOT_TRADEPOST_DATA",
        "TRADEPOST",
    ] {
        assert!(environment.passes(passed.as_ref()), "{passed}");
    }
}

#[test]
fn a_list_narrows_what_a_program_gets_and_lets_no_secret_through() {
    let all = environment("password_env = \"MAIL_PASSWORD\"");
    let narrowed = all.narrowed_to(["HOME", "PATH"]).unwrap();
    assert!(narrowed.passes("HOME".as_ref()) && narrowed.passes("PATH".as_ref()));
    assert!(!narrowed.passes("LANG".as_ref()) && all.passes("LANG".as_ref()));
    assert!(!all.narrowed_to([]).unwrap().passes("HOME".as_ref()));
    for (name, says) in [
        ("MAIL_PASSWORD", "holds a secret"),
        ("TRADEPOST_DATA", "Tradepost's own"),
        ("", "no name"),
        ("A=B", "no name"),
        ("A\0", "no name"),
    ] {
        let refused = all.narrowed_to(["HOME", name]).unwrap_err().to_string();
        assert!(refused.contains(says), "{name:?}: {refused}");
    }
}

#[test]
fn what_a_command_gets_is_checked_where_it_stands() {
    let well = "password_command = \"echo secret\"\nenv_clear = true\nenv = [\"HOME\"]";
    let with = |lines: &str| mail_fault("password_command = \"echo secret\"", lines);
    let source = Source::from_text(
        "client.toml",
        MAIL.replace("password_command = \"echo secret\"", well),
    );
    let smtp = source.parse::<Mail>().unwrap().smtp;
    smtp.settings(&source, "ann").unwrap();
    for (lines, says) in [
        (
            well.replace("HOME", "TRADEPOST_TEST_MAIL_PASSWORD"),
            "client.toml:14: env: TRADEPOST_TEST_MAIL_PASSWORD holds a secret",
        ),
        (
            well.replace("true", "false"),
            "client.toml:14: env: a list of variables needs env_clear = true",
        ),
        (
            well.replace("password_command = \"echo secret\"", "password_env = \"A\""),
            "client.toml:13: env_clear: nothing is run here without password_command",
        ),
        (
            "password_env = \"A\"\nenv = [\"HOME\"]".to_owned(),
            "client.toml:13: env: nothing is run here without password_command",
        ),
    ] {
        let text = with(&lines);
        assert!(text.contains(says), "{lines}: {text}");
    }
}

#[tokio::test]
async fn a_password_command_gets_no_other_password() {
    // Both variables are set, as cargo sets them for every test.
    let command = "test -z \"$CARGO_MANIFEST_DIR\" && test -n \"$CARGO_PKG_NAME\" && echo well";
    let load = |more: &str| {
        let host = Spanned::new(0..1, "imap.home.example".to_owned());
        let text = format!("password_command = '{command}'\n{more}");
        let source = Source::from_text("s.toml", text);
        let file: OfACommand = source.parse().unwrap();
        let secret = SecretToml {
            password_command: file.password_command,
            ..SecretToml::default()
        };
        secret.password(&source, imap(&host)).unwrap()
    };
    assert!(load("").secret().await.is_err());
    let password = load("[smtp]\npassword_env = \"CARGO_MANIFEST_DIR\"");
    let read = password.secret().await.unwrap();
    assert_eq!(read.expose_secret(), "well");
}
