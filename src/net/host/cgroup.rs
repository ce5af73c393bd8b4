//! The cgroups of a process, in the text of `/proc/PID/cgroup`, and the containers that they belong to.
//!
//! ```text
//! 4:memory:/docker/ID       version 1: a line for each hierarchy
//! 1:name=systemd:/docker/ID
//! 0::/system.slice/x        version 2; beside others ("hybrid") it limits nothing
//! ```
//!
//! A container is known by a part of the path that has its id. Anyone who may make cgroups may give one such
//! a name, so the daemon has to confirm it.

/// The cgroups of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cgroups {
    /// The path in the hierarchy that says most.
    pub(super) path: String,
    /// The parts of the path that are named like containers, the deepest first.
    pub(super) candidates: Vec<Candidate>,
    /// `true` if limits are those of version 2.
    pub(super) is_v2: bool,
    /// The cgroups of the container or process in all hierarchies of version 1 that have limits.
    pub(super) v1: Vec<String>,
}

/// A cgroup that is named like a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The id in the name.
    pub(super) id: String,
    /// The path of the cgroup.
    pub(super) path: String,
}

/// A line of the text.
struct Line<'t> {
    number: &'t str,
    controllers: &'t str,
    path: &'t str,
}

impl Line<'_> {
    fn has(&self, controllers: &[&str]) -> bool {
        self.controllers.split(',').any(|controller| controllers.contains(&controller))
    }

    /// Returns `true` if it has controllers of version 1.
    fn has_limits(&self) -> bool {
        !self.controllers.is_empty() && !self.controllers.starts_with("name=")
    }
}

impl Cgroups {
    /// Reads the text; `None` if it cannot be understood.
    pub(super) fn read(text: &str) -> Option<Self> {
        let line = |line| {
            let mut parts = str::splitn(line, 3, ':');
            let (number, controllers) = (parts.next()?, parts.next()?);
            let path = parts.next().filter(|path| path.starts_with('/'))?;
            Some(Line { number, controllers, path })
        };
        let mut lines: Vec<Line<'_>> = text.lines().map(line).collect::<Option<_>>()?;
        let is_v2 = !lines.iter().any(|line| line.has(&["memory", "cpu", "pids"]))
            && lines.iter().any(|line| line.number == "0");
        lines.sort_by_key(|line| match line {
            line if line.number == "0" => {
                if is_v2 {
                    0
                } else {
                    4
                }
            }
            line if line.has(&["memory"]) => 1,
            line if line.has(&["name=systemd"]) => 2,
            _ => 3,
        });
        // A hierarchy of version 1 beside version 2 is made for a program of its own, like net_cls for a VPN.
        let lines = if is_v2 { lines.get(..1)? } else { &*lines };
        let is_in_one = |line: &&Line<'_>| !candidates(line.path).is_empty();
        let is_below_root = |line: &&Line<'_>| line.path != "/";
        let line = lines.iter().find(is_in_one);
        let line = line.or_else(|| lines.iter().find(is_below_root)).or(lines.first())?;
        let v1 = lines.iter().filter(|line| !is_v2 && line.has_limits());
        Some(Self {
            path: line.path.to_owned(),
            candidates: candidates(line.path),
            is_v2,
            v1: v1.map(|line| own(&candidates(line.path), line.path).to_owned()).collect(),
        })
    }

    /// Returns the cgroup of the innermost container, or that of the process.
    pub(super) fn own(&self) -> &str {
        own(&self.candidates, &self.path)
    }

    /// Returns `true` if it is outside of the reader's cgroup namespace.
    pub(super) fn is_outside(&self) -> bool {
        self.path.strip_prefix("/..").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn own<'p>(candidates: &'p [Candidate], path: &'p str) -> &'p str {
    candidates.first().map_or(path, |deepest| &deepest.path)
}

/// Returns the parts of a path that are named like containers, the deepest first.
fn candidates(path: &str) -> Vec<Candidate> {
    let (mut found, mut end, mut before) = (Vec::new(), 0, "");
    for part in path.split('/') {
        end += part.len();
        if let Some(id) = id_in(part, before)
            && let Some(path) = path.get(..end)
        {
            found.push(Candidate { id: id.to_owned(), path: path.to_owned() });
        }
        // The slash.
        end += 1;
        before = part;
    }
    found.reverse();
    found
}

/// Returns the id in a part of a path, like `ID`, `docker-ID.scope`, `libpod-ID` or
/// `kubepods-podUID.slice:cri-containerd:ID`. `before` is the part before it.
fn id_in<'p>(part: &'p str, before: &str) -> Option<&'p str> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    let (prefix, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    if id.len() == 64 && id.bytes().all(is_hex) {
        // Conmon starts a container of Podman or CRI-O from a cgroup beside it.
        return (!prefix.ends_with("conmon")).then_some(id);
    }
    // ECS: /ecs/CLUSTER/TASK/TASK-NUMBER.
    let is_of_task = prefix == before && prefix.len() == 32 && prefix.bytes().all(is_hex);
    (is_of_task && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(part)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests;
