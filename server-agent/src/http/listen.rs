//! The listening side: connections, TLS, limits, and the end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tradepost_agent::config::ConfigError;
use tradepost_post::stop::Stop;

use super::calls::{self, Inside};
use super::hooks::Hook;
use super::lines::LineQueue;
use super::patient::Patient;
use crate::book::{Book, BookHost};
use tradepost_agent::run::Questions;

/// Each may hold a body in memory; more callers wait for their turn in the system's queue.
const MOST_CONNECTIONS: usize = 64;
/// A head has some hundred octets. An idle connection is closed after that time as well.
const LONGEST_HEAD: Duration = Duration::from_secs(10);
/// A handshake takes two round trips.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);
/// An answer is read as it comes.
const LONGEST_WRITE: Duration = Duration::from_secs(30);
/// Fields and the request line.
const LARGEST_HEAD: usize = 16 * 1024;
/// Whoever has just connected when the server stops may still call, and is told so.
const FIRST_CALL: Duration = Duration::from_secs(1);
/// What is under way may end.
const GRACE: Duration = Duration::from_secs(5);

/// The intake, which listens already and answers once it is served.
pub(crate) struct Intake {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    lines: LineQueue,
    stop: Stop,
}

/// Listens where the configuration says; none: it says nothing of HTTP. With port 0 the system
/// chooses a port, which is told in the log.
pub(crate) async fn open(
    host: &Arc<BookHost>,
    asked: Questions<Book>,
    stop: Stop,
) -> anyhow::Result<Option<Intake>> {
    let Some(settings) = &host.party().config.http else {
        return Ok(None);
    };
    let source = &host.party().config.source;
    let token = settings.token(source)?;
    let tls = settings.tls(source)?;
    let hooks: Result<Vec<Hook>, _> = settings
        .hooks
        .iter()
        .map(|hook| Ok(Hook::new(hook.clone(), hook.secret(source)?)))
        .collect::<Result<_, ConfigError>>();
    let hooks = hooks?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("[http] listen: {} cannot be listened at", settings.listen))?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("the HTTP intake listens at {scheme}://{address}");
    let (lines, told) = LineQueue::new(asked.clone());
    let inside = Inside::new(Arc::clone(host), token, hooks, told, asked, stop.clone());
    Ok(Some(Intake {
        listener,
        tls,
        router: calls::router(inside),
        lines,
        stop,
    }))
}

impl Intake {
    /// Answers calls until asked to stop; then those that are under way end.
    pub(crate) async fn serve(self) {
        let lines = tokio::spawn(self.lines.pass_on());
        let mut calls = JoinSet::new();
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let (stop, mut stopped) = (self.stop.clone(), self.stop);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = stopped.stopped() => break,
            };
            let caller = tokio::select! {
                caller = self.listener.accept() => caller,
                () = stopped.stopped() => break,
            };
            match caller {
                Ok((stream, from)) => {
                    let (router, tls, stop) = (self.router.clone(), self.tls.clone(), stop.clone());
                    calls.spawn(async move {
                        let _place = place;
                        welcome(stream, from, tls, router, stop).await;
                    });
                }
                Err(e) => {
                    tracing::warn!("a call could not be answered: {e}");
                    // Out of file descriptors: wait rather than spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            while calls.try_join_next().is_some() {}
        }
        // Those who have called already are told that the server stops.
        while let Poll::Ready(Ok((stream, from))) = self
            .listener
            .poll_accept(&mut TaskContext::from_waker(Waker::noop()))
        {
            let (router, tls) = (self.router.clone(), self.tls.clone());
            calls.spawn(welcome(stream, from, tls, router, stop.clone()));
        }
        drop(self.listener);
        drop(self.router);
        let all = async { while calls.join_next().await.is_some() {} };
        if timeout(GRACE, all).await.is_err() {
            tracing::warn!("calls that did not end in time were cut off");
        }
        lines.abort();
    }
}

async fn welcome(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: Stop,
) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, LONGEST_WRITE);
    let ended = match tls {
        None => converse(stream, router, stop).await,
        Some(tls) => match timeout(LONGEST_HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, router, stop).await,
            Ok(Err(e)) => {
                tracing::debug!("{from}: no TLS: {e}");
                return;
            }
            Err(_) => {
                tracing::debug!("{from}: no TLS in time");
                return;
            }
        },
    };
    if let Err(e) = ended {
        tracing::debug!("{from}: a call ended early: {e}");
    }
}

/// Answers calls until asked to stop; then the one that is under way, or has just come.
async fn converse<S>(stream: S, router: Router, mut stop: Stop) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (calls, mut called) = watch::channel(false);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        calls.send_replace(true);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEAD)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.stopped() => {}
    }
    // A connection without a call would be closed at once, and its call may be on its way.
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = timeout(FIRST_CALL, called.wait_for(|called| *called)) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}
