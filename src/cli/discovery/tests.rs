//! Finding the daemon with the files and variables of the docker command.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::daemon;
use crate::cli::orders::FoundDaemon;

/// A home directory; removed when dropped.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dcp-home-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join(".docker")).unwrap();
        Self(path)
    }

    /// Writes the configuration of the docker command.
    fn config(&self, text: &str) {
        fs::write(self.0.join(".docker/config.json"), text).unwrap();
    }

    /// Adds a context to a folder of configuration.
    fn context(&self, folder: &str, name: &str, meta: &str) {
        let folder = self.0.join(folder).join("contexts/meta").join(format!("digest-of-{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("meta.json"), meta).unwrap();
    }

    /// Finds the daemon with these variables beside `HOME`; returns its path and what named it, or the error.
    fn finds(&self, variables: &[(&str, &str)]) -> Result<(String, String), String> {
        let env = |name: &str| {
            let given = variables.iter().find(|(known, _)| *known == name);
            match (given, name) {
                (Some((_, value)), _) => Some(OsString::from(value)),
                (None, "HOME") => Some(self.0.clone().into()),
                (None, _) => None,
            }
        };
        let found = daemon(&env).map_err(|error| error.to_string())?;
        let FoundDaemon { path, by } = found;
        Ok((path.display().to_string(), by.replace(&self.0.display().to_string(), "~")))
    }

    fn fails(&self, variables: &[(&str, &str)]) -> String {
        let error = self.finds(variables).expect_err("no daemon can be found");
        error.replace(&self.0.display().to_string(), "~")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn meta(name: &str, host: &str) -> String {
    format!(
        r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    )
}

fn pair(path: &str, by: &str) -> (String, String) {
    (path.to_owned(), by.to_owned())
}

const DEFAULT: &str = "/var/run/docker.sock";

#[test]
fn without_any_setting_it_is_the_default() {
    let home = Home::new();
    assert_eq!(home.finds(&[]), Ok(pair(DEFAULT, "the default")));
    home.config(r#"{"auths":{}}"#);
    assert_eq!(home.finds(&[]), Ok(pair(DEFAULT, "the default")));
    home.config(r#"{"currentContext":""}"#);
    assert_eq!(home.finds(&[]), Ok(pair(DEFAULT, "the default")));
    assert_eq!(home.finds(&[("HOME", "")]), Ok(pair(DEFAULT, "the default")));
    assert_eq!(home.finds(&[("HOME", "/nonexistent")]), Ok(pair(DEFAULT, "the default")));
}

#[test]
fn docker_host_is_a_unix_socket() {
    let home = Home::new();
    let host = |host| home.finds(&[("DOCKER_HOST", host)]);
    assert_eq!(host("unix:///run/d.sock"), Ok(pair("/run/d.sock", "DOCKER_HOST")));
    assert_eq!(host("unix://d.sock"), Ok(pair("d.sock", "DOCKER_HOST")));
    assert_eq!(host("/run/d.sock"), Ok(pair("/run/d.sock", "DOCKER_HOST")));
    assert_eq!(host(""), Ok(pair(DEFAULT, "the default")));
    for other in [
        "tcp://127.0.0.1:2375",
        "ssh://me@there",
        "127.0.0.1:2375",
        "localhost",
        "npipe:////./pipe/d",
    ] {
        let why = home.fails(&[("DOCKER_HOST", other)]);
        let wanted = "is not a UNIX socket; expected a path or unix:///path";
        assert_eq!(why, format!("DOCKER_HOST: {other:?} {wanted}"));
    }
    let why = home.fails(&[("DOCKER_HOST", "unix://")]);
    assert_eq!(why, "DOCKER_HOST: \"\" is not the path of a socket");
}

#[test]
fn the_current_context_names_it() {
    let home = Home::new();
    home.config(r#"{"currentContext":"rootless"}"#);
    home.context(".docker", "other", &meta("other", "unix:///other.sock"));
    home.context(".docker", "broken", "{");
    home.context(".docker", "rootless", &meta("rootless", "unix:///run/user/1000/docker.sock"));
    let by = "the context \"rootless\" of ~/.docker/config.json";
    assert_eq!(home.finds(&[]), Ok(pair("/run/user/1000/docker.sock", by)));
}

#[test]
fn docker_host_is_stronger_than_docker_context_and_that_than_the_file() {
    let home = Home::new();
    home.config(r#"{"currentContext":"one"}"#);
    home.context(".docker", "one", &meta("one", "unix:///one.sock"));
    home.context(".docker", "two", &meta("two", "unix:///two.sock"));
    let two = ("DOCKER_CONTEXT", "two");
    let by = "the context \"two\" of DOCKER_CONTEXT";
    assert_eq!(home.finds(&[two]), Ok(pair("/two.sock", by)));
    let three = ("DOCKER_HOST", "unix:///three.sock");
    assert_eq!(home.finds(&[two, three]), Ok(pair("/three.sock", "DOCKER_HOST")));
    let default = ("DOCKER_CONTEXT", "default");
    assert_eq!(home.finds(&[default]), Ok(pair(DEFAULT, "the default")));
    let unset = ("DOCKER_CONTEXT", "");
    let by = "the context \"one\" of ~/.docker/config.json";
    assert_eq!(home.finds(&[unset]), Ok(pair("/one.sock", by)));
}

#[test]
fn docker_config_names_another_folder() {
    let home = Home::new();
    home.config(r#"{"currentContext":"one"}"#);
    home.context("elsewhere", "two", &meta("two", "unix:///two.sock"));
    fs::write(home.0.join("elsewhere/config.json"), r#"{"currentContext":"two"}"#).unwrap();
    let folder = home.0.join("elsewhere").display().to_string();
    let by = "the context \"two\" of ~/elsewhere/config.json";
    assert_eq!(home.finds(&[("DOCKER_CONFIG", &folder)]), Ok(pair("/two.sock", by)));
}

#[test]
fn a_broken_configuration_is_an_error() {
    let home = Home::new();
    home.config("{\"currentContext\":");
    let why = home.fails(&[]);
    let begin = "the configuration of the docker command: cannot read ~/.docker/config.json: EOF while parsing";
    assert!(why.starts_with(begin), "{why}");
    // The docker command does not need it then.
    assert!(home.finds(&[("DOCKER_HOST", "/x")]).is_ok());
}

#[test]
fn a_context_that_cannot_be_used_is_an_error() {
    let home = Home::new();
    let named = |name: &str| home.config(&format!(r#"{{"currentContext":"{name}"}}"#));
    named("gone");
    let why = home.fails(&[]);
    let begin = "~/.docker/config.json: the docker context \"gone\" cannot be used: cannot read \
                 ~/.docker/contexts/meta: ";
    assert!(why.starts_with(begin), "{why}");
    home.context(".docker", "far", &meta("far", "tcp://far:2376"));
    let why = home.fails(&[]);
    assert_eq!(
        why,
        "~/.docker/config.json: the docker context \"gone\" cannot be used: ~/.docker/contexts/meta \
         has none of this name"
    );
    assert_eq!(
        home.fails(&[("DOCKER_CONTEXT", "gone")]),
        "DOCKER_CONTEXT: the docker context \"gone\" cannot be used: ~/.docker/contexts/meta has none of \
         this name"
    );
    named("far");
    assert_eq!(
        home.fails(&[]),
        "the context \"far\" of ~/.docker/config.json: \"tcp://far:2376\" is not a UNIX socket; expected a \
         path or unix:///path"
    );
    for (name, endpoints) in
        [("empty", r#"{"docker":{"Host":""}}"#), ("kube", r#"{"kubernetes":{}}"#)]
    {
        home.context(".docker", name, &format!(r#"{{"Name":"{name}","Endpoints":{endpoints}}}"#));
        named(name);
        assert!(home.fails(&[]).ends_with("cannot be used: it names no daemon"));
    }
}
