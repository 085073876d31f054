//! Fills in the subjects of an answer: the session does not know them.

use super::subject::{Topic, stream_subject};
use crate::{
    schema::{
        news::BULLETIN,
        request::{market::Lease, scan::ScanLease},
    },
    session::{Answer, services::ServiceAnswer},
};

/// Names the subjects on which what was asked for will come.
pub(super) fn fill_subjects(prefix: &str, answer: &mut Answer) {
    match answer {
        Answer::Lease(lease) => fill_lease(prefix, lease),
        Answer::Service(answer) => fill_service(prefix, answer),
        Answer::Leases(leases) => leases.leases.iter_mut().for_each(|lease| fill_lease(prefix, lease)),
        _ => {}
    }
}

fn fill_lease(prefix: &str, lease: &mut Lease) {
    for stream in &mut lease.streams {
        stream.subject = stream_subject(prefix, &lease.instrument, stream.stream);
    }
}

fn fill_service(prefix: &str, answer: &mut ServiceAnswer) {
    let scan = |lease: &mut ScanLease| {
        lease.subject = Topic::Scan { id: (&lease.id).into() }.subject(prefix);
    };
    match answer {
        ServiceAnswer::ScanLease(lease) => scan(lease),
        ServiceAnswer::Scans(scans) => scans.leases.iter_mut().for_each(scan),
        ServiceAnswer::Bulletins(bulletins) => {
            bulletins.subject = Topic::News { provider: BULLETIN.into() }.subject(prefix);
        }
        _ => {}
    }
}
