//! The values of an HTTP request, from its query and its JSON body, matched as the daemon matches them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::binds::{BindSource, allows};
use super::{Lack, Value, ValueKind, Values};
use crate::engine::options::{Form, Part, find};
use crate::engine::shapes::{HOST_CONFIG_FIELDS, NUMBERS_AT_TOP, Place};
use crate::http::target::{pairs, split_query};
use crate::json::{Error, Found, Object, elements, quoted, string};
use crate::rules::facts::Facts;
use crate::rules::inject::query::{bad_query, is_spelling};
use crate::rules::inject::{How, Inject};
use crate::rules::mounts::binds::Bind;
use crate::rules::socket::SocketBind;
use crate::rules::{Profile, Value as Injected, form_body};

/// The places of mounts as objects.
const MOUNTS: &[&str] = &["HostConfig.Mounts", "TaskTemplate.ContainerSpec.Mounts"];

/// A request as the daemon would get it.
pub(super) struct Document<'r> {
    profile: &'r Profile,
    facts: &'r Facts,
    target: &'r str,
    /// `true` if the daemon could read the body as a form, whose fields come before those of the query.
    form: bool,
    /// `None` if it is not gathered.
    body: Option<&'r [u8]>,
    /// The objects that were parsed, by their place. Many rules look at the same ones.
    objects: RefCell<BTreeMap<usize, Rc<Object<'r>>>>,
}

impl<'r> Document<'r> {
    /// Makes the document of a request for `target` with this body, if it is gathered.
    pub(super) fn new(
        profile: &'r Profile,
        facts: &'r Facts,
        target: &'r str,
        form: bool,
        body: Option<&'r [u8]>,
    ) -> Self {
        Self { profile, facts, target, form, body, objects: RefCell::default() }
    }

