//! A small IMAP server over a few letters, whose every answer a test may replace.

use std::sync::Arc;

use super::{Peer, Scripted};

/// What a hook has the server do instead of answering as it should.
pub enum Instead {
    /// Sends this; `TAG` stands for the command's tag.
    Say(Vec<u8>),
    /// Sends this and closes the connection.
    SayAndClose(Vec<u8>),
    /// Neither answers nor closes.
    Silence,
}

/// Sees each command, without its tag, and the number of the connection.
type Hook = Arc<dyn Fn(&str, usize) -> Option<Instead> + Send + Sync>;

pub fn say(text: &str) -> Option<Instead> {
    Some(Instead::Say(text.as_bytes().to_vec()))
}

/// Serves these letters as UIDs 1, 2, 3 ... in INBOX, the only folder.
pub async fn serve(
    letters: Vec<String>,
    hook: impl Fn(&str, usize) -> Option<Instead> + Send + Sync + 'static,
) -> Scripted {
    let letters = Arc::new(letters);
    let hook: Hook = Arc::new(hook);
    Scripted::start(move |peer| attend(peer, letters.clone(), hook.clone())).await
}

async fn attend(mut p: Peer, letters: Arc<Vec<String>>, hook: Hook) {
    p.say("* OK [CAPABILITY IMAP4rev1 IDLE] ready").await;
    while let Some(line) = p.line().await {
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        match hook(command, p.nth) {
            Some(Instead::Say(bytes)) => {
                p.raw(&tagged(&bytes, tag)).await;
                continue;
            }
            Some(Instead::SayAndClose(bytes)) => {
                p.raw(&tagged(&bytes, tag)).await;
                return;
            }
            Some(Instead::Silence) => continue,
            None => {}
        }
        let mut words = command.splitn(2, ' ');
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let rest = words.next().unwrap_or_default();
        let answer = match verb.as_str() {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
            "EXAMINE" => format!(
                "* {} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT {}] n\r\n",
                letters.len(),
                letters.len() + 1
            ),
            "FETCH" => fetch(&letters, rest),
            "UID" => match rest.split_once(' ') {
                Some(("FETCH", rest)) => fetch(&letters, rest),
                Some(("SEARCH", rest)) => search(&letters, rest),
                _ => String::new(),
            },
            "IDLE" => {
                p.say("+ idling").await;
                if p.line().await.is_none() {
                    return;
                }
                String::new()
            }
            "LOGOUT" => "* BYE bye\r\n".to_owned(),
            _ => String::new(),
        };
        p.raw(answer.as_bytes()).await;
        p.say(&format!("{tag} OK done")).await;
        if verb == "LOGOUT" {
            return;
        }
    }
}

fn tagged(bytes: &[u8], tag: &str) -> Vec<u8> {
    String::from_utf8_lossy(bytes)
        .replace("TAG", tag)
        .into_bytes()
}

/// The numbers in a set; `*` and what lies beyond is the last.
pub fn numbers(set: &str, last: usize) -> Vec<usize> {
    let number = |text: &str| match text {
        "*" => last,
        text => text.parse().unwrap_or(0),
    };
    let mut all = Vec::new();
    for part in set.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from), number(to));
        let (low, high) = (from.min(to), from.max(to).min(last));
        all.extend(low..=high);
    }
    all.retain(|n| (1..=last).contains(n));
    all
}

fn fetch(letters: &[String], rest: &str) -> String {
    let (set, items) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut answer = String::new();
    for n in numbers(set, letters.len()) {
        answer.push_str(&response(n, &letters[n - 1], items));
    }
    answer
}

/// One FETCH response with the items that were asked for.
pub fn response(n: usize, letter: &str, items: &str) -> String {
    let header = letter
        .split_inclusive("\r\n\r\n")
        .next()
        .unwrap_or_default();
    let mut parts = vec![format!("UID {n}")];
    if items.contains("RFC822.SIZE") {
        parts.push(format!("RFC822.SIZE {}", letter.len()));
    }
    if items.contains("INTERNALDATE") {
        parts.push("INTERNALDATE \"20-Nov-2026 10:00:00 +0000\"".to_owned());
    }
    if items.contains("[HEADER") {
        // All fields: a client looks for what it asked for.
        parts.push(format!(
            "BODY[HEADER.FIELDS (X)] {{{}}}\r\n{header}",
            header.len()
        ));
    }
    if items.contains("BODY.PEEK[]") {
        parts.push(format!("BODY[] {{{}}}\r\n{letter}", letter.len()));
    }
    format!("* {n} FETCH ({})\r\n", parts.join(" "))
}

fn search(letters: &[String], rest: &str) -> String {
    let mut words = rest.split(' ').skip(1);
    let mut found = numbers(words.next().unwrap_or_default(), letters.len());
    if words.next() == Some("HEADER") {
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        found.retain(|n| {
            letters[n - 1]
                .to_ascii_lowercase()
                .contains(&format!("\n{name}:"))
        });
    }
    let found: Vec<String> = found.iter().map(|n| format!(" {n}")).collect();
    format!("* SEARCH{}\r\n", found.concat())
}
