use std::fs;
use std::path::PathBuf;

use super::*;

/// A folder that stands for the cgroups, removed at the end of the test. Unlike the kernel's, its files keep their
/// folder from being removed.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-cgroups-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(self, folder: &str) -> Self {
        fs::create_dir_all(self.0.join(folder)).unwrap();
        self
    }

    fn file(self, file: &str, content: &str) -> Self {
        fs::write(self.0.join(file), content).unwrap();
        self
    }

    fn has(&self, folder: &str) -> bool {
        self.0.join(folder).exists()
    }

    fn remove(&self, parents: &[&str]) -> Report {
        let mut report = Report::default();
        let parents = parents.iter().map(|parent| (*parent).to_owned()).collect();
        remove_below(&self.0, &parents, &mut report);
        report
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_empty_parent_goes_and_those_above_stay() {
    let root =
        Root::new("v2").file("cgroup.procs", "").with("ci/1/buildkit").with("ci/2/container");
    let report = root.remove(&["/ci/1", "/ci/2", "/ci/3", "/", "", "/ci/../ci"]);
    assert!(root.has("ci") && !root.has("ci/1") && root.has("ci/2/container"));
    let names: Vec<_> = report.removed.iter().map(|thing| thing.name.as_str()).collect();
    assert_eq!((names, report.kept.len()), (vec!["/ci/1"], 0));
}

#[test]
fn a_parent_goes_from_all_hierarchies_of_version_1() {
    let root = Root::new("v1").with("memory/ci/1").with("pids/ci/1/buildkit").with("cpu/ci");
    assert_eq!(root.remove(&["/ci/1"]).removed.len(), 1);
    assert!(!root.has("memory/ci/1") && !root.has("pids/ci/1") && root.has("cpu/ci"));
}

#[test]
fn a_parent_with_limits_or_processes_stays() {
    let root = Root::new("limits").file("cgroup.procs", "").with("ci/1/buildkit").with("ci/2");
    let root = root.file("ci/1/pids.max", "100\n").file("ci/2/cgroup.procs", "17\n");
    assert_eq!(root.remove(&["/ci/1", "/ci/2"]), Report::default());
    assert!(root.has("ci/1/buildkit") && root.has("ci/2"));
}

#[test]
fn a_parent_that_cannot_be_removed_is_no_failure() {
    let root = Root::new("full").file("cgroup.procs", "").with("ci/1").file("ci/1/x", "");
    let report = root.remove(&["/ci/1"]);
    let [(thing, why)] = &report.kept[..] else { panic!("{report:?}") };
    assert!(thing.name == "/ci/1" && why.contains("cannot be removed"), "{why}");
    assert!(report.left.is_empty() && report.removed.is_empty());
}

#[test]
fn only_parents_that_exist_in_no_hierarchy_are_absent() {
    let root = Root::new("absent").with("memory/ci/1").with("pids/ci/2").with("pids/ci/3");
    let parents = ["/ci/1", "/ci/2", "/ci/4", "/docker", "ci-5.slice", ""].into_iter();
    assert_eq!(absent_below(&root.0, parents), BTreeSet::from(["/ci/4".to_owned()]));
}
