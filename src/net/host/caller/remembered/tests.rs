use super::*;
use crate::net::host::caller::tests::Fake;

fn running(number: usize) -> Running {
    let id = format!("{number:064x}");
    let cgroup = Candidate { path: format!("/docker/{id}"), id: id.clone() };
    Running { container: Container { id, ..Container::default() }, cgroup, first: (7, 1) }
}

#[test]
fn the_oldest_container_is_forgotten_first() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.process(7, 1, "0::/\n");
    for number in 0..=ENTRIES {
        remembered.keep(running(number));
    }
    let known = |number| remembered.container(&running(number).cgroup, fake.kernel).is_some();
    assert_eq!([known(0), known(1), known(ENTRIES)], [false, true, true]);
}

#[test]
fn a_container_that_is_found_again_takes_no_further_place() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.process(7, 1, "0::/\n");
    let first = remembered.keep(running(1));
    remembered.keep(running(2));
    let again = remembered.keep(running(1));
    assert_eq!(remembered.containers.borrow().len(), 2);
    let known = remembered.container(&running(1).cgroup, fake.kernel).unwrap();
    assert!(Rc::ptr_eq(&known, &again) && !Rc::ptr_eq(&known, &first));
}

#[test]
fn a_container_is_known_by_its_cgroup_and_its_first_process() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.process(7, 1, "0::/\n");
    remembered.keep(running(1));
    let cgroup = running(1).cgroup;
    let elsewhere = Candidate { path: format!("/evil{}", cgroup.path), ..cgroup.clone() };
    assert_eq!(remembered.container(&elsewhere, fake.kernel), None);
    assert!(remembered.container(&cgroup, fake.kernel).is_some());
    fake.process(7, 2, "0::/\n");
    assert_eq!(remembered.container(&cgroup, fake.kernel), None);
    fake.process(7, 1, "0::/\n");
    assert_eq!(remembered.container(&cgroup, fake.kernel), None);
}

#[test]
fn a_container_with_much_text_is_not_remembered() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.process(7, 1, "0::/\n");
    let long = vec![("a".to_owned(), "b".repeat(64 * 1024))];
    let many = vec![("a".to_owned(), String::new()); 4096];
    for env in [long, many] {
        let mut large = running(1);
        large.container.env = env;
        assert_eq!(remembered.keep(large.clone()).id, large.container.id);
        assert_eq!(remembered.container(&large.cgroup, fake.kernel), None);
    }
}

#[test]
fn a_text_about_cgroups_is_read_once() {
    let remembered = Remembered::default();
    let read = |text: &str| remembered.cgroups(text.to_owned());
    let first = read("0::/a\n").unwrap();
    assert!(Rc::ptr_eq(&first, &read("0::/a\n").unwrap()));
    assert_eq!((&*first.path, &*read("0::/b\n").unwrap().path), ("/a", "/b"));
    assert_eq!(read("nonsense"), None);
    for number in 0..2 * TEXTS {
        read(&format!("0::/{number}\n"));
    }
    assert_eq!(remembered.cgroups.borrow().len(), TEXTS);
}
