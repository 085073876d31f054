//! Whole sessions with streams: what is asked upstream, and what comes out.

mod bars;
mod crowds;
mod desk;
mod histories;
mod lasting;
mod leases;
mod limits;
mod policies;
mod queues;
mod quotes;
mod recovery;
mod snapshots;
mod staleness;
mod streams;
