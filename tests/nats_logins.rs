//! Every way to be somebody on NATS, against a real `nats-server`: the right one works, a wrong one ends the start with
//! words that say what to do, and no secret is ever told.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "rig/nats_server.rs"]
mod nats_server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use nats_server::NatsServer;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair as TlsKey};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

const LIMIT: Duration = Duration::from_secs(30);
/// In every secret that the test chooses itself.
const SECRET: &str = "hunter2-is-secret";

/// A server with a configuration of its own, and files beside it.
struct World {
    folder: tempfile::TempDir,
    server: Option<NatsServer>,
    secrets: Vec<String>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, server: None, secrets: vec![SECRET.to_owned()] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file; its path as TOML and the server's configuration want it.
    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        format!("{:?}", self.path(name).display().to_string())
    }

    fn serve(&mut self, configuration: &str) {
        let store = self.path("js");
        let configuration = format!("jetstream {{ store_dir: {:?} }}\n{configuration}", store.display().to_string());
        fs::write(self.path("server.conf"), configuration).expect("written");
        let path = self.path("server.conf").display().to_string();
        self.server = Some(NatsServer::start(&["-c", &path], &[]));
    }

    fn port(&self) -> String {
        let server = self.server.as_ref().expect("it runs");
        server.url().rsplit(':').next().expect("a port").to_owned()
    }

    /// The bridge's configuration with this login. Nothing is left out of the log.
    fn config(&self, nats: &str) -> PathBuf {
        let url = format!("nats://127.0.0.1:{}", self.port());
        let url = if nats.contains("url =") { String::new() } else { format!("url = \"{url}\"\n") };
        let text = format!(
            "[gateway]\nport = 1\n[log]\nfilter = \"trace\"\n[state]\ndir = {:?}\n[nats]\n{url}{}\n",
            self.path("state").display().to_string(),
            nats.replace("PORT", &self.port()),
        );
        let path = self.path("ibnats.toml");
        fs::write(&path, text).expect("written");
        path
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("bridge.log")).unwrap_or_default()
    }

    fn bridge(&self, config: &Path) -> Child {
        let log = fs::File::create(self.path("bridge.log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
        command.arg("run").arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.env_remove("RUST_LOG").kill_on_drop(true).spawn().expect("the bridge starts")
    }

    #[track_caller]
    fn tells_no_secret(&self, text: &str) {
        for secret in &self.secrets {
            let told = text.lines().find(|line| line.contains(secret));
            assert_eq!(told, None, "a secret is told");
        }
    }

    /// The bridge starts with this login, and its own program may ask it with the same one.
    async fn works(&self, nats: &str) {
        let config = self.config(nats);
        let mut bridge = self.bridge(&config);
        let ask = async {
            loop {
                let output = run(&["request", "bridge.config", "--timeout", "5"], &config).await;
                if output.status.success() {
                    return output;
                }
                if let Ok(Some(status)) = bridge.try_wait() {
                    panic!("{nats}: the bridge ended with {status}: {}", last_lines(&self.log()));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answer = tokio::time::timeout(LIMIT, ask).await;
        let answer = answer.unwrap_or_else(|_| panic!("{nats}: no answer: {}", last_lines(&self.log())));
        self.tells_no_secret(&text(&answer.stdout));
        bridge.kill().await.expect("killed");
        let log = self.log();
        assert!(log.contains("NATS connected") && log.contains("TRACE"), "{}", last_lines(&log));
        self.tells_no_secret(&log);
        let shown = run(&["config", "show"], &config).await;
        assert!(shown.status.success());
        self.tells_no_secret(&text(&shown.stdout));
    }

    /// The bridge does not start with this login, and says these words. `ibnats check` says no, too.
    async fn fails(&self, nats: &str, words: &[&str]) {
        let config = self.config(nats);
        let mut bridge = self.bridge(&config);
        let ended = tokio::time::timeout(LIMIT, bridge.wait()).await;
        let log = self.log();
        let status = ended.unwrap_or_else(|_| panic!("{nats}: it runs on: {}", last_lines(&log))).expect("a status");
        assert!(!status.success(), "{nats}: {}", last_lines(&log));
        let error = log.lines().rfind(|line| line.starts_with("ibnats: ")).expect("an error").to_owned();
        for word in words {
            assert!(error.contains(word), "{word:?} is missing in {error:?}");
        }
        self.tells_no_secret(&log);
        let checked = run(&["check"], &config).await;
        let said = text(&checked.stdout);
        assert!(!checked.status.success() && said.contains("NATS"), "{nats}: {said}");
        self.tells_no_secret(&said);
        self.tells_no_secret(&text(&checked.stderr));
    }
}

async fn run(arguments: &[&str], config: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibnats"));
    command.args(arguments).arg("--config").arg(config).stdin(Stdio::null()).env_remove("NATS_URL");
    command.output().await.expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

const MEND: [&str; 2] = ["refused the login", "check the login under [nats]"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_and_its_password() {
    let mut world = World::new();
    let (right, wrong) = (world.file("right", &format!("{SECRET}\n")), world.file("wrong", &format!("no-{SECRET}")));
    world.serve(&format!("authorization {{ users: [ {{ user: bridge, password: \"{SECRET}\" }} ] }}"));
    world.works(&format!("user = \"bridge\"\npassword_file = {right}")).await;
    world.fails(&format!("user = \"bridge\"\npassword_file = {wrong}"), &MEND).await;
    world.fails(&format!("user = \"other\"\npassword_file = {right}"), &MEND).await;
    world.fails("", &MEND).await;
    world
        .fails("user = \"bridge\"\npassword_file = \"/nowhere/password\"", &["/nowhere/password", "No such file"])
        .await;
    // In the address: worse than a file, but not told either.
    world.works(&format!("url = \"nats://bridge:{SECRET}@127.0.0.1:PORT\"")).await;
    world.fails(&format!("url = \"nats://bridge:no-{SECRET}@127.0.0.1:PORT\""), &MEND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token() {
    let mut world = World::new();
    let (right, wrong) = (world.file("right", &format!("{SECRET}\n")), world.file("wrong", &format!("no-{SECRET}")));
    world.serve(&format!("authorization {{ token: \"{SECRET}\" }}"));
    world.works(&format!("token_file = {right}")).await;
    world.fails(&format!("token_file = {wrong}"), &MEND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nkey() {
    let mut world = World::new();
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let [seed, other_seed] = [&key, &other].map(|key| key.seed().expect("a seed"));
    world.secrets = vec![seed.clone(), other_seed.clone()];
    let framed = format!("-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n");
    let (right, wrong) = (world.file("right", &framed), world.file("wrong", &other_seed));
    let broken = world.file("broken", "SUNOTASEED");
    world.serve(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key()));
    world.works(&format!("nkey_file = {right}")).await;
    world.fails(&format!("nkey_file = {wrong}"), &MEND).await;
    world.fails(&format!("nkey_file = {broken}"), &MEND).await;
}

/// A JWT as NATS signs them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject.public_key(), "name": name,
        "nats": nats,
    });
    let signed = [header, claims].map(|part| BASE64.encode(part.to_string())).join(".");
    let signature = issuer.sign(signed.as_bytes()).expect("signed");
    format!("{signed}.{}", BASE64.encode(signature))
}

fn credentials(jwt: &str, key: &KeyPair) -> String {
    let seed = key.seed().expect("a seed");
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credentials_file() {
    let mut world = World::new();
    let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let (user, other_account) = (KeyPair::new_user(), KeyPair::new_account());
    let nothing = json!({ "type": "operator", "version": 2, "system_account": system.public_key() });
    let operator_jwt = jwt(&operator, &operator, "operator", &nothing);
    let all = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let mut none = all.clone();
    for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
        none[limit] = json!(0);
    }
    let of = |limits: &Value| json!({ "type": "account", "version": 2, "limits": limits });
    let account_jwt = jwt(&operator, &account, "desk", &of(&all));
    let system_jwt = jwt(&operator, &system, "SYS", &of(&none));
    let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {} });
    let user_jwt = jwt(&account, &user, "bridge", &claims);
    world.secrets = vec![user.seed().expect("a seed"), user_jwt.clone()];
    let right = world.file("right.creds", &credentials(&user_jwt, &user));
    let forged = jwt(&other_account, &user, "bridge", &claims);
    let wrong = world.file("wrong.creds", &credentials(&forged, &user));
    let broken = world.file("broken.creds", "no credentials at all\n");
    world.serve(&format!(
        "operator: {operator_jwt}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{\n\
         {account}: {account_jwt}\n{system}: {system_jwt}\n}}\n",
        account = account.public_key(),
        system = system.public_key(),
    ));
    world.works(&format!("credentials_file = {right}")).await;
    world.fails(&format!("credentials_file = {wrong}"), &MEND).await;
    world.fails(&format!("credentials_file = {broken}"), &["broken.creds"]).await;
}

/// A certificate authority and what it signs, written as files.
struct Authority {
    issuer: CertifiedIssuer<'static, TlsKey>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = TlsKey::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("signed") }
    }

    fn file(&self, world: &World, name: &str) -> String {
        world.file(name, &self.issuer.pem())
    }

    /// Certificate and key for this machine.
    fn sign(&self, world: &mut World, name: &str) -> (String, String) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("parameters");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = TlsKey::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let pem = key.serialize_pem();
        world.secrets.push(pem.lines().nth(1).expect("the key").to_owned());
        (world.file(&format!("{name}.pem"), &certificate.pem()), world.file(&format!("{name}.key"), &pem))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls() {
    let mut world = World::new();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (certificate, key) = ours.sign(&mut world, "server");
    let (right, wrong) = (ours.file(&world, "right.pem"), other.file(&world, "wrong.pem"));
    let broken = world.file("broken.pem", "no certificate\n");
    let token = world.file("token", SECRET);
    world.serve(&format!(
        "tls {{ cert_file: {certificate}, key_file: {key} }}\nauthorization {{ token: \"{SECRET}\" }}"
    ));
    let login = format!("token_file = {token}\n");
    world.works(&format!("{login}tls_ca_file = {right}")).await;
    let not_trusted = ["TLS failed", "not trusted", "nats.tls_ca_file"];
    world.fails(&format!("{login}tls_ca_file = {wrong}"), &not_trusted).await;
    world.fails(&login, &not_trusted).await;
    world.fails(&format!("{login}tls_ca_file = {broken}"), &["TLS failed", "tls_ca_file"]).await;
    world.fails(&format!("{login}tls_ca_file = \"/nowhere.pem\""), &["/nowhere.pem"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls() {
    let mut world = World::new();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let (certificate, key) = ours.sign(&mut world, "server");
    let (right, right_key) = ours.sign(&mut world, "bridge");
    let (wrong, wrong_key) = other.sign(&mut world, "stranger");
    let ca = ours.file(&world, "ca.pem");
    world.serve(&format!(
        "tls {{ cert_file: {certificate}, key_file: {key}, ca_file: {ca}, verify_and_map: true }}\n\
         authorization {{ users: [ {{ user: \"CN=bridge\" }} ] }}"
    ));
    let with = |certificate: &str, key: &str| {
        format!("tls_ca_file = {ca}\ntls_cert_file = {certificate}\ntls_key_file = {key}")
    };
    world.works(&with(&right, &right_key)).await;
    let refused = ["TLS failed", "refuses our certificate", "nats.tls_cert_file"];
    world.fails(&format!("tls_ca_file = {ca}"), &refused).await;
    world.fails(&with(&wrong, &wrong_key), &refused).await;
    world.fails(&with(&right, &wrong_key), &["TLS failed", "nats.tls_key_file"]).await;
}
