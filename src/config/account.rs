//! `[account]`: which accounts and models of the login are followed, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Broken;

/// `[account]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// Accounts whose values, positions and profit are followed, in the order of the login; the others are only
    /// listed.
    pub followed_max: usize,
    /// Models followed from the login on, each as `<account>/<model>`. Others are followed once somebody asks for
    /// them.
    pub models: Vec<String>,
    /// Models followed at once.
    pub models_max: usize,
    /// With several accounts, the gateway prices the positions of one after the other, each for this long, in
    /// seconds; 0 stays with the first.
    pub portfolio_turn_s: u64,
    /// The members of a group are asked for again after this time, in seconds.
    pub group_keep_s: u64,
}

impl Default for Account {
    fn default() -> Self {
        Self { followed_max: 200, models: Vec::new(), models_max: 20, portfolio_turn_s: 10, group_keep_s: 60 }
    }
}

impl Account {
    /// What cannot work.
    pub(super) fn check(&self, broken: &mut Broken) {
        broken.if_so(self.followed_max == 0, "account.followed_max", "must be at least 1");
        broken.if_so(
            self.models.len() > self.models_max,
            "account.models",
            "names more models than account.models_max",
        );
        let is_model = |text: &&String| {
            text.split_once('/').is_some_and(|(account, model)| !account.is_empty() && !model.is_empty())
        };
        for text in self.models.iter().filter(|text| !is_model(text)) {
            broken.add("account.models", format!("{text:?} is not <account>/<model>"));
        }
    }
}
