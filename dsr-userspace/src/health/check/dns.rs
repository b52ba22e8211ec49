//! DNS by UDP (RFC 1035) with EDNS (RFC 6891), and by TCP where the answer is truncated.

use std::io;

use hickory_proto::{
    op::{Edns, Message, MessageType, Query, ResponseCode},
    rr::{Name, RData, RecordType},
    serialize::binary::{BinDecodable as _, BinEncodable as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use super::{Failure, ProbeRoute, connect, text_record};
use crate::{
    health::random,
    model::{Dns, DnsType},
};

/// Asks for the record.
pub(super) async fn ask(dns: &Dns, route: &ProbeRoute, end: Instant) -> Result<(), Failure> {
    let mut answer = by_udp(dns, route, end, Some(PAYLOAD)).await?;
    if answer.extensions().is_none() && NO_EDNS.contains(&answer.response_code()) {
        answer = by_udp(dns, route, end, None).await?;
    }
    match check_answer(dns, &answer) {
        Err(_) if answer.truncated() && answer.response_code() == ResponseCode::NoError => {
            check_answer(dns, &by_tcp(dns, route, end).await.map_err(truncated)?)
        }
        judged => judged,
    }
}

async fn by_udp(dns: &Dns, route: &ProbeRoute, end: Instant, payload: Option<u16>) -> Result<Message, Failure> {
    let id = random() as u16;
    let question = question(dns, id, payload)?;
    let socket = route.datagrams()?;
    socket.send(&question).await?;
    let mut answer = vec![0; LONGEST];
    loop {
        let length = timeout_at(end, socket.recv(&mut answer)).await.map_err(|_| Failure::Silent)??;
        // What is not the answer to this question may be an old one's.
        if let Some(message) = answer_to(id, &answer[..length]) {
            return Ok(message);
        }
    }
}

async fn by_tcp(dns: &Dns, route: &ProbeRoute, end: Instant) -> Result<Message, Failure> {
    let id = random() as u16;
    let question = question(dns, id, Some(PAYLOAD))?;
    let mut stream = connect(route, end).await?;
    // Each message follows its length in two bytes, big endian (RFC 1035, 4.2.2).
    let framed = [&(question.len() as u16).to_be_bytes()[..], &question].concat();
    let exchange = async {
        stream.write_all(&framed).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout_at(end, exchange).await.map_err(|_| Failure::Unanswered)?.map_err(Failure::from)?;
    answer_to(id, &answer).ok_or_else(|| Failure::Wrong("its answer by TCP is not one to the question".to_owned()))
}

/// Why a truncated answer could not be completed by TCP; what says nothing of the server stays as it is.
fn truncated(by_tcp: Failure) -> Failure {
    match by_tcp {
        Failure::Local(_) | Failure::Forwarded => by_tcp,
        _ => Failure::Wrong(format!("the answer is truncated, and by TCP {by_tcp}")),
    }
}

fn answer_to(id: u16, bytes: &[u8]) -> Option<Message> {
    let is_answer = |message: &Message| message.id() == id && message.message_type() == MessageType::Response;
    Message::from_bytes(bytes).ok().filter(is_answer)
}

fn question(dns: &Dns, id: u16, payload: Option<u16>) -> Result<Vec<u8>, Failure> {
    let unfit = |error: hickory_proto::ProtoError| Failure::Local(error.to_string());
    let mut name = Name::from_ascii(&dns.name).map_err(unfit)?;
    name.set_fqdn(true);
    let mut message = Message::new();
    message.set_id(id).set_recursion_desired(true).add_query(Query::query(name, record_type(dns.kind)));
    if let Some(payload) = payload {
        let mut edns = Edns::new();
        edns.set_max_payload(payload);
        message.set_edns(edns);
    }
    message.to_bytes().map_err(unfit)
}

fn check_answer(dns: &Dns, answer: &Message) -> Result<(), Failure> {
    if answer.response_code() != ResponseCode::NoError {
        return Err(Failure::Wrong(format!("it answers with {}", answer.response_code())));
    }
    let Some(wanted) = &dns.expect else { return Ok(()) };
    let mut records = answer.answers().iter().filter(|record| record.record_type() == record_type(dns.kind));
    if records.any(|record| holds(record.data(), wanted)) {
        return Ok(());
    }
    Err(Failure::Wrong(format!("its answer has no {:?} record {wanted}", dns.kind)))
}

/// Whether a record is the wanted one, however that is written: an address in any of its forms, a text with or without
/// quotes, a name in ASCII (`xn--`) or not.
fn holds(data: &RData, wanted: &str) -> bool {
    match data {
        RData::A(found) => wanted.parse() == Ok(found.0),
        RData::AAAA(found) => wanted.parse() == Ok(found.0),
        RData::TXT(found) => text_record::holds(found.txt_data(), wanted),
        RData::CNAME(name) => same(&name.to_ascii(), wanted) || same(&name.to_string(), wanted),
        RData::NS(name) => same(&name.to_ascii(), wanted) || same(&name.to_string(), wanted),
        RData::PTR(name) => same(&name.to_ascii(), wanted) || same(&name.to_string(), wanted),
        RData::MX(mx) => {
            let printed = format!("{} {}", mx.preference(), mx.exchange().to_ascii());
            same(&printed, wanted) || same(&mx.to_string(), wanted)
        }
        RData::SRV(srv) => {
            let to = srv.target().to_ascii();
            let printed = format!("{} {} {} {to}", srv.priority(), srv.weight(), srv.port());
            same(&printed, wanted) || same(&srv.to_string(), wanted)
        }
        other => same(&other.to_string(), wanted),
    }
}

/// Names are the same in any case of letters and with or without the dot at their end.
fn same(found: &str, wanted: &str) -> bool {
    found.trim_end_matches('.').eq_ignore_ascii_case(wanted.trim_end_matches('.'))
}

const fn record_type(kind: DnsType) -> RecordType {
    match kind {
        DnsType::A => RecordType::A,
        DnsType::AAAA => RecordType::AAAA,
        DnsType::CNAME => RecordType::CNAME,
        DnsType::MX => RecordType::MX,
        DnsType::NS => RecordType::NS,
        DnsType::PTR => RecordType::PTR,
        DnsType::SOA => RecordType::SOA,
        DnsType::SRV => RecordType::SRV,
        DnsType::TXT => RecordType::TXT,
    }
}

/// Bytes of the longest message; a server may ignore [`PAYLOAD`].
const LONGEST: usize = u16::MAX as usize;

/// Bytes of the longest answer that is asked for by UDP: one that no path fragments (DNS flag day 2020).
const PAYLOAD: u16 = 1232;

/// What a server that does not know EDNS answers, without an OPT record (RFC 6891, 7).
const NO_EDNS: [ResponseCode; 2] = [ResponseCode::FormErr, ResponseCode::NotImp];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hickory_proto::rr::{Record, rdata};
    use tokio::net::{TcpListener, UdpSocket};

    use super::*;

    fn judged(expect: Option<&str>, code: ResponseCode, data: RData) -> Result<(), Failure> {
        let dns = Dns { name: "www.example.com".into(), kind: DnsType::A, expect: expect.map(Into::into) };
        let mut answer = Message::new();
        answer.set_response_code(code);
        answer.add_answer(Record::from_rdata(Name::from_ascii("www.example.com.").unwrap(), 60, data));
        check_answer(&dns, &answer)
    }

    #[test]
    fn an_answer_is_right_by_its_code_and_its_records() {
        let address = RData::A(rdata::A::new(192, 0, 2, 1));
        assert_eq!(judged(None, ResponseCode::NoError, address.clone()), Ok(()));
        assert_eq!(judged(Some("192.0.2.1"), ResponseCode::NoError, address.clone()), Ok(()));
        assert!(judged(Some("192.0.2.2"), ResponseCode::NoError, address.clone()).is_err());
        assert!(judged(None, ResponseCode::ServFail, address).is_err());
        let alias = RData::CNAME(rdata::CNAME(Name::from_ascii("192.0.2.1").unwrap()));
        assert!(judged(Some("192.0.2.1"), ResponseCode::NoError, alias).is_err(), "a record of another type");
    }

    #[test]
    fn a_record_may_be_written_in_any_of_its_forms() {
        let address = RData::AAAA(rdata::AAAA("2001:db8::1".parse().unwrap()));
        assert!(holds(&address, "2001:DB8:0:0::1") && !holds(&address, "2001:db8::2"));
        let name = Name::from_ascii("xn--bcher-kva.example.").unwrap();
        let mail = RData::MX(rdata::MX::new(10, name.clone()));
        for wanted in ["10 xn--bcher-kva.example.", "10 b\u{fc}cher.example", "10 XN--BCHER-KVA.EXAMPLE"] {
            assert!(holds(&mail, wanted), "{wanted}");
        }
        let service = RData::SRV(rdata::SRV::new(0, 5, 443, name));
        assert!(
            holds(&service, "0 5 443 xn--bcher-kva.example.") && !holds(&service, "0 5 444 xn--bcher-kva.example.")
        );
    }

    #[test]
    fn a_question_can_be_read_again() {
        let dns = Dns { name: "example.com".into(), kind: DnsType::AAAA, expect: None };
        let message = Message::from_bytes(&question(&dns, 7, Some(PAYLOAD)).unwrap()).unwrap();
        let [query] = message.queries() else { panic!("{message:?}") };
        assert_eq!((message.id(), query.query_type()), (7, RecordType::AAAA));
        assert_eq!(query.name().to_string(), "example.com.");
    }

    /// A server with these text records that writes by UDP what fits, and by TCP all.
    async fn server(texts: Vec<String>, by_tcp: bool, knows_edns: bool) -> ProbeRoute {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = udp.local_addr().unwrap();
        let tcp = if by_tcp { Some(TcpListener::bind(to).await.unwrap()) } else { None };
        let all = texts.clone();
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            loop {
                let (length, from) = udp.recv_from(&mut bytes).await.unwrap();
                udp.send_to(&answer(&bytes[..length], &texts, true, knows_edns), from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            let Some(tcp) = tcp else { return };
            let (mut stream, _) = tcp.accept().await.unwrap();
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            let answer = answer(&question, &all, false, true);
            stream.write_u16(answer.len() as u16).await.unwrap();
            stream.write_all(&answer).await.unwrap();
            // The stream stays open until the check has read the answer and resets it.
            drop(stream.read_u8().await);
        });
        ProbeRoute { to, from: to.ip(), number: None }
    }

    fn answer(question: &[u8], texts: &[String], is_datagram: bool, knows_edns: bool) -> Vec<u8> {
        let asked = Message::from_bytes(question).unwrap();
        let mut answer = Message::new();
        answer.set_id(asked.id()).set_message_type(MessageType::Response).add_query(asked.queries()[0].clone());
        if let (Some(edns), true) = (asked.extensions(), knows_edns) {
            answer.set_edns(edns.clone());
        } else if asked.extensions().is_some() {
            return answer.set_response_code(ResponseCode::FormErr).to_bytes().unwrap();
        }
        for text in texts {
            let data = RData::TXT(rdata::TXT::new(vec![text.clone()]));
            answer.add_answer(Record::from_rdata(asked.queries()[0].name().clone(), 60, data));
        }
        let bytes = answer.to_bytes().unwrap();
        let fits = asked.extensions().as_ref().map_or(512, |edns| usize::from(edns.max_payload()));
        if !is_datagram || bytes.len() <= fits {
            return bytes;
        }
        answer.take_answers();
        answer.set_truncated(true).to_bytes().unwrap()
    }

    async fn asked(route: &ProbeRoute, expect: Option<&str>) -> Result<(), Failure> {
        let dns = Dns { name: "example.com".into(), kind: DnsType::TXT, expect: expect.map(Into::into) };
        ask(&dns, route, Instant::now() + Duration::from_secs(20)).await
    }

    /// This many records of some 250 bytes, the last of which is `last`.
    fn texts(count: usize) -> Vec<String> {
        let mut texts: Vec<_> = (1..count).map(|index| format!("{index:0>240}")).collect();
        texts.push("last".to_owned());
        texts
    }

    #[tokio::test]
    async fn an_answer_of_more_than_512_bytes_comes_by_udp() {
        let route = server(texts(4), false, true).await;
        assert_eq!(asked(&route, Some("last")).await, Ok(()));
        assert_eq!(asked(&route, Some("lost")).await, Err(Failure::Wrong("its answer has no TXT record lost".into())));
    }

    #[tokio::test]
    async fn a_truncated_answer_is_completed_by_tcp() {
        assert_eq!(asked(&server(texts(100), true, true).await, Some("last")).await, Ok(()));
        let wrong = asked(&server(texts(100), true, true).await, Some("lost")).await;
        assert_eq!(wrong, Err(Failure::Wrong("its answer has no TXT record lost".into())));
        let route = server(texts(100), false, true).await;
        let cause = Failure::Wrong("the answer is truncated, and by TCP it is refused".into());
        assert_eq!(asked(&route, Some("last")).await, Err(cause));
        assert_eq!(asked(&route, None).await, Ok(()), "any answer without an error passes");
    }

    #[tokio::test]
    async fn a_server_without_edns_is_asked_without_it() {
        let route = server(texts(2), false, false).await;
        assert_eq!(asked(&route, Some("last")).await, Ok(()));
    }
}
