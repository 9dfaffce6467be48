//! A certificate authority of its own for every provider.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Writes `ca.pem`, `tls/chain.pem` and `tls/leaf.key` into `dir`; gives the authority's certificate.
pub(crate) fn write(dir: &Path) -> Result<String> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name
        .push(DnType::CommonName, "Tradepost test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;

    let leaf_key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    leaf.distinguished_name
        .push(DnType::CommonName, "localhost");
    // CA:FALSE must be written out: rustls refuses an authority's certificate at the end of the chain.
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_params(&ca, &ca_key);
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

    let ca_pem = ca_certificate.pem();
    fs::write(dir.join("ca.pem"), &ca_pem)?;
    fs::write(
        dir.join("tls/chain.pem"),
        format!("{}{ca_pem}", leaf_certificate.pem()),
    )?;
    fs::write(dir.join("tls/leaf.key"), leaf_key.serialize_pem())?;
    Ok(ca_pem)
}
