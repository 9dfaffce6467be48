//! The lines of a story: who does what. A line of a person waits until what it needs is there (a
//! server that tells of a trade waits until it knows it), and `sees` waits until it is so.
//!
//! ```text
//! ann orders kettles as T          ann cancels T            ann sees T: order shipped, delivery:A lost
//! ann confirms T                   ann cancels order T      ann is warned: overdue-payment
//! shop tells T order shipped { parcels = ["A", "B"] }       ann is warned of nothing
//! carrier tells T delivery:A delivered                      payment sees T: payment refund-pending
//! ann returns T 1:1                shop decides T { return = "accept", refund = "49.00 EUR" }
//! ann asks T                       shop records web as T    (a record of the file: placed elsewhere)
//! ann asks order T                 ann wishes T delivery.delivered
//! ann has all answers              shop records moved of T  (another version of its record)
//! ann expects K up to 49.00 EUR    ann reorders T as U
//! ann sleeps / wakes               time passes 3 days       the post loses all to ann / carries again
//!                                                           the post bounces all to shop
//! ```

use std::time::Duration;

use toml::Table;

/// A line, and where it stands.
#[derive(Debug, Clone)]
pub struct Line {
    /// Counted from 1 within the story.
    pub number: usize,
    /// As it stands there.
    pub text: String,
    /// The same, as something to be done or waited for.
    pub deed: Deed,
}

/// What is asked for its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The trade that the story calls so.
    Trade(String),
    /// Its order, by request id.
    Order(String),
}

/// What a line makes happen, or waits for.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the words of the lines above
pub enum Deed {
    Orders {
        form: String,
        label: String,
    },
    Reorders {
        old: String,
        label: String,
    },
    Confirms {
        label: String,
    },
    Cancels {
        what: Whom,
    },
    Returns {
        label: String,
        lines: Vec<String>,
    },
    Asks {
        what: Whom,
    },
    Wishes {
        label: String,
        on: Vec<String>,
    },
    HasAllAnswers,
    Expects {
        label: String,
        total: String,
    },
    Sees {
        who: String,
        label: String,
        facts: Vec<String>,
    },
    Warned {
        kinds: Vec<String>,
    },
    Tells {
        server: String,
        label: String,
        track: String,
        parcel: Option<String>,
        state: String,
        more: Table,
    },
    Decides {
        server: String,
        label: String,
        members: Table,
    },
    Records {
        server: String,
        record: String,
        label: String,
    },
    RecordsAgain {
        server: String,
        record: String,
        label: String,
    },
    Sleeps {
        who: String,
    },
    Wakes {
        who: String,
    },
    Passes {
        time: Duration,
    },
    LosesAllTo {
        who: String,
    },
    BouncesAllTo {
        who: String,
    },
    CarriesAgain,
}

pub(super) fn read(scenario: &str, story: &str) -> Vec<Line> {
    let lines = story.lines().map(str::trim).zip(1..);
    lines
        .filter(|(text, _)| !text.is_empty() && !text.starts_with('#'))
        .map(|(text, number)| Line {
            number,
            text: text.to_owned(),
            deed: deed(text).unwrap_or_else(|| panic!("{scenario}, line {number}: {text:?}?")),
        })
        .collect()
}

fn deed(text: &str) -> Option<Deed> {
    let owned = str::to_owned;
    if let Some((head, facts)) = text.split_once(": ") {
        let facts = list(facts);
        return match words(head).as_slice() {
            [who, "sees", label] => Some(Deed::Sees {
                who: owned(who),
                label: owned(label),
                facts,
            }),
            ["ann", "is", "warned"] => Some(Deed::Warned { kinds: facts }),
            _ => tells(text),
        };
    }
    match words(text).as_slice() {
        ["ann", "orders", form, "as", label] => Some(Deed::Orders {
            form: owned(form),
            label: owned(label),
        }),
        ["ann", "reorders", old, "as", label] => Some(Deed::Reorders {
            old: owned(old),
            label: owned(label),
        }),
        ["ann", "confirms", label] => Some(Deed::Confirms {
            label: owned(label),
        }),
        ["ann", "cancels", rest @ ..] => Some(Deed::Cancels { what: whom(rest)? }),
        ["ann", "returns", label, lines @ ..] => Some(Deed::Returns {
            label: owned(label),
            lines: lines.iter().map(|line| owned(line)).collect(),
        }),
        ["ann", "asks", rest @ ..] => Some(Deed::Asks { what: whom(rest)? }),
        ["ann", "wishes", label, on @ ..] => Some(Deed::Wishes {
            label: owned(label),
            on: on.iter().map(|wish| owned(wish)).collect(),
        }),
        [server, "records", record, "as", label] => Some(Deed::Records {
            server: owned(server),
            record: owned(record),
            label: owned(label),
        }),
        ["ann", "expects", label, "up", "to", amount, currency] => Some(Deed::Expects {
            label: owned(label),
            total: format!("{amount}{currency}"),
        }),
        [server, "records", record, "of", label] => Some(Deed::RecordsAgain {
            server: owned(server),
            record: owned(record),
            label: owned(label),
        }),
        ["ann", "has", "all", "answers"] => Some(Deed::HasAllAnswers),
        ["ann", "is", "warned", "of", "nothing"] => Some(Deed::Warned { kinds: Vec::new() }),
        ["time", "passes", rest @ ..] => Some(Deed::Passes {
            time: span(&rest.join(" "))?,
        }),
        ["the", "post", "loses", "all", "to", who] => Some(Deed::LosesAllTo { who: owned(who) }),
        ["the", "post", "bounces", "all", "to", who] => {
            Some(Deed::BouncesAllTo { who: owned(who) })
        }
        ["the", "post", "carries", "again"] => Some(Deed::CarriesAgain),
        [who, "sleeps"] => Some(Deed::Sleeps { who: owned(who) }),
        [who, "wakes"] => Some(Deed::Wakes { who: owned(who) }),
        _ => tells(text),
    }
}

/// `shop tells T order shipped { actual = "1 h ago" }`, `shop decides T { return = "refuse" }`
fn tells(text: &str) -> Option<Deed> {
    let (head, more) = match text.split_once(" {") {
        Some((head, more)) => (head, members(&format!("{{{more}"))?),
        None => (text, Table::new()),
    };
    let words = words(head);
    if let [server, "decides", label] = words.as_slice() {
        return Some(Deed::Decides {
            server: (*server).to_owned(),
            label: (*label).to_owned(),
            members: more,
        });
    }
    let [server, "tells", label, track, state] = words.as_slice() else {
        return None;
    };
    let (track, parcel) = match track.split_once(':') {
        Some((track, parcel)) => (track, Some(parcel.to_owned())),
        None => (*track, None),
    };
    Some(Deed::Tells {
        server: (*server).to_owned(),
        label: (*label).to_owned(),
        track: track.to_owned(),
        parcel,
        state: (*state).to_owned(),
        more,
    })
}

fn whom(words: &[&str]) -> Option<Whom> {
    match words {
        ["order", label] => Some(Whom::Order((*label).to_owned())),
        [label] => Some(Whom::Trade((*label).to_owned())),
        _ => None,
    }
}

fn members(inline: &str) -> Option<Table> {
    let file: Table = format!("more = {inline}").parse().ok()?;
    file.get("more")?.as_table().cloned()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(", ")
        .map(|fact| fact.trim().to_owned())
        .collect()
}

/// `3 days`, `12 hours`, `20 min`, `300 ms`: as configurations have it, too.
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" | "seconds" => 1_000,
        "m" | "min" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 24 * 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number * millis))
}
