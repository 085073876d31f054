//! A real `nats-server` with JetStream on a free port, in a folder of its own.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each test file uses its part; a real process takes real time"
)]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server; stopped, waited for and cleaned up when dropped.
pub(crate) struct NatsServer {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
    arguments: Vec<String>,
}

impl NatsServer {
    /// Starts the server named by `NATS_SERVER`, else the one on PATH, with `arguments` added.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(folder.path(), "-1", &arguments, environment);
        let mut server = Self { child, folder, url: String::new(), arguments };
        server.url = server.wait_for_url();
        server
    }

    /// As [`Self::start`], with JetStream storing in the server's own folder.
    pub(crate) fn with_jetstream(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = folder.path().join("js").display().to_string();
        let arguments = [&["-js", "-sd", &store], arguments].concat();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(folder.path(), "-1", &arguments, &[]);
        let mut server = Self { child, folder, url: String::new(), arguments };
        server.url = server.wait_for_url();
        server
    }

    /// Ends the server as a crash would. Its files stay.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops the server without a word: its sockets stay open and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Has the server read its configuration file again.
    pub(crate) fn reload(&self) {
        self.signal("-HUP");
    }

    /// Takes a killed server's store away.
    pub(crate) fn forget_everything(&self) {
        std::fs::remove_dir_all(self.folder.path().join("js")).expect("the store");
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(status.success(), "kill {signal}");
    }

    /// Starts a killed server again, on its port and its files.
    pub(crate) fn restart(&mut self) {
        for entry in std::fs::read_dir(self.folder.path()).expect("folder").flatten() {
            if entry.path().extension().is_some_and(|e| e == "ports") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let port = self.url.rsplit(':').next().expect("a port").to_owned();
        self.child = spawn(self.folder.path(), &port, &self.arguments, &[]);
        self.url = self.wait_for_url();
    }

    /// `nats://127.0.0.1:<port>`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn wait_for_url(&mut self) -> String {
        let give_up = Instant::now() + Duration::from_secs(10);
        while Instant::now() < give_up {
            if let Some(url) = published_url(self.folder.path()) {
                return url;
            }
            if let Some(status) = self.child.try_wait().expect("child") {
                panic!("nats-server ended with {status}: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("nats-server wrote no ports file: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path, port: &str, arguments: &[String], environment: &[(&str, &str)]) -> Child {
    Command::new(program())
        .args(["-a", "127.0.0.1", "-p", port, "-m", "-1", "--ports_file_dir"])
        .arg(folder)
        .arg("-l")
        .arg(folder.join("log"))
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server starts; `make tools` installs it")
}

/// The `nats-server` to use in tests.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("NATS_SERVER").map_or_else(installed, PathBuf::from)
}

/// The one `make tools` installed, so that a bare `cargo test` works too; else whatever PATH has.
fn installed() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/nats-server");
    if ours.exists() { ours } else { PathBuf::from("nats-server") }
}

/// The server writes its ports to `<program>_<pid>.ports`; half a file does not parse and is read again.
fn published_url(folder: &Path) -> Option<String> {
    let ports = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .find(|entry| entry.path().extension().is_some_and(|e| e == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(ports.path()).ok()?).ok()?;
    ports.pointer("/nats/0")?.as_str().map(str::to_owned)
}
