//! The shop's procedure table (E2): what is done for which method, and whether it can be.

use tradepost_trades::shop::{Charge, DeliveryProcedure, PaymentProcedure};

use super::Check;
use crate::config::Config;

/// A line for each method that the shop offers.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    let Some(shop) = &config.settings.shop else {
        return Vec::new();
    };
    let payment = shop.payment.iter().map(|(method, procedure)| {
        Check::good("procedure", format!("{method}: {}", steps(procedure)))
    });
    let delivery = shop.delivery.iter().map(|(method, procedure)| {
        let command = config.commands.goods.get(method).map(Vec::as_slice);
        Check::good(
            "procedure",
            format!("{method}: {}", way(procedure, command)),
        )
    });
    payment.chain(delivery).collect()
}

fn steps(procedure: &PaymentProcedure) -> String {
    let authorized = if procedure.authorize {
        "authorized before there is a trade, "
    } else {
        ""
    };
    let charged = match procedure.charge {
        Charge::OnConfirmation => "charged on confirmation".to_owned(),
        Charge::OnShipping => "charged on shipping".to_owned(),
        Charge::OnInvoice { due_within } => {
            let hours = due_within.as_secs() / 3600;
            format!(
                "by invoice, due {} days and {} h after the order",
                hours / 24,
                hours % 24
            )
        }
    };
    format!("{authorized}{charged} by {}", procedure.processor)
}

fn way(procedure: &DeliveryProcedure, command: Option<&[String]>) -> String {
    match (&procedure.carrier, command) {
        (_, Some(command)) => format!("sent by letter, made by {}", command.join(" ")),
        (Some(carrier), None) => format!("brought by {carrier}"),
        (None, None) => "by the shop itself, without a delivery track".to_owned(),
    }
}
