//! One round of a work over one way, and the summary of many rounds.

use std::fmt::{self, Display};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::stage::load::{Load, Until};
use crate::stage::process::Process;
use crate::work::{BULK, Figure, Measure, Work};

/// Result of one round, in microseconds per exchange, or per GiB of bulk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    /// Processor time of the way itself.
    pub(crate) cpu: f64,
}

impl Sample {
    /// Summarises exchanges by the time of each, and the way's processor time of all.
    fn of_exchanges(times: Vec<Duration>, used: Duration) -> Self {
        let mut each: Vec<f64> = times.into_iter().map(micros).collect();
        each.sort_unstable_by(f64::total_cmp);
        Self {
            median: quantile(&each, 0.5),
            p99: quantile(&each, 0.99),
            cpu: micros(used) / each.len() as f64,
        }
    }

    pub(crate) fn of(self, figure: Figure) -> f64 {
        match figure {
            Figure::Median => self.median,
            Figure::P99 => self.p99,
            Figure::Cpu => self.cpu,
        }
    }
}

/// Repeats `work` at `socket` for a time, or does it once if it is bulk.
pub(crate) fn round(work: &Work, socket: &Path, way: Option<&Process>, until: Until) -> Sample {
    let mut load = Load::new(socket.to_owned(), work.connections);
    if let Some(opening) = &work.opening {
        load.repeat(opening, Until::Count(1), false);
    }
    let cpu = || way.map_or(Duration::ZERO, Process::cpu);
    match &work.measure {
        Measure::Exchange => {
            // Not measured: one-time work of a connection.
            load.repeat(&work.exchange, Until::Count(2), work.fresh);
            let before = cpu();
            let times = load.repeat(&work.exchange, until, work.fresh);
            Sample::of_exchanges(times.each, cpu().saturating_sub(before))
        }
        Measure::Undone(undo) => {
            let mut once = |exchange| load.repeat(exchange, Until::Count(1), work.fresh).each;
            once(&work.exchange);
            once(undo);
            let began = Instant::now();
            let (mut each, mut used) = (Vec::new(), Duration::ZERO);
            while until.goes_on(began, each.len()) {
                let before = cpu();
                each.extend(once(&work.exchange));
                used += cpu().saturating_sub(before);
                once(undo);
            }
            Sample::of_exchanges(each, used)
        }
        Measure::Bulk => {
            let before = cpu();
            let times = load.repeat(&work.exchange, Until::Count(1), work.fresh);
            let used = cpu().saturating_sub(before);
            let gib = (BULK * work.connections as u64) as f64 / f64::from(1 << 30);
            let median = micros(times.all) / gib;
            Sample { median, p99: median, cpu: micros(used) / gib }
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Returns the value below which this part of `sorted` lies.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len() - 1;
    sorted[((last as f64 * part).round() as usize).min(last)]
}

/// Summary of many values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// Half of the distance between the quartiles (the semi-interquartile range).
    pub(crate) spread: f64,
}

impl Summary {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let spread = (quantile(&values, 0.75) - quantile(&values, 0.25)) / 2.0;
        Self { median: quantile(&values, 0.5), spread }
    }
}

impl Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2} ±{:.2}", self.median, self.spread)
    }
}
