use super::*;
use crate::engine::route;

#[test]
fn each_operation_has_the_class_of_what_it_does() {
    for (line, class) in [
        ("POST /containers/create", Class::Create),
        ("POST /services/x/update", Class::Create),
        ("POST /build", Class::Create),
        ("POST /commit", Class::Create),
        ("POST /v5.0.0/libpod/pods/create", Class::Create),
        ("GET /_ping", Class::Read),
        ("HEAD /_ping", Class::Read),
        ("GET /containers/x/logs", Class::Read),
        ("POST /containers/x/start", Class::Change),
        ("DELETE /containers/x", Class::Change),
        ("PUT /containers/x/archive", Class::Change),
        ("POST /containers/x/attach", Class::Upgrade),
        ("POST /grpc", Class::Upgrade),
        ("GET /v5.0.0/libpod/info", Class::Unknown),
        ("BREW /tea", Class::Unknown),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        assert_eq!(Class::from(route(method, path.as_bytes())), class, "{line}");
    }
    assert_eq!(Class::from(&HTTP2), Class::Upgrade);
}

#[test]
fn each_has_its_number() {
    for (place, class) in Class::ALL.iter().enumerate() {
        assert_eq!(*class as usize, place);
    }
}
