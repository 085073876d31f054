//! Contracts as bytes for the cache file: the gateway's own messages, one behind the other.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::{found::Found, query::Normal};
use crate::{schema::contract::ContractQuery, tws::message::contract::ContractData};

/// The name under which a description is kept.
pub(super) fn key(asked: &Normal) -> String {
    serde_json::to_string(asked.query()).unwrap_or_default()
}

/// The description kept under a name; `None` if another release wrote it.
pub(super) fn asked(key: &str) -> Option<Normal> {
    Normal::of(&serde_json::from_str::<ContractQuery>(key).ok()?).ok()
}

/// The rows of an answer.
pub(super) fn bytes(rows: &[Found]) -> Option<Bytes> {
    let mut buffer = BytesMut::new();
    for message in rows.iter().flat_map(Found::messages) {
        message.encode_length_delimited(&mut buffer).ok()?;
    }
    Some(buffer.freeze())
}

/// Reads what [`bytes`] wrote; `None` if it is damaged.
pub(super) fn rows(mut bytes: Bytes) -> Option<Arc<[Found]>> {
    let mut rows: Vec<Found> = Vec::new();
    while !bytes.is_empty() {
        let found = Found::read(ContractData::decode_length_delimited(&mut bytes).ok()?)?;
        Found::gather(&mut rows, found);
    }
    (!rows.is_empty()).then(|| rows.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tws::message::contract::{Contract, ContractDetails};

    fn row(con_id: i32, exchange: &str) -> Found {
        let contract = Contract { con_id: Some(con_id), exchange: Some(exchange.to_owned()), ..Contract::default() };
        let details = ContractDetails { long_name: Some("APPLE INC".to_owned()), ..ContractDetails::default() };
        let message =
            ContractData { contract: Some(contract), contract_details: Some(details), ..ContractData::default() };
        Found::read(message).expect("a row")
    }

    #[test]
    fn contracts_and_their_exchanges_are_read_back() {
        let mut rows = vec![row(1, "SMART")];
        Found::gather(&mut rows, row(1, "NASDAQ"));
        Found::gather(&mut rows, row(2, "SMART"));
        let read = super::rows(bytes(&rows).expect("written")).expect("read");
        assert_eq!(&read[..], &rows[..]);
        assert_eq!(super::rows(Bytes::new()), None);
    }

    #[test]
    fn a_description_is_found_again_under_its_name() {
        let asked = Normal::of(&"OPT:AAPL:20261218:C:250.5".parse().expect("short text")).expect("good");
        assert_eq!(super::asked(&key(&asked)), Some(asked));
        assert_eq!(super::asked("{\"future_field\":1}"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = super::rows(bytes.into());
        }
    }
}
