//! `tradepost import`: letters from files, judged exactly as if they had been fetched.

mod files;
mod mbox;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use files::{FoundLetter, each_letter};
use tokio::sync::mpsc;
use tradepost_agent::terminal::json;
use tradepost_agent::terminal::output::{self, Pipe, note};
use tradepost_letters::untrusted::show;

use crate::api::answer::only;
use crate::api::connection::Connection;
use crate::api::{LetterFile, Question};
use crate::config::{Config, Places, config_file};
use crate::terminal::report;

/// So many letters, or octets of letters, are judged in one durable write.
const LETTERS: usize = 256;
const OCTETS: usize = 8 * 1024 * 1024;

/// Has the letters in `paths` judged, batch by batch, and prints a line for each.
pub(crate) async fn run(
    places: &Places,
    paths: &[PathBuf],
    sent: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let config = Config::load(&config_file(places)?)?;
    if !sent && config.policy.authserv_ids.is_empty() {
        note(
            "tradepost: no authserv_ids are configured in [trust], so letters are proven by DKIM \
             alone; see: tradepost doctor",
        );
    }
    let mut connection = Connection::find(places).await?;
    // Files are read while the letters before them are judged.
    let (found, mut letters) = mpsc::channel::<FoundLetter>(LETTERS);
    let paths = paths.to_vec();
    let reading = tokio::task::spawn_blocking(move || {
        let mut faults = Vec::new();
        for path in &paths {
            let read = each_letter(path, &mut faults, &mut |letter| found.blocking_send(letter));
            if read.is_err() {
                // Nobody takes letters any more: the other side tells why.
                break;
            }
        }
        faults
    });
    let mut counts = BTreeMap::new();
    let mut batch = Vec::new();
    let mut octets = 0;
    let mut reader = Ok(Pipe::Open);
    while let Some(letter) = letters.recv().await {
        octets += letter.octets.len();
        batch.push(LetterFile::new(
            letter.file.display().to_string(),
            &letter.octets,
        ));
        if batch.len() >= LETTERS || octets >= OCTETS {
            let some = std::mem::take(&mut batch);
            octets = 0;
            judge(&mut connection, some, sent, json, &mut counts, &mut reader).await?;
        }
    }
    judge(&mut connection, batch, sent, json, &mut counts, &mut reader).await?;
    let faults = reading.await?;
    reader?;
    for fault in &faults {
        // Others may have named the file.
        let file = show(&fault.file.display().to_string());
        note(&format!("tradepost: {file}: {}", fault.why));
    }
    if !json {
        output::page(&report::verdicts(&counts))?;
    }
    if counts.is_empty() && faults.is_empty() {
        note("In folders, files that end in .eml, mbox files and Maildirs are looked at.");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn judge(
    connection: &mut Connection,
    letters: Vec<LetterFile>,
    sent: bool,
    json: bool,
    counts: &mut BTreeMap<&'static str, usize>,
    reader: &mut io::Result<Pipe>,
) -> anyhow::Result<()> {
    if letters.is_empty() {
        return Ok(());
    }
    let answer = connection.ask(Question::Import { letters, sent }).await?;
    let lines = only!(answer, Judged)?;
    for line in &lines {
        *counts.entry(line.verdict.word()).or_insert(0) += 1;
        // Letters are judged although nobody reads on, or can: that was asked for.
        if matches!(reader, Ok(Pipe::Open)) {
            *reader = if json {
                output::data(&json::line(line)?)
            } else {
                output::page(&report::verdict(line))
            };
        }
    }
    Ok(())
}
