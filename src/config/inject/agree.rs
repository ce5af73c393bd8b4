//! Injections of one listener together.

use crate::engine::fields::Kind;
use crate::engine::fields::{Field, Section, Zero};
use crate::engine::shapes::Place;
use crate::rules::inject::{How, Inject, Value};

use crate::config::file::Fault;

/// Limits that the daemon refuses without another one.
pub(super) const WITH: &[(Section, &str, &str)] = &[
    (Section::Container, "HostConfig.MemorySwap", "HostConfig.Memory"),
    (Section::Build, "memswap", "memory"),
];

/// Limits that a client could evade by another option, unless that is forced.
pub(super) const BY: &[(Section, &str, &str)] = &[
    (Section::Container, "HostConfig.CpuQuota", "HostConfig.CpuPeriod"),
    (Section::Build, "cpuquota", "cpuperiod"),
];

/// Options that the daemon refuses together.
pub(super) const AGAINST: &[(Section, &str, &str)] = &[
    (Section::Container, "HostConfig.CpuQuota", "HostConfig.NanoCpus"),
    (Section::Container, "HostConfig.CpuPeriod", "HostConfig.NanoCpus"),
];

/// Options of builds that BuildKit has, too.
pub(super) const BUILDKIT: &[&str] = &[
    "extrahosts",
    "buildargs",
    "nocache",
    "pull",
    "shmsize",
    "ulimits",
    "networkmode",
    "platform",
];

/// Returns the injections of a listener: its own, and those of the `defaults` that it does not replace. The
/// same treatment of the same option replaces, and so does `force` on either side. An empty list or table
/// replaces, and injects nothing.
#[must_use]
pub fn inherited(own: Vec<Inject>, defaults: &[Inject]) -> Vec<Inject> {
    let replaced = |default: &Inject| {
        let forces = |how| how == How::Force;
        own.iter().any(|own| {
            own.at == default.at
                && (own.how == default.how || forces(own.how) || forces(default.how))
        })
    };
    let kept: Vec<_> = defaults.iter().filter(|default| !replaced(default)).cloned().collect();
    let empty = |inject: &Inject| match &inject.value {
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Objects(objects) => objects.is_empty(),
        _ => false,
    };
    let all = own.into_iter().chain(kept);
    all.filter(|inject| inject.how == How::Force || !empty(inject)).collect()
}

/// Returns a fault for each injection that contradicts another one.
#[must_use]
pub fn disagreements(list: &[Inject]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, inject) in list.iter().enumerate() {
        let Place::Field(field) = inject.at else { continue };
        let same = list.iter().enumerate().filter(|(other, _)| *other != index);
        let same = same.map(|(_, other)| other).filter(|other| other.at == inject.at);
        for other in same {
            let why = match (other.how, inject.how) {
                (How::Force, _) => {
                    Some(format!("{} is forced at {}; remove one of them", field.path, other.from))
                }
                (How::Cap, How::Default) if is_above(field, &inject.value, &other.value) => Some(
                    format!("the default of {} is above its cap at {}", field.path, other.from),
                ),
                _ => None,
            };
            faults.extend(why.map(|why| Fault { at: inject.from.clone(), why }));
        }
        let why = [
            refused_beside(field, list),
            lacks_other(field, inject, list),
            evaded(field, inject, list),
        ];
        let why = why.into_iter().flatten();
        faults.extend(why.map(|why| Fault { at: inject.from.clone(), why }));
    }
    faults
}

/// Returns the injections into the option of `section` with this path.
fn into<'l>(
    section: Section,
    path: &'static str,
    list: &'l [Inject],
) -> impl Iterator<Item = &'l Inject> {
    let is_it = move |field: &Field| field.section == section && field.path == path;
    list.iter().filter(move |inject| matches!(inject.at, Place::Field(field) if is_it(field)))
}

/// Describes an injection that the daemon refuses beside another one.
fn refused_beside(field: &Field, list: &[Inject]) -> Option<String> {
    let rows = AGAINST.iter().filter(|row| row.0 == field.section && row.1 == field.path);
    let other = rows.flat_map(|row| into(row.0, row.2, list).map(|other| (row.2, &other.from)));
    let (path, from) = other.into_iter().next()?;
    Some(format!("the daemon refuses {} beside {path}, which is injected at {from}", field.path))
}

/// Describes a cap that needs another one, or that is below it.
fn lacks_other(field: &Field, inject: &Inject, list: &[Inject]) -> Option<String> {
    let row = |row: &&(Section, &str, &str)| row.0 == field.section && row.1 == field.path;
    let (section, path, other) = WITH.iter().find(row).filter(|_| inject.how == How::Cap)?;
    let limits = |inject: &&Inject| matches!(inject.how, How::Cap | How::Force);
    let Some(limit) = into(*section, other, list).find(limits) else {
        return Some(format!("a cap of {path} needs a cap or a forced value of {other}"));
    };
    match (&inject.value, &limit.value) {
        (Value::Number(cap), Value::Number(least)) if cap < least => {
            Some(format!("the cap of {path} is below {other} at {}", limit.from))
        }
        _ => None,
    }
}

/// Describes a cap that a client could evade.
fn evaded(field: &Field, inject: &Inject, list: &[Inject]) -> Option<String> {
    let row = |row: &&(Section, &str, &str)| row.0 == field.section && row.1 == field.path;
    let (section, path, other) = BY.iter().find(row).filter(|_| inject.how == How::Cap)?;
    let is_forced = into(*section, other, list).any(|inject| inject.how == How::Force);
    (!is_forced).then(|| format!("a cap of {path} needs a forced value of {other}"))
}

fn is_above(field: &Field, default: &Value, cap: &Value) -> bool {
    let (Value::Number(default), Value::Number(cap)) = (default, cap) else { return false };
    let zero = match field.kind {
        Kind::Number(zero) | Kind::Bytes(zero) | Kind::Cpus(zero) => zero,
        _ => Zero::Value,
    };
    let unlimited = matches!(zero, Zero::Unlimited | Zero::Twice(_) | Zero::Endless);
    default > cap || (unlimited && *default < 0)
}

/// Returns a warning for each option of builds that BuildKit does not have.
pub fn of_classic_builds(list: &[Inject]) -> impl Iterator<Item = String> {
    list.iter().filter_map(|inject| match inject.at {
        Place::Field(field)
            if field.section == Section::Build && !BUILDKIT.contains(&field.path) =>
        {
            let (from, path) = (&inject.from, field.path);
            Some(format!(
                "{from}: {path} holds for classic builds only; the BuildKit of Docker 28 and earlier ignores it"
            ))
        }
        _ => None,
    })
}
