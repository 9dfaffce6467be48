//! Dates as IMAP writes them.

use tradepost_statements::Time;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `17-Jul-1996 02:44:25 -0700` (RFC 3501 section 9, `date-time`).
pub(super) fn internal_date(text: &str) -> Option<Time> {
    let mut words = text.split_ascii_whitespace();
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    let mut parts = date.splitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    let (hours, minutes) = zone.split_at_checked(3)?;
    format!("{year}-{month:02}-{day:0>2}T{time}{hours}:{minutes}")
        .parse()
        .ok()
}

/// `17-Jul-1996`, in UTC.
pub(super) fn imap_date(time: Time) -> Option<String> {
    let text = time.to_string();
    let mut parts = text.get(..10)?.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{}-{month}-{year}", day.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_translated_both_ways() {
        let time = internal_date("17-Jul-1996 02:44:25 -0700");
        assert_eq!(
            time.map(|t| t.to_string()).as_deref(),
            Some("1996-07-17T09:44:25Z")
        );
        assert_eq!(
            internal_date(" 7-Jul-1996 02:44:25 +0000"),
            "1996-07-07T02:44:25Z".parse().ok()
        );
        for bad in ["", "17-Jul-1996", "17-Foo-1996 02:44:25 -0700", "x y é"] {
            assert_eq!(internal_date(bad), None, "{bad}");
        }
        let time: Option<Time> = "2026-03-02T10:00:00Z".parse().ok();
        assert_eq!(time.and_then(imap_date).as_deref(), Some("2-Mar-2026"));
    }
}
