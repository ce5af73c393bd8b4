use super::*;

/// Reads `text` as the tables of a section. Returns the injections, and one fault per line.
fn read(section: Section, text: &str) -> (Vec<Inject>, String) {
    let source = Source::new("c", text);
    let mut faults = Vec::new();
    let mut list = Vec::new();
    for (name, item) in entries(&source.parse().unwrap()) {
        let (_, how) = TREATMENTS.iter().find(|(known, _)| known == name.get_ref()).unwrap();
        let mut reader = Reader { source: &source, faults: &mut faults };
        list.extend(reader.options(section, *how, item.get_ref().as_table().unwrap()));
    }
    faults.extend(disagreements(&list));
    (list, lines(&faults))
}

fn faults(section: Section, text: &str) -> String {
    read(section, text).1
}

fn values(section: Section, text: &str) -> Vec<Value> {
    let (list, faults) = read(section, text);
    assert_eq!(faults, "");
    list.into_iter().map(|inject| inject.value).collect()
}

#[test]
fn values_have_the_type_of_their_field() {
    let text = r#"
force.User = "ci"
force."HostConfig.Init" = false
force."HostConfig.Privileged" = true
force.StopTimeout = 0x10
force."HostConfig.Memory" = "2GiB"
force."HostConfig.NanoCpus" = "1.5"
force."HostConfig.MemorySwap" = -1
force."HostConfig.Ulimits" = [{ Name = "nofile", Soft = 1024, Hard = 4096 }]
append.Env = ["A=1", "B="]
append."HostConfig.Sysctls" = { "net.core.somaxconn" = "1" }
append."HostConfig.Binds" = ["/a:/b:ro"]
cap."HostConfig.NanoCpus" = 500_000_000
"#;
    let text = text.replace("cap.\"HostConfig.NanoCpus\"", "cap.\"HostConfig.CpuShares\"");
    let list = |list: &[&str]| Value::List(list.iter().map(ToString::to_string).collect());
    let entry = Label { key: "net.core.somaxconn".into(), value: "1".into() };
    let limit = r#"{"Hard":4096,"Name":"nofile","Soft":1024}"#;
    let wanted = [
        Value::Text("ci".into()),
        Value::Switch(false),
        Value::Switch(true),
        Value::Number(16),
        Value::Number(2 << 30),
        Value::Number(1_500_000_000),
        Value::Number(-1),
        Value::Objects(vec![("nofile".into(), limit.into())]),
        list(&["A=1", "B="]),
        Value::Map(vec![entry]),
        list(&["/a:/b:ro"]),
        Value::Number(500_000_000),
    ];
    assert_eq!(values(Section::Container, &text), wanted);
}

#[test]
fn other_types_are_refused() {
    let text = r#"
force.User = 5
force."HostConfig.Init" = "yes"
force.StopTimeout = "5s"
force."HostConfig.Memory" = "2 gigs"
force."HostConfig.NanoCpus" = 1.5
force."HostConfig.PidsLimit" = 99999999999999999999
force."HostConfig.Ulimits" = [{ Soft = 1, Foo = 2 }, 3]
force.Env = ["A", 5, "B=1", "B=2"]
force."HostConfig.Sysctls" = { a = 1 }
"#;
    let wanted = r#"c:2:14: expected a string, but found the integer 5
c:3:27: expected true or false, but found the string "yes"
c:4:21: expected an integer, but found the string "5s"
c:5:29: expected an integer or a size like "2GiB", "100MB" or "2g", but found the string "2 gigs"
c:6:31: expected a number of processors in quotes like "1.5", or an integer, which means billionths of one, but found the number 1.5
c:7:32: 99999999999999999999 has more than 64 bits
c:8:43: unknown member "Foo"; expected Name, Soft, Hard
c:8:31: expected a member Name
c:8:54: expected a list of tables, but found the integer 3
c:9:14: "A" has no "="; expected NAME=VALUE
c:9:19: expected a string, but found the integer 5
c:9:29: "B=2" has the same key as "B=1"
c:10:36: expected a string, but found the integer 1
"#;
    assert_eq!(faults(Section::Container, text), wanted);
}