    /// Reads the values of an option in the query.
    fn in_query(&self, path: &str, form: Form) -> Result<Vec<Value<'r>>, Lack> {
        let (_, query) = split_query(self.target);
        let mut values = Vec::new();
        let (key, rest) = path.split_once('.').unwrap_or((path, ""));
        for pair in pairs(query.unwrap_or_default()) {
            let pair = pair.map_err(|_| bad_query())?;
            if !is_spelling(&pair.key, key) {
                continue;
            }
            let text = pair.value().map_err(|_| bad_query())?;
            let text = str::from_utf8(&text).map_err(|_| bad_query())?;
            let at = pair.raw.as_ptr().addr();
            if rest.is_empty() {
                let is_set = is_set(form, text);
                let kind = if is_set { ValueKind::Set } else { ValueKind::Unset };
                values.push(Value { at, text: Cow::Owned(text.to_owned()), kind });
            } else if !text.is_empty() {
                let mut inner = Vec::new();
                if let Found::Object(object) = Found::read(key, text)? {
                    walk_in(&object, rest, form, &mut inner)?;
                }
                // The decoded text does not live as long.
                values.extend(inner.into_iter().map(|Value { text, kind, .. }| Value {
                    at,
                    text: Cow::Owned(text.into_owned()),
                    kind,
                }));
            }
        }
        Ok(values)
    }

    /// Returns the document in the body; `None` for a missing one.
    fn top(&self) -> Result<Option<Rc<Object<'r>>>, Lack> {
        let body = self.body.ok_or(Lack::Body)?;
        let text = str::from_utf8(body).map_err(|error| Error::NotJson(error.to_string()))?;
        if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Ok(None);
        }
        Ok(self.object(String::new(), text)?)
    }

    /// Returns the object that is written in `text`; `None` for `null`.
    fn object(&self, name: String, text: &'r str) -> Result<Option<Rc<Object<'r>>>, Error> {
        let at = text.as_ptr().addr();
        if let Some(known) = self.objects.borrow().get(&at) {
            return Ok(Some(Rc::clone(known)));
        }
        let Found::Object(object) = Found::read(name, text)? else { return Ok(None) };
        let object = Rc::new(object);
        self.objects.borrow_mut().insert(at, Rc::clone(&object));
        Ok(Some(object))
    }

    /// Reads the values of an option in the body.
    fn in_body(&self, path: &str, form: Form) -> Result<Vec<Value<'r>>, Lack> {
        let mut values = Vec::new();
        let Some(top) = self.top()? else { return Ok(values) };
        self.walk(&top, path, form, &mut values)?;
        if let Some(rest) = path.strip_prefix("HostConfig.") {
            let field = rest.split('.').next().unwrap_or_default();
            // Docker 20.10 reads these from the top, too.
            let is_read = if matches!(top.object("HostConfig")?, Found::Object(_)) {
                NUMBERS_AT_TOP.contains(&field)
            } else {
                HOST_CONFIG_FIELDS.contains(&field)
            };
            if is_read {
                self.walk(&top, rest, form, &mut values)?;
            }
        }
        Ok(values)
    }

    /// Adds the values at `path` below an object.
    fn walk(
        &self,
        object: &Object<'r>,
        path: &str,
        form: Form,
        values: &mut Vec<Value<'r>>,
    ) -> Result<(), Error> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let only = if name == "*" { None } else { object.member(name)? };
        let all = if name == "*" { &object.members[..] } else { &[] };
        for member in only.into_iter().chain(all) {
            let name = || [&object.name, ".", member.key()].concat();
            let list = if rest.is_empty() { None } else { elements(member.value) };
            match list {
                None if rest.is_empty() => leaf(form, member.value, values),
                None => {
                    if let Some(inner) = self.object(name(), member.value)? {
                        self.walk(&inner, rest, form, values)?;
                    }
                }
                Some(list) => {
                    for element in list {
                        if let Some(inner) = self.object(name(), element)? {
                            self.walk(&inner, rest, form, values)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns `true` if the operator gives an option this value.
    fn is_operators(&self, path: &str, text: &str) -> bool {
        self.profile.inject.rules().iter().any(|inject| gives(inject, path, text))
    }

    /// Returns `true` if the operator or the proxy itself mounts this host path.
    fn is_own_source(&self, source: &str) -> bool {
        let rewritten = match &self.profile.socket_bind {
            SocketBind::Rewrite(own) => own == source,
            SocketBind::Pass | SocketBind::Refuse => false,
        };
        rewritten || self.facts.job_socket.as_deref() == Some(source)
    }

    fn is_own_bind(&self, text: &str) -> bool {
        let json = quoted(text);
        self.profile.inject.mounts().binds.iter().any(|bind| bind.json == json)
    }
}

impl Values for Document<'_> {
    fn of(&self, operation: &str, path: &'static str) -> Result<Vec<Value<'_>>, Lack> {
        let mut values = match find(operation, path) {
            Some((Part::Query, _)) if self.form => return Err(form_body().into()),
            Some((Part::Query, form)) => self.in_query(path, form)?,
            Some((Part::Body, form)) => self.in_body(path, form)?,
            Some((Part::Message, _)) | None => Vec::new(),
        };
        values.retain(|value| !self.is_operators(path, &value.text));
        Ok(values)
    }

    fn binds_outside(
        &self,
        operation: &str,
        sources: &[BindSource],
        unseen: &mut Vec<String>,
    ) -> Result<Vec<Value<'_>>, Lack> {
        let mut outside: Vec<Value<'_>> = Vec::new();
        for bind in self.of(operation, "HostConfig.Binds")? {
            let read = Bind::read(&bind.text);
            let Some(source) = read.source.filter(|source| source.starts_with('/')) else {
                continue;
            };
            let is_read_only = read.mode().split(',').any(|word| word == "ro");
            let is_own = self.is_own_source(source) || self.is_own_bind(&bind.text);
            if !is_own && !allows(sources, source, is_read_only, self.facts, unseen) {
                outside.push(bind);
            }
        }
        for path in MOUNTS {
            if find(operation, path).is_some() {
                outside.extend(self.mounts_outside(path, sources, unseen)?);
            }
        }
        Ok(outside)
    }
}

impl<'r> Document<'r> {
    /// Returns the bind mounts among the objects at `path` that are not below one of the sources.
    fn mounts_outside(
        &self,
        path: &str,
        sources: &[BindSource],
        unseen: &mut Vec<String>,
    ) -> Result<Vec<Value<'r>>, Lack> {
        let (mut mounts, mut outside) = (Vec::new(), Vec::new());
        if let Some(top) = self.top()? {
            self.walk(&top, path, Form::Text, &mut mounts)?;
        }
        for Value { at, text, kind } in mounts {
            if kind != ValueKind::Set {
                continue;
            }
            let Found::Object(mount) = Found::read(path, &text)? else { continue };
            let is_bind = mount
                .string("Type")?
                .is_none_or(|kind| kind.is_empty() || kind.to_uppercase() == "BIND");
            let source = mount.string("Source")?.unwrap_or_default();
            if is_bind
                && !self.is_own_source(&source)
                && !allows(sources, &source, mount.is_true("ReadOnly"), self.facts, unseen)
            {
                outside.push(Value { at, text: Cow::Owned(source.into_owned()), kind });
            }
        }
        Ok(outside)
    }
}

/// Adds the values at `path` below an object, whose parts are looked at once.
fn walk_in<'o>(
    object: &Object<'o>,
    path: &str,
    form: Form,
    values: &mut Vec<Value<'o>>,
) -> Result<(), Error> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(member) = object.member(name)? else { return Ok(()) };
    if rest.is_empty() {
        leaf(form, member.value, values);
        return Ok(());
    }
    match Found::read(name, member.value)? {
        Found::Object(inner) => walk_in(&inner, rest, form, values),
        Found::Absent | Found::Null(_) => Ok(()),
    }
}

