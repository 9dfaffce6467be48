//! What servers say to a copy for the Sent folder.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{Peer, Scripted, within};
use tradepost_post::SecretString;
use tradepost_post::imap::{Appended, Error, ImapSettings, SentFolder, TroubleKind, append};
use tradepost_post::net::Tls;

const LETTER: &[u8] = b"From: ann@home.example\r\nSubject: order\r\n\r\nHello\r\n";

/// A server that says `first` to APPEND and, where that is to go on, `second` behind the letter; TAG is its tag.
async fn append_at(
    first: &'static str,
    second: &'static str,
) -> (Result<Appended, Error>, Scripted) {
    let server = Scripted::start(move |mut p: Peer| async move {
        p.say("* OK [CAPABILITY IMAP4rev1] hi").await;
        while let Some(line) = p.line().await {
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            if command.starts_with("LOGOUT") {
                p.say(&format!("* BYE bye\r\n{tag} OK")).await;
                return;
            }
            if !command.starts_with("APPEND") {
                p.say(&format!("{tag} OK done")).await;
                continue;
            }
            p.raw(first.replace("TAG", tag).as_bytes()).await;
            if first.ends_with("+ go ahead\r\n") {
                assert_eq!(p.bytes(LETTER.len() + 2).await, [LETTER, b"\r\n"].concat());
                p.raw(second.replace("TAG", tag).as_bytes()).await;
            }
        }
    })
    .await;
    let password = SecretString::from("secret".to_owned());
    let mut settings = ImapSettings::new("127.0.0.1", server.port, Tls::None, "ann", password);
    settings.timeout = Duration::from_millis(500);
    let sent = SentFolder::Named("Envoyés".to_owned());
    let appended = within(append(&settings, &sent, LETTER, "<order@home.example>")).await;
    (appended, server)
}

#[tokio::test]
async fn a_copy_is_stored_whatever_is_said_beside_it() {
    for (first, second) in [
        ("+ go ahead\r\n", "TAG OK\r\n"),
        (
            "* 5 EXISTS\r\n* OK wait\r\n* FLAGS NIL\r\n+ go ahead\r\n",
            "* 6 EXISTS\r\n* XYZZY (\r\nTAG OK [APPENDUID 1732875600000 6] done\r\n",
        ),
    ] {
        let (appended, server) = append_at(first, second).await;
        let folder = "Envoyés".to_owned();
        assert_eq!(appended, Ok(Appended::Stored { folder }));
        let command = format!("APPEND \"Envoy&AOk-s\" (\\Seen) {{{}}}", LETTER.len());
        assert_eq!(server.heard(&command), 1, "{:?}", server.log());
        assert_eq!(server.heard("LOGOUT"), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    for (first, second, expected) in [
        ("TAG NO [OVERQUOTA] full\r\n", "", "(OVERQUOTA) full"),
        ("* 5 EXISTS\r\nTAG BAD what\r\n", "", "what"),
        (
            "+ go ahead\r\n",
            "TAG NO [TRYCREATE] none\r\n",
            "(TRYCREATE) none",
        ),
    ] {
        let (appended, server) = append_at(first, second).await;
        let e = appended.unwrap_err();
        assert_eq!(e.kind, TroubleKind::Folder, "{e}");
        let words = format!("did not take a copy into the Sent folder: {expected} - check `sent`");
        assert!(e.text.contains(&words), "{e}");
        assert_eq!(server.heard("LOGOUT"), 1, "the connection is sound");
    }
}

#[tokio::test]
async fn a_server_that_ends_or_says_nothing_is_not_waited_for() {
    for (first, kind, expected) in [
        (
            "* BYE [ALERT] ouch\r\n",
            TroubleKind::Lost,
            "closed the connection: (ALERT) ouch",
        ),
        ("", TroubleKind::TimedOut, "did not answer in time (APPEND)"),
    ] {
        for is_begun in [false, true] {
            let (appended, server) = match is_begun {
                false => append_at(first, "").await,
                true => append_at("+ go ahead\r\n", first).await,
            };
            let e = appended.unwrap_err();
            assert_eq!(e.kind, kind, "{e}");
            assert!(e.text.ends_with(expected), "{e}");
            assert_eq!(server.heard("LOGOUT"), 0);
        }
    }
}
