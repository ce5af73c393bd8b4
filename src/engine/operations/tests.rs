use super::*;
use crate::engine::route;

#[test]
fn every_operation_is_reached_in_both_path_forms() {
    for operation in OPERATIONS {
        let path = operation.path.replace("{}", "some-id");
        for path in [path.clone(), format!("/v1.41{path}")] {
            let found = route(operation.method, path.as_bytes());
            assert_eq!(found.path, operation.path, "{} {path}", operation.method);
        }
    }
}

#[test]
fn no_row_is_repeated() {
    for (at, one) in OPERATIONS.iter().enumerate() {
        let again = OPERATIONS.iter().skip(at + 1);
        for other in again {
            assert!((one.method, one.path) != (other.method, other.path), "{}", one.name);
        }
    }
}
