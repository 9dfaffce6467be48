//! The webhooks of web shops: whether they are set up, and whether they still come. A web shop that
//! switches one off tells nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_agent::clock::{Clock, SystemClock};
use tradepost_agent::doctor::Check;
use tradepost_agent::terminal::time::local;
use tradepost_letters::untrusted;
use tradepost_statements::Time;

use crate::arrivals::Arrivals;
use crate::ask;
use crate::config::WebhookSettings;
use crate::config::{self, Config, Places};
use crate::question::Ask;

const NAME: &str = "webhook";

/// What came by each webhook, by its name.
type ByWebhook = BTreeMap<String, Arrivals>;

/// A line for each webhook of the configuration, and one for each doubt about it.
pub(super) async fn checks(places: &Places, config: &Config) -> Vec<Check> {
    let hooks = config.http.as_ref().map(|http| http.hooks());
    let hooks = hooks.unwrap_or_default();
    if hooks.is_empty() {
        return Vec::new();
    }
    let (known, mut checks) = match known(places).await {
        Ok(known) => (known, Vec::new()),
        Err(e) => {
            let text = format!("when deliveries came is not known: {e:#}");
            (ByWebhook::new(), vec![Check::error(NAME, text)])
        }
    };
    let now = SystemClock.now();
    for (i, hook) in hooks.iter().enumerate() {
        let secret = hook.secret(&config.source).map(|_| ());
        if let Err(e) = secret {
            checks.push(Check::error(NAME, format!("{}: {e}", hook.name())));
            continue;
        }
        checks.extend(one(hook, known.get(hook.name()), now));
        let others = hooks.iter().take(i);
        let same: Vec<&str> = others
            .filter(|other| other.may_number_as(hook))
            .map(WebhookSettings::name)
            .collect();
        if !same.is_empty() {
            checks.push(Check::doubtful(
                NAME,
                format!("{}: its trade_prefix is also that of {}", hook.name(), same.join(", ")),
                "orders of one number get ids that nobody would expect: give each web shop a trade_prefix of its own; \
                 all topics of one web shop go to one [[webhook]]",
            ));
        }
    }
    checks
}

async fn known(places: &Places) -> anyhow::Result<ByWebhook> {
    let data = config::data_folder(places)?;
    let known = ask::ask(&data, config::load(places)?, Ask::Arrivals).await?;
    Ok(serde_json::from_value(known)?)
}

/// What is to be said about one webhook whose secret can be read.
fn one(hook: &WebhookSettings, arrivals: Option<&Arrivals>, now: Time) -> Vec<Check> {
    let name = hook.name();
    let place = format!(
        "{name} ({}): POST /v1/hooks/{name}, its secret is there",
        hook.kind().word()
    );
    let Some((arrivals, last)) = arrivals.and_then(|a| Some((a, a.last()?))) else {
        let found = format!("{place}, nothing came yet");
        return vec![Check::ok(NAME, found)];
    };
    let left_out = arrivals.left_out(now);
    let counts: Vec<String> = left_out
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing left out in the last 7 days".to_owned()
    } else {
        format!("left out in the last 7 days: {}", counts.join(", "))
    };
    let mut checks = vec![Check::ok(
        NAME,
        format!(
            "{place}, last delivery {} or within the hour after it, {counts}",
            local(last)
        ),
    )];
    if let Some(silence) = arrivals.is_silent(now, hook.silent_after()) {
        checks.push(Check::doubtful(
            NAME,
            format!(
                "{name} has been silent for {}, longer than it ever was lately",
                in_days(silence)
            ),
            "web shops switch a webhook off that failed several times, and say so nowhere: look there whether it is \
             still on (WooCommerce > Settings > Advanced > Webhooks: \"Active\"; Shopify > Settings > Notifications > \
             Webhooks), and switch it on again",
        ));
    }
    if let Some(left) = arrivals.newest(now) {
        checks.push(Check::doubtful(
            NAME,
            format!(
                "{name}: left out at {} ({}): {}",
                local(left.at),
                left.reason,
                untrusted::show(&left.text)
            ),
            "the customers of such orders hear nothing of them",
        ));
    }
    checks
}

fn in_days(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    match time.as_secs() / DAY {
        0 => format!("{} hours", time.as_secs() / 3600),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::arrivals::LeftOut;
    use crate::config::WebhookKind;

    fn at(seconds: u64) -> Time {
        let start: Time = "2026-11-20T10:00:00Z".parse().unwrap();
        start.plus(Duration::from_secs(seconds))
    }

    fn said(arrivals: Option<&Arrivals>, now: Time) -> Vec<String> {
        let hook = WebhookSettings::named("woo", WebhookKind::Woocommerce, "W-");
        one(&hook, arrivals, now)
            .into_iter()
            .map(|check| {
                assert!(check.is_ok());
                format!("{} {}", check.found, check.remedy.unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn a_webhook_that_used_to_come_is_said_to_be_silent_and_one_that_comes_is_not() {
        const DAY: u64 = 24 * 3600;
        assert!(said(None, at(0))[0].contains("nothing came yet"));
        let mut arrivals = Arrivals::default();
        for day in 0..10 {
            let _ = arrivals.came(at(day * DAY), Vec::new());
        }
        let soon = said(Some(&arrivals), at(10 * DAY));
        assert_eq!(soon.len(), 1, "{soon:?}");
        let last = format!("last delivery {}", local(at(9 * DAY)));
        assert!(soon[0].contains(&last), "{soon:?}");
        let late = said(Some(&arrivals), at(15 * DAY));
        assert!(late[1].contains("silent for 6 days"), "{late:?}");
        assert!(late[1].contains("switch it on again"));
    }

    #[test]
    fn what_was_left_out_is_counted_and_the_newest_that_can_be_mended_is_told() {
        let mut arrivals = Arrivals::default();
        let left = |reason: &str, is_usual, text: &str| LeftOut {
            reason: reason.to_owned(),
            is_usual,
            text: text.to_owned(),
            at: at(0),
        };
        let _ = arrivals.came(at(0), vec![left("older", true, "it is older")]);
        let usual = said(Some(&arrivals), at(60));
        assert_eq!(usual.len(), 1, "{usual:?}");
        assert!(usual[0].contains("older 1"));
        let mail = left("mail", false, "there is no address\u{1b}[2J to mail to");
        let _ = arrivals.came(at(1), vec![mail]);
        let mended = said(Some(&arrivals), at(60));
        assert!(
            mended[1].contains("(mail): there is no address"),
            "{mended:?}"
        );
        assert!(!mended[1].contains('\u{1b}'));
    }
}
