//! What follows from what checks find.

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, process::ip};

use crate::seen::{HTTP, slots, wait, wait_cause, wait_down, wait_probes, wait_up};

#[test]
#[ignore = "needs root"]
fn all_are_used_while_too_few_are_up() {
    let mut lab = Lab::builder().build().unwrap();
    let check = HTTP.replace("rise: 2", "min_healthy: 50%, rise: 2");
    agent::start(&Configuration::of(&lab).health(&check), &mut lab);
    let vip = format!("{}/32", lab.vip(0).unwrap());
    wait_up(&lab, "web1");
    ip(lab.backend(1).unwrap(), &format!("address del {vip} dev lo"));
    wait_down(&lab, "web1", "vip-missing");
    ip(lab.backend(2).unwrap(), &format!("address del {vip} dev lo"));
    wait_cause(&lab, "web2", "vip-missing");
    wait(&lab, "slots for all", |samples| ["web1", "web2", "web3"].iter().all(|name| slots(samples, name) > 0.0));
    ip(lab.backend(2).unwrap(), &format!("address add {vip} dev lo"));
    wait_up(&lab, "web2");
    wait_down(&lab, "web1", "vip-missing");
}

#[test]
#[ignore = "needs root"]
fn a_check_that_is_taken_away_gives_the_slots_back() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let unchecked = Configuration::of(&lab);
    agent::start(&unchecked, &mut lab);
    ip(lab.backend(1).unwrap(), &format!("address del {}/32 dev lo", lab.vip(0).unwrap()));
    lab.write_config(&unchecked.clone().health(HTTP).to_string()).unwrap();
    wait_down(&lab, "web1", "vip-missing");
    agent::reload(&unchecked, &lab);
    let samples = agent::running(&lab).scrape().unwrap();
    assert_eq!(samples.named("dsr_backend_healthy").count(), 0);
}

#[test]
#[ignore = "needs root"]
fn a_backend_is_watched_while_it_is_well() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_probes(&lab, &["web1", "web2"], 10.0);
    wait_up(&lab, "web1");
    wait_up(&lab, "web2");
    // The kernel never asked for the VIP, and the backends kept quiet about it.
    let neighbours = ip(lab.balancer(), "neigh show dev eth0 nud all");
    assert!(!neighbours.contains(&format!("{} ", lab.vip(0).unwrap())), "{neighbours}");
    assert_eq!(agent::reason(&lab, "pass_arp_claim"), 0);
    // But for a start at which they have not answered ARP yet.
    let log = agent::running(&lab).log();
    let downs: Vec<_> = log.lines().filter(|line| line.contains(" down:") && !line.contains("no-neighbour")).collect();
    assert!(downs.is_empty(), "{downs:#?}");
}

#[test]
#[ignore = "needs root"]
fn the_balancers_own_link_fails_no_check() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web1");
    wait_up(&lab, "web2");
    let set_link = |state: &str| ip(lab.balancer(), &format!("link set eth0 {state}"));
    set_link("down");
    wait(&lab, "probes without a result", |samples| samples.sum("dsr_probe_local_errors_total", &[]) >= 20.0);
    assert_eq!(agent::count(&lab, "dsr_backend_healthy", &[]), 2, "{}", agent::running(&lab).log());
    set_link("up");
    wait(&lab, "slots for both", |samples| ["web1", "web2"].iter().all(|name| slots(samples, name) > 0.0));
    assert_eq!(agent::count(&lab, "dsr_backend_healthy", &[]), 2, "{}", agent::running(&lab).log());
}
