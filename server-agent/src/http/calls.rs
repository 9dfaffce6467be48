//! The calls: what each path does. `openapi.json` beside this file describes them to callers, and a
//! test compares the two.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tradepost_letters::untrusted;
use tradepost_parties::kernel::book;
use tradepost_parties::view;
use tradepost_post::stop::Stop;
use tradepost_statements::{Address, StatementId, TradeId, TradeRef, wire};

use super::hooks::{self, Hook, Left};
use super::lines::{self, Teller};
use super::metrics::Metrics;
use super::problem::{Problem, ProblemKind};
use crate::answers;
use crate::book::{Book, BookHost};
use crate::config::BearerToken;
use crate::question::Ask;
use tradepost_agent::rpc::Reply;
use tradepost_agent::run::Questions;

/// A call that takes longer is given up, so that nobody holds a connection by sending slowly.
const LONGEST_CALL: Duration = Duration::from_secs(30);
/// So long after the server was asked to stop, a call that is not complete is answered: before it is cut off.
const LAST_CALLS: Duration = Duration::from_secs(3);
/// Whoever asks for the health wants to know soon.
const LONGEST_HEALTH: Duration = Duration::from_secs(5);
/// As of a key of `emit`.
const LONGEST_KEY: usize = 256;

/// What the calls reach.
pub(super) struct Inside {
    host: Arc<BookHost>,
    token: BearerToken,
    hooks: Vec<Hook>,
    teller: Teller,
    asked: Questions<Book>,
    stop: Stop,
    metrics: Metrics,
}

type Here = State<Arc<Inside>>;

impl Inside {
    pub(super) fn new(
        host: Arc<BookHost>,
        token: BearerToken,
        hooks: Vec<Hook>,
        teller: Teller,
        asked: Questions<Book>,
        stop: Stop,
    ) -> Inside {
        Inside {
            host,
            token,
            hooks,
            teller,
            asked,
            stop,
            metrics: Metrics::new(),
        }
    }
}

pub(super) fn router(inside: Inside) -> Router {
    let inside = Arc::new(inside);
    let with_token = Router::new()
        .route("/v1/trades", post(new_record))
        .route("/v1/trades/{id}", get(trade))
        .route("/v1/trades/{id}/events", post(new_event))
        .route("/v1/outbox", get(outbox))
        .route("/metrics", get(metrics))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&inside), let_in));
    Router::new()
        .route("/healthz", get(health))
        .route("/openapi.json", get(document))
        .route(
            "/v1/hooks/{name}",
            post(webhook).layer(DefaultBodyLimit::max(hooks::LARGEST_BODY)),
        )
        .merge(with_token)
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(wire::MOST_OCTETS))
        .layer(middleware::from_fn_with_state(Arc::clone(&inside), each))
        .with_state(inside)
}

/// Around every call: its time is limited, and it is counted.
async fn each(State(inside): Here, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut stop = inside.stop.clone();
    let last_calls = async {
        stop.stopped().await;
        tokio::time::sleep(LAST_CALLS).await;
    };
    let answer = tokio::select! {
        biased;
        answer = timeout(LONGEST_CALL, next.run(request)) => answer,
        () = last_calls => Ok(Problem::stopping().into_response()),
    };
    let answer = answer.unwrap_or_else(|_| {
        let text = format!(
            "the call was not complete after {} seconds; if it told something, make it again with the same key",
            LONGEST_CALL.as_secs()
        );
        Problem::new(ProblemKind::CallTookTooLong, text).into_response()
    });
    let path = path.as_ref().map_or("other", MatchedPath::as_str);
    inside.metrics.called(&method, path, answer.status());
    answer
}

async fn let_in(State(inside): Here, request: Request, next: Next) -> Response {
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    if shown.is_some_and(|token| inside.token.is(token)) {
        return next.run(request).await;
    }
    let text = "send the header `Authorization: Bearer TOKEN` with the token that lies in the \
                server's [http] token_file";
    Problem::new(ProblemKind::TokenIsMissingOrWrong, text).into_response()
}

async fn nothing_here() -> Problem {
    let text = "see /openapi.json for what there is";
    Problem::new(ProblemKind::NoSuchPlace, text)
}

async fn wrong_method() -> Problem {
    let text = "the header Allow says which methods this path has";
    Problem::new(ProblemKind::MethodIsNotAllowed, text)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, untrusted::json(&body.to_string())).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// `GET /openapi.json`.
async fn document() -> Response {
    const DOCUMENT: &str = include_str!("openapi.json");
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DOCUMENT).into_response()
}

/// `GET /healthz`: whether the loop of `run` answers.
async fn health(State(inside): Here) -> Response {
    // No lines: the loop takes its turn and says so, and nothing is recorded.
    let turn = timeout(LONGEST_HEALTH, lines::take(&inside.asked, Vec::new()));
    match turn.await {
        Ok(Ok(_)) => answer(StatusCode::OK, &json!({ "status": "ok" })),
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            let text = "the server does not come to answer; its log says what it does";
            Problem::new(ProblemKind::NotNow, text).into_response()
        }
    }
}

