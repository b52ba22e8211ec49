//! DNS by UDP (RFC 1035).

use hickory_proto::{
    op::{Message, MessageType, Query, ResponseCode},
    rr::{Name, RData, RecordType},
    serialize::binary::{BinDecodable as _, BinEncodable as _},
};

use super::{Failure, ProbeRoute, text_record};
use crate::{
    health::random,
    model::{Dns, DnsType},
};

/// Asks for the record.
pub(super) async fn ask(dns: &Dns, route: &ProbeRoute) -> Result<(), Failure> {
    let id = random() as u16;
    let question = question(dns, id)?;
    let socket = route.datagrams()?;
    socket.send(&question).await?;
    let mut answer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut answer).await?;
        // What is not the answer to this question may be an old one's.
        if let Ok(message) = Message::from_bytes(&answer[..length])
            && message.id() == id
            && message.message_type() == MessageType::Response
        {
            return judge(dns, &message);
        }
    }
}

fn question(dns: &Dns, id: u16) -> Result<Vec<u8>, Failure> {
    let unfit = |error: hickory_proto::ProtoError| Failure::Local(error.to_string());
    let mut name = Name::from_ascii(&dns.name).map_err(unfit)?;
    name.set_fqdn(true);
    let mut message = Message::new();
    message.set_id(id).set_recursion_desired(true).add_query(Query::query(name, record_type(dns.kind)));
    message.to_bytes().map_err(unfit)
}

fn judge(dns: &Dns, answer: &Message) -> Result<(), Failure> {
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

/// Bytes of the longest answer; longer ones come cut and are judged by what is there.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{RData, Record, rdata};

    use super::*;

    fn judged(expect: Option<&str>, code: ResponseCode, data: RData) -> Result<(), Failure> {
        let dns = Dns { name: "www.example.com".into(), kind: DnsType::A, expect: expect.map(Into::into) };
        let mut answer = Message::new();
        answer.set_response_code(code);
        answer.add_answer(Record::from_rdata(Name::from_ascii("www.example.com.").unwrap(), 60, data));
        judge(&dns, &answer)
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
        let message = Message::from_bytes(&question(&dns, 7).unwrap()).unwrap();
        let [query] = message.queries() else { panic!("{message:?}") };
        assert_eq!((message.id(), query.query_type()), (7, RecordType::AAAA));
        assert_eq!(query.name().to_string(), "example.com.");
    }
}
