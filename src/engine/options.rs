//! The options of requests that a policy may name, by the names of the Engine API. An option is a path of
//! members, joined by dots: `*` stands for any key of a map, and a list on the way stands for all its
//! elements.

mod buildkit;
mod container;
mod others;
mod swarm;

/// Options that several operations have in the same part of their requests.
#[derive(Debug)]
pub struct Group {
    /// The names of the operations.
    pub operations: &'static [&'static str],
    /// The part of the requests.
    pub part: Part,
    /// The paths, each with the form of its values.
    pub options: &'static [(&'static str, Form)],
}

/// The part of a request that has options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The JSON body.
    Body,
    /// The query. The first name of a path is the key; the others lead into its value, which is JSON then.
    Query,
    /// The message of a call of BuildKit.
    Message,
}

/// The form of the values of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Strings.
    Text,
    /// A boolean.
    Switch,
    /// A number.
    Number,
    /// A number of bytes.
    Bytes,
    /// A number of processors, as billionths on the wire.
    Cpus,
    /// Capabilities, in any case, with `CAP_` or without.
    Capability,
    /// Words that the daemon reads in any case.
    AnyCase,
    /// `KEY=VALUE`, of which the first `=` may be a `:`.
    Security,
    /// The keys of a map.
    Keys,
    /// The names of the members that have a value.
    Members,
}

const fn body(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Body, options }
}

const fn query(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Query, options }
}

const fn message(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Message, options }
}

/// The options. One that several operations have has the same form in all of them.
pub const GROUPS: &[Group] = &[
    container::CREATE,
    container::CREATE_QUERY,
    container::UPDATE,
    container::EXEC,
    container::START,
    container::CHECKPOINT,
    container::CHECKPOINTS,
    container::ARCHIVE,
    container::PUT_ARCHIVE,
    container::COPY,
    container::DELETE,
    container::KILL,
    container::RENAME,
    swarm::SERVICE,
    swarm::SECRET,
    swarm::DATA,
    swarm::NODE,
    swarm::INIT,
    swarm::JOIN,
    swarm::JOIN_ONLY,
    swarm::UPDATE,
    swarm::ROTATE,
    swarm::FORCE,
    swarm::PLUGIN,
    others::BUILD,
    others::COMMIT,
    others::PULL,
    others::PUSH,
    others::TAG,
    others::DELETE,
    others::LOAD,
    others::SAVE,
    others::SEARCH,
    others::PRUNE,
    others::PRUNE_IMAGES,
    others::PRUNE_VOLUMES,
    others::PRUNE_BUILDS,
    others::LISTS,
    others::NETWORK,
    others::CONNECT,
    others::DISCONNECT,
    others::VOLUME,
    others::VOLUME_UPDATE,
    buildkit::SOLVE,
    buildkit::DEFINITION,
    buildkit::SOURCES,
    buildkit::POLICIES,
    buildkit::RUNS,
    buildkit::PROCESSES,
    buildkit::PRUNE,
    buildkit::HISTORY,
];

/// Returns the part and the form of an option of an operation.
#[must_use]
pub fn find(operation: &str, path: &str) -> Option<(Part, Form)> {
    let groups = GROUPS.iter().filter(|group| group.operations.contains(&operation));
    groups
        .flat_map(|group| group.options.iter().map(|option| (group.part, option)))
        .find_map(|(part, (known, form))| (*known == path).then_some((part, *form)))
}

/// Returns the options of all operations with this name.
pub fn named(path: &str) -> impl Iterator<Item = (&'static Group, &'static str, Form)> {
    GROUPS.iter().filter_map(move |group| {
        let (path, form) = group.options.iter().find(|(known, _)| *known == path)?;
        Some((group, *path, *form))
    })
}

#[cfg(test)]
mod tests;
