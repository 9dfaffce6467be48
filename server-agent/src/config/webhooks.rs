//! `[[webhook]]` of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use tradepost_agent::config::{
    ConfigError, Source, Span, Spanned, check_private_file, read_private_file,
};
use tradepost_statements::order::{DeliveryMethod, PaymentMethod};

/// A `[[webhook]]` as it is written, not checked yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookToml {
    name: Spanned<String>,
    kind: WebhookKind,
    secret_file: Spanned<PathBuf>,
    #[serde(default)]
    trade_prefix: Option<Spanned<String>>,
    #[serde(default)]
    payment: BTreeMap<String, PaymentMethod>,
    #[serde(default)]
    delivery: Option<DeliveryMethod>,
    #[serde(default)]
    mail: Option<bool>,
    #[serde(default)]
    silent_after: Option<Span>,
}

/// Whose webhooks they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WebhookKind {
    Woocommerce,
    Shopify,
}

impl WebhookKind {
    /// As it is configured, and its label in the metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            WebhookKind::Woocommerce => "woocommerce",
            WebhookKind::Shopify => "shopify",
        }
    }

    pub(crate) fn signature_header(self) -> &'static str {
        match self {
            WebhookKind::Woocommerce => "X-WC-Webhook-Signature",
            WebhookKind::Shopify => "X-Shopify-Hmac-Sha256",
        }
    }

    pub(crate) fn topic_header(self) -> &'static str {
        match self {
            WebhookKind::Woocommerce => "X-WC-Webhook-Topic",
            WebhookKind::Shopify => "X-Shopify-Topic",
        }
    }
}

/// Checked; the secret is read when the intake opens.
#[derive(Debug, Clone)]
pub(crate) struct WebhookSettings {
    /// The last part of its path.
    pub(crate) name: String,
    pub(crate) kind: WebhookKind,
    secret_file: Spanned<PathBuf>,
    /// Stands before the web shop's number of an order.
    pub(crate) trade_prefix: String,
    /// What the web shop's payment methods are here; `*`: all others.
    payment: BTreeMap<String, PaymentMethod>,
    /// How goods go that are sent.
    pub(crate) delivery: DeliveryMethod,
    /// A mail of the web shop's own brings it.
    pub(crate) own_mail: bool,
    /// `doctor` says that it is silent after that time, or after several times its usual silence.
    silent_after: Duration,
}

/// A weekend, and a day.
const SILENT_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);
/// A part of a path and of keys.
const LONGEST_NAME: usize = 32;
/// A trade id has at most 64.
const LONGEST_PREFIX: usize = 32;

impl WebhookToml {
    /// # Errors
    /// [`ConfigError::At`].
    pub(crate) fn check(self, source: &Source) -> Result<WebhookSettings, ConfigError> {
        let fits = |text: &str, most: usize| {
            text.len() <= most
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let name = self.name.get_ref();
        if name.is_empty() || !fits(name, LONGEST_NAME) {
            let text = format!(
                "[[webhook]] name: 1 to {LONGEST_NAME} letters, digits and . _ -, as it stands in the path"
            );
            return Err(source.wrong(&self.name, text));
        }
        if let Some(prefix) = &self.trade_prefix
            && !fits(prefix.get_ref(), LONGEST_PREFIX)
        {
            let text = format!(
                "[[webhook]] trade_prefix: at most {LONGEST_PREFIX} letters, digits and . _ -"
            );
            return Err(source.wrong(prefix, text));
        }
        let mut payment = self.payment.iter();
        if let Some((theirs, _)) = payment.find(|(_, method)| **method == PaymentMethod::Nothing) {
            let text = format!(
                "[webhook.payment] {theirs:?}: \"none\" is for what costs nothing, and needs no line here"
            );
            return Err(source.wrong(&self.name, text));
        }
        check_private_file(&source.beside(self.secret_file.get_ref())).map_err(|e| {
            source.wrong(&self.secret_file, format!("[[webhook]] secret_file: {e}"))
        })?;
        Ok(WebhookSettings {
            name: name.clone(),
            kind: self.kind,
            secret_file: self.secret_file,
            trade_prefix: self
                .trade_prefix
                .map(Spanned::into_inner)
                .unwrap_or_default(),
            payment: self.payment,
            delivery: self.delivery.unwrap_or(DeliveryMethod::Courier),
            own_mail: self.mail == Some(false),
            silent_after: self.silent_after.map_or(SILENT_AFTER, Span::duration),
        })
    }
}

impl WebhookSettings {
    pub(crate) fn secret(&self, source: &Source) -> Result<Vec<u8>, ConfigError> {
        let wrong = |text: String| {
            source.wrong(
                &self.secret_file,
                format!("[[webhook]] secret_file: {text}"),
            )
        };
        let secret = read_private_file(&source.beside(self.secret_file.get_ref()))
            .map_err(|e| wrong(e.to_string()))?;
        let line = secret
            .expose_secret()
            .lines()
            .next()
            .unwrap_or_default()
            .trim();
        if line.is_empty() {
            return Err(wrong("its first line is empty".to_owned()));
        }
        Ok(line.as_bytes().to_vec())
    }

    pub(crate) fn is_named_as(&self, other: &WebhookSettings) -> bool {
        self.name == other.name
    }

    /// As configured with nothing but this.
    #[cfg(test)]
    pub(crate) fn named(name: &str, kind: WebhookKind, trade_prefix: &str) -> WebhookSettings {
        WebhookSettings {
            name: name.to_owned(),
            kind,
            secret_file: Spanned::new(0..0, PathBuf::new()),
            trade_prefix: trade_prefix.to_owned(),
            payment: BTreeMap::new(),
            delivery: DeliveryMethod::Courier,
            own_mail: false,
            silent_after: SILENT_AFTER,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> WebhookKind {
        self.kind
    }

    pub(crate) fn silent_after(&self) -> Duration {
        self.silent_after
    }

    /// Whether orders of equal numbers could want the same trade id in both.
    pub(crate) fn may_number_as(&self, other: &WebhookSettings) -> bool {
        let (one, other) = (&self.trade_prefix, &other.trade_prefix);
        one.starts_with(other.as_str()) || other.starts_with(one.as_str())
    }

    /// What a payment method of the web shop is here; none where nobody has said it.
    pub(crate) fn payment_method(&self, theirs: &str) -> Option<PaymentMethod> {
        let said = self.payment.get(theirs).or_else(|| self.payment.get("*"));
        said.copied().or(match theirs {
            "bacs" | "cheque" | "manual" | "Bank Deposit" => Some(PaymentMethod::BankTransfer),
            "paypal" | "ppcp-gateway" => Some(PaymentMethod::EMoney),
            "stripe" | "woocommerce_payments" | "shopify_payments" | "bogus" => {
                Some(PaymentMethod::CreditCard)
            }
            _ => None,
        })
    }
}