/// `GET /metrics`.
async fn metrics(State(inside): Here) -> Response {
    let around = Arc::clone(&inside);
    let text = inside
        .host
        .work(move |host| around.metrics.text(host))
        .await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// `?shop=`, where several shops have a trade of one id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfShop {
    shop: Option<String>,
}

fn shop_of(query: Result<Query<OfShop>, QueryRejection>) -> Result<Option<Address>, Problem> {
    let wrong = |text: String| Problem::new(ProblemKind::QueryIsWrong, text);
    let Query(OfShop { shop }) = query.map_err(|e| wrong(e.body_text()))?;
    match shop {
        None => Ok(None),
        Some(text) => match text.parse::<Address>() {
            Ok(address) => Ok(Some(address)),
            Err(e) => Err(wrong(format!("shop: {e}"))),
        },
    }
}

/// `GET /v1/trades/{id}`.
async fn trade(
    State(inside): Here,
    Path(id): Path<String>,
    query: Result<Query<OfShop>, QueryRejection>,
) -> Result<Response, Problem> {
    let shop = shop_of(query)?;
    let none = || {
        let text = format!("there is no trade {id} here; `tradepost-server trades` lists all");
        Problem::new(ProblemKind::NoSuchTrade, text)
    };
    let id: TradeId = id.parse().map_err(|_| none())?;
    let found = inside.host.work({
        let id = id.clone();
        move |host| {
            host.view(|rows| {
                let names = match shop {
                    Some(shop) => vec![TradeRef { shop, id }],
                    None => book::shops_with(rows, &id, MOST_SHOPS),
                };
                let own = &host.party().config.settings.address;
                let trades = names.iter().filter_map(|name| book::load(rows, name));
                trades.map(|t| view::view(&t, own)).collect::<Vec<_>>()
            })
        }
    });
    match found.await.as_slice() {
        [] => Err(none()),
        [one] => Ok(answer(StatusCode::OK, &json!(one))),
        [first, others @ ..] => {
            let text = format!(
                "name the shop, as in ?shop={}",
                query_value(first.shop.as_str())
            );
            let others = others.iter().map(|t| t.shop.to_string());
            let shops: Vec<_> = std::iter::once(first.shop.to_string())
                .chain(others)
                .collect();
            let problem = Problem::new(ProblemKind::SeveralShopsHaveThatTrade, text);
            Err(problem.with("shops", json!(shops)))
        }
    }
}

/// Enough to show that an id is ambiguous.
const MOST_SHOPS: usize = 8;

/// `?all=`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithEnded {
    #[serde(default)]
    all: bool,
}

/// `GET /v1/outbox`.
async fn outbox(
    State(inside): Here,
    query: Result<Query<WithEnded>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(WithEnded { all }) =
        query.map_err(|e| Problem::new(ProblemKind::QueryIsWrong, e.body_text()))?;
    let ask = Ask::Outbox { all };
    let reply = inside
        .host
        .work(move |host| answers::to_command(host, &ask))
        .await;
    match reply {
        Ok(Reply::Answer(items)) => Ok(answer(StatusCode::OK, &items)),
        Ok(Reply::Refused(text)) => Err(Problem::new(ProblemKind::Refused, text)),
        Ok(Reply::Failed(why)) => Err(Problem::book_failed(&why)),
        Ok(Reply::Stopping) => Err(Problem::stopping()),
        Err(e) => {
            tracing::error!("the outbox could not be read: {e}");
            Err(Problem::book_failed(&e.to_string()))
        }
    }
}

