//! Subjects, encodings, publisher, request service, streams and buckets.

pub mod encoding;
pub mod subject;