/// Adds the values that are written in `text`, one JSON value.
fn leaf<'t>(form: Form, text: &'t str, values: &mut Vec<Value<'t>>) {
    let at = text.as_ptr().addr();
    let mut push = |text: Cow<'t, str>, kind| values.push(Value { at, text, kind });
    match text.as_bytes().first() {
        Some(b'n') | None => {}
        Some(b'f') => push(Cow::Borrowed(text), ValueKind::Unset),
        Some(b'"') => {
            let text = string(text).unwrap_or(Cow::Borrowed(text));
            let kind = if text.is_empty() { ValueKind::Unset } else { ValueKind::Set };
            push(text, kind);
        }
        Some(b'[') => match elements(text) {
            Some(list) if list.is_empty() => push(Cow::Borrowed(text), ValueKind::EmptyList),
            Some(list) => list.into_iter().for_each(|element| leaf(form, element, values)),
            None => push(Cow::Borrowed(text), ValueKind::Set),
        },
        Some(b'{') if matches!(form, Form::Keys | Form::Members) => keys(form, text, values),
        Some(b'{') => {
            let is_empty = text.get(1..).is_some_and(|rest| rest.trim_start().starts_with('}'));
            let kind = if is_empty { ValueKind::Unset } else { ValueKind::Set };
            push(Cow::Borrowed(text), kind);
        }
        Some(_) => {
            let kind = if text == "0" { ValueKind::Unset } else { ValueKind::Set };
            push(Cow::Borrowed(text), kind);
        }
    }
}

/// Adds the keys of an object; of [`Form::Members`] those with a value that is set.
fn keys<'t>(form: Form, text: &'t str, values: &mut Vec<Value<'t>>) {
    let Ok(Found::Object(object)) = Found::read("", text) else { return };
    for member in &object.members {
        let at = member.value.as_ptr().addr();
        let mut inner = Vec::new();
        leaf(Form::Text, member.value, &mut inner);
        let is_set = inner.iter().any(|value| value.kind == ValueKind::Set);
        if is_set || form == Form::Keys {
            let text = Cow::Owned(member.key().to_owned());
            values.push(Value { at, text, kind: ValueKind::Set });
        }
    }
}

/// Returns `true` if a value of the query means more than a missing one.
fn is_set(form: Form, text: &str) -> bool {
    match form {
        Form::Switch => {
            let word = text.trim().to_lowercase();
            !["", "0", "no", "false", "none"].contains(&word.as_str())
        }
        Form::Number | Form::Bytes | Form::Cpus => !["", "0"].contains(&text),
        _ => !text.is_empty(),
    }
}

/// Returns `true` if `inject` gives the option at `path` the value `text`.
fn gives(inject: &Inject, path: &str, text: &str) -> bool {
    let is_there = match inject.at {
        Place::Field(field) => field.path == path,
        Place::CgroupParent => path == "HostConfig.CgroupParent",
        Place::BuildCgroupParent => path == "cgroupparent",
        Place::Labels | Place::ImageLabels => false,
    };
    is_there
        && match (&inject.value, inject.how) {
            (_, How::Cap) | (Injected::Map(_), How::Default) => false,
            (Injected::Text(own), _) => own == text,
            (Injected::Switch(own), _) => text == if *own { "true" } else { "false" },
            (Injected::Number(own), _) => text.parse() == Ok(*own),
            (Injected::List(own), _) => own.iter().any(|own| own == text),
            (Injected::Map(own), _) => own.iter().any(|label| label.key == text),
            (Injected::Entry(_) | Injected::Objects(_), _) => false,
        }
}
