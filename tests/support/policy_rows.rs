//! Reads `tests/data/policy-rows.txt`: what the preset `conservative` refuses.

use serde_json::{Map, Value, json};

/// The refusals of one rule for one kind of request.
#[derive(Debug, Default)]
pub struct Row {
    pub rule: String,
    pub method: String,
    pub target: String,
    /// Bodies with the option; an empty one for a request without.
    pub set: Vec<Request>,
    /// Requests that mean the same as one without the option.
    pub unset: Vec<Request>,
    /// `true` if the other falsy values of the option pass, too.
    pub twins: bool,
    /// Calls of BuildKit: operation, path and value.
    pub messages: Vec<[String; 3]>,
}

/// A request of a row.
#[derive(Debug)]
pub struct Request {
    pub target: String,
    pub body: Option<Value>,
}

/// Returns all rows.
pub fn all() -> Vec<Row> {
    let text = include_str!("../data/policy-rows.txt");
    let mut bases = Map::new();
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let pair = || rest.split_once(' ').unwrap_or((rest, ""));
        if word == "base" {
            bases.insert(pair().0.to_owned(), serde_json::from_str(pair().1).unwrap());
        } else if word == "rule" {
            rows.push(Row { rule: rest.to_owned(), twins: true, ..Row::default() });
        } else {
            rows.last_mut().unwrap().add(word, rest, pair(), &bases);
        }
    }
    rows
}

impl Row {
    fn add(&mut self, word: &str, rest: &str, pair: (&str, &str), bases: &Map<String, Value>) {
        match word {
            "call" => (self.method, self.target) = (pair.0.to_owned(), pair.1.to_owned()),
            "set" => self.set.push(self.request(rest, bases)),
            "unset" => self.unset.push(self.request(rest, bases)),
            "twins" => self.twins = rest != "none",
            "message" => {
                let mut words = rest.splitn(3, ' ').map(str::to_owned);
                let mut next = || words.next().unwrap_or_default();
                self.messages.push([next(), next(), next()]);
            }
            _ => panic!("{word} {rest}"),
        }
    }

    fn request(&self, text: &str, bases: &Map<String, Value>) -> Request {
        let path = self.target.split('?').next().unwrap();
        let (target, body) = match text.strip_prefix('?') {
            Some(query) => (format!("{path}?{query}"), None),
            None if text == "-" => (self.target.clone(), None),
            None => {
                let mut body = bases.get(path).cloned().unwrap_or(json!({}));
                merge(&mut body, serde_json::from_str(text).unwrap());
                (self.target.clone(), Some(body))
            }
        };
        Request { target, body }
    }
}

/// Adds the members of `other` to those of `value`, at all depths.
fn merge(value: &mut Value, other: Value) {
    match (value, other) {
        (Value::Object(members), Value::Object(others)) => {
            for (key, other) in others {
                merge(members.entry(key).or_insert(Value::Null), other);
            }
        }
        (value, other) => *value = other,
    }
}
