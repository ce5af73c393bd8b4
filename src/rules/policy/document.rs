//! The values of an HTTP request, from its query and its JSON body, matched as the daemon matches them.

mod own;
mod walk;

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use self::own::Own;
use self::walk::{leaf, missing, opened, walk};
use super::binds::{self, BindSource, Check};
use super::{Lack, Value, ValueKind, Values};
use crate::engine::fields::{BINDS, DRIVER_OPTS};
use crate::engine::options::{Form, Part, find};
use crate::engine::shapes::HOST_CONFIG_FIELDS;
use crate::http::target::{pairs, split_query};
use crate::json::{Error, Found, Member, Object, is_field};
use crate::rules::facts::Facts;
use crate::rules::inject::query::{PAIRS, bad_query, is_spelling, many_pairs};
use crate::rules::mounts::host_config::{has_effect, outside_host_config};
use crate::rules::refusal::shown;
use crate::rules::socket::SocketBind;
use crate::rules::{Asked, Profile, Reason, Refusal};

/// The mounts of a container as objects.
const MOUNTS: &str = "HostConfig.Mounts";
const SOURCE: &str = "HostConfig.Mounts.Source";

/// The mounts of the tasks of a service.
const SERVICE_MOUNTS: &str = "TaskTemplate.ContainerSpec.Mounts";
const SERVICE_SOURCE: &str = "TaskTemplate.ContainerSpec.Mounts.Source";

/// The fields of a HostConfig that Docker 20.10 also reads from the top of a body that has one.
const READ_AT_TOP: &[&str] = &["CpuShares", "CpusetCpus", "Memory", "MemorySwap", "VolumeDriver"];

/// A request as the daemon would get it.
pub(super) struct Document<'r> {
    own: Own<'r>,
    asked: &'r Asked<'r>,
    target: &'r str,
    /// `None` if it is not gathered.
    body: Option<&'r [u8]>,
    top: OnceCell<Option<Rc<Object<'r>>>>,
    /// The objects that were parsed, by their place. Many rules look at the same ones.
    objects: RefCell<BTreeMap<usize, Rc<Object<'r>>>>,
    /// The document as the client sent it, if it was looked at.
    client: OnceCell<Box<Document<'r>>>,
}

impl<'r> Document<'r> {
    /// Makes the document of a request that goes to `target` with this body, if that is gathered.
    pub(super) fn new(
        profile: &'r Profile,
        facts: &'r Facts,
        asked: &'r Asked<'r>,
        target: &'r str,
        body: Option<&'r [u8]>,
    ) -> Self {
        let own = Own { profile, facts, asked };
        let (top, client) = (OnceCell::new(), OnceCell::new());
        Self { own, asked, target, body, top, objects: RefCell::default(), client }
    }

