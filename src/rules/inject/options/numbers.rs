//! Numbers: defaults and caps.

use crate::engine::fields::Zero;
use crate::json::{Edits, Member, Object};
use crate::rules::Refusal;
use crate::rules::inject::options::wrong_type;
use crate::rules::inject::{How, Inject, Value};

/// The limits of a number.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    zero: Zero,
    /// `true` for processors, which a client can also give by `CpuQuota` and `CpuPeriod`.
    processors: bool,
    default: Option<Number>,
    cap: Option<Number>,
}

/// A number of the operator.
#[derive(Debug, Clone)]
pub(super) struct Number {
    value: i64,
    /// The number as JSON.
    pub(super) json: String,
}

impl Number {
    fn new(value: i64) -> Self {
        Self { value, json: value.to_string() }
    }
}

/// The daemon's period of a `CpuQuota`, in microseconds.
const PERIOD: i64 = 100_000;

/// One processor, in the unit of `NanoCpus`.
const PROCESSOR: i128 = 1_000_000_000;

impl Limit {
    pub(super) fn of(list: &[&Inject], zero: Zero, processors: bool) -> Self {
        let given = |how| {
            list.iter().find(|inject| inject.how == how).and_then(|inject| match inject.value {
                Value::Number(value) => Some(Number::new(value)),
                _ => None,
            })
        };
        Self { zero, processors, default: given(How::Default), cap: given(How::Cap) }
    }

    /// Makes a cap at `value`; `None` if that is no number.
    pub(super) fn below(value: &Value, zero: Zero) -> Option<Self> {
        let Value::Number(cap) = value else { return None };
        Some(Self { zero, processors: false, default: None, cap: Some(Number::new(*cap)) })
    }

    /// Edits the number `name` of `object`.
    pub(super) fn apply<'d>(
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        member: Option<&Member<'d>>,
        name: &'static str,
    ) -> Result<(), Refusal> {
        let mut given = number(object, member, name)?;
        if let Zero::Twice(half) = self.zero
            && given.unwrap_or_default() == 0
            && self.default.is_none()
        {
            let half = number(object, object.member(half)?, half)?.filter(|half| *half > 0);
            given = half.map(|half| half.saturating_mul(2)).or(given);
        }
        if self.processors {
            let of = |name| -> Result<i64, Refusal> {
                Ok(number(object, object.member(name)?, name)?.unwrap_or_default())
            };
            if given.unwrap_or_default() == 0 {
                let (quota, period) = (of("CpuQuota")?, of("CpuPeriod")?);
                if (quota, period) != (0, 0) {
                    return self.apply_to_quota(edits, object, member, name, quota, period);
                }
            } else if self.cap.is_some() && of("CpuQuota")? < 0 {
                // The daemon accepts this beside processors, which it lifts.
                edits.set(object, "CpuQuota", "0")?;
            }
        }
        if let Some(number) = self.decide(given) {
            edits.set_in(object, member, name, &number.json);
        }
        Ok(())
    }

    /// Edits the processors of a client that gives a quota. The daemon refuses both forms at once, also one
    /// for a container and the other for its update.
    fn apply_to_quota<'d>(
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        member: Option<&Member<'d>>,
        name: &'static str,
        quota: i64,
        period: i64,
    ) -> Result<(), Refusal> {
        // What is missing stays as it is in the container, so neither is a limit without the other.
        let of_container = self.zero == Zero::Kept;
        let lifts = of_container && (quota <= 0 || period < 0);
        let given = if lifts { Some(-1) } else { processors(quota, period) };
        match self.decide(given) {
            Some(number) if of_container => {
                let quota = i128::from(number.value) * i128::from(PERIOD) / PROCESSOR;
                edits.set(object, "CpuQuota", quota.to_string())?;
                edits.set(object, "CpuPeriod", PERIOD.to_string())?;
            }
            Some(number) => {
                edits.set_in(object, member, name, &number.json);
                for (name, given) in [("CpuQuota", quota), ("CpuPeriod", period)] {
                    if given != 0 {
                        edits.set(object, name, "0")?;
                    }
                }
            }
            None if of_container && period == 0 => {
                edits.set(object, "CpuPeriod", PERIOD.to_string())?;
            }
            None => {}
        }
        Ok(())
    }

    /// Returns the new number, if that of the client changes.
    pub(super) fn decide(&self, client: Option<i64>) -> Option<&Number> {
        let nothing = match self.zero {
            Zero::Unlimited | Zero::Default | Zero::Signed | Zero::Twice(_) | Zero::Kept => Some(0),
            Zero::Value => Some(-1),
            Zero::Lifted | Zero::Endless => None,
        };
        let given = client.filter(|given| Some(*given) != nothing);
        let wanted = given.or(self.default.as_ref().map(|default| default.value));
        let capped = self.cap.as_ref().filter(|cap| match wanted {
            None => matches!(self.zero, Zero::Unlimited | Zero::Twice(_)),
            Some(number) => number > cap.value || self.lifts(number),
        });
        let new = capped.or(self.default.as_ref().filter(|_| given.is_none()))?;
        (Some(new.value) != given).then_some(new)
    }

    /// Returns `true` if `number` means that there is no limit.
    fn lifts(&self, number: i64) -> bool {
        match self.zero {
            Zero::Unlimited | Zero::Twice(_) | Zero::Kept | Zero::Lifted => number <= 0,
            Zero::Default | Zero::Endless => number < 0,
            Zero::Signed | Zero::Value => false,
        }
    }
}

/// Returns the processors that a quota of the time of one means; none if there is no quota.
fn processors(quota: i64, period: i64) -> Option<i64> {
    let period = if period > 0 { period } else { PERIOD };
    let processors = i128::from(quota) * PROCESSOR / i128::from(period);
    (quota > 0).then(|| i64::try_from(processors).unwrap_or(i64::MAX))
}

/// Returns the number in `member`, the field `name`; `None` if it is missing or `null`.
fn number(
    object: &Object<'_>,
    member: Option<&Member<'_>>,
    name: &str,
) -> Result<Option<i64>, Refusal> {
    match member.map(|member| member.value) {
        None | Some("null") => Ok(None),
        // Go's decoder accepts neither fractions nor exponents for an integer.
        Some(value) => {
            value.parse().map(Some).map_err(|_| wrong_type(object, name, "a whole number"))
        }
    }
}
