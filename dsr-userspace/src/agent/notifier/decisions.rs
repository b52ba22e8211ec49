//! Tells the operator which services use other backends than usual, because too few are up.

use crate::{
    agent::state::{State, Turn},
    model::Service,
};

/// Logs what was decided otherwise than before.
pub(in crate::agent) fn tell_turns(turns: &[Turn], state: &State) {
    for Turn { place, before, now } in turns {
        let service = &state.config.desired.services[*place];
        tell_all_used(service, [before[0], now[0]]);
        tell_fallback(service, [before[1], now[1]]);
    }
}

fn tell_all_used(service: &Service, is: [bool; 2]) {
    let Service { name, pool, .. } = service;
    match is {
        [false, true] => tracing::warn!(
            service = name,
            pool,
            "fewer backends are up than `min_healthy`: all are used, including those that are down"
        ),
        [true, false] => tracing::info!(service = name, pool, "enough backends are up again"),
        _ => {}
    }
}

fn tell_fallback(service: &Service, is: [bool; 2]) {
    let Service { name, pool, fallback, .. } = service;
    let fallback = fallback.as_ref().map_or("", |fallback| fallback.pool.as_str());
    match is {
        [false, true] => tracing::warn!(
            service = name,
            pool,
            fallback,
            "too few backends are up: new connections go to the fallback"
        ),
        [true, false] => {
            tracing::info!(service = name, pool, "enough backends are up again: the fallback gets no new connections");
        }
        _ => {}
    }
}
