//! Takes the values of a TOML table one by one and complains about what is left.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ScenarioError, unknown};

/// Where lines end in a text.
#[derive(Clone, Copy)]
pub(super) struct Source<'s>(pub(super) &'s str);

impl Source<'_> {
    pub(super) fn error(self, span: &Range<usize>, what: impl Into<String>) -> ScenarioError {
        let before = self.0.get(..span.start).unwrap_or(self.0);
        ScenarioError { line: before.matches('\n').count() + 1, what: what.into() }
    }
}

/// One table of a file, being read. Keys that were asked for are remembered, so that the others can be refused.
pub(super) struct Fields<'t, 's> {
    source: Source<'s>,
    table: &'t DeTable<'s>,
    span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'t, 's> Fields<'t, 's> {
    pub(super) fn new(source: Source<'s>, table: &'t DeTable<'s>, span: Range<usize>) -> Self {
        Self { source, table, span, asked: Vec::new() }
    }

    pub(super) fn error(&self, what: impl Into<String>) -> ScenarioError {
        self.source.error(&self.span, what)
    }

    /// An error about the value of a key, or about the table if it is absent.
    pub(super) fn error_at(&self, key: &str, what: impl Into<String>) -> ScenarioError {
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key);
        self.source.error(&found.map_or_else(|| self.span.clone(), |(name, _)| name.span()), what)
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'s>>> {
        self.asked.push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> ScenarioError {
        let found = value.get_ref().type_str();
        self.source.error(&value.span(), format!("{key} is {found} here; write {wanted}"))
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, ScenarioError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(text.to_string())),
            _ => Err(self.wrong(key, value, "text in quotes")),
        }
    }

    /// Several texts, or one.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>, ScenarioError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wanted = "text in quotes, or a list of such";
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(vec![text.to_string()])),
            DeValue::Array(items) => items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Ok(text.to_string()),
                    _ => Err(self.wrong(key, item, wanted)),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(Some),
            _ => Err(self.wrong(key, value, wanted)),
        }
    }

    pub(super) fn whole(&mut self, key: &'static str, allowed: Range<i64>) -> Result<Option<i64>, ScenarioError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wanted = format!("a whole number from {} to {}", allowed.start, allowed.end - 1);
        let DeValue::Integer(digits) = value.get_ref() else { return Err(self.wrong(key, value, &wanted)) };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.filter(|number| allowed.contains(number));
        number.map(Some).ok_or_else(|| self.source.error(&value.span(), format!("{key} must be {wanted}")))
    }

    pub(super) fn number(&mut self, key: &'static str, low: f64, high: f64) -> Result<Option<f64>, ScenarioError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wanted = format!("a number from {low} to {high}");
        let digits = match value.get_ref() {
            DeValue::Integer(digits) => digits.to_string(),
            DeValue::Float(digits) => digits.to_string(),
            _ => return Err(self.wrong(key, value, &wanted)),
        };
        let number = digits.parse::<f64>().ok().filter(|number| (low..=high).contains(number));
        number.map(Some).ok_or_else(|| self.source.error(&value.span(), format!("{key} must be {wanted}")))
    }

    pub(super) fn yes(&mut self, key: &'static str) -> Result<bool, ScenarioError> {
        let Some(value) = self.value(key) else { return Ok(false) };
        match value.get_ref() {
            DeValue::Boolean(yes) => Ok(*yes),
            _ => Err(self.wrong(key, value, "true or false")),
        }
    }

    /// A word out of a list, as what it stands for.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        known: &[(&'static str, T)],
    ) -> Result<Option<T>, ScenarioError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        found.map(Some).ok_or_else(|| self.error_at(key, unknown(key, &text, &words)))
    }

    /// Passes over a table that others read.
    pub(super) fn pass_over(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// Refuses what nobody asked for.
    pub(super) fn done(self, what: &str) -> Result<(), ScenarioError> {
        let left = self.table.keys().find(|name| !self.asked.contains(&name.get_ref().as_ref()));
        match left {
            None => Ok(()),
            Some(name) => {
                Err(self.source.error(&name.span(), unknown(&format!("key of {what}"), name.get_ref(), &self.asked)))
            }
        }
    }
}
