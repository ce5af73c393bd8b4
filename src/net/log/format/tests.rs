use super::*;

#[test]
fn a_json_line_is_valid_for_any_content() {
    let said = "a \"b\"\n\\ \u{7} \u{2028} {}";
    let pairs = [
        ("label.\"\n", Value::from(said)),
        ("n", 7_u64.into()),
        ("ms", 0.5_f64.into()),
        ("is", true.into()),
    ];
    let line = json(
        &Record::builder()
            .level(Level::Warn)
            .key_values(&pairs)
            .args(format_args!("{said}"))
            .build(),
        Duration::from_millis(1),
    );
    assert_eq!(line.lines().count(), 1);
    let wanted = serde_json::json!({
        "time": "1970-01-01T00:00:00.001Z", "level": "warn", "message": said,
        "label.\"\n": said, "n": 7, "ms": 0.5, "is": true,
    });
    assert_eq!(serde_json::from_str::<Json>(&line).unwrap(), wanted);
}

#[test]
fn a_line_of_text_is_its_message() {
    let pairs = [("n", 7)];
    let record =
        Record::builder().level(Level::Info).key_values(&pairs).args(format_args!("said")).build();
    let mut line = Vec::new();
    text(&mut line, &record).unwrap();
    assert_eq!(line, b"dockerd-ci-proxy: info: said\n");
}
