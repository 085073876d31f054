//! A `nats-server` of the demo's own: JetStream in a temporary folder, gone when the demo ends.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::cli::Failure;

/// How long a fresh server may take to tell its ports.
const START_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running server; stopped and its folder removed on drop.
pub(super) struct NatsServer {
    child: Child,
    /// Client URL.
    pub(super) url: String,
    folder: TempDir,
}

/// The `nats-server` to use: `NATS_SERVER`, the one that `make` installs, or the one on `PATH`.
pub(super) fn find() -> Option<PathBuf> {
    let named = env::var_os("NATS_SERVER").map(PathBuf::from);
    let installed = PathBuf::from(".tools/bin/nats-server");
    let on_path = env::var_os("PATH")
        .into_iter()
        .flat_map(|path| env::split_paths(&path).map(|folder| folder.join("nats-server")).collect::<Vec<_>>());
    named.into_iter().chain([installed]).chain(on_path).find(|path| path.is_file())
}

impl NatsServer {
    /// Starts a server on a port of the system's choice.
    pub(super) async fn start(program: &Path) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("ibnats-demo-")?;
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"])
            .arg(folder.path().join("jetstream"))
            .arg("--ports_file_dir")
            .arg(folder.path())
            .arg("-l")
            .arg(folder.path().join("log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C reaches the whole group; the server is to outlive the bridge's last words.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let mut server = Self { child, url: String::new(), folder };
        server.url = server.wait_for_port().await?;
        Ok(server)
    }

    async fn wait_for_port(&mut self) -> Result<String, Failure> {
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if let Some(url) = self.read_ports() {
                return Ok(url);
            }
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(format!("nats-server ended at once ({status}): {log}").into());
            }
            sleep(LOOK_EVERY).await;
        }
        Err("nats-server did not tell its port within ten seconds".into())
    }

    fn read_ports(&self) -> Option<String> {
        let entries = fs::read_dir(self.folder.path()).ok()?;
        let file =
            entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "ports"))?;
        let ports: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        ports.get("nats")?.get(0)?.as_str().map(str::to_owned)
    }

    /// Stops the server and removes its folder.
    pub(super) async fn stop(mut self) {
        // Nothing in the temporary folder is worth an orderly end.
        let _ = self.child.kill().await;
    }
}
