//! A client of the bridge's HTTP server: one connection for each request, nothing hidden.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

const LIMIT: Duration = Duration::from_secs(20);

/// Where the server is.
pub(crate) struct Http {
    address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A server-sent event.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// The stream of a console.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
}

impl Http {
    /// The server of the bridge that wrote this log.
    pub(crate) fn of(log: &str) -> Option<Self> {
        let line = log.lines().find(|line| line.contains("HTTP server"))?;
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        Some(Self { address: address?.to_owned() })
    }

    /// The server at this address.
    pub(crate) fn at(address: String) -> Self {
        Self { address }
    }

    /// None while nobody listens there.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Reply> {
        TcpStream::connect(&self.address).await.ok()?;
        Some(self.get(path).await).filter(|reply| reply.status == 200)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut socket = self.ask(method, path, headers, body).await;
        let mut answer = String::new();
        let read = socket.read_to_string(&mut answer);
        tokio::time::timeout(LIMIT, read).await.expect("an answer in time").expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked { without_lengths(body) } else { body.to_owned() };
        Reply { status: status.expect("a status"), headers, body }
    }

    /// Opens the stream of a console.
    pub(crate) async fn events(&self) -> Events {
        Events { reader: BufReader::new(self.ask("GET", "/events", &[], "").await) }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut socket = TcpStream::connect(&self.address).await.expect("connected");
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            let _ = write!(head, "host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        socket.write_all(format!("{head}\r\n{body}").as_bytes()).await.expect("sent");
        socket
    }
}

/// The pieces of a chunked body, each behind its length.
fn without_lengths(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    whole
}

impl Events {
    pub(crate) async fn next(&mut self) -> Told {
        tokio::time::timeout(LIMIT, self.read()).await.expect("an event in time")
    }

    /// The body comes in chunks whose lengths stand on lines of their own; they are no event lines.
    async fn read(&mut self) -> Told {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).await.expect("text") > 0, "the stream has ended");
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(rest) = line.strip_prefix("event: ") {
                rest.clone_into(&mut name);
            } else if let Some(rest) = line.strip_prefix("data: ") {
                data.push_str(rest);
            } else if line.is_empty() && !data.is_empty() {
                let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
                return Told { name, data };
            }
        }
    }
}

/// Waits until `probe` gives something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut probe: impl FnMut() -> F) -> T {
    let limit = tokio::time::Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < limit, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
