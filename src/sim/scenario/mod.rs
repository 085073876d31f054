//! Scenario files: named lists of faults in TOML, refused with the line and the nearest right word when wrong.

mod actions;
mod error;
mod table;
#[cfg(test)]
mod tests;

use toml::de::{DeTable, DeValue};

pub use self::error::ScenarioError;
use self::error::unknown;
use self::table::{Fields, Source};
use super::faults::action::{Action, GatewayFault};
use super::faults::rule::{ALWAYS_PPM, Occasion, Rule, When};
use crate::tws::{Request, Response};

/// A named list of faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// A short name.
    pub name: String,
    /// What happens in it, for people.
    pub about: String,
    /// The incidents it stands for, as somebody else numbers them.
    pub covers: Vec<String>,
    /// In this order they are looked at.
    pub rules: Vec<Rule>,
}

impl Scenario {
    /// Reads a scenario file. The table `expect` belongs to whoever runs the scenario and is passed over.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] with the line of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let source = Source(text);
        let document = parse(source)?;
        let mut fields = Fields::new(source, document.get_ref(), document.span());
        let scenario = Self {
            name: fields.text("name")?.unwrap_or_default(),
            about: fields.text("about")?.unwrap_or_default(),
            covers: fields.texts("covers")?.unwrap_or_default(),
            rules: rules(source, document.get_ref())?,
        };
        fields.pass_over("rule");
        fields.pass_over("expect");
        fields.done("a scenario")?;
        Ok(scenario)
    }

    /// Reads one rule or several as an operator types them: the keys of one rule, or `[[rule]]` tables.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] with the line of the first thing that is wrong.
    pub fn parse_rules(text: &str) -> Result<Vec<Rule>, ScenarioError> {
        let source = Source(text);
        let document = parse(source)?;
        if document.get_ref().keys().any(|name| name.get_ref() == "rule") {
            return Self::parse(text).map(|scenario| scenario.rules);
        }
        Ok(vec![rule(source, document.get_ref(), document.span(), 1)?])
    }
}

fn parse(source: Source<'_>) -> Result<toml::Spanned<DeTable<'_>>, ScenarioError> {
    DeTable::parse(source.0).map_err(|error| {
        let span = error.span().unwrap_or_default();
        source.error(&span, format!("this is no TOML: {}", error.message()))
    })
}

fn rules(source: Source<'_>, document: &DeTable<'_>) -> Result<Vec<Rule>, ScenarioError> {
    let Some((name, value)) = document.iter().find(|(name, _)| name.get_ref() == "rule") else {
        return Ok(Vec::new());
    };
    let DeValue::Array(items) = value.get_ref() else {
        return Err(source.error(&name.span(), "rules are written as [[rule]], with two brackets"));
    };
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let DeValue::Table(table) = item.get_ref() else {
            return Err(source.error(&item.span(), "rules are written as [[rule]], with two brackets"));
        };
        rules.push(rule(source, table, item.span(), index + 1)?);
    }
    Ok(rules)
}

fn rule(
    source: Source<'_>,
    table: &DeTable<'_>,
    span: std::ops::Range<usize>,
    number: usize,
) -> Result<Rule, ScenarioError> {
    let mut fields = Fields::new(source, table, span);
    let named = fields.text("name")?;
    let action = actions::read(&mut fields)?;
    let when = when(&mut fields)?;
    check(&fields, &when, &action)?;
    let times = fields.whole("times", 1..1_000_000_001)?.and_then(|times| u32::try_from(times).ok());
    let once = matches!(when, When::Start { every_ms: None, .. });
    let client_id = fields.whole("client_id", 0..i64::from(i32::MAX) + 1)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is bounded")]
    let chance = fields.number("chance", 0.0, 1.0)?.map(|chance| (chance * f64::from(ALWAYS_PPM)).round() as u32);
    let what = fields.text("do")?.unwrap_or_default();
    let rule = Rule {
        name: named.unwrap_or_else(|| format!("{number}: {what}")),
        when,
        client_id: client_id.and_then(|id| i32::try_from(id).ok()),
        symbol: fields.text("symbol")?,
        times: times.or_else(|| once.then_some(1)),
        chance_ppm: chance.unwrap_or(ALWAYS_PPM),
        action,
    };
    fields.done(&format!("a rule that does {what:?}"))?;
    Ok(rule)
}

fn when(fields: &mut Fields<'_, '_>) -> Result<When, ScenarioError> {
    let at_ms = actions::ms(fields, "at_ms")?;
    let after_login_ms = actions::ms(fields, "after_login_ms")?;
    let request = fields.texts("request")?;
    let message = fields.texts("message")?;
    let given = [at_ms.is_some(), after_login_ms.is_some(), request.is_some(), message.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        return Err(fields.error(
            "a rule needs exactly one of: at_ms = 1000 (after the start), after_login_ms = 1000, \
             request = \"PlaceOrderRequest\", message = \"OrderStatus\"",
        ));
    }
    if let Some(at_ms) = at_ms {
        let every_ms = fields.whole("every_ms", 1..actions::MS_MAX + 1)?;
        return Ok(When::Start { at_ms, every_ms });
    }
    let nth = fields.whole("nth", 1..i64::MAX)?.and_then(|nth| u64::try_from(nth).ok());
    if let Some(at_ms) = after_login_ms {
        return Ok(When::Login { at_ms, nth });
    }
    let (from_ms, until_ms) = (actions::ms(fields, "from_ms")?, actions::ms(fields, "until_ms")?);
    if let Some(kinds) = request {
        let kinds = named("request", kinds, Request::IDS, fields)?;
        return Ok(When::Request(Occasion { kinds, nth, from_ms, until_ms }));
    }
    let kinds = named("message", message.unwrap_or_default(), Response::IDS, fields)?;
    Ok(When::Message(Occasion { kinds, nth, from_ms, until_ms }))
}

/// Names of messages that exist; `*` stands for all of them.
fn named(
    key: &str,
    kinds: Vec<String>,
    known: &[(u32, &'static str)],
    fields: &Fields<'_, '_>,
) -> Result<Vec<String>, ScenarioError> {
    if kinds.iter().any(|kind| kind == "*") {
        return Ok(Vec::new());
    }
    if kinds.is_empty() {
        return Err(fields.error_at(key, format!("{key} = [] means nothing; write \"*\" for all of them")));
    }
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    match kinds.iter().find(|kind| !names.contains(&kind.as_str())) {
        Some(wrong) => Err(fields.error_at(key, unknown(key, wrong, &names))),
        None => Ok(kinds),
    }
}

/// Some things can be done only to the message or request that sets them off.
fn check(fields: &Fields<'_, '_>, when: &When, action: &Action) -> Result<(), ScenarioError> {
    let wrong = match (when, action) {
        (When::Message(_), Action::Message(_)) | (When::Request(_), Action::Request(_)) => None,
        (_, Action::Message(_)) => Some("this is done to a message: say which with message = \"OrderStatus\""),
        (_, Action::Request(_)) => Some("this is done to a request: say which with request = \"PlaceOrderRequest\""),
        (When::Message(occasion), Action::Gateway(GatewayFault::Notice { .. } | GatewayFault::StreamError { .. }))
            if occasion.kinds.is_empty() =>
        {
            Some("a message about every message would never end: name the messages instead of \"*\"")
        }
        _ => None,
    };
    wrong.map_or(Ok(()), |what| Err(fields.error_at("do", what)))
}
