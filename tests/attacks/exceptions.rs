//! The closed list of resources that may be unlabelled, in `exceptions.txt` and in SECURITY.md.

const LIST: &str = include_str!("exceptions.txt");
const SECURITY: &str = include_str!("../../SECURITY.md");

/// A class that several attacks share.
pub(crate) const STEPS: &str = "images of steps and earlier stages";
pub(crate) const TASKS: &str = "containers of a service";
pub(crate) const VOLUMES: &str = "volumes without labels";
pub(crate) const LEFT: &str = "anonymous volumes with --anonymous-volumes leave";

/// One class of resources that may be unlabelled.
pub(crate) struct Exception {
    pub(crate) class: &'static str,
    /// Its flaw: the kind of the unlabelled resource, `step` for an image without a name, or `cgroup`.
    pub(crate) kind: &'static str,
    engines: &'static str,
    reason: &'static str,
}

impl Exception {
    pub(crate) fn holds_on(&self, engine: &str) -> bool {
        self.engines == "all" || self.engines.split(' ').any(|one| one == engine)
    }
}

pub(crate) fn exceptions() -> Vec<Exception> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| match line.split(" | ").collect::<Vec<_>>()[..] {
        [class, kind, engines, reason] => Exception { class, kind, engines, reason },
        _ => panic!("{line:?}?"),
    };
    lines.map(read).collect()
}

#[test]
fn the_list_is_the_one_that_operators_read() {
    let marked = SECURITY.split("<!-- exceptions -->\n").nth(1).unwrap();
    let told: Vec<&str> = marked.split("<!-- /exceptions -->").next().unwrap().lines().collect();
    let only = |engines| match engines {
        "all" => String::new(),
        "20 28 29" => " (Docker)".to_owned(),
        other => format!(" ({other})"),
    };
    let line = |it: &Exception| format!("- {}{}: {}", it.class, only(it.engines), it.reason);
    assert_eq!(told, exceptions().iter().map(line).collect::<Vec<_>>());
}
