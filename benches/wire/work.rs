//! The works, which are measured over each way, and the aims for the proxy.

use std::fmt::{self, Display};

use crate::stage::content::{Message, chunks, long, once};
use crate::stage::load::{Exchange, Expects};
use crate::stage::requests::{
    attach, create, create_real, create_unasked, get, network, remove, upload, volume,
};
use crate::stage::way::Way;

/// Size of a bulk transfer.
pub(crate) const BULK: u64 = 256 * 1024 * 1024;

/// A work, done over several connections at once.
pub(crate) struct Work {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// Its description.
    pub(crate) what: &'static str,
    /// Needs a real daemon.
    pub(crate) real: bool,
    pub(crate) connections: usize,
    /// Makes a new connection for each exchange.
    pub(crate) fresh: bool,
    /// One exchange on each connection before the measurement.
    pub(crate) opening: Option<Exchange>,
    pub(crate) exchange: Exchange,
    pub(crate) measure: Measure,
    pub(crate) aims: Vec<Aim>,
}

/// Kind of measurement.
pub(crate) enum Measure {
    /// The time of one exchange, repeated.
    Exchange,
    /// The same, with an unmeasured exchange after each that undoes it.
    Undone(Exchange),
    /// The time of one exchange of [`BULK`] bytes on each connection.
    Bulk,
}

/// Limit of the proxy's time, as a multiple of another way's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    pub(crate) figure: Figure,
    pub(crate) than: Way,
    pub(crate) at_most: f64,
}

/// Compared value of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Median,
    P99,
    /// Processor time of the way itself, which a busy machine affects least.
    Cpu,
}

impl Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Median => "median",
            Self::P99 => "p99",
            Self::Cpu => "processor time",
        })
    }
}

impl Work {
    fn new(name: &'static str, what: &'static str, exchange: Exchange) -> Self {
        Self {
            name,
            what,
            real: false,
            connections: 1,
            fresh: false,
            opening: None,
            exchange,
            measure: Measure::Exchange,
            aims: Vec::new(),
        }
    }

