//! The log: lines on standard error, as text for people or as JSON for programs.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use env_logger::Target;
use log::kv::{self, Key, Value, VisitSource, VisitValue};
use log::{Level, LevelFilter, Record, error};
use serde_json::Value as Json;

use crate::config::LogFormat;
use crate::net::log::stderr::LossyWriter;
use crate::stats::calendar::rfc3339;

/// Starts the log; must be called once. `debug` adds the lines of requests that pass unchanged.
pub fn start(format: LogFormat, debug: bool) {
    let level = if debug { LevelFilter::Debug } else { LevelFilter::Info };
    if format == LogFormat::Json {
        // Panic messages are objects, too.
        std::panic::set_hook(Box::new(|what| error!("{what}")));
    }
    let writer = LossyWriter::new(io::stderr(), move |lost| notice(format, lost));
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).target(Target::Pipe(Box::new(writer)));
    builder.format(move |out, record| line(format, out, record)).init();
}

fn line(format: LogFormat, out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    match format {
        LogFormat::Text => text(out, record),
        LogFormat::Json => writeln!(out, "{}", json(record, now())),
    }
}

/// Returns the line that reports lost lines at their place.
fn notice(format: LogFormat, lost: u64) -> Vec<u8> {
    let mut notice = Vec::new();
    let mut record = Record::builder();
    record.level(Level::Warn).target(module_path!());
    let words = format_args!("{lost} log lines were lost: standard error was not read");
    // Writing to a `Vec` cannot fail.
    let _ = line(format, &mut notice, &record.args(words).build());
    notice
}

/// Returns the time since the Unix epoch.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn level(record: &Record<'_>) -> &'static str {
    match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn text(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    writeln!(out, "dockerd-ci-proxy: {}: {}", level(record), record.args())
}

/// Returns a line as an object: time, level, message, and the members of the record.
fn json(record: &Record<'_>, now: Duration) -> String {
    let mut object = Object { text: "{".to_owned() };
    object.put("time", &rfc3339(now).into());
    object.put("level", &level(record).into());
    object.put("message", &record.args().to_string().into());
    // Fails only if a member does, and `put` never fails.
    let _ = record.key_values().visit(&mut object);
    object.text + "}"
}

/// The text of a JSON object under construction.
struct Object {
    text: String,
}

impl Object {
    fn put(&mut self, name: &str, value: &Json) {
        let comma = if self.text.len() > 1 { "," } else { "" };
        self.text.extend([format!("{comma}{}:{value}", Json::from(name))]);
    }
}

impl<'kvs> VisitSource<'kvs> for Object {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let mut member = Member(Json::Null);
        value.visit(&mut member)?;
        self.put(key.as_str(), &member.0);
        Ok(())
    }
}

/// The value of a member, in its own JSON type.
struct Member(Json);

impl VisitValue<'_> for Member {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        self.0 = value.to_string().into();
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.0 = value.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
