use super::*;

/// Texts of `/proc/PID/cgroup`, separated by empty lines: `# name`, `= path`, `- path of a candidate`, text.
const SAMPLES: &str = include_str!("../../../../tests/data/cgroups.txt");

/// A text and the paths that are found in it.
struct Sample {
    name: &'static str,
    path: &'static str,
    candidates: Vec<&'static str>,
    text: String,
}

fn samples() -> Vec<Sample> {
    let sample = |block: &'static str| {
        let mut lines = block.lines().peekable();
        let mut marked = |mark| lines.next_if(|line| line.starts_with(mark)).map(|line| &line[2..]);
        let (name, path) = (marked("# ").unwrap(), marked("= ").unwrap());
        let candidates = std::iter::from_fn(|| marked("- ")).collect();
        Sample { name, path, candidates, text: lines.flat_map(|line| [line, "\n"]).collect() }
    };
    SAMPLES.trim_end().split("\n\n").map(sample).collect()
}

#[test]
fn each_manager_of_containers_is_recognized() {
    let samples = samples();
    assert!(samples.len() > 50);
    for Sample { name, path, candidates, text } in samples {
        let cgroups = Cgroups::read(&text).unwrap();
        assert_eq!(cgroups.path, path, "{name}");
        let found: Vec<_> = cgroups.candidates.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(found, candidates, "{name}");
        assert_eq!(cgroups.own(), *candidates.first().unwrap_or(&path), "{name}");
        for Candidate { id, path } in &cgroups.candidates {
            let last = path.rsplit('/').next().unwrap();
            assert!(last.contains(id) && id.len() >= 34, "{name}: {id}");
        }
        assert_eq!(cgroups.is_v2, !text.contains("memory:"), "{name}");
    }
}

#[test]
fn the_cgroups_in_all_hierarchies_are_those_of_the_container() {
    let id = "a".repeat(64);
    let text = format!(
        "5:pids:/docker/{id}/x\n4:memory:/docker/{id}\n3:cpu:/\n2:name=x:/y\n1:name=systemd:/z\n0::/w\n"
    );
    let cgroups = Cgroups::read(&text).unwrap();
    assert_eq!(cgroups.v1, [format!("/docker/{id}"), format!("/docker/{id}"), "/".to_owned()]);
    assert_eq!(Cgroups::read("0::/a/b\n").unwrap().v1, [""; 0]);
}

#[test]
fn a_text_of_another_form_is_not_guessed_at() {
    for text in ["", "\n", "0::\n", "0::x\n", "0:/\n", "4:memory:/a\nx\n"] {
        assert_eq!(Cgroups::read(text), None, "{text:?}");
    }
}

#[test]
fn names_that_only_look_like_ids_are_none() {
    let id = "a".repeat(64);
    let task = "0".repeat(32);
    for part in [
        id.to_uppercase(),
        format!("{id}0"),
        id[1..].to_owned(),
        format!("docker-{id}.slice"),
        format!("docker-{id}.scope.x"),
        format!("docker_{id}"),
        format!("libpod-conmon-{id}.scope"),
        format!("{task}-"),
        format!("{task}-1x"),
        format!("{task}x-1"),
    ] {
        let text = format!("0::/{task}/{part}\n");
        assert_eq!(Cgroups::read(&text).unwrap().candidates, [], "{part}");
    }
}
