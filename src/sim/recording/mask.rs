//! Replaces account codes in frames by others of the same length, the same one every time.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::tws::frame::{Envelope, PROTOBUF_ID_OFFSET, open};
use crate::tws::{Edit, Request, Response, edit};

/// Fewest and most digits of an account code.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=9;
/// Letters before them: live, paper, advisors and their paper, friends and family.
const PREFIXES: &[&[u8]] = &[b"DUH", b"DUM", b"DU", b"DF", b"DI", b"U", b"F", b"I"];

/// The replacements so far.
#[derive(Debug, Default)]
pub(super) struct Mask {
    known: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Mask {
    /// The frame with every account code replaced.
    pub(super) fn frame(&mut self, frame: &Bytes, from_client: bool) -> Bytes {
        let Envelope::Protobuf { id, body } = open(frame.clone()) else {
            return self.replaced(frame).map_or_else(|| frame.clone(), Bytes::from);
        };
        let fields = if from_client {
            Request::decode(id, body.clone()).ok().map(|request| request.fields())
        } else {
            let response = Response::decode(id, body.clone()).ok();
            if let Some(Response::ManagedAccounts(accounts)) = &response {
                self.learn(accounts.accounts_list());
            }
            response.map(|response| response.fields())
        };
        // Without a table every text is looked at all the same.
        let edited = edit(&body, fields.unwrap_or(&[]), self);
        let mut out = BytesMut::with_capacity(edited.len() + 4);
        out.put_u32(id + PROTOBUF_ID_OFFSET);
        out.put_slice(&edited);
        out.freeze()
    }

    /// Takes note of the accounts of the login: they are replaced even where they stand inside other words.
    fn learn(&mut self, list: &str) {
        for account in list.split(',').map(str::trim).filter(|account| account.len() > 4) {
            self.stand_in(account.as_bytes());
        }
    }

    fn stand_in(&mut self, account: &[u8]) -> Vec<u8> {
        let number = self.known.len() + 1;
        let letters = account.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let fresh = || {
            let width = account.len() - letters;
            let digits = format!("{number:0>width$}");
            let digits = digits.get(digits.len().saturating_sub(width)..).unwrap_or_default();
            [account.get(..letters).unwrap_or_default(), digits.as_bytes()].concat()
        };
        self.known.entry(account.to_vec()).or_insert_with(fresh).clone()
    }

    /// The text with every account code replaced; `None` if there is none.
    fn replaced(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        let mut is_changed = false;
        while let Some(byte) = rest.first() {
            let known = self.known.iter().find(|(account, _)| rest.starts_with(account));
            let is_word_start = !out.last().is_some_and(u8::is_ascii_alphanumeric);
            let (taken, new) = match known {
                Some((account, new)) => (account.len(), new.clone()),
                None => match code_at(rest).filter(|_| is_word_start) {
                    Some(code) => (code.len(), self.stand_in(code)),
                    None => (1, vec![*byte]),
                },
            };
            is_changed |= taken > 1;
            out.extend_from_slice(&new);
            rest = rest.get(taken..).unwrap_or_default();
        }
        is_changed.then_some(out)
    }
}

impl Edit for Mask {
    fn text(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        self.replaced(text)
    }

    fn number(&mut self, _: &'static str, _: i64) -> Option<i64> {
        None
    }
}

/// The account code that a text begins with.
fn code_at(text: &[u8]) -> Option<&[u8]> {
    let letters = PREFIXES.iter().find(|prefix| text.starts_with(prefix)).map(|prefix| prefix.len())?;
    let digits = text.get(letters..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = letters + digits;
    let is_word = !text.get(end).is_some_and(u8::is_ascii_alphanumeric);
    (DIGITS.contains(&digits) && is_word).then(|| text.get(..end))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tws::frame::{FRAME_BYTES_MAX, next_frame};
    use crate::tws::message::account::AccountValue;
    use crate::tws::message::login::{ErrorMessage, ManagedAccounts};

    #[expect(clippy::unnecessary_wraps, reason = "fields of messages are optional")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn masked(mask: &mut Mask, response: &Response) -> Response {
        let mut frame = BytesMut::new();
        response.put(&mut frame);
        let len = frame.len();
        let frame = next_frame(&mut frame, FRAME_BYTES_MAX).expect("a frame").expect("whole");
        let masked = mask.frame(&frame, false);
        assert_eq!(masked.len() + 4, len, "the same length");
        let Envelope::Protobuf { id, body } = open(masked) else { panic!("not protobuf") };
        Response::decode(id, body).expect("a message")
    }

    #[test]
    fn an_account_has_one_stand_in_of_the_same_length_everywhere() {
        let mut mask = Mask::default();
        let list = ManagedAccounts { accounts_list: text("DU1234567,U7654321,ODDNAME7") };
        let Response::ManagedAccounts(list) = masked(&mut mask, &Response::ManagedAccounts(list)) else {
            panic!("accounts")
        };
        assert_eq!(list.accounts_list(), "DU0000001,U0000002,ODDNAME3");
        let value = AccountValue { account_name: text("U7654321"), key: text("NetLiq"), ..AccountValue::default() };
        let Response::AccountValue(value) = masked(&mut mask, &Response::AccountValue(value)) else { panic!("value") };
        assert_eq!((value.account_name(), value.key()), ("U0000002", "NetLiq"));
        let error = ErrorMessage {
            error_msg: text("Account DU1234567: no xU7654321x, but U99999 and not USD or U1 or XU12345"),
            ..ErrorMessage::default()
        };
        let Response::ErrorMessage(error) = masked(&mut mask, &Response::ErrorMessage(error)) else { panic!("error") };
        assert_eq!(error.error_msg(), "Account DU0000001: no xU0000002x, but U00004 and not USD or U1 or XU12345");
    }

    #[test]
    fn text_frames_are_masked_too() {
        let frame = Bytes::from_static(b"\0\0\0\x0f15\0DU1234567\0");
        assert_eq!(Mask::default().frame(&frame, false), Bytes::from_static(b"\0\0\0\x0f15\0DU0000001\0"));
    }
}
