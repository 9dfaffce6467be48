//! Servers that say exactly what a test tells them to: one async function a connection.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

pub mod imap;
pub mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// No wait in a test lasts longer; reaching it is a failure.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The client's other end. To scripts and in the log the tags of an IMAP client are a1, a2, a3 ..., whichever it
/// uses.
pub struct Peer {
    /// Counted from 0 over the server's life.
    pub nth: usize,
    /// As the client has them.
    tags: Vec<String>,
    stream: BufReader<Box<dyn Stream>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Says these bytes with a CRLF.
    pub async fn say(&mut self, line: &str) {
        self.raw(format!("{line}\r\n").as_bytes()).await;
    }

    /// Sends these bytes. A client that is gone is no failure of the server.
    pub async fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(&self.with_its_tags(bytes)).await;
        let _ = self.stream.flush().await;
    }

    /// The client's next line; none when it is gone.
    pub async fn line(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        match self.stream.read_until(b'\n', &mut bytes).await {
            Ok(n) if n > 0 => {}
            _ => return None,
        }
        let mut line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if let Some((tag, command)) = line.split_once(' ').filter(|(tag, _)| is_tag(tag)) {
            self.tags.push(tag.to_owned());
            line = format!("a{} {command}", self.tags.len());
        }
        self.log.lock().unwrap().push(line.clone());
        Some(line)
    }

    fn with_its_tags(&self, bytes: &[u8]) -> Vec<u8> {
        let line = |line: &[u8]| -> Vec<u8> {
            let mut tags = (1..).zip(&self.tags);
            let of = |(n, tag): (usize, &String)| {
                let rest = line.strip_prefix(format!("a{n} ").as_bytes())?;
                Some([tag.as_bytes(), b" ", rest].concat())
            };
            tags.find_map(of).unwrap_or_else(|| line.to_vec())
        };
        bytes
            .split_inclusive(|b| *b == b'\n')
            .flat_map(line)
            .collect()
    }

    /// That many bytes from the client.
    pub async fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        let _ = self.stream.read_exact(&mut bytes).await;
        bytes
    }

    async fn upgrade(self, tls: tokio_rustls::TlsAcceptor) -> Peer {
        let stream: Box<dyn Stream> = Box::new(tls.accept(self.stream).await.unwrap());
        Peer {
            stream: BufReader::new(stream),
            ..self
        }
    }

    /// Waits until the client is gone.
    pub async fn gone(&mut self) {
        while self.line().await.is_some() {}
    }
}

/// `A0001`, `t5`.
fn is_tag(word: &str) -> bool {
    let digits = word.strip_prefix(|c: char| c.is_ascii_alphabetic());
    digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
}

pub type Upgrade = Box<dyn FnOnce(Peer) -> Pin<Box<dyn Future<Output = Peer> + Send>> + Send>;

type Conversation = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server on a free port of this computer; it ends with the test.
pub struct Scripted {
    pub port: u16,
    log: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub async fn start<F, Fut>(script: F) -> Scripted
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Scripted::start_with(None, move |peer| -> Conversation { Box::pin(script(peer)) }).await
    }

    /// With implicit TLS.
    pub async fn start_with<F>(tls: Option<tokio_rustls::TlsAcceptor>, script: F) -> Scripted
    where
        F: Fn(Peer) -> Conversation + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log_too, count) = (log.clone(), connections.clone());
        let script = Arc::new(script);
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let nth = count.fetch_add(1, Ordering::SeqCst);
                let (log, tls, script) = (log_too.clone(), tls.clone(), script.clone());
                running.spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(tcp),
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    let stream = BufReader::new(stream);
                    let tags = Vec::new();
                    script(Peer {
                        nth,
                        tags,
                        stream,
                        log,
                    })
                    .await;
                });
            }
        });
        Scripted {
            port,
            log,
            connections,
            task,
        }
    }

    /// In plain text first; `upgrade` goes on with TLS.
    pub async fn start_upgrading<F, Fut>(tls: tokio_rustls::TlsAcceptor, script: F) -> Scripted
    where
        F: Fn(Peer, Upgrade) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Scripted::start(move |peer| {
            let tls = tls.clone();
            script(peer, Box::new(move |peer| Box::pin(peer.upgrade(tls))))
        })
        .await
    }

    /// All lines that clients sent so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How many of them contain `part`.
    pub fn heard(&self, part: &str) -> usize {
        self.log().iter().filter(|l| l.contains(part)).count()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Waits for what a test needs, at most [`DEADLINE`].
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("the test waited too long")
}

/// Waits until `condition` holds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A CA and a certificate for localhost made with it.
pub struct Certificates {
    pub ca_pem: String,
    pub acceptor: tokio_rustls::TlsAcceptor,
}

impl Certificates {
    pub fn new() -> Certificates {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = rcgen::CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        Certificates { ca_pem, acceptor }
    }
}
