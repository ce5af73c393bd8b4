use super::*;

const LARGEST: u64 = COLLECTED_LIMIT as u64;

#[test]
fn only_what_has_come_takes_room_and_gives_it_back() {
    let budget = Rc::new(Budget::default());
    let announced: Vec<_> =
        (0..100).map(|_| Collect::new(Framing::Length(LARGEST), &budget).unwrap()).collect();
    assert_eq!(budget.used.get(), 0);
    drop(announced);
    let mut bodies = Vec::new();
    for _ in 0..COLLECTED_TOTAL / COLLECTED_LIMIT {
        let mut body = Collect::new(Framing::Length(LARGEST), &budget).unwrap();
        assert!(fill(&mut body).unwrap());
        bodies.push(body);
    }
    let mut more = Collect::new(Framing::Length(1), &budget).unwrap();
    assert_eq!(fill(&mut more), Err(Fault::NoRoom));
    drop(bodies);
    assert_eq!(budget.used.get(), 0);
    assert_eq!(fill(&mut more), Ok(true));
}

#[test]
fn storage_of_small_bodies_is_kept_for_the_next() {
    let budget = Rc::new(Budget::default());
    let kept = || budget.spares.borrow().iter().map(Vec::capacity).collect::<Vec<_>>();
    for (length, keeps) in [(KEPT as u64 + 1, 0), (1000, 1), (2000, 1)] {
        let mut body = Collect::new(Framing::Length(length), &budget).unwrap();
        assert!(fill(&mut body).unwrap());
        assert_eq!((body.content().len() as u64, kept()), (length, Vec::new()));
        drop(body);
        assert_eq!(kept().len(), keeps);
    }
    let mut bodies: Vec<_> =
        (0..9).map(|_| Collect::new(Framing::Length(1000), &budget).unwrap()).collect();
    assert!(bodies.iter_mut().all(|body| fill(body).unwrap()));
    drop(bodies);
    assert_eq!(kept().len(), SPARES);
    assert!(kept().into_iter().all(|capacity| (1000..=KEPT).contains(&capacity)));
    drop(Collect::new(Framing::None, &budget));
    assert_eq!(kept().len(), SPARES);
}

/// Gives `body` bytes until it is complete.
fn fill(body: &mut Collect) -> Result<bool, Fault> {
    let mut lane = Lane::default();
    loop {
        let room = lane.room(1 << 16).len();
        lane.received(room);
        if body.advance(&mut lane)? {
            return Ok(true);
        }
    }
}