#[test]
fn treatments_that_cannot_apply_are_refused() {
    let text = r#"
cap.User = "a"
cap."HostConfig.Memory" = 0
cap.StopTimeout = 0
force."HostConfig.Binds" = ["/a:/b"]
append."HostConfig.Runtime" = "x"
append."HostConfig.Binds" = ["/a:b", "/a", ":/b", "v:/c/", "w:/c"]
append."HostConfig.ExtraHosts" = ["mirror"]
"#;
    let wanted = r#"c:2:5: cap needs a number, and User is a string
c:3:27: 0 is no cap; expected at least 1
c:5:7: force cannot be used for HostConfig.Binds; expected append
c:6:8: append needs a list or a table, and HostConfig.Runtime is a string
c:7:30: "/a:b" has no absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS
c:7:38: "/a" has no absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS
c:7:44: ":/b" has no absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS
c:7:60: "w:/c" has the same key as "v:/c/"
c:8:35: "mirror" has no ":"; expected HOST:ADDRESS
"#;
    assert_eq!(faults(Section::Container, text), wanted);
}

#[test]
fn treatments_of_one_option_must_agree() {
    let text = r#"
force."HostConfig.Memory" = "1g"
default."HostConfig.Memory" = "1g"
default."HostConfig.PidsLimit" = 10
cap."HostConfig.PidsLimit" = 5
default."HostConfig.NanoCpus" = -1
cap."HostConfig.NanoCpus" = "2"
default."HostConfig.ShmSize" = 1
cap."HostConfig.ShmSize" = 1
"#;
    let wanted = r"c:3:9: HostConfig.Memory is forced at c:2:7; remove one of them
c:4:9: the default of HostConfig.PidsLimit is above its cap at c:5:5
c:6:9: the default of HostConfig.NanoCpus is above its cap at c:7:5
";
    assert_eq!(faults(Section::Container, text), wanted);
    let swap = r#"cap."HostConfig.MemorySwap" = 1"#;
    let why = "c:1:5: a cap of HostConfig.MemorySwap needs a cap or a forced value of HostConfig.Memory\n";
    assert_eq!(faults(Section::Container, swap), why);
    let both = format!("{swap}\nforce.\"HostConfig.Memory\" = 1");
    assert_eq!(faults(Section::Container, &both), "");
    let below = both.replace("Memory\" = 1", "Memory\" = 2");
    let why = "c:1:5: the cap of HostConfig.MemorySwap is below HostConfig.Memory at c:2:7\n";
    assert_eq!(faults(Section::Container, &below), why);
    let cpus = "cap.\"HostConfig.NanoCpus\" = \"2\"\nforce.\"HostConfig.CpuQuota\" = 5";
    let why = "c:2:7: the daemon refuses HostConfig.CpuQuota beside HostConfig.NanoCpus, which is injected at c:1:5\n";
    assert_eq!(faults(Section::Container, cpus), why);
    let quota = "cap.cpuquota = 5";
    let why = "c:1:5: a cap of cpuquota needs a forced value of cpuperiod\n";
    assert_eq!(faults(Section::Build, quota), why);
    assert_eq!(faults(Section::Build, &format!("{quota}\nforce.cpuperiod = 9")), "");
    let period = "cap.\"HostConfig.CpuPeriod\" = 5";
    let why = "c:1:5: cap cannot be used for HostConfig.CpuPeriod: a smaller number may allow more; expected force\n";
    assert_eq!(faults(Section::Container, period), why);
}

#[test]
fn options_elsewhere_are_pointed_to() {
    let text = r#"
force."HostConfig.CgroupParent" = "/a"
force.Labels = { a = "b" }
force."TaskTemplate.ContainerSpec.User" = "a"
force."hostconfig.memory" = 1
force.Memory = 1
force.Nonsense = 1
"#;
    let wanted = r#"c:2:7: "HostConfig.CgroupParent" has a key of its own: use cgroup_parent of the listener
c:3:7: "Labels" has a key of its own: use labels of the listener
c:4:7: "TaskTemplate.ContainerSpec.User" is an option of service, not of container
c:5:7: unknown option "hostconfig.memory" of container; did you mean "HostConfig.Memory"?
c:6:7: unknown option "Memory" of container; did you mean "HostConfig.Memory"?
c:7:7: unknown option "Nonsense" of container
"#;
    assert_eq!(faults(Section::Container, text), wanted);
    let build =
        "c:1:7: \"cgroupparent\" has a key of its own: use build_cgroup_parent of the listener\n";
    assert_eq!(faults(Section::Build, "force.cgroupparent = \"/a\""), build);
}

