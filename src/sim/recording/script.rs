//! One recorded connection, taken apart: what each request brought, and what came by itself.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::attribution::Attribution;
use super::entry::{Entry, Recording, What};
use crate::tws::frame::{Envelope, open};
use crate::tws::{Request, Response};

/// A frame of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Microseconds after the request, or after the login for what came by itself.
    pub(super) after_us: u64,
    pub(super) frame: Bytes,
}

/// A request and everything that belongs to it.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) request: Request,
    /// Its request id or order id.
    pub(super) id: Option<i64>,
    pub(super) at_us: u64,
    pub(super) answers: Vec<Answer>,
}

/// One recorded connection.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) client_id: Option<i32>,
    pub(super) greeting: Bytes,
    pub(super) tracks: Vec<Track>,
    /// What came by itself.
    pub(super) ambient: Vec<Answer>,
}

/// The recorded connections that logged in, in their order.
pub(super) fn scripts(recording: &Recording) -> Vec<Script> {
    let mut by_connection: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    for entry in &recording.entries {
        by_connection.entry(entry.connection).or_default().push(entry);
    }
    by_connection.into_values().map(|entries| script(&entries)).filter(|script| script.client_id.is_some()).collect()
}

fn script(entries: &[&Entry]) -> Script {
    let mut script = Script::default();
    let mut login_us = 0;
    let mut attribution = Attribution::default();
    for entry in entries {
        match &entry.what {
            What::Greeting(frame) => script.greeting = frame.clone(),
            What::Request(frame) => {
                let Some(request) = request(frame) else { continue };
                if let Request::StartApiRequest(start) = &request {
                    script.client_id = Some(start.client_id());
                    login_us = entry.at_us;
                    continue;
                }
                let id = id_of(&request);
                attribution.asked(script.tracks.len(), &request, id);
                script.tracks.push(Track { request, id, at_us: entry.at_us, answers: Vec::new() });
            }
            What::Answer(frame) => {
                let track = answer(frame).and_then(|response| attribution.owner(&response));
                let (since_us, answers) = match track.and_then(|index| script.tracks.get_mut(index)) {
                    Some(track) => (track.at_us, &mut track.answers),
                    None => (login_us, &mut script.ambient),
                };
                answers.push(Answer { after_us: entry.at_us.saturating_sub(since_us), frame: frame.clone() });
            }
            What::Hello(_) | What::Close | What::Lost(_) => {}
        }
    }
    script
}

fn request(frame: &Bytes) -> Option<Request> {
    match open(frame.clone()) {
        Envelope::Protobuf { id, body } => Request::decode(id, body).ok(),
        _ => None,
    }
}

fn answer(frame: &Bytes) -> Option<Response> {
    match open(frame.clone()) {
        Envelope::Protobuf { id, body } => Response::decode(id, body).ok(),
        _ => None,
    }
}

/// The request id or order id of a request.
pub(super) fn id_of(request: &Request) -> Option<i64> {
    let body = request.to_json();
    ["req_id", "order_id"].iter().find_map(|field| body.get(field)?.as_i64())
}
