use crate::cli::resolve::tests::{listener_of, run};
use crate::config::Listener;
use crate::rules::paths::PathRules;

/// Returns the mapped paths.
fn mapped(listener: &Listener) -> Vec<String> {
    let paths = listener.paths.fixed.iter();
    paths.map(|path| format!("{}={} {}", path.seen, path.host, path.from)).collect()
}

#[test]
fn flags_and_variables_map_paths() {
    let words = "--map-paths caller --map-path /a=/b --map-path /c/=/d/{uid} --map-paths-strict";
    let env = [("DCP_MAP_PATHS", "none"), ("DCP_MAP_PATH", "/e=/f")];
    let listener = listener_of(words, &env).unwrap();
    assert!(listener.paths.of_caller && listener.paths.strict);
    assert_eq!(mapped(&listener), ["/a=/b --map-path", "/c=/d/{uid} --map-path"]);
    let env = [("DCP_MAP_PATHS", "caller"), ("DCP_MAP_PATH", "/a=/b,\n /c=/d ")];
    let listener = listener_of("", &env).unwrap();
    assert!(listener.paths.of_caller && !listener.paths.strict);
    assert_eq!(mapped(&listener), ["/a=/b DCP_MAP_PATH", "/c=/d DCP_MAP_PATH"]);
    assert_eq!(listener_of("", &[]).unwrap().paths, PathRules::default());
}

#[test]
fn unusable_paths_are_refused_with_their_flag() {
    for (words, why) in [
        ("--map-paths yes", r#"--map-paths: unknown value "yes"; expected caller or none"#),
        (
            "--map-path /workspace",
            r#"--map-path: "/workspace" has no "="; expected PATH=HOST_PATH like /workspace=/srv/jobs/7"#,
        ),
        (
            "--map-path ./work=/srv",
            r#"--map-path: "./work" is not a usable path; expected an absolute one without "..""#,
        ),
        (
            "--map-path /work=/srv/{contaner}",
            "--map-path: unknown placeholder {contaner}; did you mean {container}? A brace itself is written {{",
        ),
        (
            "--map-path /work=/srv/{listener}",
            "--map-path: {listener} has no value, since flags make one listener without a name; use a \
             configuration file, or {listener:-NAME}",
        ),
        (
            "--map-path /a=/b --map-path /a/=/c",
            r#"--map-path: the path "/a" was already given by --map-path"#,
        ),
        (
            "--map-paths-strict",
            "--map-paths-strict: no path is mapped, so every bind mount would be refused; expected --map-paths \
             caller or --map-path (keys map_paths and map_path), too",
        ),
    ] {
        assert_eq!(run(words, &[]), Err(why.into()), "{words}");
    }
}
