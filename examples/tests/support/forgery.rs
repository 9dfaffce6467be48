//! Letters that no agent would write, put together by hand.

use serde_json::Value;

/// A letter that carries `statement` and names `from` as its author, as the protocol's section 6 wants it.
/// Whether anybody believes it depends on who submits it.
pub(crate) fn letter(from: &str, to: &str, statement: &Value) -> Vec<u8> {
    let id = statement["id"].as_str().unwrap();
    let sent: jiff::Timestamp = statement["sent"].as_str().unwrap().parse().unwrap();
    let date = jiff::fmt::rfc2822::to_string(&sent.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
    // Pretty-printed: short lines, and nothing that quoted-printable would have to quote but `=`.
    let json = serde_json::to_string_pretty(statement)
        .unwrap()
        .replace('=', "=3D")
        .replace('\n', "\r\n");
    format!(
        "From: {from}\r\n\
         To: {to}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}@forgery.example>\r\n\
         Subject: Your parcel\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"b\"\r\n\
         \r\n\
         --b\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         \r\n\
         Something happened to your parcel.\r\n\
         --b\r\n\
         Content-Type: application/vnd.tradepost+json\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\
         \r\n\
         {json}\r\n\
         --b--\r\n"
    )
    .into_bytes()
}

/// A delivery status as the carrier would say it.
pub(crate) fn delivery_status(
    from: &str,
    to: &str,
    trade: &Value,
    sequence: u32,
    body: &Value,
) -> Value {
    let mut body = body.clone();
    body["kind"] = "delivery-status".into();
    body["sequence"] = sequence.into();
    serde_json::json!({
        "tradepost": 1,
        "id": uuid::Uuid::now_v7().to_string(),
        "from": from,
        "to": to,
        "sent": now(),
        "trade": trade,
        "body": body,
    })
}

/// The present time in RFC 3339.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .unwrap()
        .to_string()
}
