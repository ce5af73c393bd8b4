//! Checked configuration: what the proxy is to do, independent of how flags are spelt.
//!
//! Every value here is made by a function that refuses what cannot work, and says so in a
//! [`Fault`]. Which flag or variable the value came from is known only to `cli`, which puts that
//! name before the fault.

pub mod fault;
mod look;
pub mod socket;

use std::path::PathBuf;
use std::time::Duration;

pub use fault::Fault;
pub use socket::SocketAccess;

use crate::rules::reply::Replies;
use crate::rules::socket::SocketBind;
use crate::rules::{AnonymousVolumes, Injection, Injections, Label};

/// Everything that the program was told, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The socket that clients connect to.
    pub listen: PathBuf,
    /// Who may connect to [`Config::listen`].
    pub access: SocketAccess,
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The labels, in the order in which they were named; at least one, keys are unique.
    pub labels: Vec<Label>,
    /// The labels of images: some of `labels`, in the same order.
    pub image_labels: Vec<Label>,
    /// The cgroup parent, which may still have to be asked for.
    pub cgroup_parent: CgroupParent,
    /// The cgroup parent of builds.
    pub build_cgroup_parent: BuildCgroupParent,
    /// Whether what is not known to be an operation of the Engine API is refused.
    pub strict: bool,
    /// Whether what BuildKit builds passes as it came, unlabelled.
    pub no_buildkit: bool,
    /// What is done with mounts of the daemon's socket.
    pub socket_bind: SocketBind,
    /// Handling of anonymous volumes.
    pub anonymous_volumes: AnonymousVolumes,
    /// How long running exchanges may go on at shutdown.
    pub drain: Drain,
    /// Whether to log every exchange.
    pub debug: bool,
    /// How lines of the log are written.
    pub log_format: LogFormat,
    /// The socket where the proxy answers questions about itself.
    pub stats: Option<PathBuf>,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: a sentence without the time, which whoever keeps the log adds.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl LogFormat {
    /// Reads `text` or `json`.
    ///
    /// # Errors
    ///
    /// Every other word.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(Fault::LogFormat(other.to_owned())),
        }
    }
}

impl Config {
    /// Who may connect to [`Config::stats`]: numbers about jobs are not for everybody on the host.
    #[must_use]
    pub fn stats_access(&self) -> SocketAccess {
        SocketAccess { mode: Some(0o660), ..self.access }
    }

    /// What is to be injected; `own` is called only if the cgroup parent is that of the container
    /// in which the proxy runs, and finds it out.
    ///
    /// # Errors
    ///
    /// Those of `own`.
    pub fn injection<E>(&self, own: impl FnOnce() -> Result<String, E>) -> Result<Injection, E> {
        let cgroup_parent = match &self.cgroup_parent {
            CgroupParent::None => None,
            CgroupParent::Fixed(parent) => Some(parent.clone()),
            CgroupParent::OfOwnContainer => Some(own()?),
        };
        Ok(Injection {
            inject: Injections::forced(
                &self.labels,
                &self.image_labels,
                cgroup_parent.as_deref(),
                self.build_cgroup_parent.beside(cgroup_parent.as_deref()).as_deref(),
            ),
            strict: self.strict,
            no_buildkit: self.no_buildkit,
            socket_bind: self.socket_bind.clone(),
            anonymous_volumes: self.anonymous_volumes,
            look: look::look(self.daemon.clone()),
            replies: Replies::default(),
        })
    }
}

/// Reads `label` or `leave`.
///
/// # Errors
///
/// Every other word.
pub fn anonymous_volumes(text: &str) -> Result<AnonymousVolumes, Fault> {
    match text {
        "label" => Ok(AnonymousVolumes::Label),
        "leave" => Ok(AnonymousVolumes::Leave),
        other => Err(Fault::AnonymousVolumes(other.to_owned())),
    }
}

/// Reads `KEY=VALUE`; the key ends at the first `=`.
///
/// # Errors
///
/// No `=`, and all that [`label`] refuses.
pub fn label_pair(text: &str) -> Result<Label, Fault> {
    let (key, value) = text.split_once('=').ok_or_else(|| Fault::NoEquals(text.to_owned()))?;
    label(key, value)
}