    /// Reads the values of an option in the query.
    fn in_query(&self, path: &str, form: Form) -> Result<Vec<Value<'r>>, Lack> {
        let (_, query) = split_query(self.target);
        let mut values = Vec::new();
        let key = path.split('.').next().unwrap_or_default();
        for (count, pair) in pairs(query.unwrap_or_default()).enumerate() {
            let pair = pair.map_err(|_| bad_query())?;
            if count >= PAIRS {
                return Err(many_pairs().into());
            }
            if !is_spelling(&pair.key, key) {
                continue;
            }
            if *pair.key != *key.as_bytes() {
                return Err(misspelt(&pair.key, key).into());
            }
            let text = pair.value().map_err(|_| bad_query())?;
            let text = str::from_utf8(&text).map_err(|_| bad_query())?;
            let (mut found, start) = (Vec::new(), text.as_ptr().addr());
            in_pair(path, form, text, &mut found)?;
            // The decoded text does not live as long. It is not longer than the pair.
            values.extend(found.into_iter().map(|Value { at, text, kind }| Value {
                at: pair.raw.as_ptr().addr() + at.saturating_sub(start),
                text: Cow::Owned(text.into_owned()),
                kind,
            }));
        }
        if values.is_empty() {
            missing(path, "", &mut values);
        }
        Ok(values)
    }

    /// Returns the document in the body; `None` for a missing one.
    fn top(&self) -> Result<Option<&Rc<Object<'r>>>, Lack> {
        if let Some(top) = self.top.get() {
            return Ok(top.as_ref());
        }
        if self.asked.traits.encoded && !self.asked.traits.is_empty() {
            return Err(encoded().into());
        }
        let body = self.body.ok_or(Lack::Body)?;
        let text = str::from_utf8(body).map_err(|error| Error::NotJson(error.to_string()))?;
        let is_empty = text.trim_matches([' ', '\t', '\r', '\n']).is_empty();
        let top = if is_empty { None } else { self.with_host_config(text)? };
        Ok(self.top.get_or_init(|| top).as_ref())
    }

    /// Parses the body, and its HostConfig in the same pass.
    fn with_host_config(&self, text: &'r str) -> Result<Option<Rc<Object<'r>>>, Error> {
        let Found::Object(mut top) = Found::document(text, Some("HostConfig"))? else {
            return Ok(None);
        };
        // A rule that reads it finds the error.
        if let Ok(Found::Object(inner)) = top.object_along("HostConfig") {
            self.objects.borrow_mut().insert(inner.text.as_ptr().addr(), Rc::new(inner));
        }
        Ok(Some(Rc::new(top)))
    }

    /// Returns the object that is written in `text`; `None` for `null`.
    fn object(
        &self,
        name: &dyn Fn() -> String,
        text: &'r str,
    ) -> Result<Option<Rc<Object<'r>>>, Error> {
        let at = text.as_ptr().addr();
        if let Some(known) = self.objects.borrow().get(&at) {
            return Ok(Some(Rc::clone(known)));
        }
        let object = opened(name, text)?;
        self.objects.borrow_mut().extend(object.iter().map(|object| (at, Rc::clone(object))));
        Ok(object)
    }

    /// Reads the values of an option in the body.
    fn in_body(&self, path: &str, form: Form) -> Result<Vec<Value<'r>>, Lack> {
        let mut values = Vec::new();
        let Some(top) = self.top()? else {
            missing(path, "", &mut values);
            return Ok(values);
        };
        if let Some(rest) = path.strip_prefix("HostConfig") {
            nothing_at_top(top, rest.split('.').nth(1))?;
        }
        walk(top, path, form, &|name, text| self.object(name, text), &mut values)?;
        Ok(values)
    }

    /// Returns the values of an option in the body as the client sent it.
    fn of_client(&self, path: &str, form: Form) -> Result<Vec<Value<'r>>, Lack> {
        let Own { profile, facts, asked } = self.own;
        let body = Some(asked.body.unwrap_or_default());
        let make = || Box::new(Document::new(profile, facts, asked, asked.target, body));
        self.client.get_or_init(make).in_body(path, form)
    }

    /// Returns the device of a volume that is created, if it is not below one of the sources.
    fn volume_outside(
        &self,
        operation: &str,
        check: &mut Check<'_>,
    ) -> Result<Option<(&'static str, Value<'r>)>, Lack> {
        if find(operation, DRIVER_OPTS).is_none() || self.own.gives(DRIVER_OPTS, "device") {
            return Ok(None);
        }
        let Some(options) = self.top()?.map(|top| binds::of_volume(top)).transpose()?.flatten()
        else {
            return Ok(None);
        };
        let at = options.text.as_ptr().addr();
        let device = check.device(&options)?.map(Cow::Owned);
        Ok(device.map(|text| (DRIVER_OPTS, Value { at, text, kind: ValueKind::Set })))
    }

    /// Marks the values that the operator or the proxy adds.
    fn mark(&self, path: &str, form: Form, values: &mut [Value<'r>]) -> Result<(), Lack> {
        if values.iter().all(|value| value.kind != ValueKind::Set) {
            return Ok(());
        }
        let is_edited = self.body.map(<[u8]>::as_ptr) != self.asked.body.map(<[u8]>::as_ptr);
        let theirs = match form {
            Form::Members if is_edited => Some(self.of_client(path, form)?),
            _ => None,
        };
        // The mounts of labelled anonymous volumes.
        let adds_mounts = is_edited
            && path.starts_with(MOUNTS)
            && self.own.profile.paths.is_empty()
            && self.of_client(MOUNTS, Form::Text)?.iter().all(|value| value.kind != ValueKind::Set);
        for value in values.iter_mut().filter(|value| value.kind == ValueKind::Set) {
            let is_theirs = theirs.as_ref().is_none_or(|theirs| {
                let mut names = theirs.iter().filter(|theirs| theirs.kind == ValueKind::Set);
                names.any(|name| is_field(&name.text, &value.text))
            });
            if adds_mounts || !is_theirs || self.own.gives(path, &value.text) {
                value.kind = ValueKind::Operators;
            }
        }
        Ok(())
    }
}

