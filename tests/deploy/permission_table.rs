//! Every user of `nats-server.conf` against every subject, on a real server: the table in `docs/permissions.md`.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::Duration,
};

use ibnats::schema::registry;

use crate::{checkout, permissions::Rig, text};

const USERS: [&str; 4] = ["viewer", "trader", "admin", "bridge"];

/// A connection that speaks the server's own protocol: it hears every refusal, in order.
struct Raw {
    reader: BufReader<TcpStream>,
    subscriptions: usize,
}

impl Raw {
    fn connect(url: &str, user: &str) -> Self {
        let stream = TcpStream::connect(url.trim_start_matches("nats://")).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
        let mut raw = Self { reader: BufReader::new(stream), subscriptions: 0 };
        let login = format!(
            "CONNECT {{\"user\":\"{user}\",\"pass\":\"secret-{user}\",\"verbose\":false,\"headers\":true,\"protocol\":1}}\r\n"
        );
        raw.say(&login);
        assert!(raw.refused().is_empty(), "{user} is let in");
        raw
    }

    fn say(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    /// What was refused of everything said so far.
    fn refused(&mut self) -> Vec<String> {
        self.say("PING\r\n");
        let mut refused = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).expect("a line") > 0, "the server hung up: {refused:?}");
            if line.starts_with("PONG") {
                return refused;
            }
            if line.starts_with("-ERR") {
                refused.push(line);
            }
        }
    }

    /// Those of the subjects that may be published to.
    fn may_publish(&mut self, subjects: &[String]) -> BTreeSet<String> {
        for subject in subjects {
            self.say(&format!("PUB {subject} 2\r\n{{}}\r\n"));
        }
        let refused = self.refused().concat();
        let may = |subject: &&String| !refused.contains(&format!("\"{subject}\""));
        subjects.iter().filter(may).cloned().collect()
    }

    /// Those of the subjects that may be listened to.
    fn may_listen(&mut self, subjects: &[String]) -> BTreeSet<String> {
        for subject in subjects {
            self.subscriptions += 1;
            self.say(&format!("SUB {subject} {}\r\nUNSUB {}\r\n", self.subscriptions, self.subscriptions));
        }
        let refused = self.refused().concat();
        let may = |subject: &&String| !refused.contains(&format!("\"{subject}\""));
        subjects.iter().filter(may).cloned().collect()
    }
}

/// Under which names a user may make a request.
fn cell(user: &str, verb: &str, may: &BTreeSet<String>) -> &'static str {
    let other = if user == "trader" { "viewer" } else { "trader" };
    let is_allowed = |subject: String| may.contains(&subject);
    let tried = [
        is_allowed(format!("ib.req.{verb}.{user}")),
        is_allowed(format!("ib.req.{verb}.{other}")),
        is_allowed(format!("ib.req.{verb}")),
    ];
    match tried {
        [true, true, true] => "any name",
        [true, false, false] => "own name",
        [false, false, false] => "-",
        odd => panic!("{user} and {verb}: {odd:?} (own name, another's, none)"),
    }
}

fn verbs() -> Vec<String> {
    registry::all().iter().filter_map(|entry| entry.name.strip_prefix("request.")).map(str::to_owned).collect()
}

/// A subject of each kind of event.
fn events() -> Vec<String> {
    let entries = registry::all();
    let subjects = entries.iter().filter(|entry| entry.name.starts_with("event."));
    let mut subjects: Vec<String> = subjects
        .map(|entry| {
            let tokens = entry.subject.split('.').map(|token| if token.starts_with('<') { "x" } else { token });
            format!("ib.{}", tokens.collect::<Vec<_>>().join("."))
        })
        .collect();
    subjects.sort();
    subjects.dedup();
    subjects
}

#[test]
fn the_page_of_permissions_is_what_a_server_allows() {
    let rig = Rig::start();
    let (verbs, events) = (verbs(), events());
    let mut requests = "| request | viewer | trader | admin |\n|---|---|---|---|\n".to_owned();
    let mut reads = "| event | viewer | trader | admin |\n|---|---|---|---|\n".to_owned();
    let names = verbs.iter().flat_map(|verb| {
        let named = USERS.iter().map(move |user| format!("ib.req.{verb}.{user}"));
        named.chain([format!("ib.req.{verb}")])
    });
    let names: Vec<String> = names.collect();
    let mut users: Vec<Raw> = USERS.iter().map(|user| Raw::connect(rig.url(), user)).collect();
    let asked: Vec<BTreeSet<String>> = users.iter_mut().map(|raw| raw.may_publish(&names)).collect();
    let heard: Vec<BTreeSet<String>> = users.iter_mut().map(|raw| raw.may_listen(&events)).collect();
    let forged: Vec<BTreeSet<String>> = users.iter_mut().map(|raw| raw.may_publish(&events)).collect();
    for verb in &verbs {
        let cells: Vec<&str> = USERS.iter().zip(&asked).take(3).map(|(user, may)| cell(user, verb, may)).collect();
        let _ = writeln!(requests, "| `{verb}` | {} |", cells.join(" | "));
        let noun = verb.split('.').next().expect("a noun");
        if ["order", "risk"].contains(&noun) {
            assert_eq!(cells[0], "-", "a viewer and {verb}");
        }
        assert_eq!(cells[2], "any name", "an administrator and {verb}");
        assert_ne!(cells[1], "any name", "a trader and {verb}");
    }
    for verb in ["halt", "resume", "set_limits"].map(|verb| format!("risk.{verb}")) {
        assert_eq!(cell("trader", &verb, &asked[1]), "-", "{verb}");
    }
    assert_eq!(cell("trader", "order.place", &asked[1]), "own name");
    for event in &events {
        let cells = heard.iter().take(3).map(|may| if may.contains(event) { "yes" } else { "-" });
        let _ = writeln!(reads, "| `{event}` | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    for (user, forged) in USERS.iter().zip(&forged).take(3) {
        assert_eq!(forged, &BTreeSet::new(), "{user} forges events");
    }
    assert_eq!(forged[3].len(), events.len(), "the bridge publishes");

    let wanted = format!(
        "# Who may do what\n\n\
         What the users of [`deploy/nats-server.conf`](../deploy/nats-server.conf) may do, as a real `nats-server` with that file allows and refuses\n\
         it; a test tries every cell and keeps this page. The last token of a request's subject is the client's name: *own name* means that the user\n\
         can speak under its own name alone, *any name* that it can speak for anybody and without a name.\n\n\
         Only the bridge can publish events, and only it hears requests.\n\n\
         ## Requests\n\n{requests}\n## Events\n\n`x` stands for any token.\n\n{reads}"
    );
    let path = checkout("docs/permissions.md");
    if std::env::var_os("IBNATS_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("written");
    }
    assert!(text("docs/permissions.md") == wanted, "run IBNATS_WRITE_DOCS=1 cargo test --test deploy permissions");
}

#[test]
fn nobody_but_the_bridge_hears_requests_and_nobody_reads_anothers_answers() {
    let rig = Rig::start();
    for user in ["viewer", "trader"] {
        let subjects = ["ib.req.>", "ib.req.order.place.*", "_INBOX.admin.>", "_INBOX.>", "$JS.API.>", ">"];
        let subjects = subjects.map(str::to_owned);
        assert_eq!(Raw::connect(rig.url(), user).may_listen(&subjects), BTreeSet::new(), "{user}");
    }
    let own = ["_INBOX.bridge.>", "ib.req.>"].map(str::to_owned);
    assert_eq!(Raw::connect(rig.url(), "bridge").may_listen(&own).len(), 2);
}
