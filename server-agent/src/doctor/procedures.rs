//! The shop's procedure table (E2): what is done for which method, and whether it can be.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tradepost_agent::doctor::Check;
use tradepost_parties::kernel::settings::{
    Charge, DeliveryProcedure, PaymentProcedure, ShopSettings,
};
use tradepost_proof::dkim::{MailAnswer, Prover};
use tradepost_statements::Address;

use crate::config::Config;

/// A line for each method that the shop offers, and one for each domain of others.
pub(super) async fn checks(config: &Config) -> Vec<Check> {
    let Some(shop) = &config.settings.shop else {
        return Vec::new();
    };
    let payment = shop.payment.iter().map(|(method, procedure)| {
        Check::ok("procedure", format!("{method}: {}", steps(procedure)))
    });
    let delivery = shop.delivery.iter().map(|(method, procedure)| {
        let command = config.commands.goods.get(method);
        let command = command.map(|program| program.words.as_slice());
        let found = format!("{method}: {}", way(procedure, command));
        match command.and_then(|words| words.first()) {
            Some(program) if !can_run(program) => Check::failed(
                "procedure",
                found,
                format!("there is no program {program} that can be run: see goods_command"),
            ),
            Some(_) | None => Check::ok("procedure", found),
        }
    });
    let mut checks: Vec<Check> = payment.chain(delivery).collect();
    checks.extend(config.commands.fulfilment.as_ref().map(|program| {
        let words = &program.words;
        let found = format!("told to {}", words.join(" "));
        match words.first() {
            Some(program) if !can_run(program) => Check::failed(
                "fulfilment",
                found,
                format!("there is no program {program} that can be run: see [fulfilment] command"),
            ),
            Some(_) | None => Check::ok("fulfilment", found),
        }
    }));
    checks.extend(reachable(config, shop).await);
    checks
}

/// Whether a letter to each of the others can arrive anywhere.
async fn reachable(config: &Config, shop: &ShopSettings) -> Vec<Check> {
    let own = &config.settings.address;
    let processors = shop.payment.values().map(|p| &p.processor);
    let carriers = shop.delivery.values().filter_map(|d| d.carrier.as_ref());
    let others: BTreeSet<&Address> = processors
        .chain(carriers)
        .filter(|address| *address != own)
        .collect();
    if others.is_empty() {
        return Vec::new();
    }
    let prover = match Prover::new(config.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => {
            return vec![Check::failed(
                "parties",
                e.to_string(),
                "set resolver under [trust]",
            )];
        }
    };
    let mut checks = Vec::new();
    for address in others {
        let domain = address.domain();
        checks.push(match prover.mail(domain).await {
            MailAnswer::Takes => Check::ok("parties", format!("{address}: {domain} takes mail")),
            MailAnswer::TakesNone => Check::failed(
                "parties",
                format!("{address}: nobody takes mail for {domain}, says DNS"),
                "is the address right? nobody would answer what this shop sends there",
            ),
            MailAnswer::Unanswered(why) => Check::doubtful(
                "parties",
                format!(
                    "{address}: DNS does not say whether anybody takes mail for {domain} ({why})"
                ),
                "look again when DNS answers",
            ),
        });
    }
    checks
}

/// A path that can be run, or a name that is found as a shell finds it.
fn can_run(program: &str) -> bool {
    let runs = |path: &Path| {
        path.metadata()
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return runs(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| runs(&folder.join(program)))
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
