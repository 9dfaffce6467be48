//! `[http]` of the configuration: where the intake listens, who may call, and with which certificate.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;
use tradepost_agent::config::{
    ConfigError, Source, Spanned, check_private_file, read_private_file,
};

use super::token::BearerToken;
use super::webhooks::{WebhookSettings, WebhookToml};

/// Where it listens unless the configuration says otherwise: on this machine only.
const USUAL_PORT: u16 = 8025;

/// `[http]` as it is written, not checked yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpToml {
    listen: Option<Spanned<String>>,
    token_file: Spanned<PathBuf>,
    tls_cert: Option<Spanned<PathBuf>>,
    tls_key: Option<Spanned<PathBuf>>,
}

/// Checked; secrets are read when the intake opens, so that commands without it need none.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    pub(crate) listen: SocketAddr,
    token_file: Spanned<PathBuf>,
    tls: Option<CertificateAndKey>,
    pub(crate) hooks: Vec<WebhookSettings>,
}

#[derive(Debug, Clone)]
struct CertificateAndKey {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
}

impl HttpToml {
    /// Refuses what would let strangers in or read along; reads no secret yet.
    ///
    /// # Errors
    /// [`ConfigError::At`].
    pub(crate) fn check(
        self,
        source: &Source,
        webhooks: Vec<Spanned<WebhookToml>>,
    ) -> Result<HttpSettings, ConfigError> {
        let usual = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), USUAL_PORT);
        let listen = match &self.listen {
            None => usual,
            Some(text) => text.get_ref().parse().map_err(|_| {
                let what = "[http] listen: write an address of this machine and a port, such as \
                    \"127.0.0.1:8025\" or \"[::1]:8025\"";
                source.wrong(text, what)
            })?,
        };
        check_private_file(&source.beside(self.token_file.get_ref())).map_err(|e| {
            let text = format!(
                "[http] token_file: {e}; one is made by: (umask 077; openssl rand -hex 32 > '{}')",
                source.beside(self.token_file.get_ref()).display()
            );
            source.wrong(&self.token_file, text)
        })?;
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => {
                let place = source.beside(key.get_ref());
                check_private_file(&place)
                    .map_err(|e| source.wrong(&key, format!("[http] tls_key: {e}")))?;
                Some(CertificateAndKey { certificate, key })
            }
            (None, None) => None,
            (Some(one), None) => {
                return Err(source.wrong(&one, "[http] tls_cert needs tls_key beside it"));
            }
            (None, Some(one)) => {
                return Err(source.wrong(&one, "[http] tls_key needs tls_cert beside it"));
            }
        };
        // The token would go over the network for everybody to read.
        if let Some(elsewhere) = self.listen.as_ref().filter(|_| tls.is_none())
            && !listen.ip().is_loopback()
        {
            let text = "[http] listen: elsewhere than on loopback (127.0.0.1, [::1]) it needs tls_cert and tls_key";
            return Err(source.wrong(elsewhere, text));
        }
        let mut hooks: Vec<WebhookSettings> = Vec::new();
        for webhook in webhooks {
            let place = Spanned::new(webhook.span(), ());
            let hook = webhook.into_inner().check(source)?;
            if hooks.iter().any(|other| other.is_named_as(&hook)) {
                return Err(source.wrong(&place, "[[webhook]] name: another one has that name"));
            }
            hooks.push(hook);
        }
        Ok(HttpSettings {
            listen,
            token_file: self.token_file,
            tls,
            hooks,
        })
    }
}

impl HttpSettings {
    /// The webhooks that are answered.
    pub(crate) fn hooks(&self) -> &[WebhookSettings] {
        &self.hooks
    }

    /// What callers have to show.
    pub(crate) fn token(&self, source: &Source) -> Result<BearerToken, ConfigError> {
        let wrong = |text: String| source.wrong(&self.token_file, text);
        let secret = read_private_file(&source.beside(self.token_file.get_ref()))
            .map_err(|e| wrong(format!("[http] token_file: {e}")))?;
        let line = secret.expose_secret().lines().next().unwrap_or_default();
        BearerToken::read(line.trim()).map_err(|e| wrong(format!("[http] token_file: {e}")))
    }

    /// The certificate that callers are shown; none: no TLS.
    pub(crate) fn tls(&self, source: &Source) -> Result<Option<TlsAcceptor>, ConfigError> {
        let Some(files) = &self.tls else {
            return Ok(None);
        };
        let place = source.beside(files.certificate.get_ref());
        let bad = |e: &dyn std::fmt::Display| {
            let text = format!("[http] tls_cert: {}: {e}", place.display());
            source.wrong(&files.certificate, text)
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&place)
            .and_then(Iterator::collect)
            .map_err(|e| bad(&e))?;
        if chain.is_empty() {
            return Err(bad(&"there is no certificate in it (PEM)"));
        }
        let bad_key = |e: &dyn std::fmt::Display| {
            let text = format!("[http] tls_key: {e}");
            source.wrong(&files.key, text)
        };
        let key =
            read_private_file(&source.beside(files.key.get_ref())).map_err(|e| bad_key(&e))?;
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
            .map_err(|e| bad_key(&e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| bad(&e))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| bad(&e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }
}
