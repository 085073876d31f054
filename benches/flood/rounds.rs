//! The rounds: bridge and bare publisher in turn, flooding and paced.

use std::{
    env,
    fmt::Write,
    fs,
    path::Path,
    process::Stdio,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    sync::watch,
};

use crate::{
    INSTRUMENTS, PACES, cpu,
    desk::{bridge, nats_server, nats_url, until},
    gateway::{self, Counts, Order},
};

/// Messages recorded from the bridge for the bare publisher.
const RECORDED: usize = 10_000;

/// What one contestant did in one round.
#[derive(Clone, Copy, Debug)]
struct Figures {
    messages: u64,
    elapsed: Duration,
    cpu: Duration,
}

impl Figures {
    fn per_second(self) -> f64 {
        as_f64(self.messages) / self.elapsed.as_secs_f64()
    }

    fn cpu_us(self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / as_f64(self.messages.max(1))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below the limit")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

pub(crate) async fn run(ticks: u64, repeats: usize, limit: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = nats_server(folder.path());
    let url = nats_url(folder.path()).await;
    let (orders, receiver) = watch::channel(Order { round: 0, ticks: 0, pace: 0 });
    let counts = Arc::new(Counts::default());
    let port = gateway::start(receiver, Arc::clone(&counts)).await;
    let mut bridge = bridge(folder.path(), &url, port, &subscriptions());
    let watcher = async_nats::connect(&url).await.expect("the server");
    let mut quotes = watcher.subscribe("bench.tick.>").await.expect("subscribed");
    watcher.flush().await.expect("flushed");
    until(limit, || counts.subscribed.load(Ordering::Relaxed) >= INSTRUMENTS).await;

    let pid = bridge.id().expect("the bridge runs");
    println!("bridge idle: {:.1} MB resident", as_f64(cpu::resident_bytes(pid)) / 1e6);
    let recording = folder.path().join("recording.tsv");
    record(&orders, &mut quotes, &recording).await;
    drop(quotes);

    let mut round = 1;
    for pace in PACES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            round += 1;
            ours.push(bridge_round(&orders, &counts, Order { round, ticks, pace }, pid, &watcher, limit).await);
            theirs.push(bare_round(&url, &recording, ticks, pace).await);
        }
        let name = if pace == 0 { "flood".to_owned() } else { format!("{pace} ticks/s") };
        report(&name, ticks, &ours, &theirs);
    }
    println!("bridge after: {:.1} MB resident", as_f64(cpu::resident_bytes(pid)) / 1e6);
    bridge.kill().await.expect("the bridge ends");
    server.kill().await.expect("the server ends");
}

/// A short flood whose messages are written down for the bare publisher.
async fn record(orders: &watch::Sender<Order>, quotes: &mut async_nats::Subscriber, file: &Path) {
    orders.send_replace(Order { round: 1, ticks: RECORDED as u64, pace: 20_000 });
    let mut text = String::new();
    for _ in 0..RECORDED / 2 {
        let message = quotes.next().await.expect("a message");
        text.push_str(&message.subject);
        text.push('\t');
        text.push_str(std::str::from_utf8(&message.payload).expect("JSON"));
        text.push('\n');
    }
    fs::write(file, text).expect("written");
    tokio::time::sleep(Duration::from_millis(500)).await;
}

async fn bridge_round(
    orders: &watch::Sender<Order>,
    counts: &Counts,
    order: Order,
    pid: u32,
    watcher: &async_nats::Client,
    limit: Duration,
) -> Figures {
    let (lost_before, cpu_before, started) = (lost(watcher).await, cpu::time_of(pid), Instant::now());
    orders.send_replace(order);
    until(limit, || counts.sent.load(Ordering::Relaxed) >= order.ticks).await;
    // The last ticks leave the outbox: idle when the CPU account stands still.
    let mut cpu = cpu::time_of(pid);
    let mut elapsed = started.elapsed();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let later = cpu::time_of(pid);
        if later == cpu {
            break;
        }
        cpu = later;
        elapsed = started.elapsed();
    }
    let messages = order.ticks.saturating_sub(lost(watcher).await - lost_before);
    counts.sent.store(0, Ordering::Relaxed);
    Figures { messages, elapsed, cpu: cpu.saturating_sub(cpu_before) }
}

/// Ticks the bridge has shed or dropped so far, by its own count.
async fn lost(watcher: &async_nats::Client) -> u64 {
    let reply = watcher.request("bench.req.bridge.health", "".into()).await.expect("an answer");
    let reply: serde_json::Value = serde_json::from_slice(&reply.payload).expect("JSON");
    let counters = &reply["data"]["counters"];
    counters["shed_events"].as_u64().unwrap_or(0) + counters["dropped_offline"].as_u64().unwrap_or(0)
}

async fn bare_round(url: &str, recording: &Path, count: u64, pace: u64) -> Figures {
    let mut child = Command::new(env::current_exe().expect("this program"))
        .arg("bare-publisher")
        .args([url, &recording.to_string_lossy(), &count.to_string(), &pace.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this program starts");
    let pid = child.id().expect("it runs");
    let before = cpu::time_of(pid);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("readable").expect("a line");
    let micros: u64 = line.trim_start_matches("published ").parse().expect("microseconds");
    let cpu = cpu::time_of(pid).saturating_sub(before);
    child.kill().await.expect("it ends");
    Figures { messages: count, elapsed: Duration::from_micros(micros), cpu }
}

fn report(name: &str, ticks: u64, ours: &[Figures], theirs: &[Figures]) {
    let median = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rate = |figures: &[Figures]| median(figures.iter().map(|f| f.per_second()).collect());
    // Every tick is read and decoded, also one that is shed later, so CPU is told per tick received.
    let cpu = |figures: &[Figures], per: Option<u64>| {
        median(figures.iter().map(|f| Figures { messages: per.unwrap_or(f.messages), ..*f }.cpu_us()).collect())
    };
    let published = median(ours.iter().map(|f| as_f64(f.messages)).collect());
    let (our_cpu, bare_cpu) = (cpu(ours, Some(ticks)), cpu(theirs, None));
    println!("\n{name}: {ticks} ticks, medians of {}", ours.len());
    println!("  {:<22}{:>14}{:>16}", "", "messages/s", "CPU us/tick");
    println!("  {:<22}{:>14.0}{:>16.2}", "bridge", rate(ours), our_cpu);
    println!("  {:<22}{:>14.0}{:>16.2}", "bare async-nats", rate(theirs), bare_cpu);
    println!(
        "  ratio: {:.2} of the bare rate, {:.2} times the bare CPU",
        rate(ours) / rate(theirs),
        our_cpu / bare_cpu
    );
    println!("  published {:.1} % of the ticks, the rest was shed and counted", published * 100.0 / as_f64(ticks));
}

/// The configuration's part about the streams to hold.
fn subscriptions() -> String {
    let mut text = String::new();
    for number in 1..=INSTRUMENTS {
        let _ = writeln!(text, "[[subscriptions]]\ncontract = \"STK:S{number}\"\nstreams = [\"tick\"]");
    }
    text
}
