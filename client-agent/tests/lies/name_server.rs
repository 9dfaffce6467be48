//! A name server on loopback. It has the keys that no configuration would take; what some other names begin with says
//! how they are not answered; all others do not exist.

use std::net::{SocketAddr, UdpSocket};
use std::sync::OnceLock;
use std::thread;

use crate::signing::published;

/// The first label of a name, and the RCODE that it is answered with (RFC 1035 section 4.1.1).
const ANSWERS: [(&str, Option<u8>); 4] = [
    ("servfail", Some(2)),
    ("refused", Some(5)),
    ("nodata", Some(0)),
    ("silent", None),
];
const NO_SUCH_NAME: u8 = 3;

/// Where it is; it ends with the tests.
pub fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || answer(&socket));
        address
    })
}

fn answer(socket: &UdpSocket) {
    let published = published();
    let mut packet = [0; 1024];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let (name, question) = question(&packet[..length]);
        let text = published.get(&name);
        let known = ANSWERS.iter().find(|(label, _)| name.starts_with(label));
        let usual = if text.is_some() { 0 } else { NO_SUCH_NAME };
        let Some(code) = known.map_or(Some(usual), |(_, code)| *code) else {
            continue;
        };
        let answers = u8::from(text.is_some());
        let head = [
            packet[0],
            packet[1],
            0x81,
            0x80 | code,
            0,
            1,
            0,
            answers,
            0,
            0,
            0,
            0,
        ];
        let record = text.map(|text| txt(text)).unwrap_or_default();
        // Whoever asked may be gone.
        let _ = socket.send_to(&[&head, question, &record].concat(), from);
    }
}

/// The name that is asked for, and the octets of the question.
fn question(query: &[u8]) -> (String, &[u8]) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let next = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..next]).to_ascii_lowercase());
        at = next;
    }
    (labels.join("."), &query[12..at + 5])
}

/// A TXT record of the name in the question (RFC 1035 section 3.3.14), kept for an hour.
fn txt(text: &str) -> Vec<u8> {
    let string = |s: &[u8]| [&[u8::try_from(s.len()).unwrap()], s].concat();
    let data: Vec<u8> = text.as_bytes().chunks(255).flat_map(string).collect();
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [
        &[0xc0, 12, 0, 16, 0, 1, 0, 0, 0x0e, 0x10][..],
        &length,
        &data,
    ]
    .concat()
}
