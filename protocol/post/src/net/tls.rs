//! TLS: rustls with `ring` as the only provider, the computer's own roots, and a configured file
//! of further ones.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, ClientConfig, ProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ServerAddress;
use crate::trouble::{Error, TroubleKind};

/// What is needed to begin TLS; made once, used for many connections.
#[derive(Clone)]
pub(crate) struct TlsClient(Arc<ClientConfig>);

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsClient")
    }
}

impl TlsClient {
    /// Trusts what the computer trusts, and the certificates in `ca_file`.
    pub(crate) fn new(ca_file: Option<&Path>, section: &str) -> Result<TlsClient, Error> {
        let extra = match ca_file {
            Some(path) => read_roots(path, section)?,
            None => Vec::new(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let bad = |e: rustls::Error| {
            Error::new(
                TroubleKind::Configuration,
                format!(
                    "no certificates to trust could be loaded ({e}) - install the package ca-certificates, or name a \
                     `ca_file` in {section}"
                ),
            )
        };
        let verifier: Arc<dyn ServerCertVerifier> =
            Arc::new(Verifier::new_with_extra_roots(extra, provider.clone()).map_err(bad)?);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(bad)?
            .dangerous() // rustls's word for any verifier of one's own; this one is the platform's
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(TlsClient(Arc::new(config)))
    }

    /// Begins TLS on `stream`; the certificate must be for the server's host.
    pub(crate) async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        server: &ServerAddress,
        stream: S,
    ) -> Result<TlsStream<S>, Error> {
        let host = server.host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::new(
                TroubleKind::Configuration,
                format!(
                    "{:?} is not a host name or an IP address - check `host` in {}",
                    server.host, server.section
                ),
            )
        })?;
        TlsConnector::from(self.0.clone())
            .connect(name, stream)
            .await
            .map_err(|e| handshake_failed(server, &e))
    }
}

/// The version as people write it.
pub(crate) fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        other => format!("{other:?}"),
    }
}

fn read_roots(path: &Path, section: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |why: String| {
        Error::new(
            TroubleKind::Configuration,
            format!(
                "cannot use {}: {why} - `ca_file` in {section} must name a file of certificates in PEM form",
                path.display()
            ),
        )
    };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|e| bad(e.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|e| bad(e.to_string()))?;
    if roots.is_empty() {
        return Err(bad("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

fn handshake_failed(server: &ServerAddress, e: &std::io::Error) -> Error {
    let section = server.section;
    let why = e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let text = match why {
        Some(rustls::Error::InvalidCertificate(why)) => certificate_refused(server, why),
        Some(rustls::Error::InvalidMessage(_)) => format!(
            "{server} does not speak TLS here - check `port` and `tls` in {section} (\"implicit\" goes with ports 993 \
             and 465, \"starttls\" with 143 and 587)"
        ),
        Some(other) => format!("no protected connection to {server}: {other}"),
        None => {
            format!(
                "no protected connection to {server}: {e} - check `port` and `tls` in {section}"
            )
        }
    };
    Error::new(TroubleKind::Tls, text)
}

fn certificate_refused(server: &ServerAddress, why: &CertificateError) -> String {
    let section = server.section;
    // Every sort that calls for a remedy of its own is named; the rest say what rustls says.
    // BadSignature: a CA of the right name with another key, such as one that was made anew.
    if matches!(
        why,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    ) {
        format!(
            "the certificate of {server} was issued by somebody this computer does not trust - if the server is your \
             own, put its CA's certificate into a file and name that as `ca_file` in {section}"
        )
    } else if matches!(
        why,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    ) {
        format!(
            "the certificate of {server} is for another name ({why}) - check `host` in {section}"
        )
    } else if matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    ) {
        format!(
            "the certificate of {server} is not valid today ({why}) - check this computer's clock; otherwise the \
             server needs a new certificate"
        )
    } else if format!("{why:?}").contains("CaUsedAsEndEntity") {
        // webpki's own error, wrapped; it has no name here.
        format!(
            "the certificate of {server} is a CA's, which no server may use as its own - make one with \
             basicConstraints=critical,CA:FALSE and name the CA's in `ca_file` in {section}"
        )
    } else {
        format!("the certificate of {server} can't be accepted: {why}")
    }
}
