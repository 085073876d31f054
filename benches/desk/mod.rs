//! What the benches share: a real `nats-server`, and waiting.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

/// A `nats-server` with JetStream, its files in `folder`.
pub(crate) fn nats_server(folder: &Path) -> Child {
    let program = env::var_os("NATS_SERVER").map_or_else(|| PathBuf::from("nats-server"), PathBuf::from);
    Command::new(program)
        .args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"])
        .arg(folder.join("js"))
        .arg("--ports_file_dir")
        .arg(folder)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("nats-server starts; set NATS_SERVER to the program")
}

/// Its address, once it has one.
pub(crate) async fn nats_url(folder: &Path) -> String {
    loop {
        let files = fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
        let ports = files.filter(|path| path.extension().is_some_and(|extension| extension == "ports"));
        let read = |path: PathBuf| serde_json::from_slice::<serde_json::Value>(&fs::read(path).ok()?).ok();
        if let Some(url) = ports.filter_map(read).find_map(|ports| Some(ports["nats"][0].as_str()?.to_owned())) {
            return url;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a condition.
pub(crate) async fn until(limit: Duration, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A bridge (`ibnats run`) between the gateway on this port and the server, with `extra` in its configuration.
pub(crate) fn bridge(folder: &Path, url: &str, port: u16, extra: &str) -> Child {
    let config = format!(
        "[gateway]\nport = {port}\n[nats]\nurl = \"{url}\"\nprefix = \"bench\"\n[log]\nfilter = \"warn\"\n[state]\ndir = \"{}\"\n{extra}",
        folder.join("state").display()
    );
    let file = folder.join("ibnats.toml");
    fs::write(&file, config).expect("written");
    Command::new(env!("CARGO_BIN_EXE_ibnats"))
        .arg("run")
        .arg("--config")
        .arg(file)
        .kill_on_drop(true)
        .spawn()
        .expect("the bridge starts")
}
