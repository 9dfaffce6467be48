//! Whether a domain resembles another one (protocol 5, "Other warnings"): by characters that look
//! alike, by one edit, or by bearing the other one's name as a label.
//!
//! It compares names, and says nothing of who may use them: which domains are to be compared at
//! all, and which are above suspicion, is for the caller to know.

use unicode_security::skeleton;

/// How a domain resembles another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resemblance {
    /// It looks the same, written with other characters (UTS #39).
    Confusable,
    /// One character of the name was inserted, deleted or replaced, or two neighbours were swapped.
    OneEdit,
    /// The other one's name is a label of it.
    NameAsLabel,
}

/// With fewer characters too many honest names are one edit apart: ups and usps.
const SHORTEST_TO_EDIT: usize = 4;
/// Labels of one or two letters (`my`, `de`) stand in many domains for reasons of their own.
const SHORTEST_LABEL: usize = 3;

/// How the domain of a sender resembles the domain of a party; none when it does not, or when both
/// belong to one organization. Both are in ASCII and lower case, as addresses have them.
#[must_use]
pub fn resemblance(sender: &str, party: &str) -> Option<Resemblance> {
    let (sender, party) = (Domain::of(sender), Domain::of(party));
    if sender.organizational == party.organizational {
        return None;
    }
    if sender.looks() == party.looks() {
        Some(Resemblance::Confusable)
    } else if sender.name.is_one_edit_from(&party.name) {
        Some(Resemblance::OneEdit)
    } else if sender.has_a_label_like(&party) {
        Some(Resemblance::NameAsLabel)
    } else {
        None
    }
}

/// The domain that an organization registered (Public Suffix List); a public suffix stands for itself.
#[must_use]
pub fn organizational(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

/// What a text looks like: equal for texts that people take for one another (UTS #39, section 4,
/// without regard to case, before it and after: the skeleton of `0` is a capital `O`).
#[must_use]
pub fn looks(text: &str) -> String {
    let text = text.to_lowercase();
    skeleton(&text).flat_map(char::to_lowercase).collect()
}

/// What an organizational domain looks like, in its Unicode form.
#[must_use]
pub fn looks_of_domain(ascii: &str) -> String {
    looks(&idna::domain_to_unicode(ascii).0)
}

/// The parts of a domain, below its public suffix, that look like an organizational domain of
/// somebody: what to look for among the known ones. `shop.example` of `shop.example.evil.example`.
#[must_use]
pub fn borrowed_looks(domain: &str) -> Vec<String> {
    /// So many labels are looked at; an honest domain has a handful.
    const LABELS: usize = 10;
    let Domain { labels, .. } = Domain::of(domain);
    let labels: Vec<&Label> = labels.iter().take(LABELS).collect();
    let mut runs = Vec::new();
    for from in 0..labels.len() {
        for length in 2..=labels.len().saturating_sub(from) {
            let run = labels.iter().skip(from).take(length);
            let run: Vec<&str> = run.map(|l| l.looks.as_str()).collect();
            runs.push(run.join("."));
        }
    }
    runs
}

/// A domain, taken apart.
struct Domain<'d> {
    organizational: &'d str,
    /// The labels below the public suffix, from the left.
    labels: Vec<Label>,
    /// The one that was registered: `shop` of `mail.shop.example`.
    name: Label,
}

/// A label as people see it, and what it looks like.
#[derive(Clone, Default)]
struct Label {
    seen: String,
    looks: String,
}

impl Label {
    fn of(ascii: &str) -> Label {
        let (seen, _) = idna::domain_to_unicode(ascii);
        let looks = looks(&seen);
        Label { seen, looks }
    }

    fn is_one_edit_from(&self, other: &Label) -> bool {
        let shortest = self.seen.chars().count().min(other.seen.chars().count());
        // In what is seen, one edit may be several in what it looks like: the skeleton of m is rn.
        shortest >= SHORTEST_TO_EDIT
            && (within_one_edit(&self.seen, &other.seen)
                || within_one_edit(&self.looks, &other.looks))
    }
}

impl Domain<'_> {
    fn of(domain: &str) -> Domain<'_> {
        let organizational = organizational(domain);
        let suffix = psl::suffix_str(organizational).unwrap_or_default();
        let below = domain
            .strip_suffix(suffix)
            .map_or(domain, |below| below.trim_end_matches('.'));
        let labels: Vec<Label> = below.split('.').map(Label::of).collect();
        Domain {
            organizational,
            name: labels.last().cloned().unwrap_or_default(),
            labels,
        }
    }

    fn looks(&self) -> String {
        looks_of_domain(self.organizational)
    }

    /// `shop.evil.example`, `shop.test`, and with the ending written into the label: `shop-example.test`.
    fn has_a_label_like(&self, party: &Domain<'_>) -> bool {
        let whole = party.looks();
        let written_together = [whole.replace('.', "-"), whole.replace('.', "")];
        let name = &party.name;
        let is_long_enough = name.seen.chars().count() >= SHORTEST_LABEL;
        self.labels.iter().any(|label| {
            (is_long_enough && label.looks == name.looks) || written_together.contains(&label.looks)
        }) || self.labels.windows(2).any(|two| {
            // A short name counts together with what follows it in the party's domain.
            let together: Vec<&str> = two.iter().map(|l| l.looks.as_str()).collect();
            together.join(".") == whole
        })
    }
}

