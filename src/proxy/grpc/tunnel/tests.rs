use super::*;
use crate::http2::frame::PADDED;
use crate::http2::hpack;

fn receive(lane: &mut Lane, bytes: &[u8]) {
    lane.room(LANE_LIMIT)[..bytes.len()].copy_from_slice(bytes);
    lane.received(bytes.len());
}

/// Sends only padding, which takes no budget and is granted back to the client at once.
#[test]
fn a_client_that_does_not_read_its_updates_gets_no_more_of_them() {
    let settings = ListenerSettings::default();
    let (mut lanes, mut tunnel) = (Lanes::default(), Tunnel::new(Origin::Upgrade, &settings));
    let opening = frame::frame(FrameType::SETTINGS, 0, 0, &[]);
    receive(&mut lanes.down, &opening);
    let path = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
    let fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "d")];
    let call = frame::frame(FrameType::HEADERS, END_HEADERS, 1, &hpack::encode(&fields));
    receive(&mut lanes.up, &[PREFACE, &opening, &call].concat());
    assert!(tunnel.advance(&mut lanes, &settings).is_ok());
    let padding = frame::frame(FrameType::DATA, PADDED, 1, &[0]).repeat(1000);
    let mut ended = false;
    for _ in 0..200 {
        receive(&mut lanes.up, &padding);
        ended |= tunnel.advance(&mut lanes, &settings).is_err();
        assert!(lanes.down.held() < 2 * LANE_LIMIT);
        if ended {
            break;
        }
        let leaving = lanes.up.leaving().len();
        lanes.up.left(leaving);
    }
    // The client got no updates and sends beyond its window.
    assert!(ended);
}
