//! The printed table of a work.

use crate::measure::{Sample, Summary};
use crate::stage::way::Way;
use crate::work::{Figure, Measure, Work};

/// All rounds of a work: for each way one sample per round.
pub(crate) struct Rounds {
    pub(crate) ways: Vec<Way>,
    pub(crate) samples: Vec<Vec<Sample>>,
}

impl Rounds {
    fn of(&self, way: Way) -> Option<&[Sample]> {
        let at = self.ways.iter().position(|known| *known == way)?;
        Some(&self.samples[at])
    }

    /// Returns the median of the ratios within each round, in which drift between rounds cancels out.
    fn ratio(&self, way: Way, than: Way, figure: Figure) -> Option<Summary> {
        let (ours, theirs) = (self.of(way)?, self.of(than)?);
        let pairs = ours.iter().zip(theirs);
        Some(Summary::of(pairs.map(|(ours, theirs)| ours.of(figure) / theirs.of(figure))))
    }

    /// Prints the table of `work`.
    pub(crate) fn print(&self, work: &Work) {
        println!("\n{}: {}", work.name, work.what);
        let bulk = matches!(work.measure, Measure::Bulk);
        let (unit, cpu_unit) = if bulk { ("GiB/s", "cpu ms/GiB") } else { ("p50 us", "cpu us") };
        print!("{:8} {unit:>9} {:>12} {:>12} {:>12}", "", "x direct", "x copy", "x splice");
        print!(" {cpu_unit:>10} {:>12} {:>12}", "cpu x copy", "cpu x splice");
        println!("{}", if bulk { "" } else { "    p99 us   p99 x copy" });
        for (way, samples) in self.ways.iter().zip(&self.samples) {
            let middle = |figure| Summary::of(samples.iter().map(|one| one.of(figure))).median;
            let against = |than, figure| {
                let ratio = self.ratio(*way, than, figure).filter(|_| *way != than);
                ratio.map_or(String::new(), |ratio| ratio.to_string())
            };
            let (median, cpu) = (middle(Figure::Median), middle(Figure::Cpu));
            let (shown, cpu) = if bulk { (1e6 / median, cpu / 1e3) } else { (median, cpu) };
            print!("{way:8} {shown:9.2}");
            for than in [Way::Direct, Way::Copy, Way::Splice] {
                print!(" {:>12}", against(than, Figure::Median));
            }
            if *way == Way::Direct {
                print!("{:37}", "");
            } else {
                print!(" {cpu:10.1} {:>12}", against(Way::Copy, Figure::Cpu));
                print!(" {:>12}", against(Way::Splice, Figure::Cpu));
            }
            if !bulk {
                print!(" {:9.1} {:>12}", middle(Figure::P99), against(Way::Copy, Figure::P99));
            }
            println!();
        }
        self.print_aims(work);
    }

    fn print_aims(&self, work: &Work) {
        for aim in &work.aims {
            let Some(Summary { median, .. }) = self.ratio(Way::Proxy, aim.than, aim.figure) else {
                continue;
            };
            if median > aim.at_most {
                let figure = aim.figure;
                println!(
                    "  missed: {figure} {median:.2} x {}, to be at most {:.2}",
                    aim.than, aim.at_most
                );
            }
        }
    }
}
