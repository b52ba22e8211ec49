//! The program that tells of frames: of those that the filter lets through, what became of them, and no others.

use std::net::Ipv4Addr;

use dsr_common::{
    address::{Address, Family},
    limits::TRACES_PER_SECOND,
    stats::Reason,
    trace::{NO_ROW, TraceFilter, TraceRecord},
};
use dsr_tests::{
    frame::{CLIENT, Segment, VIP, echo, tagged, tcp, udp, with_options},
    program::{Program, Verdict},
};

use super::program;

/// All packets of [`CLIENT`] to [`VIP`].
fn filter() -> TraceFilter {
    TraceFilter {
        client: Address::from_v4(CLIENT.octets()),
        vip: Address::from_v4(VIP.octets()),
        family: Family::V4 as u8,
        ..TraceFilter::default()
    }
}

fn traced(filter: &TraceFilter) -> Program {
    let mut program = program();
    program.start_trace(filter).unwrap();
    program
}

/// Runs one frame and gives the only record of it.
fn record(program: &mut Program, frame: &[u8]) -> TraceRecord {
    program.run_uncounted(frame).unwrap();
    let records = program.traced();
    let [record] = records[..] else { panic!("{records:?}") };
    record
}

#[test]
#[ignore = "needs root"]
fn a_record_says_what_became_of_a_frame() {
    let mut program = traced(&filter());
    let syn = tcp((CLIENT, 4711), (VIP, 80), Segment::Syn);
    let outcome = program.run(&syn).unwrap();
    let backend = usize::from(outcome.frame[5]) - 1;
    let records = program.traced();
    let expected = TraceRecord {
        time: records[0].time,
        client_port: 4711_u16.to_be(),
        service_port: 80_u16.to_be(),
        protocol: 6,
        opens: 1,
        client: filter().client,
        vip: filter().vip,
        family: 4,
        row: program.row(0, backend).0,
        ifindex: 1,
        ..TraceRecord::default()
    };
    assert_eq!(records, [expected]);

    let short_total = {
        let mut frame = udp((CLIENT, 4711), (VIP, 53), b"?");
        frame[16..18].copy_from_slice(&19_u16.to_be_bytes());
        frame
    };
    let data = tcp((CLIENT, 4711), (VIP, 80), Segment::Data);
    let cases = [
        ("data", data.clone(), None, (4711, 80)),
        ("behind a tag", tagged(&data, 0x8100, 7), None, (4711, 80)),
        ("with options", with_options(&data, 3), None, (4711, 80)),
        ("to no service", tcp((CLIENT, 4711), (VIP, 81), Segment::Syn), Some(Reason::DropNoService), (4711, 81)),
        ("malformed", short_total, Some(Reason::DropMalformed), (4711, 53)),
        ("an echo request", echo(CLIENT, VIP), Some(Reason::AnswerEcho), (0, 0)),
    ];
    for (what, frame, reason, (client, service)) in cases {
        let record = record(&mut program, &frame);
        assert_eq!(
            (record.reason(), record.row == NO_ROW, record.opens == 1),
            (reason, reason.is_some(), what == "to no service"),
            "{what}"
        );
        assert_eq!((u16::from_be(record.client_port), u16::from_be(record.service_port)), (client, service), "{what}");
    }
}

#[test]
#[ignore = "needs root"]
fn what_the_filter_does_not_let_through_is_not_told() {
    let frame = |client, port, vip, service| tcp((client, port), (vip, service), Segment::Data);
    let other = Ipv4Addr::new(198, 51, 100, 8);
    let mut program = program();
    let mut to = |filter: TraceFilter| {
        program.start_trace(&filter).unwrap();
        let frames = [
            frame(CLIENT, 1, VIP, 80),
            frame(CLIENT, 2, VIP, 80),
            frame(CLIENT, 1, VIP, 81),
            frame(other, 1, VIP, 80),
            frame(CLIENT, 1, other, 80),
        ];
        let told = frames.map(|frame| {
            program.run_uncounted(&frame).unwrap();
            program.traced().len()
        });
        told.map(|told| told == 1)
    };
    let all = filter();
    assert_eq!(to(all), [true, true, true, false, false]);
    assert_eq!(to(TraceFilter { client_port: 1_u16.to_be(), ..all }), [true, false, true, false, false]);
    assert_eq!(to(TraceFilter { service_port: 80_u16.to_be(), ..all }), [true, true, false, false, false]);
    assert_eq!(to(TraceFilter { any_client: 1, ..all }), [true, true, true, true, false]);
    assert_eq!(to(TraceFilter { family: 6, ..all }), [false; 5]);
    assert_eq!(to(TraceFilter::default()), [false; 5]);
}

#[test]
#[ignore = "needs root"]
fn a_flood_is_told_of_in_part() {
    let mut program = traced(&filter());
    let frame = tcp((CLIENT, 4711), (VIP, 80), Segment::Data);
    let started = std::time::Instant::now();
    let (mut told, mut run) = (0, 0);
    while run < 20 * TRACES_PER_SECOND {
        assert_eq!(program.run_uncounted(&frame).unwrap().0, Verdict::Tx);
        run += 1;
        if run % 100 == 0 {
            told += program.traced().len() as u64;
        }
    }
    // A second of the program's clock is 2^30 ns; each CPU that the test ran on may tell as much.
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    let seconds = started.elapsed().as_secs() + 2;
    assert!(told >= TRACES_PER_SECOND && told <= cpus * seconds * TRACES_PER_SECOND, "{told} of {run} in {seconds} s");
}

#[test]
#[ignore = "needs root"]
fn the_other_program_is_put_back() {
    let frame = tcp((CLIENT, 4711), (VIP, 80), Segment::Syn);
    let mut program = program();
    let (before, size) = (program.run(&frame).unwrap(), program.verified().unwrap());
    for _ in 0..2 {
        program.start_trace(&filter()).unwrap();
        // The maps are the same: counters go on, and so does every flow.
        assert_eq!(program.run(&frame).unwrap(), before);
        assert_eq!(program.traced().len(), 1);
        assert!(program.verified().unwrap() > size);
        program.stop_trace().unwrap();
        assert_eq!(program.run(&frame).unwrap(), before);
        assert_eq!((program.traced().len(), program.verified().unwrap()), (0, size));
    }
}