#[test]
fn a_listener_replaces_what_it_has_itself() {
    let of = |text| read(Section::Container, text).0;
    let paths = |list: Vec<Inject>| -> Vec<String> {
        let text = |inject: Inject| format!("{} {:?}", treatment(inject.how), inject.value);
        list.into_iter().map(text).collect()
    };
    let all = |own, defaults| paths(inherited(of(own), &of(defaults)));
    let cap = r#"cap."HostConfig.Memory" = 2"#;
    let default = r#"default."HostConfig.Memory" = 1"#;
    let force = r#"force."HostConfig.Memory" = 1"#;
    assert_eq!(all(default, cap), ["default Number(1)", "cap Number(2)"]);
    assert_eq!(all(force, cap), ["force Number(1)"]);
    assert_eq!(all(cap, force), ["cap Number(2)"]);
    assert_eq!(all("append.Env = [\"A=1\"]", "append.Env = [\"B=1\"]").len(), 1);
    assert_eq!(all("append.Env = []", "append.Env = [\"B=1\"]"), [""; 0]);
}

#[test]
fn options_of_classic_builds_are_a_warning() {
    let text = "cap.memory = 5\nforce.networkmode = \"none\"";
    let warnings: Vec<_> = of_classic_builds(&read(Section::Build, text).0).collect();
    let why = "c:1:5: memory holds for classic builds only; the BuildKit of Docker 28 and earlier ignores it";
    assert_eq!(warnings, [why]);
}

#[test]
fn the_options_of_rows_are_in_the_table() {
    let known = |path: &str| of(Section::Build).any(|field| field.path == path);
    assert!(agree::BUILDKIT.iter().all(|path| known(path)));
    let exists = |section, path: &str| of(section).any(|field| field.path == path);
    let mut rows = agree::WITH.iter().chain(agree::BY).chain(agree::AGAINST);
    assert!(rows.all(|row| exists(row.0, row.1) && exists(row.0, row.2)));
    assert!(WITHOUT_CAP.iter().all(|path| FIELDS.iter().any(|field| field.path == *path)));
}

#[test]
fn values_have_placeholders_and_the_names_of_entries_have_none() {
    let text = r#"
force.User = "{uid}:{gid}"
force.HostConfig.NetworkMode = "container:{container}"
append.HostConfig.Binds = ["/srv/{container.label:a:b}:/x", "{container.name:-v}:/y:ro"]
append.HostConfig.GroupAdd = ["{gid}", "{uid}"]
append.HostConfig.SecurityOpt = ["seccomp={{}}", "apparmor={user:-none}"]
append.HostConfig.ExtraHosts = ["mirror:{container.env:MIRROR}"]
append.HostConfig.LogConfig.Config = { tag = "{container.name}/{{{{.Name}}}}", "{" = "" }
"#;
    assert_eq!(faults(Section::Container, text), "");
    let text = r#"
append.Env = ["A{uid}=1", "A={uid}", "B={{", "B={{}}"]
append.HostConfig.Binds = ["/a:/x/{uid}", "/a/{user:-b:}:/c", "/a/{user:-b:/d}:/c", "{user:-}:/c"]
append.HostConfig.ExtraHosts = ["{container.name}:10.0.0.1"]
append.HostConfig.SecurityOpt = ["{user}"]
append.HostConfig.GroupAdd = ["{gid}", "{gid}"]
force.HostConfig.Ulimits = [{ Name = "{user}", Soft = 1, Hard = 1 }]
"#;
    let wanted = r#"c:2:15: a placeholder in "A{uid}=1" could change the name of the entry; only values can have one
c:2:46: "B={{}}" has the same key as "B={{"
c:3:28: a placeholder in "/a:/x/{uid}" could change the name of the entry; only values can have one
c:3:43: "/a/{user:-b:}:/c" has no absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS
c:3:63: a placeholder in "/a/{user:-b:/d}:/c" could change the name of the entry; only values can have one
c:3:85: "{user:-}:/c" has no absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS
c:4:33: a placeholder in "{container.name}:10.0.0.1" could change the name of the entry; only values can have one
c:5:34: a placeholder in "{user}" could change the name of the entry; only values can have one
c:6:40: "{gid}" has the same key as "{gid}"
c:7:29: the name "{user}" has a placeholder; only values can have one
"#;
    assert_eq!(faults(Section::Container, text), wanted);
    let text = "append.TaskTemplate.ContainerSpec.Hosts = [\"{container.env:IP} mirror\", \"10.0.0.1 other\"]";
    let wanted = "c:1:44: a placeholder in \"{container.env:IP} mirror\" could change the name of the entry; only \
                  values can have one\n";
    assert_eq!(faults(Section::Service, text), wanted);
    let text = "force.buildargs = { JOB = \"{container.env:CI_JOB_ID:-0}\", \"{uid}\" = \"1\" }";
    let wanted = "c:1:69: the name \"{uid}\" has a placeholder; only values can have one\n";
    assert_eq!(faults(Section::Build, text), wanted);
}