/// Makes a label of a key and a value, which may be empty.
///
/// # Errors
///
/// An empty key, or one with a blank in it; NUL, CR or LF in either.
pub fn label(key: &str, value: &str) -> Result<Label, Fault> {
    if key.is_empty() {
        return Err(Fault::EmptyKey);
    }
    // Labels also travel as lines of a Dockerfile (commit, import), where these cannot be quoted.
    if has_line_bytes(key) || has_line_bytes(value) {
        return Err(Fault::LineBytes(format!("{key}={value}")));
    }
    // A slip: the docker command itself makes no such label.
    if key.contains(char::is_whitespace) {
        return Err(Fault::BlankInKey(key.to_owned()));
    }
    Ok(Label { key: key.to_owned(), value: value.to_owned() })
}

/// Where the containers' cgroups go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CgroupParent {
    /// Where the daemon or the client wants them.
    None,
    /// Below this one: an absolute path (cgroupfs) or the name of a slice (systemd).
    Fixed(String),
    /// Below the cgroup parent of the container in which the proxy runs.
    OfOwnContainer,
}

impl CgroupParent {
    /// Reads `self`, an absolute path like `/ci/1234` or a slice like `ci-1234.slice`.
    ///
    /// A bare `ci` is refused although daemons take it: with cgroupfs it lands below whatever
    /// cgroup the daemon itself happens to run in, where nobody looks for it, and as a rule it is
    /// a slip (`yes`, `Self`, a forgotten slash).
    ///
    /// # Errors
    ///
    /// Every other form; `..`; NUL, CR or LF.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text == "self" {
            return Ok(Self::OfOwnContainer);
        }
        if !is_cgroup_parent(text) {
            return Err(Fault::CgroupParent(text.to_owned()));
        }
        Ok(Self::Fixed(text.to_owned()))
    }

    /// The one that is known before any daemon is asked.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(parent) => Some(parent),
            Self::None | Self::OfOwnContainer => None,
        }
    }
}

/// The cgroup parent of builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildCgroupParent {
    /// That of containers, if they have one.
    Inherit,
    /// None: the daemon or the client chooses.
    None,
    /// This one, of the forms of [`CgroupParent::Fixed`].
    Fixed(String),
}

impl BuildCgroupParent {
    /// Reads `inherit`, `none`, an absolute path or a slice.
    ///
    /// `self` is refused, since it is what `inherit` means beside a cgroup parent that is `self`.
    ///
    /// # Errors
    ///
    /// Every other form; `..`; NUL, CR or LF.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "inherit" => Ok(Self::Inherit),
            "none" => Ok(Self::None),
            "self" => Err(Fault::SelfForBuilds),
            parent if is_cgroup_parent(parent) => Ok(Self::Fixed(parent.to_owned())),
            other => Err(Fault::BuildCgroupParent(other.to_owned())),
        }
    }

    /// The one that builds get where `containers` is that of containers.
    #[must_use]
    pub fn beside(&self, containers: Option<&str>) -> Option<String> {
        match self {
            Self::Inherit => containers.map(ToOwned::to_owned),
            Self::None => None,
            Self::Fixed(parent) => Some(parent.clone()),
        }
    }

    /// The one that was named for builds alone.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(parent) => Some(parent),
            Self::Inherit | Self::None => None,
        }
    }
}

/// Says whether a daemon with this cgroup driver (`CgroupDriver` of its `/info`) can use the
/// cgroup parent. Drivers other than `systemd` take all that [`CgroupParent::parse`] takes.
///
/// # Errors
///
/// The driver is `systemd` and the parent is not the name of a slice.
pub fn check_driver(driver: &str, parent: &str) -> Result<(), Fault> {
    if driver == "systemd" && !is_slice(parent) {
        return Err(Fault::NotASlice(parent.to_owned()));
    }
    Ok(())
}

/// What is odd about a cgroup parent that a daemon with this cgroup driver takes all the same.
#[must_use]
pub fn driver_doubt(driver: &str, parent: &str) -> Option<Fault> {
    (driver == "cgroupfs" && is_slice(parent)).then(|| Fault::SliceAsPath(parent.to_owned()))
}

