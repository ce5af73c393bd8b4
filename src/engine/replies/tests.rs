use super::*;
use crate::engine::operations::OPERATIONS;

#[test]
fn each_name_is_that_of_an_operation() {
    for name in SMALL.iter().chain(LINES) {
        assert!(OPERATIONS.iter().any(|operation| operation.name == *name), "{name}");
    }
}
