//! The yardstick: `async-nats` publishing recorded payloads and doing nothing else.

use std::time::{Duration, Instant};

use async_nats::Subject;
use bytes::Bytes;

/// Arguments: NATS URL, file of recorded messages, how many to publish, messages a second (0 = all at once).
pub(crate) async fn publish(arguments: &[String]) {
    let [url, file, count, pace] = arguments else { panic!("url, file, count and pace") };
    let (count, pace): (u64, u64) = (count.parse().expect("a count"), pace.parse().expect("a pace"));
    let messages = read(file);
    let client = async_nats::connect(url).await.expect("the server");
    let started = Instant::now();
    for (number, (subject, payload)) in (0..count).zip(messages.iter().cycle()) {
        client.publish(subject.clone(), payload.clone()).await.expect("published");
        if number % 100 == 99
            && let Some(due) = ((number + 1) * 1_000_000).checked_div(pace)
        {
            let due = started + Duration::from_micros(due);
            tokio::time::sleep_until(due.into()).await;
        }
    }
    client.flush().await.expect("flushed");
    // The reader of our CPU time looks while we still exist.
    println!("published {}", started.elapsed().as_micros());
    tokio::time::sleep(Duration::from_secs(600)).await;
}

/// Lines of subject and payload, separated by a tab.
fn read(file: &str) -> Vec<(Subject, Bytes)> {
    let text = std::fs::read_to_string(file).expect("the recording");
    let split = |line: &str| {
        let (subject, payload) = line.split_once('\t').expect("subject and payload");
        (Subject::from(subject), Bytes::copy_from_slice(payload.as_bytes()))
    };
    text.lines().map(split).collect()
}
