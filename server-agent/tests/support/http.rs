//! A caller of the HTTP intake: plain HTTP/1.1, one call a connection, as simple as can be.
#![allow(clippy::unwrap_used, dead_code)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, Room, Running};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The section for the configuration, on a port of its own, with its token file.
pub(crate) fn http_section(room: &Room) -> String {
    let file = room.folder.path().join("http-token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    "[http]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"http-token\"\n".to_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// What kind of problem it is, as the document names it.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        assert!(
            body["title"].is_string() && body["detail"].as_str().unwrap().len() > 10,
            "{body}"
        );
        let kind = body["type"].as_str().unwrap();
        kind.strip_prefix("/openapi.json#/components/responses/")
            .unwrap()
            .to_owned()
    }
}

impl Running {
    /// Where its intake listens, as its log says.
    pub(crate) fn address(&self) -> SocketAddr {
        let log = self.log();
        let (_, rest) = log.split_once("the HTTP intake listens at http").unwrap();
        let (_, address) = rest.split_once("://").unwrap();
        address.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Calls with the token.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        self.call_as(method, path, &all, body)
    }

    /// Calls with these headers only.
    pub(crate) fn call_as(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut stream = connect(self.address());
        stream
            .write_all(&request(method, path, headers, body))
            .unwrap();
        read_answer(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "")
    }

    /// Tells something under a key.
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let headers = [
            ("Idempotency-Key", key),
            ("Content-Type", "application/json"),
        ];
        self.call("POST", path, &headers, &body.to_string())
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    let started = Instant::now();
    let mut octets = Vec::new();
    if let Err(e) = stream.read_to_end(&mut octets) {
        // A server that closes while the body is still coming may reset the connection.
        assert!(
            !octets.is_empty() && started.elapsed() < PATIENCE,
            "no answer: {e}"
        );
    }
    let text = String::from_utf8_lossy(&octets);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = match head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        true => panic!("chunked: {text}"),
        false => body.to_owned(),
    };
    Answer {
        status,
        head: head.to_owned(),
        body,
    }
}
