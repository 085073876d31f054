//! What IBC says, line by line.

use bytes::BytesMut;

/// More than IBC says about any command.
const BYTES_MAX: usize = 4 * 1024;

/// How a line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The command was taken.
    Ok,
    /// It was not.
    Error,
    /// What is done, if IBC is set up to tell.
    Info,
}

const WORDS: [(&str, Word); 3] = [("OK", Word::Ok), ("ERROR", Word::Error), ("INFO", Word::Info)];

/// Bytes received and not yet read as lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: BytesMut,
    taken: usize,
}

impl Lines {
    /// Where more bytes go.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// False once the peer has said more than any IBC does.
    pub(super) fn has_room(&self) -> bool {
        self.taken + self.buffer.len() <= BYTES_MAX
    }

    /// The next line that says something, and what.
    pub(super) fn next(&mut self) -> Option<(Word, String)> {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(end + 1);
            self.taken += line.len();
            let told = read(&String::from_utf8_lossy(&line));
            if told.is_some() {
                return told;
            }
        }
        None
    }
}

/// A line may begin with IBC's prompt, which is whatever its owner likes and ends with no new line.
fn read(line: &str) -> Option<(Word, String)> {
    let line: String = line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is_word = |c: char| c.is_alphanumeric();
    let starts = line.char_indices().filter(|(at, _)| !line.get(..*at).is_some_and(|before| before.ends_with(is_word)));
    starts.filter_map(|(at, _)| line.get(at..)).find_map(|rest| {
        WORDS.iter().find_map(|(word, kind)| {
            let text = rest.strip_prefix(word)?;
            (text.is_empty() || text.starts_with(' ')).then(|| (*kind, text.trim().to_owned()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(Word, &str)>) {
        assert_eq!(read(line), expected.map(|(word, text)| (word, text.to_owned())), "{line:?}");
    }

    #[test]
    fn lines_are_read_by_their_first_word_behind_any_prompt() {
        check("OK \r\n", Some((Word::Ok, "")));
        check("OK RESTART in progress\r\n", Some((Word::Ok, "RESTART in progress")));
        check(">ERROR Command invalid\n", Some((Word::Error, "Command invalid")));
        check("IBC> OK Goodbye\n", Some((Word::Ok, "Goodbye")));
        check("INFO OK or not\n", Some((Word::Info, "OK or not")));
        check("BOOK keeping\n", None);
        check("OKAY\n", None);
        check("\n", None);
    }

    #[test]
    fn lines_come_in_pieces_and_have_a_limit() {
        let mut lines = Lines::default();
        lines.buffer().extend_from_slice(b"INFO IBC Command Server\r\nOK RES");
        assert_eq!(lines.next(), Some((Word::Info, "IBC Command Server".to_owned())));
        assert_eq!(lines.next(), None);
        lines.buffer().extend_from_slice(b"TART in progress\n");
        assert_eq!(lines.next(), Some((Word::Ok, "RESTART in progress".to_owned())));
        lines.buffer().extend_from_slice(&[b'x'; BYTES_MAX]);
        assert!(!lines.has_room());
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_strange(line: String, bytes: Vec<u8>) {
            let _ = read(&line);
            let mut lines = Lines::default();
            lines.buffer().extend_from_slice(&bytes);
            while lines.next().is_some() {}
        }
    }
}
