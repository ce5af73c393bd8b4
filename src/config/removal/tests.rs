use std::time::Duration;

use super::*;

#[test]
fn durations_have_units_up_to_days() {
    let seconds = |text| duration(text).map(|time| time.as_secs());
    for (text, wanted) in [("30", 30), ("30s", 30), ("5m", 300), ("6h", 21_600), ("7d", 604_800)] {
        assert_eq!(seconds(text), Ok(wanted), "{text}");
    }
    assert_eq!(duration("0"), Ok(Duration::ZERO));
    for text in ["", "s", "-1s", "1.5h", "1w", "5 m", "infinity", "99999999999999999d"] {
        assert_eq!(duration(text), Err(Invalid::Duration(text.to_owned())), "{text}");
    }
}

#[test]
fn the_label_of_a_job_is_a_template_of_the_callers_container() {
    let template = template::template(own::JOB_TEMPLATE).unwrap();
    assert_eq!(template::forms(&template, "c0ffee"), ["c0ffee", ""]);
}

#[test]
fn an_age_needs_a_unit() {
    assert_eq!(age("6h"), duration("6h"));
    assert_eq!(age("0"), Ok(Duration::ZERO));
    assert_eq!(age("6"), Err(Invalid::NoUnit("6".to_owned())));
    assert_eq!(age("6 h"), Err(Invalid::Duration("6 h".to_owned())));
}
