//! What the API asks for, done.

use dsr_common::{
    address::{Address, Family},
    trace::TraceFilter,
};

use super::{
    Agent,
    listeners::command::{Command, Reply, reply},
    reload::Why,
    snapshot::check_vip,
};
use crate::{
    api::{
        Failure, Kind,
        view::{OverrideAnswer, OverrideRequest, TraceRequest},
    },
    reconcile,
};

impl Agent {
    /// Does what is asked; gives what sends the answer, for when the state that it speaks of is published. Nothing for a
    /// reload, which is only begun.
    pub(super) fn follow(&mut self, command: Command) -> Option<Reply> {
        match command {
            Command::Reload(answer) => {
                self.load(Why::Asked, Some(answer));
                None
            }
            Command::Override(request, answer) => Some(reply(answer, self.apply_override(&request))),
            Command::StartTrace(request, answer) => Some(reply(answer, self.start_trace(&request))),
            Command::Traced(answer) => Some(reply(answer, self.program.traced())),
            Command::StopTrace(answer) => {
                self.stop_trace();
                Some(reply(answer, ()))
            }
        }
    }

    fn apply_override(&mut self, request: &OverrideRequest) -> Result<OverrideAnswer, Failure> {
        let answer = self.state.apply_override(request)?;
        self.reconcile().map_err(Failure::failed)?;
        Ok(answer)
    }

    /// Starts a trace, if none runs.
    fn start_trace(&mut self, request: &TraceRequest) -> Result<(), Failure> {
        if self.program.trace.is_some() {
            return Err(Failure::new(Kind::Busy, "another trace runs", "wait until it ends, or stop it"));
        }
        check_vip(&self.state.config, request.vip)?;
        let started = self.program.start_trace(filter(request)).map_err(|error| Failure::failed(&error));
        match started {
            Ok(()) => tracing::info!(vip = %request.vip, seconds = request.seconds, "a trace runs"),
            Err(_) => self.stop_trace(),
        }
        started
    }

    fn stop_trace(&mut self) {
        match self.program.stop_trace() {
            Ok(()) => tracing::info!("the trace is over"),
            Err(error) => {
                tracing::error!(%error, "the trace could not be stopped: reattaching the program");
                // Interfaces that lost the program are given it again.
                if let Err(error) = self.reconcile() {
                    tracing::error!(%error, "the program could not be reattached; retrying with the next change");
                }
            }
        }
    }
}

/// The request in the words of the program.
fn filter(request: &TraceRequest) -> TraceFilter {
    TraceFilter {
        client: request.client.map_or_else(Address::default, reconcile::address),
        vip: reconcile::address(request.vip),
        client_port: request.client_port.unwrap_or(0).to_be(),
        service_port: request.port.unwrap_or(0).to_be(),
        family: if request.vip.is_ipv4() { Family::V4 } else { Family::V6 } as u8,
        any_client: u8::from(request.client.is_none()),
        pad: 0,
    }
}