impl Values for Document<'_> {
    fn of(&self, operation: &str, path: &'static str) -> Result<Vec<Value<'_>>, Lack> {
        let Some((part, form)) = find(operation, path) else { return Ok(Vec::new()) };
        let mut values = match part {
            Part::Query if self.asked.traits.form => return Err(form_body().into()),
            Part::Query => self.in_query(path, form)?,
            Part::Body => self.in_body(path, form)?,
            Part::Message => return Ok(Vec::new()),
        };
        self.mark(path, form, &mut values)?;
        Ok(values)
    }

    fn binds_outside(
        &self,
        operation: &str,
        sources: &[BindSource],
        unseen: &mut Vec<String>,
    ) -> Result<Vec<(&'static str, Value<'_>)>, Lack> {
        let mut outside = Vec::new();
        let replaces_socket = matches!(self.own.profile.socket_bind, SocketBind::Rewrite(_));
        let facts = self.own.facts;
        let mut check = Check { sources, facts, unseen, replaces_socket, count: 0 };
        for bind in self.of(operation, BINDS)? {
            if bind.kind == ValueKind::Set && !check.entry(&bind.text)? {
                outside.push((BINDS, bind));
            }
        }
        for (path, of_source) in [(MOUNTS, SOURCE), (SERVICE_MOUNTS, SERVICE_SOURCE)] {
            if find(operation, path).is_none() {
                continue;
            }
            for Value { at, text, kind } in self.in_body(path, Form::Text)? {
                if kind != ValueKind::Set {
                    continue;
                }
                let Some(mount) = opened(&|| path.to_owned(), &text)? else { continue };
                if let Some(source) = check.mount(&mount, |source| self.own.mounts(source))? {
                    let text = Cow::Owned(source);
                    outside.push((of_source, Value { at, text, kind }));
                }
            }
        }
        outside.extend(self.volume_outside(operation, &mut check)?);
        Ok(outside)
    }
}

/// Adds the values of an option in the value of a pair of the query.
fn in_pair<'t>(
    path: &str,
    form: Form,
    text: &'t str,
    values: &mut Vec<Value<'t>>,
) -> Result<(), Error> {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    if rest.is_empty() && form != Form::Keys {
        let kind = if is_set(form, text) { ValueKind::Set } else { ValueKind::Unset };
        let at = text.as_ptr().addr();
        values.push(Value { at, text: Cow::Borrowed(text), kind });
        return Ok(());
    }
    let name = || key.to_owned();
    let object = if text.is_empty() { None } else { opened(&name, text)? };
    match object {
        None => missing(path, text, values),
        Some(object) if rest.is_empty() => return leaf(form, &name, object.text, &opened, values),
        Some(object) => return walk(&object, rest, form, &opened, values),
    }
    Ok(())
}

/// Refuses fields of a HostConfig at the top of the body, which Docker 20.10 reads: this field, or any of them.
pub(in crate::rules) fn nothing_at_top(
    top: &Object<'_>,
    field: Option<&str>,
) -> Result<(), Refusal> {
    let member = top.member("HostConfig")?;
    let beside = member.is_some_and(|member| member.value.starts_with('{'));
    let names = if beside { READ_AT_TOP } else { HOST_CONFIG_FIELDS };
    let is_asked = |name: &&&str| field.is_none_or(|field| field == **name);
    let mut names: Vec<&str> = names.iter().filter(is_asked).copied().collect();
    if field.is_none_or(|field| field == "CpusetCpus") {
        names.push("Cpuset");
    }
    let means_more =
        |member: &&Member<'_>| has_effect(member) && member.value != "0" && member.value != "false";
    match top.all_of(&names).find(means_more) {
        Some(member) => Err(outside_host_config(member.key())),
        None => Ok(()),
    }
}

/// Returns `true` if a value of the query means more than a missing one.
fn is_set(form: Form, text: &str) -> bool {
    match form {
        Form::Switch => {
            let word = text.trim().to_lowercase();
            !["", "0", "no", "false", "none"].contains(&word.as_str())
        }
        Form::Number | Form::Bytes | Form::Cpus => !text.is_empty() && text.parse() != Ok(0_i64),
        _ => !text.is_empty(),
    }
}

fn misspelt(key: &[u8], name: &str) -> Refusal {
    let text = format!(
        "the query has \"{}\", which Podman takes for \"{name}\" and Docker ignores; write \"{name}\"",
        shown(&String::from_utf8_lossy(key))
    );
    Refusal::new(Reason::Query, text)
}

fn form_body() -> Refusal {
    let text = "the request body is declared as a form, whose fields could replace those of the query; send it \
                with another Content-Type";
    Refusal::new(Reason::FormBody, text)
}

fn encoded() -> Refusal {
    let text = "the request body has a Content-Encoding, so the proxy cannot read it; plain JSON is wanted";
    Refusal::new(Reason::EncodedBody, text)
}

#[cfg(test)]
mod tests;