fn lines(errors: &[impl ToString]) -> String {
    let lines = errors.iter().map(|error| error.to_string() + "\n");
    lines.collect()
}

#[test]
fn the_dots_of_an_option_may_be_those_of_toml() {
    let text = r#"
cap.HostConfig.Memory = "1g"
force.HostConfig.Sysctls.net.core.somaxconn = "1"
force.HostConfig.Ulimits = [{ Name = "core", Soft = 0, Hard = 0 }]
[default.HostConfig]
Memory = 5
LogConfig.Config = { max-size = "1m" }
"#;
    let (list, found) = read(Section::Container, text);
    assert_eq!(found, "");
    let lines: Vec<_> = list
        .iter()
        .map(|Inject { at, how, value, from }| {
            let Place::Field(field) = at else { panic!("{at:?}") };
            format!("{from} {} {} {value:?}", treatment(*how), field.path)
        })
        .collect();
    let limit = r#"{\"Hard\":0,\"Name\":\"core\",\"Soft\":0}"#;
    let label = |key, value| format!("Map([Label {{ key: {key:?}, value: {value:?} }}])");
    let wanted = [
        "c:2:16 cap HostConfig.Memory Number(1073741824)".to_owned(),
        format!("c:3:18 force HostConfig.Sysctls {}", label("net.core.somaxconn", "1")),
        format!("c:4:18 force HostConfig.Ulimits Objects([(\"core\", \"{limit}\")])"),
        "c:6:1 default HostConfig.Memory Number(5)".to_owned(),
        format!("c:7:11 default HostConfig.LogConfig.Config {}", label("max-size", "1m")),
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn mistakes_in_options_with_the_dots_of_toml_are_named_by_their_whole_path() {
    let text = r#"
[force]
HostConfig.Memroy = 1
hostconfig.Init = true
Foo.Memory = 1
"HostConfig.Init" = true
"#;
    let wanted = r#"c:3:12: unknown option "HostConfig.Memroy" of container; did you mean "HostConfig.Memory"?
c:4:12: unknown option "hostconfig.Init" of container; did you mean "HostConfig.Init"?
c:5:1: unknown option "Foo" of container
"#;
    assert_eq!(faults(Section::Container, text), wanted);
    let text = r#"
[cap]
HostConfig.Memory.Limit = 1
HostConfig.PidsLimit = 5
"HostConfig.PidsLimit" = 6
[append]
HostConfig.Sysctls = { a.b = "1", "a.b" = "2" }
"#;
    let wanted = r#"c:3:12: expected an integer or a size like "2GiB", "100MB" or "2g", but found a table
c:5:1: HostConfig.PidsLimit is already given at c:4:12
c:7:35: "a.b" occurs twice
"#;
    assert_eq!(faults(Section::Container, text), wanted);
}

#[test]
fn few_billionths_of_a_processor_are_a_mistake() {
    let text = "force.\"HostConfig.NanoCpus\" = 2\ncap.HostConfig.NanoCpus = 9_999_999\n";
    let why = "is billionths of a processor, too few for the daemon; processors are written in quotes, like \
               \"2\" or \"1.5\"";
    let wanted = format!("c:1:31: 2 {why}\nc:2:27: 9999999 {why}\n");
    assert_eq!(faults(Section::Container, text), wanted);
    let text = "default.HostConfig.NanoCpus = 0\ncap.HostConfig.NanoCpus = 10_000_000\n";
    assert_eq!(faults(Section::Container, text), "");
}
