//! Parameters of option chains: those known, and those asked for.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use rustc_hash::FxHashMap;

use crate::{
    schema::request::chain::ChainParameters,
    session::{CacheItem, Token},
    tws::{message::contract::SecDefOptParameter, sentinel::unset_double},
};

/// Underlyings whose parameters are remembered; above it the oldest is forgotten.
const UNDERLYINGS_MAX: usize = 200;
/// Exchanges and trading classes of one underlying.
pub(super) const CHAINS_MAX: usize = 1_000;

#[derive(Debug)]
struct Known {
    learned_us: i64,
    is_doubtful: bool,
    chains: Arc<[ChainParameters]>,
}

/// A request for parameters on its way.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) told: Vec<SecDefOptParameter>,
    /// Chains beyond those kept.
    pub(super) surplus: usize,
    pub(super) callers: Vec<Token>,
}

/// Parameters by underlying.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    known: FxHashMap<String, Known>,
    /// By request id.
    pub(super) asked: FxHashMap<i32, Asked>,
}

impl Parameters {
    /// What is known, and whether the gateway still says so for sure.
    pub(super) fn get(&self, now_us: i64, keep_us: i64, key: &str) -> Option<(Arc<[ChainParameters]>, bool)> {
        let known = self.known.get(key)?;
        let is_fresh = (0..keep_us).contains(&now_us.saturating_sub(known.learned_us));
        is_fresh.then(|| (Arc::clone(&known.chains), !known.is_doubtful))
    }

    pub(super) fn learn(&mut self, learned_us: i64, key: &str, chains: Arc<[ChainParameters]>) {
        self.known.insert(key.to_owned(), Known { learned_us, is_doubtful: false, chains });
        if self.known.len() > UNDERLYINGS_MAX {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.learned_us).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.known.remove(&key));
        }
    }

    /// What an earlier run of the bridge learned.
    pub(super) fn recall(&mut self, item: &CacheItem) {
        if let Some(told) = item.body.clone().and_then(messages) {
            self.learn(item.at_us, &item.key, read(told));
        }
    }

    /// The gateway may have restarted.
    pub(super) fn doubt(&mut self) {
        self.known.values_mut().for_each(|known| known.is_doubtful = true);
    }
}

/// The gateway's messages, one behind the other.
pub(super) fn bytes(told: &[SecDefOptParameter]) -> Option<Bytes> {
    let mut buffer = BytesMut::new();
    for message in told {
        message.encode_length_delimited(&mut buffer).ok()?;
    }
    Some(buffer.freeze())
}

fn messages(mut bytes: Bytes) -> Option<Vec<SecDefOptParameter>> {
    let mut told = Vec::new();
    while !bytes.is_empty() {
        told.push(SecDefOptParameter::decode_length_delimited(&mut bytes).ok()?);
    }
    (!told.is_empty() && told.len() <= CHAINS_MAX).then_some(told)
}

/// Chains as they are published: everything in order, without what is no date or no price.
pub(super) fn read(told: Vec<SecDefOptParameter>) -> Arc<[ChainParameters]> {
    let chain = |message: SecDefOptParameter| {
        let mut expiries = message.expirations;
        expiries.retain(|date| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()));
        expiries.sort_unstable();
        expiries.dedup();
        let mut strikes: Vec<f64> = message.strikes.into_iter().filter_map(unset_double).collect();
        strikes.retain(|strike| strike.is_finite());
        strikes.sort_by(f64::total_cmp);
        strikes.dedup();
        let multiplier = message.multiplier.and_then(|text| text.parse().ok()).and_then(unset_double);
        ChainParameters {
            exchange: message.exchange.unwrap_or_default(),
            trading_class: message.trading_class.unwrap_or_default(),
            multiplier: multiplier.filter(|multiplier| *multiplier > 0.0),
            expiries,
            strikes,
        }
    };
    told.into_iter().map(chain).collect()
}
