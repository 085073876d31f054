//! What account figures belong to: a whole account, or a model in it.

/// An account, or a model of an advisor in it. A model's figures are part of the account's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Portfolio {
    pub(super) account: String,
    /// `None` for the whole account.
    pub(super) model: Option<String>,
}

impl Portfolio {
    pub(super) fn whole(account: &str) -> Self {
        Self { account: account.to_owned(), model: None }
    }

    pub(super) fn model(account: &str, model: &str) -> Self {
        Self { account: account.to_owned(), model: Some(model.to_owned()) }
    }

    /// Reads `<account>/<model>`.
    pub(super) fn read(text: &str) -> Option<Self> {
        text.split_once('/').map(|(account, model)| Self::model(account, model))
    }

    pub(super) fn name(&self) -> String {
        match &self.model {
            Some(model) => format!("model {model} of {}", self.account),
            None => self.account.clone(),
        }
    }
}
