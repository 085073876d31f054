//! `[http]`: probes, metrics and the console.

use std::{net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address to listen on, such as `127.0.0.1:9464`; nothing is served if it is empty.
    pub listen: String,
    /// File that holds the token callers must show. Needed unless `listen` is a loopback address.
    pub token_file: Option<PathBuf>,
    /// Names under which browsers and scrapers reach the server, beside the address itself and `localhost`.
    pub hosts: Vec<String>,
    /// Serve the console at `/`. Probes and metrics are served either way.
    pub console: bool,
    /// Consoles open at once; one more is refused.
    pub console_clients_max: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: String::new(), token_file: None, hosts: Vec::new(), console: true, console_clients_max: 16 }
    }
}

impl Http {
    /// Where to listen; `None` if nothing is served.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for a person.
    pub fn address(&self) -> Result<Option<SocketAddr>, String> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address: SocketAddr = self
            .listen
            .parse()
            .map_err(|_| format!("http.listen is {:?}, which is no address such as \"127.0.0.1:9464\"", self.listen))?;
        if !address.ip().is_loopback() && self.token_file.is_none() {
            return Err("http.listen can be reached from other machines; set http.token_file, or listen on 127.0.0.1"
                .to_owned());
        }
        Ok(Some(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(listen: &str) -> Http {
        Http { listen: listen.to_owned(), ..Http::default() }
    }

    #[test]
    fn other_machines_need_a_token() {
        assert_eq!(on("").address(), Ok(None));
        assert!(on("127.0.0.1:9464").address().is_ok_and(|address| address.is_some()));
        assert!(on("[::1]:9464").address().is_ok_and(|address| address.is_some()));
        assert!(on("0.0.0.0:9464").address().is_err_and(|error| error.contains("token_file")));
        assert!(on("localhost").address().is_err_and(|error| error.contains("no address")));
        let open = Http { token_file: Some(PathBuf::from("token")), ..on("0.0.0.0:9464") };
        assert!(open.address().is_ok());
    }
}