/// Whether one insertion, deletion, replacement or swap of neighbours makes one of the other.
fn within_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.split_at(same).1, b.split_at(same).1);
    match (a, b) {
        ([], []) => false,
        ([_, rest @ ..], other) if rest == other => true,
        (other, [_, rest @ ..]) if rest == other => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([a1, a2, a @ ..], [b1, b2, b @ ..]) => a1 == b2 && a2 == b1 && a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Resemblance::{Confusable, NameAsLabel, OneEdit};
    use super::*;

    fn ascii(domain: &str) -> String {
        idna::domain_to_ascii(domain).unwrap()
    }

    #[test]
    fn a_domain_that_people_take_for_another_one_resembles_it() {
        for (sender, party, expected) in [
            // One organization.
            ("shop.example", "shop.example", None),
            ("mail.shop.example", "shop.example", None),
            ("shop.example", "mail.shop.example", None),
            ("shop.mail.shop.example", "shop.example", None),
            ("shop.co.uk", "orders.shop.co.uk", None),
            // Strangers.
            ("carrier.example", "shop.example", None),
            ("example", "shop.example", None),
            ("tea-house.example", "kettle.example", None),
            ("workshop.example", "shop.example", None),
            ("shopping.example", "shop.example", None),
            ("shop-support.example", "shop.example", None),
            ("spoh.example", "shop.example", None),
            // Characters that look alike.
            ("sh0p.example", "shop.example", Some(Confusable)),
            ("shοp.example", "shop.example", Some(Confusable)),
            ("ѕһор.example", "shop.example", Some(Confusable)),
            ("mail.sh0p.example", "shop.example", Some(Confusable)),
            ("sh0p.example", "mail.shop.example", Some(Confusable)),
            ("carner.example", "camer.example", Some(Confusable)),
            ("paypa1.example", "paypal.example", Some(Confusable)),
            ("shop.exarnple", "shop.example", Some(Confusable)),
            // One edit.
            ("shopp.example", "shop.example", Some(OneEdit)),
            ("shops.example", "shop.example", Some(OneEdit)),
            ("shoq.example", "shop.example", Some(OneEdit)),
            ("hsop.example", "shop.example", Some(OneEdit)),
            ("shpo.example", "shop.example", Some(OneEdit)),
            ("carier.example", "carrier.example", Some(OneEdit)),
            ("carrier-.example", "carrier.example", Some(OneEdit)),
            ("shops.test", "shop.example", Some(OneEdit)),
            ("shöp.example", "shop.example", Some(OneEdit)),
            ("market.example", "rnarkets.example", Some(OneEdit)),
            ("shop1.example", "shop.example", Some(OneEdit)),
            ("shop12.example", "shop.example", None),
            // Too short to tell.
            ("shp.example", "shop.example", None),
            ("ups.example", "usps.example", None),
            ("dpd.example", "dhd.example", None),
            // The name as a label.
            ("shop.test", "shop.example", Some(NameAsLabel)),
            ("shop.evil.example", "shop.example", Some(NameAsLabel)),
            (
                "shop.example.evil.example",
                "shop.example",
                Some(NameAsLabel),
            ),
            (
                "a.sh0p.example.evil.example",
                "shop.example",
                Some(NameAsLabel),
            ),
            (
                "shop-example.evil.example",
                "shop.example",
                Some(NameAsLabel),
            ),
            ("shopexample.test", "shop.example", Some(NameAsLabel)),
            ("shop.evil.example", "mail.shop.example", Some(NameAsLabel)),
            ("ups.evil.example", "ups.example", Some(NameAsLabel)),
            ("my.evil.example", "my.example", None),
            ("my.example.evil.example", "my.example", Some(NameAsLabel)),
            // The ending is everybody's.
            ("evil.shop", "shop.example", None),
        ] {
            let (sender, party) = (ascii(sender), ascii(party));
            assert_eq!(
                resemblance(&sender, &party),
                expected,
                "{sender} and {party}"
            );
        }
    }

    #[test]
    fn parts_of_a_domain_may_look_like_a_whole_one() {
        let borrowed = borrowed_looks("a.sh0p.example.evil.example");
        assert!(borrowed.contains(&looks("shop.example")));
        assert!(borrowed_looks("evil.example").is_empty());
        let many = "a.".repeat(100) + "example";
        assert!(borrowed_looks(&many).len() <= 45);
    }

    #[test]
    fn no_domain_is_too_odd_to_be_compared() {
        for odd in ["", ".", "..", "xn--a", "xn--", "com", "co.uk", "a..b"] {
            assert_eq!(resemblance(odd, odd), None);
            let _ = resemblance(odd, "shop.example");
            let _ = resemblance("shop.example", odd);
            let _ = borrowed_looks(odd);
        }
    }
}
