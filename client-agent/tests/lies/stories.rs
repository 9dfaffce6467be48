//! Letters that are lies only until another letter comes, and those that stay lies.

use serde_json::json;
use tradepost_buyer::{Verdict, WarningKind, view};

use crate::draft::Said;
use crate::trial::receive;
use crate::world::{
    CARRIER, EVIL, FLAVOURS, PAY, SHOP, SIXTH, Scene, about, delivery_status, payment_status,
    record, request, uuid, with,
};

#[test]
fn a_status_before_its_trade_record_is_judged_again_when_that_comes() {
    for flavour in FLAVOURS {
        let mut ledger = Scene::ledger(flavour);
        let early = |from: &str, n| {
            let mut status = with(delivery_status(n, 1, "announced"), "from", json!(from));
            status["trade"]["id"] = json!("T-1002");
            Said::new(status, flavour).seal()
        };
        for letter in [early(CARRIER, 201), early(EVIL, 202)] {
            let judged = receive(&mut ledger, &letter).unwrap();
            assert_eq!(judged.warning, Some(WarningKind::NoSuchTrade), "{judged:?}");
        }
        let judged = receive(&mut ledger, &Scene::Record.said(flavour).seal()).unwrap();
        assert_eq!(judged.verdict, Verdict::Applied, "{judged:?}");
        let trade = view::find(ledger.rows(), "T-1002").unwrap();
        let shown = view::show(ledger.rows(), &trade, crate::world::now()).unwrap();
        assert_eq!(shown.history.len(), 1, "what the shop's carrier said");
        // The stranger's letter is warned anew: now there is a trade, and he is no party of it.
        let open: Vec<_> = view::warnings(ledger.rows(), false);
        let kinds: Vec<WarningKind> = open.iter().map(|w| w.kind).collect();
        assert_eq!(kinds, [WarningKind::WrongSender]);
        assert_eq!(open[0].rule, Some(13));
    }
}

#[test]
fn only_the_shop_introduces_a_carrier() {
    for flavour in FLAVOURS {
        let status = |n| {
            Said::new(
                with(
                    delivery_status(n, 1, "announced"),
                    "from",
                    json!("van@second.example"),
                ),
                flavour,
            )
        };
        let introduced = |n, from: &str| {
            let mut record = with(record(n, "T-1001", 2), "from", json!(from));
            record["request"] = json!(request(1));
            record["body"]["delivery"]["carriers"] = json!([{ "address": "van@second.example" }]);
            Said::new(record, flavour).seal()
        };
        let mut ledger = Scene::ledger(flavour);
        let judged = receive(&mut ledger, &introduced(211, CARRIER)).unwrap();
        assert_eq!(judged.warning, Some(WarningKind::WrongSender), "{judged:?}");
        let judged = receive(&mut ledger, &status(212).seal()).unwrap();
        assert_eq!(
            (judged.rule, judged.warning),
            (Some(13), Some(WarningKind::WrongSender)),
            "{judged:?}"
        );
        // The shop does, and the same carrier is heard.
        let judged = receive(&mut ledger, &introduced(213, crate::world::SHOP)).unwrap();
        assert_eq!(judged.verdict, Verdict::Applied, "{judged:?}");
        let judged = receive(&mut ledger, &status(214).seal()).unwrap();
        assert_ne!(judged.verdict, Verdict::Warned, "{judged:?}");
    }
}

#[test]
fn a_shop_has_nobody_else_paid_once_a_record_of_its_trade_came() {
    for flavour in FLAVOURS {
        let said = |n: u64, id: &str, version: u32, payee: &str| {
            let mut said = record(n, id, version);
            said["body"]["payment"]["processor"] = json!(payee);
            if id == SIXTH {
                said["request"] = json!(request(6));
            }
            Said::new(said, flavour).seal()
        };
        let mut ledger = Scene::ledger(flavour);
        let adopted = receive(&mut ledger, &said(300, "T-3003", 1, PAY)).unwrap();
        assert_eq!(adopted.verdict, Verdict::Adopted, "{adopted:?}");
        let cases = [("T-3003", 1), (SIXTH, 1), (SIXTH, 2)];
        for (n, (id, lower)) in (3..).zip(cases) {
            // The same with the payee as it was.
            let mut honest = ledger.clone();
            let judged = receive(&mut honest, &said(n, id, lower, PAY)).unwrap();
            assert_eq!(judged.warning, None, "{judged:?}");

            let judged = receive(&mut ledger, &said(n, id, lower, EVIL)).unwrap();
            assert_eq!(judged.warning, Some(WarningKind::ConflictingStatus), "{id}");
            let trade = view::find(ledger.rows(), id).unwrap();
            let shown = view::show(ledger.rows(), &trade, crate::world::now()).unwrap();
            assert_eq!(shown.parties.processor.as_str(), PAY);
            let warning = view::warning(ledger.rows(), judged.warning_id.unwrap()).unwrap();
            let payee = warning.payee.unwrap();
            assert_eq!((payee.from.as_str(), payee.to.as_str()), (PAY, EVIL));
            // Nobody hears the one that it names.
            let mut settled = about(payment_status(310, 1, "settled"), SHOP, id);
            settled["from"] = json!(EVIL);
            settled["id"] = json!(uuid(310 + judged.letter.unwrap()));
            let judged = receive(&mut ledger, &Said::new(settled, flavour).seal()).unwrap();
            assert_eq!(judged.warning, Some(WarningKind::WrongSender), "{judged:?}");
        }
    }
}
