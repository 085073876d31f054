//! Who we are to NATS: passwords, tokens, keys and certificates, all read from files.

use std::path::Path;

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions, ServerAddr, rustls};

use percent_encoding::percent_decode_str;

use super::error::NatsError;
use crate::config::Nats;

/// Options of a connection with the configured login. Its inboxes are `_INBOX.<inbox>.…`, as the permissions of
/// the server want it.
///
/// # Errors
///
/// A file that cannot be read or used.
pub async fn options(config: &Nats, inbox: &str) -> Result<ConnectOptions, NatsError> {
    let mut options = ConnectOptions::new().custom_inbox_prefix(format!("_INBOX.{inbox}"));
    if let Some((user, password)) = in_address(config) {
        options = match password {
            Some(password) => options.user_and_password(user, password),
            None => options.token(user),
        };
    }
    if let Some(path) = &config.credentials_file {
        let unusable = |source| NatsError::Secret { path: path.clone(), source };
        options = options.credentials_file(path).await.map_err(unusable)?;
    }
    if let (Some(user), Some(path)) = (&config.user, &config.password_file) {
        options = options.user_and_password(user.clone(), secret(path).await?);
    }
    if let Some(path) = &config.token_file {
        options = options.token(secret(path).await?);
    }
    if let Some(path) = &config.nkey_file {
        options = options.nkey(seed(path).await?);
    }
    if let Some(path) = &config.tls_ca_file {
        readable(path).await?;
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    if let (Some(certificate), Some(key)) = (&config.tls_cert_file, &config.tls_key_file) {
        readable(certificate).await?;
        readable(key).await?;
        options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
    }
    if config.tls_first {
        options = options.require_tls(true).tls_first();
    }
    Ok(options)
}

/// User and password, or a token alone, in the first address that has them, if nothing else says who we are: the
/// library does not look there.
fn in_address(config: &Nats) -> Option<(String, Option<String>)> {
    let is_told = config.user.is_some()
        || config.credentials_file.is_some()
        || config.token_file.is_some()
        || config.nkey_file.is_some();
    let servers: Result<Vec<ServerAddr>, NatsError> = config.url.split(',').map(address).collect();
    let servers = servers.ok().filter(|_| !is_told)?;
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    servers.iter().find_map(|server| Some((plain(server.username()?), server.password().map(plain))))
}

/// The configured servers, without what their addresses say of who we are.
///
/// # Errors
///
/// An address that is none.
pub fn addresses(urls: &str) -> Result<Vec<ServerAddr>, NatsError> {
    urls.split(',').map(|url| address(&without_login(url))).collect()
}

fn address(url: &str) -> Result<ServerAddr, NatsError> {
    url.trim().parse().map_err(|error: std::io::Error| NatsError::Address { reason: error.to_string() })
}

/// The library writes whole addresses into its log.
fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("nats", url), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{}://{}", scheme.trim(), host.trim())
}

/// Hosts and ports alone: an address may hold a password.
pub fn names(servers: &[ServerAddr]) -> String {
    servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect::<Vec<_>>().join(",")
}

/// What is wrong with the certificates, if that is why a connection failed, and what to do about it.
pub fn tls_fault(error: &ConnectError) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref::<rustls::Error>();
        if let Some(tls) = tls.or_else(|| io.and_then(|inner| inner.downcast_ref::<rustls::Error>())) {
            return Some(explain(tls));
        }
        cause = error.source();
    }
    (error.kind() == ConnectErrorKind::Tls)
        .then(|| format!("{error}; check nats.tls_ca_file, nats.tls_cert_file and nats.tls_key_file"))
}

fn explain(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            format!(
                "{error}: the server's certificate is not trusted; set nats.tls_ca_file to the one it descends from"
            )
        }
        rustls::Error::AlertReceived(_) => format!(
            "{error}: the server refuses our certificate, or wants one; set nats.tls_cert_file and nats.tls_key_file to one it trusts"
        ),
        _ => format!("{error}; check nats.tls_ca_file, nats.tls_cert_file and nats.tls_key_file"),
    }
}

async fn secret(path: &Path) -> Result<String, NatsError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|source| NatsError::Secret { path: path.to_owned(), source })?;
    Ok(text.trim_end().to_owned())
}

/// The seed in an nkey file, which tools write with frames and comments around it.
async fn seed(path: &Path) -> Result<String, NatsError> {
    let text = secret(path).await?;
    let seed = text.lines().map(str::trim).find(|line| line.starts_with('S') && !line.contains(' '));
    seed.map(str::to_owned).ok_or_else(|| NatsError::Secret {
        path: path.to_owned(),
        source: std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "no nkey seed is in it: a line that begins with S",
        ),
    })
}

/// The library reads certificates only while it connects, and then says little about a missing file.
async fn readable(path: &Path) -> Result<(), NatsError> {
    secret(path).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_without_their_passwords() {
        let servers = addresses("nats://me:secret@a.example:4222, tls://b.example").expect("two addresses");
        assert_eq!(names(&servers), "a.example:4222,b.example:4222");
        assert!(addresses("nats://a b").is_err());
    }

    #[test]
    fn an_address_may_say_who_we_are() {
        let config = |url: &str| Nats { url: url.to_owned(), ..Nats::default() };
        let told = |user: &str, password: Option<&str>| Some((user.to_owned(), password.map(str::to_owned)));
        assert_eq!(in_address(&config("nats://a.example,nats://me:p%40ss@b.example")), told("me", Some("p@ss")));
        assert_eq!(in_address(&config("nats://token@b.example")), told("token", None));
        assert_eq!(in_address(&config("nats://b.example")), None);
        let file = Nats { token_file: Some("token".into()), ..config("nats://me:pass@b.example") };
        assert_eq!(in_address(&file), None, "a file outranks it");
    }

    #[tokio::test]
    async fn a_secret_that_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("seed");
        let config = Nats { nkey_file: Some(file.clone()), ..Nats::default() };
        let error = options(&config, "me").await.expect_err("no file").to_string();
        assert!(error.contains("seed"), "{error}");
        std::fs::write(&file, "-----BEGIN USER NKEY SEED-----\nnone\n").expect("written");
        let error = options(&config, "me").await.expect_err("no seed").to_string();
        assert!(error.contains("no nkey seed"), "{error}");
    }
}
