//! The configuration in force, and taking up a newer one without a restart.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::{info, warn};

use super::office::Sources;
use crate::{
    config::{Changes, Config, Layers},
    gateway::clock,
    schema::{
        ApiError, ErrorCode,
        request::reload::{Reload, ReloadAnswer},
    },
    session::{Answer, Ask, Reconfigure},
};

/// The session answers at once.
const SESSION_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// The configuration in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InForce {
    config: Arc<RwLock<Arc<Config>>>,
    layers: Option<Arc<Layers>>,
}

impl InForce {
    /// `layers` are what it was read from; `None` if it was made by the program.
    pub fn new(config: Arc<Config>, layers: Option<Layers>) -> Self {
        Self { config: Arc::new(RwLock::new(config)), layers: layers.map(Arc::new) }
    }

    /// As it is now.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sources {
    /// Reads the configuration again. All of what has changed is taken up, or nothing.
    pub(super) async fn reload(&self, ask: &Reload, by: &str) -> Result<ReloadAnswer, ApiError> {
        let outcome = self.try_reload(ask, by).await;
        match &outcome {
            Ok(answer) if answer.changed.is_empty() => info!(by, "configuration read again: nothing has changed"),
            Ok(answer) if answer.applied => {
                info!(by, changed = answer.changed.join(","), "configuration read again");
            }
            Ok(_) => {}
            Err(error) => warn!(by, %error, "configuration not taken up"),
        }
        outcome
    }

    async fn try_reload(&self, ask: &Reload, by: &str) -> Result<ReloadAnswer, ApiError> {
        let Some(layers) = self.in_force.layers.clone() else {
            let text = "this bridge made its configuration itself; there is nothing to read again";
            return Err(ApiError::new(ErrorCode::Unsupported, text));
        };
        let read = tokio::task::spawn_blocking(move || layers.read()).await;
        let after = match read {
            Ok(Ok(loaded)) => Arc::new(loaded.config),
            Ok(Err(error)) => return Err(ApiError::invalid(format!("nothing was changed: {error}"))),
            Err(error) => return Err(ApiError::invalid(format!("nothing was changed: {error}"))),
        };
        let before = self.in_force.config();
        let changes = Changes::between(&before, &after);
        if !changes.fixed.is_empty() {
            let reasons: Vec<String> = changes.fixed.iter().map(|(key, reason)| format!("{key} ({reason})")).collect();
            let text = format!("nothing was changed: restart the bridge for {}", reasons.join(", "));
            return Err(ApiError::invalid(text));
        }
        let changed = changes.changeable;
        if ask.check_only || changed.is_empty() {
            return Ok(ReloadAnswer { changed, outranked: Vec::new(), applied: !ask.check_only });
        }
        let reconfigure = Reconfigure { config: Arc::clone(&after), changed: changed.clone() };
        let ask = Ask::Reconfigure(Box::new(reconfigure));
        let outranked = match self.gateway.ask(Some(by.into()), clock::now().at + SESSION_MAX, ask).await? {
            Answer::Reconfigured { outranked } => outranked,
            _ => Vec::new(),
        };
        if before.log.filter != after.log.filter
            && let Some(log) = &self.log
            && let Err(reason) = log.set(&after.log.filter)
        {
            // It was tried when the configuration was read.
            warn!(reason, "log filter not changed");
        }
        *self.in_force.config.write().unwrap_or_else(PoisonError::into_inner) = after;
        Ok(ReloadAnswer { changed, outranked, applied: true })
    }
}
