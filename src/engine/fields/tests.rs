use super::*;
use crate::engine::shapes::HOST_CONFIG_FIELDS;

#[test]
fn no_option_is_listed_twice() {
    for (at, field) in FIELDS.iter().enumerate() {
        let others = FIELDS.iter().skip(at + 1);
        assert!(others.into_iter().all(|other| other != field), "{field:?}");
        assert_eq!(find(field.section, field.path), Some(field));
    }
}

#[test]
fn options_below_host_config_are_fields_of_it() {
    for field in FIELDS.iter().filter(|field| field.section == Section::Container) {
        let name = field.path.strip_prefix("HostConfig.").and_then(|path| path.split('.').next());
        assert!(name.is_none_or(|name| HOST_CONFIG_FIELDS.contains(&name)), "{field:?}");
    }
}

#[test]
fn the_lists_of_options_name_options_of_containers() {
    let is_option = |path: &str| find(Section::Container, path).is_some();
    for field in UPDATE {
        assert!(is_option(&format!("HostConfig.{}", field.path)), "{field:?}");
    }
    assert!(OF_OWN_NETWORK.iter().all(|path| is_option(path)));
    let named =
        REPLACED.iter().map(|row| row.by).chain(BELOW.iter().flat_map(|row| [row.0, row.1]));
    for path in named {
        assert!(FIELDS.iter().any(|field| field.path == path), "{path}");
    }
    assert!(SINCE.iter().all(|(section, path, _)| find(*section, path).is_some()));
}
