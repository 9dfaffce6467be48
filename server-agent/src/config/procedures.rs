//! `[shop]`: the procedure table, and how the shop waits (E2).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tradepost_agent::command::Program;
use tradepost_agent::config::{ConfigError, EnvironmentToml, Source, Span, Spanned};
use tradepost_parties::kernel::settings::{
    Charge, DeliveryProcedure, PaymentProcedure, ShopSettings,
};
use tradepost_statements::Address;
use tradepost_statements::order::{DeliveryMethod, PaymentMethod};

use super::fulfilment::program;
use super::{File, Role};
use crate::catalogue;

/// How long an invoice may wait where the table does not say it.
const DUE_WITHIN: Duration = Duration::from_secs(14 * 24 * 3600);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopToml {
    #[serde(default)]
    payment: BTreeMap<PaymentMethod, Spanned<PaymentMethodToml>>,
    #[serde(default)]
    delivery: BTreeMap<DeliveryMethod, Spanned<DeliveryMethodToml>>,
    /// The shop waits so long for `confirm` before it instructs anybody.
    confirm_within: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentMethodToml {
    processor: Option<Spanned<Address>>,
    /// The payment is authorized before there is a trade (E3).
    #[serde(default)]
    authorize: bool,
    charge: Option<ChargeToml>,
    due_within: Option<Spanned<Span>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum ChargeToml {
    #[serde(rename = "on-confirmation")]
    Confirmation,
    #[serde(rename = "on-shipping")]
    Shipping,
    #[serde(rename = "on-invoice")]
    Invoice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryMethodToml {
    carrier: Option<Spanned<Address>>,
    goods_command: Option<Spanned<Vec<String>>>,
    env_clear: Option<Spanned<bool>>,
    env: Option<Spanned<Vec<String>>>,
}

impl ShopToml {
    /// The commands that make goods.
    pub(super) fn goods(
        &self,
        source: &Source,
    ) -> Result<BTreeMap<DeliveryMethod, Program>, ConfigError> {
        let mut goods = BTreeMap::new();
        for (method, toml) in &self.delivery {
            let toml = toml.get_ref();
            let environment = EnvironmentToml {
                env_clear: toml.env_clear.clone(),
                env: toml.env.clone(),
            };
            match &toml.goods_command {
                Some(command) => {
                    let environment = environment.environment(source)?;
                    goods.insert(*method, program(source, command.get_ref(), environment));
                }
                None => environment.check_without(source, "goods_command")?,
            }
        }
        Ok(goods)
    }
}

/// The table. Where this server plays the other role as well, it need not be named (E27).
pub(super) fn shop(
    source: &Source,
    file: &File,
    roles: &[Role],
) -> Result<ShopSettings, ConfigError> {
    let own = &file.address;
    let catalogue = file
        .catalogue
        .as_ref()
        .map(|path| {
            let place = source.beside(path.get_ref());
            // A missing file is this configuration's fault, a wrong line the catalogue's.
            if place.is_file() {
                catalogue::read(&place)
            } else {
                let text = format!("catalogue: there is no file {}", place.display());
                Err(source.wrong(path, text))
            }
        })
        .transpose()?;
    let mut payment = BTreeMap::new();
    for (method, toml) in &file.shop.payment {
        payment.insert(*method, by_payment(source, own, roles, *method, toml)?);
    }
    let mut delivery = BTreeMap::new();
    for (method, toml) in &file.shop.delivery {
        delivery.insert(*method, by_delivery(source, own, roles, *method, toml)?);
    }
    if payment.is_empty() && roles.contains(&Role::Payment) {
        let usual = PaymentProcedure::at(own.clone());
        payment = PaymentMethod::ALL
            .iter()
            .map(|method| (*method, usual.clone()))
            .collect();
    }
    if delivery.is_empty() && roles.contains(&Role::Carrier) {
        let usual = DeliveryProcedure::by(own.clone());
        delivery = DeliveryMethod::ALL
            .iter()
            .map(|method| (*method, usual.clone()))
            .collect();
    }
    Ok(ShopSettings {
        catalogue,
        payment,
        delivery,
        confirm_within: file.shop.confirm_within.map(Span::duration),
    })
}

fn by_payment(
    source: &Source,
    own: &Address,
    roles: &[Role],
    method: PaymentMethod,
    toml: &Spanned<PaymentMethodToml>,
) -> Result<PaymentProcedure, ConfigError> {
    let section = format!("[shop.payment.{method}]");
    let key = format!("{section} processor");
    let named = toml.get_ref().processor.as_ref();
    if method == PaymentMethod::Nothing {
        return by_nothing(source, own, toml, &section);
    }
    let Some(processor) = role_address(source, own, roles, Role::Payment, named, &key)? else {
        let text = format!("{key}: say who takes the payment, or add \"payment\" to roles");
        return Err(source.wrong(toml, text));
    };
    let charge = toml.get_ref().charge;
    let due_within = toml.get_ref().due_within.as_ref();
    let charge = match (charge.unwrap_or(ChargeToml::Confirmation), due_within) {
        (ChargeToml::Invoice, due_within) => Charge::OnInvoice {
            due_within: due_within.map_or(DUE_WITHIN, |span| span.get_ref().duration()),
        },
        (ChargeToml::Confirmation | ChargeToml::Shipping, Some(span)) => {
            let text = format!("{section} due_within: only charge = \"on-invoice\" has one");
            return Err(source.wrong(span, text));
        }
        (ChargeToml::Confirmation, None) => Charge::OnConfirmation,
        (ChargeToml::Shipping, None) => Charge::OnShipping,
    };
    Ok(PaymentProcedure {
        processor,
        authorize: toml.get_ref().authorize,
        charge,
    })
}

/// Where nobody else processes what costs nothing, the shop tells of it itself, in whatever role.
fn by_nothing(
    source: &Source,
    own: &Address,
    toml: &Spanned<PaymentMethodToml>,
    section: &str,
) -> Result<PaymentProcedure, ConfigError> {
    let PaymentMethodToml {
        processor,
        authorize,
        charge,
        due_within,
    } = toml.get_ref();
    if *authorize || charge.is_some() || due_within.is_some() {
        let text = format!("{section}: nothing is paid, so it has no key but `processor`");
        return Err(source.wrong(toml, text));
    }
    let processor = processor.as_ref().map_or(own, |named| named.get_ref());
    Ok(PaymentProcedure::at(processor.clone()))
}

fn by_delivery(
    source: &Source,
    own: &Address,
    roles: &[Role],
    method: DeliveryMethod,
    toml: &Spanned<DeliveryMethodToml>,
) -> Result<DeliveryProcedure, ConfigError> {
    let section = format!("[shop.delivery.{method}]");
    let key = format!("{section} carrier");
    let named = toml.get_ref().carrier.as_ref();
    if let Some(command) = &toml.get_ref().goods_command {
        let wrong = |text: &str| {
            let text = format!("{section} goods_command: {text}");
            Err(source.wrong(command, text))
        };
        return match (method, named) {
            (DeliveryMethod::Courier, _) => {
                wrong("only electronic goods are made by a command; name a carrier")
            }
            (DeliveryMethod::Electronic, Some(carrier)) if carrier.get_ref() != own => {
                wrong("the shop itself delivers what the command makes; leave out carrier")
            }
            (DeliveryMethod::Electronic, _) if command.get_ref().is_empty() => {
                wrong("name a program, as in [\"/usr/local/bin/make-licence\", \"--json\"]")
            }
            (DeliveryMethod::Electronic, _) => Ok(DeliveryProcedure {
                carrier: Some(own.clone()),
                goods: true,
            }),
        };
    }
    let carrier = role_address(source, own, roles, Role::Carrier, named, &key)?;
    if carrier.is_none() && method == DeliveryMethod::Courier {
        let text = format!("{key}: say who delivers, or add \"carrier\" to roles");
        return Err(source.wrong(toml, text));
    }
    Ok(DeliveryProcedure {
        carrier,
        goods: false,
    })
}

/// Who plays a role for the shop: the one named, else this server, if it does.
fn role_address(
    source: &Source,
    own: &Address,
    roles: &[Role],
    role: Role,
    named: Option<&Spanned<Address>>,
    key: &str,
) -> Result<Option<Address>, ConfigError> {
    let word = match role {
        Role::Shop => "shop",
        Role::Carrier => "carrier",
        Role::Payment => "payment",
    };
    match named {
        Some(address) if address.get_ref() == own && !roles.contains(&role) => {
            let text = format!("{key}: that is this server itself; add \"{word}\" to roles");
            Err(source.wrong(address, text))
        }
        Some(address) => Ok(Some(address.get_ref().clone())),
        None => Ok(roles.contains(&role).then(|| own.clone())),
    }
}
