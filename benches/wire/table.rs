//! What is printed of a work.

use crate::measure::{Sample, Summary};
use crate::stage::way::Way;
use crate::work::{Figure, Measure, Work};

/// All rounds of a work: for each way a sample of each round.
pub(crate) struct Rounds {
    pub(crate) ways: Vec<Way>,
    pub(crate) samples: Vec<Vec<Sample>>,
}

impl Rounds {
    fn of(&self, way: Way) -> Option<&[Sample]> {
        let at = self.ways.iter().position(|known| *known == way)?;
        Some(&self.samples[at])
    }

    /// The median of the ratios of each round: what drifts from round to round cancels.
    fn ratio(&self, way: Way, than: Way, figure: Figure) -> Option<Summary> {
        let (ours, theirs) = (self.of(way)?, self.of(than)?);
        let pairs = ours.iter().zip(theirs);
        Some(Summary::of(pairs.map(|(ours, theirs)| ours.of(figure) / theirs.of(figure))))
    }

    /// Prints the table of `work`.
    pub(crate) fn print(&self, work: &Work) {
        println!("\n{}: {}", work.name, work.what);
        let bulk = work.measure == Measure::Bulk;
        if bulk {
            println!(
                "{:8} {:>9} {:>11} {:>11} {:>11} {:>10}",
                "", "GiB/s", "x direct", "x copy", "x splice", "cpu ms/GiB"
            );
        } else {
            println!(
                "{:8} {:>9} {:>11} {:>11} {:>11} {:>10} {:>9} {:>11}",
                "", "p50 us", "x direct", "x copy", "x splice", "cpu us", "p99 us", "p99 x copy"
            );
        }
        for (way, samples) in self.ways.iter().zip(&self.samples) {
            let middle = |get: fn(&Sample) -> f64| Summary::of(samples.iter().map(get)).median;
            let against = |than| shown(self.ratio(*way, than, Figure::Median), *way == than);
            let (direct, copy, splice) =
                (against(Way::Direct), against(Way::Copy), against(Way::Splice));
            let (median, p99, cpu) = (middle(|s| s.median), middle(|s| s.p99), middle(|s| s.cpu));
            if bulk {
                let (rate, cpu) = (1e6 / median, cpu / 1e3);
                println!("{way:8} {rate:9.2} {direct:>11} {copy:>11} {splice:>11} {cpu:10.0}");
            } else {
                let tail = shown(self.ratio(*way, Way::Copy, Figure::P99), *way == Way::Copy);
                println!(
                    "{way:8} {median:9.1} {direct:>11} {copy:>11} {splice:>11} {cpu:10.1} {p99:9.1} {tail:>11}"
                );
            }
        }
        self.print_aims(work);
    }

    fn print_aims(&self, work: &Work) {
        for aim in &work.aims {
            let Some(Summary { median, .. }) = self.ratio(Way::Proxy, aim.than, aim.figure) else {
                continue;
            };
            if median > aim.at_most {
                let figure = match aim.figure {
                    Figure::Median => "",
                    Figure::P99 => "p99 ",
                };
                println!(
                    "  missed: {figure}{median:.2} x {}, to be at most {:.2}",
                    aim.than, aim.at_most
                );
            }
        }
    }
}

/// A ratio with its spread; nothing for that of a way to itself.
fn shown(ratio: Option<Summary>, same: bool) -> String {
    match ratio {
        Some(Summary { median, spread }) if !same => format!("{median:.2} ±{spread:.2}"),
        _ => String::new(),
    }
}
