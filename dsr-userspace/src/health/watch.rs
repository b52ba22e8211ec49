//! Checks one backend of one service, again and again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use dsr_sys::socket::source_towards;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    check::{self, Failure, Names},
    diagnose::{Finding, diagnose, loses_full_size},
    evidence::Reached,
    monitor::{Record, Shared, Target},
    random,
    rise_fall::{HealthTransition, Result as Outcome},
    socket::ProbeRoute,
};
use crate::{
    model::{Cause, NoHop},
    tasks::End,
};

/// Never ends by itself.
pub(super) async fn watch(target: Target, shared: Arc<Shared>) -> End {
    // Backends that came together are not asked together.
    sleep(target.check.interval.mul_f64(share())).await;
    loop {
        let began = Instant::now();
        match find(&target, &shared).await {
            Ok((found, took)) => record(&target, &shared, found, took),
            Err(failure) => pass_over(&target, &shared, &failure),
        }
        sleep_until(began + jittered(target.check.interval)).await;
    }
}

/// One probe, how long it took, and what is wrong if it failed. An error where this host did not send it to the backend,
/// so that nothing is known.
async fn find(target: &Target, shared: &Shared) -> Result<(Found, Duration), Failure> {
    let path = shared.steering.path()?;
    let began = Instant::now();
    let result = probe(target, shared).await;
    let took = began.elapsed();
    let found = match result {
        Ok(()) => match doubt(target, shared).await? {
            Some(finding) => Found::Doubt(finding),
            None => Found::Nothing,
        },
        Err(failure) => Found::Failure(look_into(target, shared, failure).await?),
    };
    let is_up = shared.update(&target.id, |record| record.rise_fall.is_up()) == Some(true);
    if !is_up || matches!(found, Found::Failure(_)) {
        shared.steering.confirm(path, target.id.0.vip).await?;
    }
    Ok((found, took))
}

/// One probe through the VIP; none is sent where the network does not lead to the backend.
async fn probe(target: &Target, shared: &Shared) -> Result<(), Failure> {
    let (service, _) = target.id;
    match shared.reached(target) {
        (_, Some(why)) if is_of_the_network(&why) => return Err(Failure::Local(why.to_string())),
        (_, Some(why)) => return Err(Failure::Unsent(why.to_string())),
        (_, None) => {}
    }
    let route = route(target).map_err(no_source)?;
    debug_assert_eq!(route.to.ip(), service.vip);
    check::run(&target.check, &route, &names(target)).await
}

/// Whether the balancer's own link, its routes or a router in front of the backend is the reason, which says nothing of the
/// backend: it has lost its slots already, and has them back with the link or the router.
const fn is_of_the_network(why: &NoHop) -> bool {
    match why {
        NoHop::NoRoute
        | NoHop::Refused(_)
        | NoHop::Encap
        | NoHop::InterfaceDown(_)
        | NoHop::NoPort(_)
        | NoHop::NoSource(_)
        | NoHop::SilentGateway(_) => true,
        NoHop::Gateway(_) | NoHop::OtherInterface(_) | NoHop::Local | NoHop::NoNeighbour(_) | NoHop::OutsideVlan(_) => {
            false
        }
    }
}

/// To the VIP, from the address that this node has towards the backend, or else towards the VIP.
fn route(target: &Target) -> io::Result<ProbeRoute> {
    let (service, backend) = target.id;
    let towards = if backend.is_ipv4() == service.vip.is_ipv4() { backend } else { service.vip };
    let to = SocketAddr::new(service.vip, target.check.port.get());
    Ok(ProbeRoute { to, from: source_towards(towards)?, number: Some(target.number) })
}

/// That no route leads there is said of the network; all else is of this host.
fn no_source(error: io::Error) -> Failure {
    match Failure::from(error) {
        local @ Failure::Local(_) => local,
        other => Failure::Unsent(format!("no address to send from: {other}")),
    }
}

fn names(target: &Target) -> Names<'_> {
    Names { service: &target.service, backend: &target.backend, address: target.id.1 }
}

/// What is wrong, where that decides something: not before the backend is down by it. An error where this host could not
/// ask, so that nothing is known.
async fn look_into(target: &Target, shared: &Shared, failure: Failure) -> Result<Option<Finding>, Failure> {
    if matches!(failure, Failure::Local(_)) {
        return Err(failure);
    }
    let check = &target.check;
    let decides = shared.update(&target.id, |record| record.rise_fall.is_down_with_one_more(check.fall));
    if decides != Some(true) {
        tracing::debug!(backend = target.backend, %failure, "a probe failed");
        return Ok(None);
    }
    let detail = failure.to_string();
    let cause = match (shared.reached(target).0, route(target)) {
        (Reached::Never, _) => Cause::NoNeighbour,
        (Reached::NoLonger, _) => Cause::HostDown,
        (Reached::Yes, Err(error)) => match no_source(error) {
            local @ Failure::Local(_) => return Err(local),
            _ => Cause::ReplyLost,
        },
        (Reached::Yes, Ok(route)) => {
            let _turn = shared.diagnosing.acquire().await;
            return diagnose(check, &route, &names(target), shared.path(target), failure).await.map(Some);
        }
    };
    Ok(Some(Finding { cause, detail }))
}

