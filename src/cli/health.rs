//! `ibnats health`: asks the HTTP server of the bridge on this machine, for probes of containers and service managers.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Failure, show::print_line};
use crate::config;

/// Nothing a probe says is longer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Say whether the bridge on this machine lives, or can be used; the exit code says the same
///
/// Asks the server at `http.listen` of the bridge's configuration, which must not be empty.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file of the bridge
    #[arg(short, long, value_name = "FILE", env = "IBNATS_CONFIG")]
    config: Option<PathBuf>,
    /// Whether it can be used, for everything or for one use alone, instead of whether it lives
    #[arg(long, value_name = "USE", num_args = 0..=1, default_missing_value = "all", value_parser = ["all", "data", "history", "orders", "account"])]
    ready: Option<String>,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let http = config::load(args.config.as_deref())?.http;
    let Some(address) = http.address()? else {
        return Err(
            "http.listen is empty, so the bridge cannot be asked here; set it, or ask `ibnats request bridge.health`"
                .into(),
        );
    };
    let path = match args.ready.as_deref() {
        None => "/livez".to_owned(),
        Some("all") => "/readyz".to_owned(),
        Some(what) => format!("/readyz/{what}"),
    };
    let asked = tokio::time::timeout(Duration::from_secs(args.timeout), ask(reachable(address), &path)).await;
    let answer = asked.map_err(|_| format!("no answer from {address} within {} s", args.timeout))?;
    let answer = answer.map_err(|error| format!("{address}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_whitespace().nth(1) {
        Some("200") => print_line(body.trim_end()),
        Some("503") => Err(body.trim_end().to_owned().into()),
        _ => Err(format!("{address} is no bridge: {}", head.lines().next().unwrap_or_default()).into()),
    }
}

/// A server on every address is asked on this machine's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}

async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_this_machine() {
        let asked = |listen: &str| reachable(listen.parse().expect("an address")).to_string();
        assert_eq!(asked("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(asked("[::]:9464"), "[::1]:9464");
        assert_eq!(asked("10.0.0.7:9464"), "10.0.0.7:9464");
    }
}
