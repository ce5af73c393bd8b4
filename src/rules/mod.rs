//! What is forced into the creating requests of the Engine API, and where.

/// What the operator wants every created resource to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Injection {
    /// The labels, in the order in which the operator named them; keys are unique.
    pub labels: Vec<Label>,
    /// `HostConfig.CgroupParent` of every container and `cgroupparent` of every classic build.
    pub cgroup_parent: Option<String>,
}

/// One label: `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Not empty; without NUL, CR, LF.
    pub key: String,
    /// May be empty; without NUL, CR, LF.
    pub value: String,
}
