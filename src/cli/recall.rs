//! Gives the session what an earlier run kept in the cache file.

use tracing::{info, warn};

use crate::{
    config::Config,
    journal::{Cache, CacheWriter, DatabaseError},
    session::{CacheKind, Now, Session},
};

/// Where bars ended longer ago is of no use: so much is never fetched. In microseconds.
const BARS_KEPT_US: i64 = 30 * 86_400_000_000;

/// Opens the cache, and lets the session recall what is in it. Without a usable file the bridge goes
/// on with none, which is told.
pub(super) fn open(config: &Config, session: &mut Session, now: Now) -> Option<CacheWriter> {
    let started = Cache::open(&config.state.dir).and_then(|mut cache| {
        let count = recall(&mut cache, config, session, now)?;
        Ok((cache, count))
    });
    match started {
        Ok((cache, count)) => {
            info!(count, "recalled from the cache");
            CacheWriter::start(cache).inspect_err(|error| warn!(%error, "nothing is kept in the cache")).ok()
        }
        Err(error) => {
            warn!(%error, "the bridge goes on without a cache: contracts are asked again after a restart");
            None
        }
    }
}

fn recall(cache: &mut Cache, config: &Config, session: &mut Session, now: Now) -> Result<usize, DatabaseError> {
    let keep_us = config.contracts.keep_us();
    let mut count = 0;
    for kind in CacheKind::ALL {
        let since_us = match kind {
            CacheKind::Contract | CacheKind::Rule | CacheKind::Chain => now.us.saturating_sub(keep_us),
            CacheKind::Bars => now.us.saturating_sub(BARS_KEPT_US),
            CacheKind::Gateway | CacheKind::Lease | CacheKind::Scan | CacheKind::Pacing => i64::MIN,
        };
        cache.prune(kind, since_us)?;
        for item in cache.read(kind, since_us)? {
            session.recall(now, &item);
            count += 1;
        }
    }
    Ok(count)
}
