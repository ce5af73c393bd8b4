use crate::engine::operations::OPERATIONS;
use crate::engine::{HTTP2, UNKNOWN, route};

#[test]
fn what_may_change_an_image_is_this_and_no_more() {
    let changing: Vec<_> =
        OPERATIONS.iter().filter(|row| row.changes_images()).map(|row| row.name).collect();
    let wanted = [
        "ImageBuild",
        "BuildCancel",
        "BuildPrune",
        "ImageCommit",
        "Grpc",
        "ImageCreate",
        "ImageLoad",
        "ImagePrune",
        "ImagePush",
        "ImageTag",
        "PluginCreate",
        "PluginPull",
        "PluginDisable",
        "PluginEnable",
        "PluginPush",
        "PluginSet",
        "PluginUpgrade",
        "Session",
        "ImageDelete",
        "PluginDelete",
    ];
    assert_eq!(changing, wanted);
    assert!(UNKNOWN.changes_images() && HTTP2.changes_images());
    assert!(route("POST", b"/libpod/images/pull").changes_images());
}
