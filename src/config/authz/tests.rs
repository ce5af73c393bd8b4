use super::*;

fn read(text: &str) -> (Vec<Plugin>, Vec<String>) {
    let source = Source::new("c.toml", text);
    let table = source.parse().unwrap();
    let mut faults = Vec::new();
    let plugins = plugins(&source, entries(&table)[0].1, &mut faults);
    (plugins, faults.iter().map(ToString::to_string).collect())
}

fn plugin(name: &str, responses: bool, from: &str) -> Plugin {
    Plugin { name: name.to_owned(), responses, from: format!("c.toml:{from}") }
}

#[test]
fn plugins_are_names_paths_and_tables() {
    let text = "p = [\"opa\", \"/run/my.sock\",\n { name = \"x\", responses = true }, \"opa\"]";
    let expected = vec![
        plugin("opa", false, "1:6"),
        plugin("/run/my.sock", false, "1:13"),
        plugin("x", true, "2:2"),
    ];
    assert_eq!(read(text), (expected, vec![]));
}

#[test]
fn faults_name_their_place() {
    for (text, fault) in [
        ("p = \"opa\"", "c.toml:1:5: expected a list of plugins, but found the string \"opa\""),
        ("p = [1]", "c.toml:1:6: expected a name or a table, but found the integer 1"),
        (
            "p = [\"a/b\"]",
            "c.toml:1:6: \"a/b\" is no plugin; expected a name, or the absolute path of a socket",
        ),
        (
            "p = [\"..\"]",
            "c.toml:1:6: \"..\" is no plugin; expected a name, or the absolute path of a socket",
        ),
        (
            "p = [{ responses = true }]",
            "c.toml:1:6: \"\" is no plugin; expected a name, or the absolute path of a socket",
        ),
        (
            "p = [{ name = \"x\", responses = 1 }]",
            "c.toml:1:32: expected true or false, but found the integer 1",
        ),
        (
            "p = [{ name = \"x\", tls = 1 }]",
            "c.toml:1:20: unknown key \"tls\"; expected name or responses",
        ),
    ] {
        assert_eq!(read(text).1, [fault], "{text}");
    }
}
