//! Why a scenario is refused: where, what, and what to do.

use thiserror::Error;

/// A scenario that cannot be used. The text says the line, what is wrong and what to write instead.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct ScenarioError {
    /// Line in the file, counted from 1.
    pub line: usize,
    /// What is wrong and what to do, for people.
    pub what: String,
}

/// The word of `known` that is nearest to `wrong`, if any is near.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), word))
        .min()
        .filter(|(distance, word)| *distance <= word.len().max(wrong.len()) / 2)
        .map(|(_, word)| word)
}

/// `"x" is no <what>; did you mean ...? Known: ...`
pub(super) fn unknown(what: &str, wrong: &str, known: &[&str]) -> String {
    let hint = nearest(wrong, known.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
    let hint = hint.unwrap_or_else(|| ";".to_owned());
    // A long list is no help.
    if known.len() <= 40 {
        format!("{wrong:?} is no {what}{hint} Known are: {}", known.join(", "))
    } else {
        format!("{wrong:?} is no {what}{hint} docs/scenarios.md says where the names come from")
    }
}
