//! What a caller is told when a call fails: problem details (RFC 9457) that say what to fix.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tradepost_letters::untrusted;
use tradepost_parties::emit::LineRefusal;

/// Everything that a call can fail of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    TokenIsMissingOrWrong,
    SignatureIsWrong,
    NoSuchPlace,
    MethodIsNotAllowed,
    BodyIsNotJson,
    BodyIsTooLarge,
    BodyIsOfAnotherType,
    CallTookTooLong,
    KeyIsMissing,
    QueryIsWrong,
    KeyWasUsedForOtherContent,
    NoSuchTrade,
    SeveralShopsHaveThatTrade,
    Refused,
    NotNow,
}

impl ProblemKind {
    /// Its name in the document, where `type` points to.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProblemKind::TokenIsMissingOrWrong => "TokenIsMissingOrWrong",
            ProblemKind::SignatureIsWrong => "SignatureIsWrong",
            ProblemKind::NoSuchPlace => "NoSuchPlace",
            ProblemKind::MethodIsNotAllowed => "MethodIsNotAllowed",
            ProblemKind::BodyIsNotJson => "BodyIsNotJson",
            ProblemKind::BodyIsTooLarge => "BodyIsTooLarge",
            ProblemKind::BodyIsOfAnotherType => "BodyIsOfAnotherType",
            ProblemKind::CallTookTooLong => "CallTookTooLong",
            ProblemKind::KeyIsMissing => "KeyIsMissing",
            ProblemKind::QueryIsWrong => "QueryIsWrong",
            ProblemKind::KeyWasUsedForOtherContent => "KeyWasUsedForOtherContent",
            ProblemKind::NoSuchTrade => "NoSuchTrade",
            ProblemKind::SeveralShopsHaveThatTrade => "SeveralShopsHaveThatTrade",
            ProblemKind::Refused => "Refused",
            ProblemKind::NotNow => "NotNow",
        }
    }

    /// Its title for people, and its status.
    fn title(self) -> (&'static str, StatusCode) {
        match self {
            ProblemKind::TokenIsMissingOrWrong => {
                ("The token is missing or wrong", StatusCode::UNAUTHORIZED)
            }
            ProblemKind::SignatureIsWrong => (
                "The signature is missing or wrong",
                StatusCode::UNAUTHORIZED,
            ),
            ProblemKind::NoSuchPlace => ("There is nothing here", StatusCode::NOT_FOUND),
            ProblemKind::MethodIsNotAllowed => (
                "The method is not for this path",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            ProblemKind::BodyIsNotJson => ("The body is not JSON", StatusCode::BAD_REQUEST),
            ProblemKind::BodyIsTooLarge => ("The body is too large", StatusCode::PAYLOAD_TOO_LARGE),
            ProblemKind::BodyIsOfAnotherType => (
                "The body is not said to be JSON",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            ProblemKind::CallTookTooLong => ("The call took too long", StatusCode::REQUEST_TIMEOUT),
            ProblemKind::KeyIsMissing => (
                "The header Idempotency-Key is missing or wrong",
                StatusCode::BAD_REQUEST,
            ),
            ProblemKind::QueryIsWrong => ("The query is wrong", StatusCode::BAD_REQUEST),
            ProblemKind::KeyWasUsedForOtherContent => {
                ("The key was used for other content", StatusCode::CONFLICT)
            }
            ProblemKind::NoSuchTrade => ("There is no such trade", StatusCode::NOT_FOUND),
            ProblemKind::SeveralShopsHaveThatTrade => (
                "Several shops have a trade of that id",
                StatusCode::CONFLICT,
            ),
            ProblemKind::Refused => ("The content is refused", StatusCode::UNPROCESSABLE_ENTITY),
            ProblemKind::NotNow => (
                "The server cannot do it now",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        }
    }
}

/// A failed call.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    detail: String,
    /// Members of its kind beyond those of the RFC.
    more: Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            detail: detail.into(),
            more: Map::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Problem {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// What is wrong, in words.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Of what the caller told; `words` are the refusal's.
    pub(crate) fn refused(refusal: Option<&LineRefusal>, words: &str) -> Problem {
        let kind = if let Some(LineRefusal::KeyWasUsedForOtherContent(_)) = refusal {
            ProblemKind::KeyWasUsedForOtherContent
        } else if let Some(LineRefusal::NoSuchTrade(_)) = refusal {
            ProblemKind::NoSuchTrade
        } else if let Some(LineRefusal::SeveralShopsHaveThatTrade { .. }) = refusal {
            ProblemKind::SeveralShopsHaveThatTrade
        } else {
            ProblemKind::Refused
        };
        // In the line of `emit` the record is a member; here it is the body.
        Problem::new(kind, words.strip_prefix("record.").unwrap_or(words))
    }

    /// The loop has ended, or ends before it comes to this call.
    pub(crate) fn stopping() -> Problem {
        Problem::again("the server is stopping")
    }

    /// The loop does something else for long, or hangs.
    pub(crate) fn no_turn() -> Problem {
        Problem::again("the server does not come to answer")
    }

    /// The book could not be written.
    pub(crate) fn book_failed(why: &str) -> Problem {
        Problem::again(&format!("the server cannot write its book: {why}"))
    }

    fn again(why: &str) -> Problem {
        let text = format!(
            "{why}; whether this call was recorded is not known: make it again, with the same Idempotency-Key \
             where it has one"
        );
        Problem::new(ProblemKind::NotNow, text)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (title, status) = self.kind.title();
        let mut body = json!({
            "type": format!("/openapi.json#/components/responses/{}", self.kind.name()),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail,
        });
        if let Value::Object(body) = &mut body {
            body.extend(self.more);
        }
        let mut response = (status, untrusted::json(&body.to_string())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.kind {
            ProblemKind::TokenIsMissingOrWrong => {
                let challenge = HeaderValue::from_static("Bearer realm=\"tradepost-server\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            ProblemKind::NotNow => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            ProblemKind::SignatureIsWrong
            | ProblemKind::NoSuchPlace
            | ProblemKind::MethodIsNotAllowed
            | ProblemKind::BodyIsNotJson
            | ProblemKind::BodyIsTooLarge
            | ProblemKind::BodyIsOfAnotherType
            | ProblemKind::CallTookTooLong
            | ProblemKind::KeyIsMissing
            | ProblemKind::QueryIsWrong
            | ProblemKind::KeyWasUsedForOtherContent
            | ProblemKind::NoSuchTrade
            | ProblemKind::SeveralShopsHaveThatTrade
            | ProblemKind::Refused => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALL: [ProblemKind; 15] = [
        ProblemKind::TokenIsMissingOrWrong,
        ProblemKind::SignatureIsWrong,
        ProblemKind::NoSuchPlace,
        ProblemKind::MethodIsNotAllowed,
        ProblemKind::BodyIsNotJson,
        ProblemKind::BodyIsTooLarge,
        ProblemKind::BodyIsOfAnotherType,
        ProblemKind::CallTookTooLong,
        ProblemKind::KeyIsMissing,
        ProblemKind::QueryIsWrong,
        ProblemKind::KeyWasUsedForOtherContent,
        ProblemKind::NoSuchTrade,
        ProblemKind::SeveralShopsHaveThatTrade,
        ProblemKind::Refused,
        ProblemKind::NotNow,
    ];

    #[test]
    fn the_type_of_every_problem_points_to_its_description() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let described = document["components"]["responses"].as_object().unwrap();
        for kind in ALL {
            let text = &described[kind.name()]["description"];
            assert!(text.as_str().is_some_and(|t| t.len() > 20), "{kind:?}");
        }
        assert_eq!(described.len(), ALL.len(), "and nothing else is described");
    }
}
