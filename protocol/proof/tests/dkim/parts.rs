//! Where Content-Type or Content-Transfer-Encoding is not signed (protocol 5, the row `dkim`): whoever
//! changes it must not be able to show another part than the one that was signed.

use crate::signing::{COVERED, Key, Tags, accepts, genuine, refuses, signed};

const TYPE: &str = "Content-Type: application/vnd.tradepost+json";

/// Large providers leave Content-Type out.
fn without_content_type(key: &Key) -> Tags {
    Tags::good(key).with("h", COVERED.replace(":Content-Type", ""))
}

/// Counts when Content-Type is signed; when it is not, only as told.
async fn check(letter: &str, counts_unsigned: bool) {
    let key = Key::ed25519();
    accepts(key, signed(letter, &Tags::good(key), key)).await;
    let unsigned = signed(letter, &without_content_type(key), key);
    match counts_unsigned {
        true => accepts(key, unsigned).await,
        false => refuses(key, unsigned, "does not cover Content-Type").await,
    }
}

#[tokio::test]
async fn with_one_line_that_starts_the_one_part_it_counts() {
    check(&genuine(), true).await;
    for written in [
        "content-type: application/vnd.tradepost+json",
        "CONTENT-TYPE: Application/VND.Tradepost+JSON; charset=utf-8",
    ] {
        check(&genuine().replace(TYPE, written), true).await;
    }
}

#[tokio::test]
async fn with_another_such_line_or_none_it_does_not() {
    let genuine = genuine();
    // In a text that somebody else may have written.
    let quoted = format!("way.\r\n\r\n--b2\r\n{TYPE}\r\n\r\n{{}}\r\n--b2--\r\n");
    check(&genuine.replace("way.\r\n", &quoted), false).await;
    let mentioned = format!("way.\r\n> {TYPE}\r\n");
    check(&genuine.replace("way.\r\n", &mentioned), true).await;
    for written in [
        "Content-Type:application/vnd.tradepost+json",
        "Content-Type:  application/vnd.tradepost+json",
        "Content-Type:\r\n application/vnd.tradepost+json",
        "Content-Type: (a note) application/vnd.tradepost+json",
    ] {
        check(&genuine.replace(TYPE, written), false).await;
    }
}

#[tokio::test]
async fn the_line_is_that_of_the_part_that_is_read() {
    // The only such line stands in a text; the part that is read is written in another way.
    let genuine = genuine();
    let written = genuine.replace(TYPE, "Content-Type:\r\n application/vnd.tradepost+json");
    let letter = written.replace("way.\r\n", &format!("way.\r\n{TYPE}\r\n"));
    check(&letter, false).await;
}

#[tokio::test]
async fn with_a_letter_within_it_does_not() {
    let genuine = genuine();
    for written in [
        "message/rfc822",
        "Message/Partial; id=x",
        "message/external-body",
    ] {
        let part = format!("--b1\r\nContent-Type: {written}\r\n\r\nSubject: x\r\n\r\nx\r\n--b1--");
        check(&genuine.replace("--b1--", &part), false).await;
        // Where another boundary would make it one.
        let part = format!("--b9\r\ncontent-type:\r\n\t{written}\r\n\r\nx\r\n");
        check(
            &genuine.replace("way.\r\n", &format!("way.\r\n{part}")),
            false,
        )
        .await;
    }
    let part = "--b1\r\nContent-Type: text/x-message\r\n\r\nx\r\n--b1--";
    check(&genuine.replace("--b1--", part), true).await;
}

#[tokio::test]
async fn another_boundary_set_on_the_way_shows_nothing_else() {
    let key = Key::ed25519();
    // The shop's letter quotes a stranger, who knows which boundary his part has.
    let quoted = format!("way.\r\n\r\n--b2\r\n{TYPE}\r\n\r\n{{}}\r\n--b2--\r\n");
    let letter = genuine().replace("way.\r\n", &quoted);
    accepts(key, signed(&letter, &Tags::good(key), key)).await;
    accepts(key, signed(genuine(), &without_content_type(key), key)).await;
    for tags in [Tags::good(key), without_content_type(key)] {
        let signed = String::from_utf8(signed(&letter, &tags, key)).unwrap();
        let changed = signed.replacen("boundary=\"b1\"", "boundary=\"b2\"", 1);
        assert_ne!(changed, signed);
        refuses(key, changed, "DKIM: the signature of carrier.example").await;
    }
}

#[tokio::test]
async fn a_transfer_encoding_is_signed_or_changes_nothing() {
    let key = Key::ed25519();
    let of = |encodings: &[&str]| {
        let fields: String = encodings
            .iter()
            .map(|e| format!("Content-Transfer-Encoding: {e}\r\n"))
            .collect();
        genuine().replacen("MIME-Version", &format!("{fields}MIME-Version"), 1)
    };
    let one = format!("{COVERED}:Content-Transfer-Encoding");
    let two = format!("{one}:content-transfer-encoding");
    for (encodings, covered, counts) in [
        (&[][..], COVERED, true),
        (&["7bit"], COVERED, true),
        (&["8BIT"], COVERED, true),
        (&["binary (really)"], COVERED, true),
        (&["base64"], COVERED, false),
        (&["quoted-printable"], COVERED, false),
        (&["x-unknown"], COVERED, false),
        (&["base64"], one.as_str(), true),
        (&["base64", "7bit"], one.as_str(), false),
        (&["7bit", "base64"], one.as_str(), true),
        (&["base64", "base64"], two.as_str(), true),
    ] {
        let tags = Tags::good(key).with("h", covered);
        let letter = signed(of(encodings), &tags, key);
        match counts {
            true => accepts(key, letter).await,
            false => refuses(key, letter, "Content-Transfer-Encoding").await,
        }
    }
}
