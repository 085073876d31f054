//! Whole sessions with news, scanners, calculators, the calendar and tables.

mod calendar;
mod headlines;
mod news;
mod scanners;
mod tables;

use super::{ServiceAnswer, ServiceAsk};
use crate::{
    schema::{ErrorCode, connection::LinkName},
    session::{Answer, Token, rig::Rig},
    tws::Request,
};

impl Rig {
    /// The one request written to the data link since the last look.
    #[track_caller]
    fn one_sent(&mut self) -> Request {
        let mut sent = self.sent(LinkName::Data);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    #[track_caller]
    fn answered(&mut self, token: Token) -> ServiceAnswer {
        match self.reply(token) {
            Some(Ok(Answer::Service(answer))) => *answer,
            other => panic!("not answered: {other:?}"),
        }
    }

    #[track_caller]
    fn refused_with(&mut self, token: Token) -> (ErrorCode, String) {
        match self.reply(token) {
            Some(Err(error)) => (error.code, error.message),
            other => panic!("not refused: {other:?}"),
        }
    }

    fn ask_service(&mut self, ask: ServiceAsk) -> Token {
        self.ask(ask.into())
    }
}