    fn on(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    fn bulk(self) -> Self {
        Self { measure: Measure::Bulk, ..self }
    }

    fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    fn real(self) -> Self {
        Self { real: true, ..self }
    }

    fn undone_by(self, undo: Exchange) -> Self {
        Self { measure: Measure::Undone(undo), ..self }
    }

    fn opened_by(self, opening: Exchange) -> Self {
        Self { opening: Some(opening), ..self }
    }

    fn aim(mut self, figure: Figure, than: Way, at_most: f64) -> Self {
        self.aims.push(Aim { figure, than, at_most });
        self
    }

    /// Aims at `median` times the copying relay, and at being faster than the other proxies.
    fn near_copy(self, median: f64) -> Self {
        self.aim(Figure::Median, Way::Copy, median)
            .aim(Figure::P99, Way::Copy, 1.15)
            .aim(Figure::Median, Way::HaProxy, 1.0)
            .aim(Figure::Median, Way::Nginx, 1.0)
            .aim(Figure::Median, Way::Socat, 1.0)
    }

    /// Aims at `rate` times the rate of the splicing relay, or more.
    fn near_splice(self, rate: f64) -> Self {
        self.bulk().aim(Figure::Median, Way::Splice, 1.0 / rate)
    }

    /// Aims at 1.3 times the rate of the copying relay.
    fn beyond_copy(self) -> Self {
        self.aim(Figure::Median, Way::Copy, 1.0 / 1.3)
    }
}

fn asked(target: &str, expects: Expects) -> Exchange {
    Exchange { request: get(target), expects }
}

/// Name of the container on a real daemon.
const NAME: &str = "dcp-bench";

fn created(request: Message) -> Exchange {
    Exchange { request, expects: Expects::Status(201) }
}

/// Returns all works in order.
pub(crate) fn all() -> Vec<Work> {
    [small(), creates(), connections(), bulk(), streams(), tunnels()]
        .into_iter()
        .flatten()
        .collect()
}

fn small() -> Vec<Work> {
    let ping = || asked("/_ping", Expects::Response(200, 2));
    let info = asked("/v1.43/info", Expects::Response(200, 2048));
    vec![
        Work::new("ping", "small GET", ping()).near_copy(1.05),
        Work::new("ping-32", "small GET, 32 connections", ping()).on(32).near_copy(1.05),
        Work::new("info", "GET of 2 KiB", info).near_copy(1.05),
        Work::new(
            "ping-dockerd",
            "small GET, a real daemon",
            asked("/_ping", Expects::Status(200)),
        )
        .real()
        .near_copy(1.05),
    ]
}

fn creates() -> Vec<Work> {
    vec![
        Work::new(
            "create",
            "container create, 2.5 KiB; the proxy asks for the image before, the others do not",
            created(create()),
        )
        .near_copy(1.15),
        Work::new(
            "create-unasked",
            "container create, 2.5 KiB, that names no image: rewriting alone",
            created(create_unasked()),
        )
        .near_copy(1.15),
        Work::new("create-volume", "volume create", created(volume())).near_copy(1.15),
        Work::new("create-network", "network create", created(network())).near_copy(1.15),
        Work::new(
            "create-dockerd",
            "container create, 2.5 KiB, a real daemon, which is asked for the image by the proxy",
            created(create_real(NAME)),
        )
        .undone_by(Exchange { request: remove(NAME), expects: Expects::Status(204) })
        .real()
        .aim(Figure::Median, Way::Copy, 1.15),
    ]
}

fn connections() -> Vec<Work> {
    let ping = asked("/_ping", Expects::Response(200, 2));
    let real = asked("/_ping", Expects::Status(200));
    vec![
        Work::new("connect", "new connection and small GET", ping).fresh().near_copy(1.05),
        Work::new("connect-dockerd", "new connection and small GET, a real daemon", real)
            .fresh()
            .real()
            .near_copy(1.05),
    ]
}

fn bulk() -> Vec<Work> {
    let chunk = 32 * 1024;
    let count = BULK / chunk;
    let whole = Expects::Response(200, BULK);
    let down = || asked(&format!("/v1.43/images/get?length={BULK}"), whole);
    let down_chunked = || asked(&format!("/v1.43/images/get?chunk={chunk}&count={count}"), whole);
    let load = |framing: &str, body| {
        let mut request = upload("/v1.43/images/load", framing);
        request.extend(body);
        Exchange { request, expects: Expects::Status(200) }
    };
    let up = || load(&format!("Content-Length: {BULK}"), long(BULK));
    let up_chunked = || load("Transfer-Encoding: chunked", chunks(32 * 1024, count));
    vec![
        Work::new("down", "response of 256 MiB with a length", down()).near_splice(0.9),
        Work::new("down-4", "the same on 4 connections", down()).on(4).near_splice(0.9),
        Work::new("down-chunked", "response of 256 MiB in chunks of 32 KiB", down_chunked())
            .near_splice(0.9)
            .beyond_copy(),
        Work::new("down-chunked-4", "the same on 4 connections", down_chunked())
            .on(4)
            .near_splice(0.8)
            .beyond_copy(),
        Work::new("up", "request of 256 MiB with a length", up()).near_splice(0.9),
        Work::new("up-4", "the same on 4 connections", up()).on(4).near_splice(0.9),
        Work::new("up-chunked", "request of 256 MiB in chunks of 32 KiB", up_chunked())
            .near_splice(0.9)
            .beyond_copy(),
        Work::new("up-chunked-4", "the same on 4 connections", up_chunked())
            .on(4)
            .near_splice(0.8)
            .beyond_copy(),
    ]
}

/// Returns streams like that of `docker logs`: one write per chunk.
fn streams() -> Vec<Work> {
    let stream = |name, what, size: u64, count: u64| {
        let target = format!("/v1.43/containers/c0ffee/logs?stdout=1&chunk={size}&count={count}");
        let exchange = asked(&target, Expects::Response(200, size * count));
        Work::new(name, what, exchange).aim(Figure::Median, Way::Copy, 1.0)
    };
    vec![
        stream("logs-100", "response of 2000 chunks of 100 bytes", 100, 2000),
        stream("logs-1000", "response of 1000 chunks of 1000 bytes", 1000, 1000),
        stream("logs-4096", "response of 500 chunks of 4096 bytes", 4096, 500),
    ]
}

fn tunnels() -> Vec<Work> {
    let opening = |what: &str| Exchange { request: attach(what), expects: Expects::Status(101) };
    let byte = || vec![once("b")];
    let echo = Exchange { request: byte(), expects: Expects::Bytes(1) };
    let source = Exchange { request: byte(), expects: Expects::Bytes(BULK) };
    let sink = Exchange { request: long(BULK), expects: Expects::Bytes(1) };
    vec![
        Work::new("tunnel", "round trip of 1 byte in a tunnel", echo)
            .opened_by(opening("echo=1"))
            .near_copy(1.05),
        Work::new("tunnel-down", "256 MiB to the client in a tunnel", source)
            .opened_by(opening(&format!("source={BULK}")))
            .near_splice(0.9),
        Work::new("tunnel-up", "256 MiB to the daemon in a tunnel", sink)
            .opened_by(opening(&format!("sink={BULK}")))
            .near_splice(0.9),
    ]
}
