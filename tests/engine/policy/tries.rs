//! The values of rows, and which of them one request can have.

use serde_json::Value;

use super::request::Made;
use super::rows::{Case, Row, Verdict};

/// A value that is tried.
pub(super) struct Try<'t> {
    pub(super) row: &'t Row<'t>,
    pub(super) case: &'t Case<'t>,
    pub(super) made: &'static Made,
    pub(super) value: Value,
}

impl Try<'_> {
    /// Returns `true` if one request can have both values.
    fn fits(&self, other: &Try<'_>) -> bool {
        let (one, two) = (self.row, other.row);
        let is_below =
            |one: &str, two: &str| two == "." || format!("{one}.").starts_with(&format!("{two}."));
        one.operation == two.operation
            && one.has_sources == two.has_sources
            && !is_below(one.at, two.at)
            && !is_below(two.at, one.at)
    }
}

/// Returns the values of a line.
pub(super) fn values<'t>(case: &Case<'t>) -> impl Iterator<Item = Value> + use<'t> {
    serde_json::Deserializer::from_str(case.values).into_iter().map(Result::unwrap)
}

/// Returns the values that pass, in as many requests as are needed.
pub(super) fn together<'t>(rows: &'t [Row<'t>]) -> Vec<Vec<Try<'t>>> {
    let mut together: Vec<Vec<Try<'_>>> = Vec::new();
    for row in rows {
        let Some(made) = Made::by(row.operation) else { continue };
        let passing = row.cases.iter().filter(|case| case.verdict == Verdict::Passes);
        for (case, value) in passing.flat_map(|case| values(case).map(move |value| (case, value))) {
            let tried = Try { row, case, made, value };
            match together.iter_mut().find(|all| all.iter().all(|other| other.fits(&tried))) {
                Some(all) => all.push(tried),
                None => together.push(vec![tried]),
            }
        }
    }
    together
}
