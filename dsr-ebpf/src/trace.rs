//! Frame and outcome in, a log record of both out, for frames that match the filter of `dsr trace`.
//!
//! A record is made in three steps: when the frame arrives, when a member is selected, and when the frame ends. The
//! usual program is compiled without them ([`Unobserved`]); the agent replaces it with the traced one while a trace
//! runs.

use aya_ebpf::bindings::xdp_md;
use dsr_common::{
    address::{Address, Family},
    limits::TRACES_PER_SECOND,
    stats::Reason,
    trace::{NO_ROW, SENT, TraceFilter, TraceRecord, ended},
};

use crate::{
    frame::{self, Frame},
    interface::{self, Interface},
    maps,
    parse::{self, Part, Payload},
    wire::{
        ipv4, ipv6,
        transport::{Ports, SCTP, TCP, TcpHead, UDP},
    },
};

/// Observes the path of a frame.
pub(crate) trait Observer {
    /// A frame arrived.
    fn meets(ctx: *mut xdp_md);
    /// The member in this row was selected.
    fn chose(row: u32);
    /// It was sent there, or ended for a reason.
    fn ended(reason: Option<Reason>);
    /// The program has finished with it.
    fn is_over();
}

/// No observer: adds no code to the program.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    #[inline(always)]
    fn meets(_: *mut xdp_md) {}

    #[inline(always)]
    fn chose(_: u32) {}

    #[inline(always)]
    fn ended(_: Option<Reason>) {}

    #[inline(always)]
    fn is_over() {}
}

/// Records for `dsr trace`.
pub(crate) struct Trace;

impl Observer for Trace {
    #[inline(always)]
    fn meets(ctx: *mut xdp_md) {
        note_traced(ctx);
    }

    #[inline(always)]
    fn chose(row: u32) {
        maps::set_traced_row(row);
    }

    #[inline(always)]
    fn ended(reason: Option<Reason>) {
        maps::set_traced_outcome(reason.map_or(SENT, ended));
    }

    #[inline(always)]
    fn is_over() {
        tell_traced();
    }
}

subprogram! {
    fn note_traced(ctx: *mut xdp_md) -> () {
        note(&Frame::of(ctx));
    }
}

subprogram! {
    fn tell_traced() -> () {
        tell();
    }
}

/// Starts this CPU's record: with the frame's packet if it matches the filter, otherwise unused.
#[inline(always)]
fn note(frame: &Frame) {
    let matching = maps::trace_filter().and_then(|filter| {
        let record = read(frame, &interface::find(frame::interface(frame.context()))?)?;
        lets_through(&filter, &record).then_some(record)
    });
    maps::set_traced(matching.unwrap_or(NOTHING));
}

/// Writes this CPU's record to the log, if it is in use and within the rate limit.
#[inline(always)]
fn tell() {
    let Some(record) = maps::traced() else { return };
    if maps::may_tell(TRACES_PER_SECOND) {
        let bytes: &[u8] = record;
        // The macro requires a context but does not use it.
        aya_log_ebpf::trace!((), "{:x}", bytes);
    }
}

const NOTHING: TraceRecord = TraceRecord {
    time: 0,
    client: Address { hi: 0, lo: 0 },
    vip: Address { hi: 0, lo: 0 },
    client_port: 0,
    service_port: 0,
    protocol: 0,
    family: 0,
    opens: 0,
    pad: 0,
    row: NO_ROW,
    ifindex: 0,
    outcome: 0,
    pad2: 0,
};

#[inline(always)]
fn lets_through(filter: &TraceFilter, record: &TraceRecord) -> bool {
    filter.family == record.family
        && filter.vip.lo == record.vip.lo
        && filter.vip.hi == record.vip.hi
        && (filter.any_client != 0 || (filter.client.lo == record.client.lo && filter.client.hi == record.client.hi))
        && (filter.client_port == 0 || filter.client_port == record.client_port)
        && (filter.service_port == 0 || filter.service_port == record.service_port)
}

/// Parses the fields that the filter needs, also of malformed packets: a trace must show why they are dropped.
#[inline(always)]
fn read(frame: &Frame, interface: &Interface) -> Option<TraceRecord> {
    let arrival = parse::link(frame, interface).ok()?;
    let start = arrival.link.end();
    let record = TraceRecord { ifindex: frame::interface(frame.context()), ..NOTHING };
    match arrival.payload {
        Payload::Ipv4 => {
            let ip: &ipv4::Header = frame.at(start)?;
            let record = TraceRecord {
                client: Address::from_v4(ip.source),
                vip: Address::from_v4(ip.destination),
                protocol: ip.protocol,
                family: Family::V4 as u8,
                ..record
            };
            Some(if ip.offset() == 0 { with_ports(frame, start + ip.length(), record) } else { record })
        }
        Payload::Ipv6 => {
            let ip: &ipv6::Header = frame.at(start)?;
            let (source, destination) = (ip.source, ip.destination);
            let record = TraceRecord {
                client: Address { hi: source.hi, lo: source.lo },
                vip: Address { hi: destination.hi, lo: destination.lo },
                protocol: ip.next_header,
                family: Family::V6 as u8,
                ..record
            };
            Some(match parse::ipv6(frame, start) {
                Ok(ip) if !matches!(ip.fragment.part(), Part::Later) => {
                    with_ports(frame, ip.payload, TraceRecord { protocol: ip.protocol, ..record })
                }
                Ok(ip) => TraceRecord { protocol: ip.protocol, ..record },
                Err(_) => record,
            })
        }
        Payload::Arp | Payload::Other => None,
    }
}

#[inline(always)]
fn with_ports(frame: &Frame, at: usize, record: TraceRecord) -> TraceRecord {
    if !matches!(record.protocol, TCP | UDP | SCTP) {
        return record;
    }
    let Some(ports) = frame.at::<Ports>(at) else { return record };
    let opens = record.protocol == TCP && frame.at::<TcpHead>(at).is_some_and(TcpHead::opens);
    TraceRecord {
        client_port: ports.source.raw(),
        service_port: ports.destination.raw(),
        opens: u8::from(opens),
        ..record
    }
}
