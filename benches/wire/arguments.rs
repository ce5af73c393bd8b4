//! The command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::stage::load::Until;
use crate::stage::way::Way;

/// Selection and repetition of the measurements.
pub(crate) struct Arguments {
    /// Number of counted rounds.
    pub(crate) rounds: usize,
    /// Duration of one way in one round.
    pub(crate) until: Until,
    /// The one processor for client, ways and daemon; by default the kernel chooses.
    pub(crate) processor: Option<usize>,
    /// Only list the works.
    pub(crate) list: bool,
    ways: Vec<String>,
    works: Vec<String>,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        Self::parse().unwrap_or_else(|error| {
            eprintln!("{error}");
            std::process::exit(2)
        })
    }

    fn parse() -> Result<Self, lexopt::Error> {
        let (ways, works) = (Vec::new(), Vec::new());
        let until = Until::Over(Duration::from_millis(100));
        let mut arguments = Self { rounds: 9, until, processor: None, list: false, ways, works };
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("rounds") => arguments.rounds = parser.value()?.parse::<usize>()?.max(1),
                Arg::Long("time") => {
                    arguments.until = Until::Over(Duration::from_millis(parser.value()?.parse()?));
                }
                Arg::Long("count") => arguments.until = Until::Count(parser.value()?.parse()?),
                Arg::Long("ways") => {
                    let ways = parser.value()?.string()?;
                    arguments.ways = ways.split(',').map(str::to_owned).collect();
                }
                Arg::Long("processor") => arguments.processor = Some(parser.value()?.parse()?),
                Arg::Long("list") => arguments.list = true,
                // Cargo passes this to every bench.
                Arg::Long("bench") => {}
                Arg::Value(work) => arguments.works.push(work.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(arguments)
    }

    /// Returns `true` if the work is selected, by its name or by the part before a `-`.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let chosen = |work: &String| {
            name.strip_prefix(work.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        self.works.is_empty() || self.works.iter().any(chosen)
    }

    /// Returns `true` if this way is selected.
    pub(crate) fn goes(&self, way: Way) -> bool {
        self.ways.is_empty() || self.ways.contains(&way.to_string())
    }
}
