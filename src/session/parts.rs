//! Long answers: how many of their parts are on their way to a caller.

use super::{Output, Part, Token, core::Core};

impl Core {
    /// Sends a piece of a long answer.
    pub(crate) fn part(&mut self, token: Token, part: Part) {
        if self.is_waiting(token) {
            *self.untaken.entry(token).or_default() += 1;
            self.output(Output::Part { token, part });
        }
    }

    /// Parts sent to this caller and not taken yet.
    pub(crate) fn untaken(&self, token: Token) -> usize {
        self.untaken.get(&token).copied().unwrap_or(0)
    }

    pub(crate) fn part_taken(&mut self, token: Token) {
        if let Some(untaken) = self.untaken.get_mut(&token) {
            *untaken = untaken.saturating_sub(1);
        }
    }
}
