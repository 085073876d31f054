//! The file of a recording: one JSON object a line, the first of which says what it is.
//!
//! docs/recordings.md describes it. A file that ends in the middle of a line (the host died) is read up to there.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the format that this build writes, and the newest it reads.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Version of the format.
    ibnats_recording: u32,
    /// When it began: microseconds UTC.
    started_us: i64,
    /// Accounts were replaced.
    masked: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The client's hello, without the four bytes before it.
    Hello(Bytes),
    /// The gateway's answer to it.
    Greeting(Bytes),
    /// A frame from the client, without its length.
    Request(Bytes),
    /// A frame from the gateway, without its length.
    Answer(Bytes),
    /// The connection has ended.
    Close,
    /// So many frames of this connection could not be saved.
    Lost(u64),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Microseconds since the start.
    pub(super) at_us: u64,
    /// Connections are counted from 1.
    pub(super) connection: u64,
    pub(super) what: What,
}

#[derive(Serialize, Deserialize)]
struct Line {
    t: u64,
    c: u64,
    e: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
}

/// A file that is no recording this build can read.
#[derive(Debug, Error)]
#[error("line {line}: {what}")]
pub struct ReadError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A recording in memory.
#[derive(Debug)]
pub struct Recording {
    pub(super) entries: Vec<Entry>,
    /// The last line was cut off.
    pub is_torn: bool,
}

impl Recording {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is something else or of a later format.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        let mut lines = text.lines().enumerate();
        let header = lines.next().and_then(|(_, line)| serde_json::from_str::<Header>(line).ok());
        let header = header.ok_or_else(|| ReadError { line: 1, what: "this is no recording".to_owned() })?;
        if header.ibnats_recording > VERSION {
            let what = format!("format {}; this build reads up to {VERSION}", header.ibnats_recording);
            return Err(ReadError { line: 1, what });
        }
        let mut entries = Vec::new();
        let mut is_torn = false;
        for (index, line) in lines {
            match parse_line(line) {
                Ok(entry) => entries.push(entry),
                Err(_) if !text.ends_with('\n') && index + 1 == text.lines().count() => is_torn = true,
                Err(what) => return Err(ReadError { line: index + 1, what }),
            }
        }
        Ok(Self { entries, is_torn })
    }
}

/// The first line of a file, line end included.
pub(super) fn header(started_us: i64, masked: bool) -> String {
    let header = Header { ibnats_recording: VERSION, started_us, masked };
    format!("{}\n", serde_json::to_string(&header).unwrap_or_default())
}

impl Entry {
    /// The line, line end included.
    pub(super) fn line(&self) -> String {
        let (e, f, n) = match &self.what {
            What::Hello(frame) => ("hello", Some(frame), None),
            What::Greeting(frame) => ("greeting", Some(frame), None),
            What::Request(frame) => (">", Some(frame), None),
            What::Answer(frame) => ("<", Some(frame), None),
            What::Close => ("close", None, None),
            What::Lost(count) => ("lost", None, Some(*count)),
        };
        let line = Line { t: self.at_us, c: self.connection, e: e.to_owned(), f: f.map(|frame| to_hex(frame)), n };
        format!("{}\n", serde_json::to_string(&line).unwrap_or_default())
    }
}

fn parse_line(text: &str) -> Result<Entry, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let frame = || {
        let hex = line.f.as_deref().ok_or("no frame (f)")?;
        from_hex(hex).ok_or("the frame (f) is not hexadecimal")
    };
    let what = match line.e.as_str() {
        "hello" => What::Hello(frame()?),
        "greeting" => What::Greeting(frame()?),
        ">" => What::Request(frame()?),
        "<" => What::Answer(frame()?),
        "close" => What::Close,
        "lost" => What::Lost(line.n.unwrap_or_default()),
        other => return Err(format!("{other:?} is no event (e)")),
    };
    Ok(Entry { at_us: line.t, connection: line.c, what })
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Bytes> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.filter_map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_comes_back_as_it_was_written() {
        let frame = Bytes::from_static(&[0, 1, 0xAB, 0xFF]);
        let entries: Vec<Entry> = [
            What::Hello(frame.clone()),
            What::Greeting(frame.clone()),
            What::Request(frame.clone()),
            What::Answer(frame),
            What::Lost(3),
            What::Close,
        ]
        .into_iter()
        .enumerate()
        .map(|(number, what)| Entry { at_us: number as u64, connection: 1, what })
        .collect();
        let text: String = std::iter::once(header(1, true)).chain(entries.iter().map(Entry::line)).collect();
        let recording = Recording::parse(&text).expect("a recording");
        assert_eq!((recording.entries, recording.is_torn), (entries, false));
        let torn = Recording::parse(&text[..text.len() - 5]).expect("a torn recording");
        assert_eq!((torn.entries.len(), torn.is_torn), (5, true));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_line() {
        let refused = |text: &str| Recording::parse(text).expect_err("refused").to_string();
        assert!(refused("").contains("no recording"));
        assert!(refused("{\"ibnats_recording\":2,\"started_us\":1,\"masked\":false}\n").contains("format 2"));
        let start = header(1, false);
        assert!(refused(&format!("{start}{{\"t\":1,\"c\":1,\"e\":\"<\",\"f\":\"0g\"}}\n")).starts_with("line 2"));
        assert!(refused(&format!("{start}{{\"t\":1,\"c\":1,\"e\":\"?\"}}\n")).contains("no event"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*") {
            let _ = Recording::parse(&text);
            let _ = Recording::parse(&format!("{}{text}", header(1, false)));
        }
    }
}
