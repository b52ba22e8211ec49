//! nginx and curl: who answers, and that what the balancer counts is what the client sent.

use std::collections::BTreeMap;

use dsr_lab::{Lab, Samples};
use dsr_tests::lab::{
    Configuration, agent,
    counters::Sent,
    curl::{Answers, request_many},
    eventually, nginx,
    share::is_fair,
};

#[test]
#[ignore = "needs root"]
fn three_backends_share_what_curl_asks_for() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    let _nginx = nginx::start_all(&lab);
    agent::start(&Configuration::of(&lab), &mut lab);
    let mut replies = lab.watch_replies().unwrap();
    let before = Sent::read(lab.client());

    let answers = request_many(&lab, REQUESTS);
    assert_all_answered(&answers);
    for name in ["web1", "web2", "web3"] {
        assert!(is_fair(answers.bodies[name], REQUESTS.into(), 1.0 / 3.0), "{answers:?}");
    }

    let (sent, counted) = settled(&lab, before);
    assert_eq!(counted.packets, sent.packets, "{sent:?}");
    assert_eq!(counted.bytes, sent.bytes + sent.packets * ETHERNET_HEADER, "{sent:?}");
    assert_eq!(counted.new_flows.values().sum::<u64>(), u64::from(REQUESTS) + sent.repeated_syns);
    for (name, answered) in &answers.bodies {
        let flows = counted.new_flows[name];
        assert!((*answered..=answered + sent.repeated_syns).contains(&flows), "{name}: {counted:?} {answers:?}");
    }
    assert_eq!(replies.seen().unwrap(), 0, "the client got {} answers, none may come this way", answers.good);
}

#[test]
#[ignore = "needs root"]
fn weights_are_shares_and_zero_is_none() {
    let mut lab = Lab::builder().without_http().build().unwrap();
    let _nginx = nginx::start_all(&lab);
    agent::start(&Configuration::of(&lab).weight("web2", 50).weight("web3", 0), &mut lab);

    let answers = request_many(&lab, REQUESTS);
    assert_all_answered(&answers);
    assert!(is_fair(answers.bodies["web1"], REQUESTS.into(), 2.0 / 3.0), "{answers:?}");
    assert!(is_fair(answers.bodies["web2"], REQUESTS.into(), 1.0 / 3.0), "{answers:?}");
    assert_eq!(answers.bodies.get("web3"), None);
    let counted = Counted::from(&agent::running(&lab).scrape().unwrap());
    assert_eq!(counted.new_flows["web3"], 0);
}

fn assert_all_answered(answers: &Answers) {
    assert_eq!(answers.good, u64::from(REQUESTS), "{answers:?}");
    assert_eq!(answers.bodies.values().sum::<u64>(), u64::from(REQUESTS), "{answers:?}");
}

/// What the balancer says that it sent on.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    packets: u64,
    bytes: u64,
    new_flows: BTreeMap<String, u64>,
}

impl From<&Samples> for Counted {
    fn from(samples: &Samples) -> Self {
        let flows = samples.named("dsr_member_new_flows_total");
        Self {
            packets: samples.sum("dsr_member_packets_total", &[]) as u64,
            bytes: samples.sum("dsr_member_bytes_total", &[]) as u64,
            new_flows: flows.map(|sample| (sample.label("backend").to_owned(), sample.value as u64)).collect(),
        }
    }
}

/// What the client sent and what the balancer counted of it, once the last connections are closed: when two looks
/// around a scrape agree, and the counts with them or with the look before.
fn settled(lab: &Lab, before: Sent) -> (Sent, Counted) {
    let mut last = None;
    eventually("end of the traffic", || {
        let sent = Sent::read(lab.client()) - before;
        let counted = Counted::from(&agent::running(lab).scrape().unwrap());
        let now = (sent, counted);
        let same = last.as_ref() == Some(&now);
        last = Some(now);
        same.then_some(())
    });
    last.unwrap()
}

const REQUESTS: u32 = 3000;
const ETHERNET_HEADER: u64 = 14;