fn is_cgroup_parent(text: &str) -> bool {
    let climbs = text.split('/').any(|part| part == "..");
    !has_line_bytes(text) && !climbs && (is_cgroup_path(text) || is_slice(text))
}

fn is_cgroup_path(text: &str) -> bool {
    // The root itself would lift the containers out of every limit that the operator has set.
    text.starts_with('/') && text.bytes().any(|byte| byte != b'/')
}

/// `a-b.slice`: systemd reads the dashes as a path, so none of its parts may be empty. `-.slice` is its
/// root, which is refused as `/` is.
fn is_slice(text: &str) -> bool {
    text.strip_suffix(".slice")
        .is_some_and(|name| !name.contains('/') && name.split('-').all(|part| !part.is_empty()))
}

fn has_line_bytes(text: &str) -> bool {
    text.contains(['\0', '\r', '\n'])
}

/// How long exchanges that are running at shutdown may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// What is left after this time is closed.
    After(Duration),
    /// Until the last one has ended.
    Never,
}

impl Drain {
    /// Reads a whole number of seconds, with or without `s`, or of minutes `m` or hours `h`, or
    /// `infinity`.
    ///
    /// # Errors
    ///
    /// Every other form, and times too large to count in seconds.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text == "infinity" {
            return Ok(Self::Never);
        }
        let digits = text.trim_end_matches(|unit: char| !unit.is_ascii_digit());
        let seconds_per_unit = match text.strip_prefix(digits) {
            Some("" | "s") => Some(1),
            Some("m") => Some(60),
            Some("h") => Some(60 * 60),
            _ => None,
        };
        seconds_per_unit
            .zip(number(digits))
            .and_then(|(seconds, count)| count.checked_mul(seconds))
            .map(|seconds| Self::After(Duration::from_secs(seconds)))
            .ok_or_else(|| Fault::Time(text.to_owned()))
    }
}

