//! Whole sessions with streams: what is asked upstream, and what comes out.

mod bars;
mod desk;
mod histories;
mod leases;
mod limits;
mod quotes;
mod recovery;
mod snapshots;
mod staleness;
mod streams;