/// `POST /v1/trades`: the record of an order that was placed elsewhere, or its next version.
async fn new_record(
    State(inside): Here,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let key = key_of(&headers)?;
    let mut record = object_of(&headers, body)?;
    let named = record.get("trade").cloned().unwrap_or_default();
    let mut line = Map::from_iter([("key".to_owned(), json!(key))]);
    // In the line it stands beside the record, which has nothing to do with how it is told.
    line.extend(record.remove_entry("mail"));
    line.insert("record".to_owned(), Value::Object(record));
    let statement = tell(&inside, &Value::Object(line)).await?;
    let own = inside.host.party().config.settings.address.as_str();
    // Accepted, so it is the id, or the pair with the id in it.
    let id = named.as_str().or(named["id"].as_str()).unwrap_or_default();
    let place = format!("/v1/trades/{id}?shop={}", query_value(own));
    let told = json!({ "trade": { "shop": own, "id": id }, "statement": statement });
    let mut response = answer(StatusCode::CREATED, &told);
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `POST /v1/trades/{id}/events`: what happened to a trade.
async fn new_event(
    State(inside): Here,
    Path(id): Path<String>,
    query: Result<Query<OfShop>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let key = key_of(&headers)?;
    let shop = shop_of(query)?;
    let mut event = object_of(&headers, body)?;
    for (name, instead) in [
        ("key", "the header Idempotency-Key"),
        ("trade", "the path"),
        ("shop", "the query, as ?shop="),
    ] {
        if event.contains_key(name) {
            let text = format!("{name}: belongs into {instead}, not into the body");
            return Err(Problem::new(ProblemKind::Refused, text));
        }
    }
    event.insert("key".to_owned(), json!(key));
    event.insert("trade".to_owned(), json!(id));
    if let Some(shop) = shop {
        event.insert("shop".to_owned(), json!(shop));
    }
    let statement = tell(&inside, &Value::Object(event)).await?;
    let told = json!({ "trade": { "id": id }, "statement": statement });
    Ok(answer(StatusCode::OK, &told))
}

/// `POST /v1/hooks/{name}`: what a web shop tells, signed by it.
async fn webhook(
    State(inside): Here,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Some(hook) = inside.hooks.iter().find(|hook| hook.name() == name) else {
        let text = "the configuration has no [[webhook]] of that name";
        return Err(Problem::new(ProblemKind::NoSuchPlace, text));
    };
    let body = body.map_err(|e| unreadable(e, hooks::LARGEST_BODY))?;
    let taken = lines::soon(hook.take(&inside.host, &inside.asked, &headers, &body)).await;
    let taken = taken.inspect_err(|problem| {
        let text = untrusted::show(problem.detail());
        tracing::warn!("webhook {name}: not taken: {text}");
    })?;
    for left in &taken.left {
        let text = left.shown();
        let shown = untrusted::show(&text);
        if left.reason.is_usual() {
            tracing::info!("webhook {name}: {}: left out: {shown}", taken.topic);
        } else {
            tracing::warn!("webhook {name}: {}: left out: {shown}", taken.topic);
        }
        inside
            .metrics
            .left_out(hook.kind().word(), taken.topic, left.reason.word());
    }
    let left_out: Vec<String> = taken.left.iter().map(Left::shown).collect();
    let told = json!({ "recorded": taken.recorded, "left_out": left_out });
    Ok(answer(StatusCode::OK, &told))
}

/// Has a line taken. Once this returns, what it says is durable.
async fn tell(inside: &Inside, line: &Value) -> Result<StatementId, Problem> {
    let answer = inside.teller.tell(line.to_string().into_bytes()).await?;
    if let Some(statement) = answer.statement {
        return Ok(statement);
    }
    let words = answer.error.unwrap_or_default();
    Err(Problem::refused(answer.refusal.as_ref(), &words))
}

/// The header `Idempotency-Key`, bare or as a string of RFC 8941.
fn key_of(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = |text: &str| Problem::new(ProblemKind::KeyIsMissing, text);
    let mut keys = headers.get_all("idempotency-key").iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        let text = "send one header `Idempotency-Key` with your own name for what you tell: the same \
                    call again is answered the same and does nothing";
        return Err(missing(text));
    };
    let key = key.to_str().unwrap_or_default();
    let bare = key
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let key = bare.unwrap_or(key).trim();
    // Nothing that lists and objects are written with, as where a program sends another thing by mistake.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._~:/#@+=-".contains(&b);
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(fits) {
        let text = format!(
            "Idempotency-Key: a key has 1 to {LONGEST_KEY} letters, digits and signs of ._~:/#@+=- , bare or in \
             double quotes, and no blanks"
        );
        return Err(missing(&text));
    }
    Ok(key.to_owned())
}

/// A body that is a JSON object, read as strictly as a line of `emit`.
fn object_of(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Map<String, Value>, Problem> {
    if !is_json(headers) {
        let text = "send the header `Content-Type: application/json`";
        return Err(Problem::new(ProblemKind::BodyIsOfAnotherType, text));
    }
    let body = body.map_err(|e| unreadable(e, wire::MOST_OCTETS))?;
    let not_json = |text: String| Problem::new(ProblemKind::BodyIsNotJson, text);
    let value = wire::parse_json(&body)
        .map_err(|e| not_json(e.to_string().replacen("the statement", "the body", 1)))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(not_json(
                "the body is JSON, but no object: { .. }".to_owned(),
            ))
        }
    }
}

/// RFC 9110 section 8.3.1: the type without its parameters, in any case.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn unreadable(rejection: BytesRejection, most: usize) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let text = format!("the body has more than the {most} octets allowed");
        return Problem::new(ProblemKind::BodyIsTooLarge, text);
    }
    Problem::new(ProblemKind::BodyIsNotJson, "the body did not arrive whole")
}

/// RFC 3986 section 2.1: what a value of a query may not hold bare is percent-encoded.
fn query_value(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~@".contains(&b) => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