/// Reads an unsigned decimal. Digit by digit, since `str::parse` also takes `+5`.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0_u64, |sum, digit| {
        let digit = digit.to_digit(10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// What an error of the operating system says. Its number means nothing to who reads this in a client.
#[must_use]
pub(crate) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split_once(" (os error").map(|(words, _)| words.to_owned());
    words.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_ends_its_key_at_the_first_equals_sign() {
        let label = label_pair("ci.job=a=b").unwrap();
        assert_eq!((label.key.as_str(), label.value.as_str()), ("ci.job", "a=b"));
        assert_eq!(label_pair("empty=").unwrap().value, "");
    }

    #[test]
    fn labels_that_could_not_be_written_everywhere_are_refused() {
        assert_eq!(label_pair("job"), Err(Fault::NoEquals("job".into())));
        assert_eq!(label_pair("=1"), Err(Fault::EmptyKey));
        for text in ["a\0=b", "a=b\r", "a=b\nLABEL c=d"] {
            assert_eq!(label_pair(text), Err(Fault::LineBytes(text.into())));
        }
        for key in ["a b", " a", "a ", "a\tb", " ", "a\u{a0}b"] {
            let blank = Err(Fault::BlankInKey(key.into()));
            assert_eq!(label_pair(&format!("{key}=1")), blank);
        }
        assert_eq!(label_pair("a= b c ").unwrap().value, " b c ");
    }

    #[test]
    fn cgroup_parent_is_a_path_or_a_slice_or_our_own() {
        assert_eq!(CgroupParent::parse("self"), Ok(CgroupParent::OfOwnContainer));
        for text in ["/ci", "/ci/1234", "/a..b", "ci.slice", "ci-1.slice"] {
            assert_eq!(CgroupParent::parse(text), Ok(CgroupParent::Fixed(text.into())));
        }
    }

    #[test]
    fn cgroup_parent_of_an_impossible_form_is_refused() {
        let refused = [
            "",
            "/",
            "//",
            "ci",
            "ci/1",
            "./ci",
            "/ci/../x",
            "..",
            "/c\0i",
            "/ci\n",
            ".slice",
            "a/b.slice",
            "a--b.slice",
            "-.slice",
            "Self",
        ];
        for text in refused {
            assert_eq!(CgroupParent::parse(text), Err(Fault::CgroupParent(text.into())));
        }
    }

    #[test]
    fn builds_have_the_cgroup_parent_of_containers_none_or_their_own() {
        for (text, beside_ci, alone) in [
            ("inherit", Some("/ci"), None),
            ("none", None, None),
            ("/builds", Some("/builds"), Some("/builds")),
            ("ci-builds.slice", Some("ci-builds.slice"), Some("ci-builds.slice")),
        ] {
            let parent = BuildCgroupParent::parse(text).unwrap();
            assert_eq!(parent.beside(Some("/ci")).as_deref(), beside_ci, "{text}");
            assert_eq!(parent.beside(None).as_deref(), alone, "{text}");
            assert_eq!(parent.fixed(), alone, "{text}");
        }
        assert_eq!(BuildCgroupParent::parse("self"), Err(Fault::SelfForBuilds));
        for text in ["", "/", "builds", "/a/../b", "Inherit", "/a\n", "-.slice"] {
            let refused = Err(Fault::BuildCgroupParent(text.into()));
            assert_eq!(BuildCgroupParent::parse(text), refused);
        }
    }

    #[test]
    fn systemd_wants_slices_and_others_do_not_care() {
        assert_eq!(check_driver("systemd", "ci.slice"), Ok(()));
        assert_eq!(check_driver("cgroupfs", "/ci"), Ok(()));
        for parent in ["/ci", "/ci.slice", ""] {
            assert_eq!(check_driver("systemd", parent), Err(Fault::NotASlice(parent.into())));
        }
    }

    #[test]
    fn a_slice_is_odd_where_there_are_none() {
        let odd = Some(Fault::SliceAsPath("ci.slice".into()));
        assert_eq!(driver_doubt("cgroupfs", "ci.slice"), odd);
        for (driver, parent) in [("cgroupfs", "/ci"), ("systemd", "ci.slice"), ("none", "ci.slice")]
        {
            assert_eq!(driver_doubt(driver, parent), None);
        }
    }

    #[test]
    fn drain_time_has_units() {
        let seconds = |count| Ok(Drain::After(Duration::from_secs(count)));
        assert_eq!(Drain::parse("30"), seconds(30));
        assert_eq!(Drain::parse("30s"), seconds(30));
        assert_eq!(Drain::parse("5m"), seconds(300));
        assert_eq!(Drain::parse("2h"), seconds(7200));
        assert_eq!(Drain::parse("0"), seconds(0));
        assert_eq!(Drain::parse("infinity"), Ok(Drain::Never));
    }

    #[test]
    fn drain_time_of_another_form_is_refused() {
        for text in
            ["", "s", "+5", "-1", "1.5s", "5 m", "5d", "99999999999999999999", "9999999999999999h"]
        {
            assert_eq!(Drain::parse(text), Err(Fault::Time(text.into())));
        }
    }

    #[test]
    fn our_own_container_is_asked_for_only_when_wanted() {
        let mut config = Config {
            listen: "/a".into(),
            access: SocketAccess::default(),
            daemon: "/b".into(),
            labels: Vec::new(),
            image_labels: Vec::new(),
            cgroup_parent: CgroupParent::Fixed("/ci".into()),
            build_cgroup_parent: BuildCgroupParent::Inherit,
            drain: Drain::Never,
            strict: false,
            no_buildkit: false,
            socket_bind: SocketBind::Pass,
            anonymous_volumes: AnonymousVolumes::Leave,
            debug: false,
            log_format: LogFormat::Text,
            stats: None,
        };
        let injection = config.injection(|| Err(())).unwrap();
        assert_eq!(injection.inject.cgroup_parent(), Some("/ci"));
        assert_eq!(injection.anonymous_volumes, AnonymousVolumes::Leave);
        config.cgroup_parent = CgroupParent::OfOwnContainer;
        let injection = config.injection(|| Ok::<_, ()>("/own".into()));
        let injection = injection.unwrap();
        assert_eq!(injection.inject.cgroup_parent(), Some("/own"));
        assert_eq!(injection.inject.build_cgroup_parent(), Some("/own"));
        assert_eq!(config.injection(|| Err("why")).err(), Some("why"));
    }
}