/// What is wrong with a backend that passes its check: packets of full size do not reach it. It keeps its slots, because
/// small requests are served.
async fn doubt(target: &Target, shared: &Shared) -> Result<Option<Finding>, Failure> {
    let Some(path) = shared.path(target) else { return Ok(None) };
    let now = Instant::now();
    let known = shared.update(&target.id, |record| {
        let is_due = record.full_sized.is_none_or(|tried| now - tried >= FULL_SIZE_EVERY);
        record.full_sized = if is_due { Some(now) } else { record.full_sized };
        (is_due, record.finding.clone().filter(|finding| finding.cause == Cause::Mtu))
    });
    let Some((is_due, before)) = known else { return Ok(None) };
    if !is_due {
        return Ok(before);
    }
    let _turn = shared.diagnosing.acquire().await;
    let route = route(target).map_err(no_source)?;
    let detail = format!(
        "it answers small echo requests at the VIP, and none of {} bytes: a link on the path has a smaller \
                          MTU, or its ICMP errors are lost",
        path.largest
    );
    let loses = loses_full_size(&target.check, &route, path).await?;
    Ok(loses.then_some(Finding { cause: Cause::Mtu, detail }))
}

/// What is wrong with a backend.
enum Found {
    Nothing,
    /// Something, but it passes its check.
    Doubt(Finding),
    /// Something, and what it is where that was looked into.
    Failure(Option<Finding>),
}

/// A probe that was not made changes nothing that is known of the backend.
fn pass_over(target: &Target, shared: &Shared, failure: &Failure) {
    let why = failure.to_string();
    let is_new = shared.fail_locally(&target.id, &why);
    if is_new {
        let Target { service, pool, backend, id, .. } = target;
        let address = id.1;
        tracing::warn!(service, pool, backend, %address, "a probe could not run, the backend's state is kept: {why}");
    }
}

fn record(target: &Target, shared: &Shared, found: Found, took: Duration) {
    let check = &target.check;
    let (outcome, finding) = match found {
        Found::Nothing => (Outcome::Passed, None),
        Found::Doubt(finding) => (Outcome::Passed, Some(finding)),
        Found::Failure(finding) => (Outcome::Failed, finding),
    };
    let transition = shared.update(&target.id, |record: &mut Record| {
        record.took.record(took);
        record.unchecked = None;
        let before = record.finding.as_ref().map(|finding| finding.cause);
        if finding.is_some() || (outcome == Outcome::Passed && record.rise_fall.is_up()) {
            record.finding.clone_from(&finding);
        }
        let transition = record.rise_fall.record(outcome, check.rise, check.fall);
        if transition == Some(HealthTransition::Up) {
            record.finding.clone_from(&finding);
        }
        (transition, before, record.rise_fall.is_up())
    });
    match (transition, finding) {
        (Some((Some(HealthTransition::Up), ..)), _) => tell_up(target),
        (Some((Some(HealthTransition::Down), ..)), Some(finding)) => tell_down(target, &finding),
        (Some((None, before, true)), Some(finding)) if outcome == Outcome::Passed && before != Some(finding.cause) => {
            tell_doubt(target, &finding);
        }
        (Some((None, before, false)), Some(finding)) if before != Some(finding.cause) => tell_cause(target, &finding),
        _ => {}
    }
}

fn tell_up(Target { service, pool, backend, id, .. }: &Target) {
    tracing::info!(service, pool, backend, address = %id.1, "the backend passes its check: it is up");
}

fn tell_down(Target { service, pool, backend, id, .. }: &Target, finding: &Finding) {
    let Finding { cause, detail } = finding;
    tracing::warn!(service, pool, backend, address = %id.1, %cause, "the backend is down: {detail}");
}

fn tell_doubt(Target { service, pool, backend, id, .. }: &Target, finding: &Finding) {
    let Finding { cause, detail } = finding;
    tracing::warn!(service, pool, backend, address = %id.1, %cause, "the backend passes its check, but {detail}");
}

fn tell_cause(Target { service, pool, backend, id, .. }: &Target, finding: &Finding) {
    let Finding { cause, detail } = finding;
    tracing::warn!(service, pool, backend, address = %id.1, %cause, "the backend is still down: {detail}");
}

/// The interval, a little longer or shorter.
pub(super) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * share())
}

/// Between zero and one.
pub(super) fn share() -> f64 {
    (random() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Between two trials of packets of full size to one backend.
const FULL_SIZE_EVERY: Duration = Duration::from_secs(30);

/// The share of the interval that chance adds or takes off.
const JITTER: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_differ_a_little() {
        let second = Duration::from_secs(1);
        let times: std::collections::BTreeSet<_> = (0..100).map(|_| jittered(second)).collect();
        assert!(times.len() > 90, "{times:?}");
        assert!(times.iter().all(|time| (900..=1100).contains(&time.as_millis())), "{times:?}");
    }
}
