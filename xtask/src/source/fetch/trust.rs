//! Whom TLS connections trust: the host's certificate authorities, so that a site's own work too.

use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::failure::{Doing, Failure, Kind, Result};

/// Where Debian's package ca-certificates keeps them.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The authorities in the file that `SSL_CERT_FILE` names (openssl(1)), or else the host's, or else Mozilla's as they
/// were when this program was built.
///
/// # Errors
/// [`Kind::Host`] when the file cannot be read or holds none.
pub fn authorities(ssl_cert_file: Option<&Path>) -> Result<RootCerts> {
    match ssl_cert_file {
        Some(file) => read(file).doing(|| "SSL_CERT_FILE names no usable certificates".to_owned()),
        None if Path::new(BUNDLE).exists() => read(Path::new(BUNDLE)),
        None => Ok(RootCerts::WebPki),
    }
}

fn read(file: &Path) -> Result<RootCerts> {
    let pem = fs_err::read(file)?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(certificate).collect();
    if certificates.is_empty() {
        let what = format!("{} holds no certificate", file.display());
        return Err(Failure::new(Kind::Host, what));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), "-----BEGIN CERTIFICATE-----\nno\n").unwrap();
        let failure = authorities(Some(file.path())).unwrap_err();
        assert!(failure.to_string().contains("SSL_CERT_FILE"));
        assert!(authorities(Some(Path::new("/no such"))).is_err());
    }
}
