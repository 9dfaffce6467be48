//! Letters that DNS has not decided (protocol 5, line 2): proven again from the journal when their next try
//! is due, by the time at which they were received then, and decided about.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tradepost_proof::dkim::Unproven;
use tradepost_trades::letter::Received;

use crate::arrival::{Brings, FoundIn, Reader};
use crate::host::{ENOUGH, Host, HostError, fresh_ids};
use crate::party::{AwaitingProof, Input, Party};

/// So many letters are proven, and recorded, together.
const LETTERS: usize = 64;
/// And so many octets of letters, so that many large ones do not fill the memory.
const OCTETS: usize = 16 * 1024 * 1024;
/// DNS has so long for letters that wait before other things that are due get their turn.
pub const FOR_HELD_LETTERS: Duration = Duration::from_secs(60);

/// A letter that was proven again.
#[derive(Debug)]
pub struct ProvenAgain {
    /// The party's name for it.
    pub id: String,
    /// What it is now; none: it can be read no more.
    pub received: Option<Received>,
}

/// Proves again the letters that are due, and has them decided about. What DNS does not say in time is asked
/// another time. Once this returns, what was decided is durable.
///
/// # Errors
/// [`HostError`].
pub async fn prove_again<P: Party>(
    host: Arc<Host<P>>,
    reader: Reader,
    within: Duration,
) -> Result<(), HostError> {
    /// More than may wait at once.
    const MOST: usize = 100_000;
    let now = host.now();
    let until = Instant::now() + within;
    let mut due = host
        .work(move |host| host.view(|rows| host.party().awaiting_proof(rows, now, MOST)))
        .await;
    while !due.is_empty() {
        let Ok(proven) = timeout_at(until, prove(&host, &reader, due)).await else {
            break;
        };
        let (rest, letters) = proven?;
        due = rest;
        host.work(move |host| take_again(host, &letters)).await?;
    }
    Ok(())
}

/// Proves the first of these letters from the journal; gives the others back.
///
/// # Errors
/// [`HostError::Store`].
pub async fn prove<P: Party>(
    host: &Arc<Host<P>>,
    reader: &Reader,
    mut letters: Vec<AwaitingProof>,
) -> Result<(Vec<AwaitingProof>, Vec<ProvenAgain>), HostError> {
    let (letters, read) = host
        .work(move |host| {
            let mut read = Vec::new();
            let mut octets = 0;
            for one in letters.iter().take(LETTERS) {
                if octets >= OCTETS {
                    break;
                }
                let letter = one.at.map(|at| host.letter(at)).transpose()?;
                let letter = letter.filter(|l| !l.is_empty());
                octets += letter.as_ref().map_or(0, Vec::len);
                read.push(letter);
            }
            let rest = letters.split_off(read.len());
            Ok::<_, HostError>(((rest, letters), read))
        })
        .await?;
    let (rest, asked) = letters;
    let unproven = asked.iter().zip(&read).filter_map(|(one, letter)| {
        Some(Unproven {
            octets: letter.clone()?,
            received_at: Some(one.received_at),
        })
    });
    let unproven = unproven.collect();
    let mut proven = reader
        .read(unproven, FoundIn::Inbox, host.now())
        .await
        .into_iter();
    let again = asked.into_iter().zip(read).map(|(one, letter)| {
        let arrival = letter.and_then(|_| proven.next());
        let received = arrival.and_then(|a| match a.brings {
            Brings::Statement(received) => Some(*received),
            Brings::Nothing | Brings::OwnStatement { .. } | Brings::Report(_) => None,
        });
        ProvenAgain {
            id: one.id,
            received,
        }
    });
    Ok((rest, again.collect()))
}

/// Decides about letters that were proven again; how each is judged now. Once this returns, it is durable.
///
/// # Errors
/// [`HostError`].
pub fn take_again<P: Party>(
    host: &Host<P>,
    letters: &[ProvenAgain],
) -> Result<Vec<P::Verdict>, HostError> {
    let mut verdicts = Vec::new();
    let mut rest = letters;
    while !rest.is_empty() {
        let now = host.now();
        let some = host.write(|page| {
            let mut some = Vec::new();
            for letter in rest {
                let mut ids = fresh_ids()?;
                let input = Input::ProvenAgain {
                    id: &letter.id,
                    received: letter.received.as_ref(),
                };
                let decision = host.party().decide(page.rows(), input, now, &mut ids);
                some.push(match page.record(decision, &[], now, &mut ids) {
                    Ok(recorded) => recorded.verdict,
                    Err(e) if e.is_of_the_decision() => {
                        tracing::error!("a letter that waited: {e}");
                        P::Verdict::default()
                    }
                    Err(e) => return Err(e),
                });
                if page.written() > ENOUGH {
                    break;
                }
            }
            Ok::<_, HostError>(some)
        })?;
        rest = rest.get(some.len()..).unwrap_or_default();
        verdicts.extend(some);
    }
    Ok(verdicts)
}
