//! The side of `run` at its door: it lets commands in, has the loop answer them, and lets them hear that it
//! works. Whoever is let in gets an answer, or the word that `run` is stopping, or it is cut off.

use std::sync::Arc;

use serde_json::Value;
use tokio::net::UnixStream;
use tradepost_agent::door::Door;
use tradepost_agent::rpc::{Conversation, Reply};
use tradepost_agent::run::Questions;
use tradepost_post::stop::Stop;

use crate::book::{Book, BookHost};
use crate::question::{Answered, Ask, EmitReply, LineReader, LoopQuestion};

/// Lets commands in until asked to stop.
pub(crate) async fn answer_the_door(
    door: Door,
    host: Arc<BookHost>,
    ask: Questions<Book>,
    stop: Stop,
) {
    let converse = |stream: UnixStream| {
        let conversation = Conversation::new(stream, stop.clone(), "server");
        let (host, ask, stop) = (Arc::clone(&host), ask.clone(), stop.clone());
        async move {
            // A command that is gone before its answer is no fault.
            if let Err(e) = converse(conversation, &host, &ask, stop).await {
                tracing::debug!("a command ended early: {e}");
            }
        }
    };
    door.let_in(stop.clone(), converse).await;
}

async fn converse(
    mut conversation: Conversation,
    host: &Arc<BookHost>,
    ask: &Questions<Book>,
    stop: Stop,
) -> anyhow::Result<()> {
    while let Some(asked) = conversation.question::<Ask>().await {
        if let Ask::Emit = asked {
            // Tells the caller that its lines are welcome.
            conversation.say(&Reply::Answer(Value::Null)).await;
            return take_lines(conversation, host, ask, stop).await;
        }
        let probe = || host.work(BookHost::wait_for_turn);
        let reply = conversation
            .work(probe, ask.ask(LoopQuestion::Ask(asked)))
            .await;
        if !conversation.say(&as_value(reply)).await {
            return Ok(());
        }
    }
    Ok(())
}

/// Only lines are answered by lines.
pub(crate) fn as_value(reply: Reply<Answered>) -> Reply<Value> {
    match reply {
        Reply::Answer(Answered::Value(value)) => Reply::Answer(value),
        Reply::Answer(Answered::Lines(_)) => Reply::Answer(Value::Null),
        Reply::Refused(why) => Reply::Refused(why),
        Reply::Failed(why) => Reply::Failed(why),
        Reply::Stopping => Reply::Stopping,
    }
}

async fn take_lines(
    conversation: Conversation,
    host: &Arc<BookHost>,
    ask: &Questions<Book>,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let (lines, mut speaking) = conversation.into_parts();
    let mut lines = LineReader::new(lines);
    let mut answered = 0;
    loop {
        let batch = tokio::select! {
            biased;
            batch = lines.batch() => batch?,
            () = stop.stopped() => return Ok(speaking.say(&[EmitReply::Stopping]).await?),
        };
        if batch.is_empty() {
            return Ok(speaking.say(&[EmitReply::Done { answered }]).await?);
        }
        let probe = || host.work(BookHost::wait_for_turn);
        let reply = speaking
            .work(probe, ask.ask(LoopQuestion::Lines(batch)))
            .await;
        let said: Vec<EmitReply> = match reply {
            Reply::Answer(Answered::Lines(answers)) => {
                answers.into_iter().map(EmitReply::Answer).collect()
            }
            Reply::Answer(Answered::Value(_)) | Reply::Stopping => {
                return Ok(speaking.say(&[EmitReply::Stopping]).await?);
            }
            Reply::Refused(why) | Reply::Failed(why) => {
                return Ok(speaking.say(&[EmitReply::Failed(why)]).await?);
            }
        };
        answered += said.len() as u64;
        speaking.say(&said).await?;
    }
}
