//! `[payment]`: whose instructions a payment processor takes, and what it answers to `authorize`.

use serde::Deserialize;
use tradepost_agent::config::{ConfigError, Source, Spanned};
use tradepost_parties::kernel::settings::{AuthorizeAnswer, PaymentSettings};
use tradepost_statements::{Address, Amount};

use super::{Role, shops_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentToml {
    #[serde(default)]
    shops: Vec<Address>,
    authorize: Option<AuthorizeToml>,
    authorize_up_to: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AuthorizeToml {
    Approve,
    Decline,
    Ask,
}

pub(super) fn payment(
    source: &Source,
    toml: Option<&PaymentToml>,
    roles: &[Role],
) -> Result<PaymentSettings, ConfigError> {
    let shops = toml.map(|p| p.shops.as_slice());
    let authorize = match toml {
        Some(toml) => answer(source, toml)?,
        None => AuthorizeAnswer::default(),
    };
    Ok(PaymentSettings {
        shops: shops_of(source, "payment", shops, roles)?,
        authorize,
    })
}

fn answer(source: &Source, toml: &PaymentToml) -> Result<AuthorizeAnswer, ConfigError> {
    let most = toml.authorize_up_to.as_ref();
    Ok(match (toml.authorize, most) {
        (Some(AuthorizeToml::Approve), Some(most)) => {
            let amount: Amount = most.get_ref().parse().map_err(|e| {
                let text = format!(
                    "[payment] authorize_up_to: {e}; write an amount such as \"500.00 EUR\""
                );
                source.wrong(most, text)
            })?;
            AuthorizeAnswer::ApproveUpTo(amount)
        }
        (Some(AuthorizeToml::Decline | AuthorizeToml::Ask) | None, Some(most)) => {
            let text = "[payment] authorize_up_to: only authorize = \"approve\" has a limit, above which \
                        you are asked";
            return Err(source.wrong(most, text));
        }
        (Some(AuthorizeToml::Approve), None) => AuthorizeAnswer::Approve,
        (Some(AuthorizeToml::Ask), None) => AuthorizeAnswer::Ask,
        (Some(AuthorizeToml::Decline) | None, None) => AuthorizeAnswer::Decline,
    })
}
