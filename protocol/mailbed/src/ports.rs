//! Ports that nobody else takes between choosing them and the servers' binding them.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below 32768, where Linux takes the ports of outgoing connections (and port 0) from.
const FIRST: u16 = 20_000;
/// How many blocks there are; they end below 32000.
const BLOCKS: u16 = 1_200;
/// One port to hold, the others for the servers.
const SIZE: u16 = 10;

/// A block of consecutive ports, ours while this lives.
#[derive(Debug)]
pub(crate) struct PortBlock {
    /// The block's first port, bound as long as the block is in use: whoever else wants this block, in
    /// whatever process, fails to bind it and goes on to the next. The system frees it with the process.
    _held: TcpListener,
    first: u16,
}

impl PortBlock {
    pub(crate) fn reserve() -> Result<PortBlock> {
        // Processes begin at different places, so that few meet at all.
        static STARTED: AtomicU16 = AtomicU16::new(0);
        let process = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or_default();
        let start = process
            .wrapping_mul(37)
            .wrapping_add(STARTED.fetch_add(1, Ordering::Relaxed));
        for step in 0..BLOCKS {
            let first = FIRST + (start.wrapping_add(step) % BLOCKS) * SIZE;
            let Ok(held) = bind(first) else {
                continue;
            };
            if (1..SIZE).all(|offset| is_free(first + offset)) {
                return Ok(PortBlock { _held: held, first });
            }
        }
        bail!("no block of {SIZE} free ports between {FIRST} and 32000")
    }

    pub(crate) fn ports(&self) -> [u16; 8] {
        [1, 2, 3, 4, 5, 6, 7, 8].map(|offset| self.first + offset)
    }
}

/// For TCP, and for the name server's datagrams.
fn is_free(port: u16) -> bool {
    bind(port).is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}
