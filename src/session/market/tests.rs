//! Whole sessions with streams: what is asked upstream, and what comes out.

mod bars;
mod combos;
mod crowds;
mod desk;
mod histories;
mod ladder;
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
