//! Accepting connections, and ending them all.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::post_office::PostOffice;
use crate::smtp::Door;
use crate::{imap, smtp};

/// What is spoken on a port.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Imap { implicit_tls: bool },
    Smtp { door: Door, implicit_tls: bool },
}

/// Serves every connection to a listener until stopped.
pub(crate) async fn accept_all(
    listener: TcpListener,
    service: Service,
    office: Arc<PostOffice>,
    connections: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    let for_connections = stopped.clone();
    let accepting = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, or a client that left at once: others may still come.
                tokio::task::yield_now().await;
                continue;
            };
            let Ok(place) = Arc::clone(&connections).try_acquire_owned() else {
                // Over the limit: closed without a word.
                continue;
            };
            let office = Arc::clone(&office);
            let mut stopped = for_connections.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = serve(service, office, stream) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn serve(service: Service, office: Arc<PostOffice>, stream: TcpStream) {
    // Answers are small and waited for: without this each waits 40 ms for the client's ACK.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let end = match service {
        Service::Imap { implicit_tls } => imap::serve(office, stream, implicit_tls).await,
        Service::Smtp { door, implicit_tls } => {
            smtp::serve(office, stream, door, implicit_tls).await
        }
    };
    tracing::debug!(%end, "a connection has ended");
}
