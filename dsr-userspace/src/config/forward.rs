//! The forward mode of a pool: from what is written to the model.

use std::net::IpAddr;

use dsr_common::forward::ForwardMode;

use super::{
    at::At,
    dscp::Codes,
    report::Report,
    schema::{ChoiceOr, Field},
    sections::{ForwardRow, GreRow, GueRow, IpipRow},
    sources::SourcesField,
};
use crate::model::{Backend, Forward, GUE_PORT, GueVariant, OuterSources, ServiceId};

/// A field `forward`: the name of a mode, or a mode with parameters.
pub(super) type ForwardField = ChoiceOr<ForwardMode, ForwardRow>;

/// The forward mode of a pool, before it is known for which VIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PoolForward {
    /// `dscp`: the code is the VIP's.
    Dscp,
    /// A mode that is the same for every VIP.
    Fixed(Forward),
}

impl PoolForward {
    /// The mode with its parameters; nothing where one is bad, which was reported.
    pub(super) fn of(report: &mut Report<'_>, field: Field<ForwardField>) -> Option<Self> {
        let forward = match field.value? {
            ChoiceOr::Choice(mode) => return Some(Self::plain(mode)),
            ChoiceOr::Row(row) => *row,
        };
        let ForwardRow { at, ipip, gre, gue } = forward;
        let count = [ipip.is_written, gre.is_written, gue.is_written].into_iter().filter(|is| *is).count();
        if count > 1 {
            report.error(&at, "names several modes: keep one");
            return None;
        }
        let forward = match (ipip.value, gre.value, gue.value) {
            (Some(IpipRow { source, .. }), ..) => Forward::Ipip(sources(source)?),
            (_, Some(GreRow { key, source, .. }), _) => {
                Forward::Gre { key: key.optional()?.map(|key| key.0), sources: sources(source)? }
            }
            (.., Some(GueRow { port, variant, source, .. })) => {
                Forward::Gue { port: port.value?.0, variant: variant.value?, sources: sources(source)? }
            }
            // That it is bad was reported.
            _ => return None,
        };
        Some(Self::Fixed(forward))
    }

    /// A mode with the defaults of its parameters.
    fn plain(mode: ForwardMode) -> Self {
        let sources = OuterSources::default();
        Self::Fixed(match mode {
            ForwardMode::Dscp => return Self::Dscp,
            ForwardMode::L2 => Forward::L2,
            ForwardMode::Ipip => Forward::Ipip(sources),
            ForwardMode::Gre => Forward::Gre { key: None, sources },
            ForwardMode::Gue => Forward::Gue { port: GUE_PORT, variant: GueVariant::default(), sources },
        })
    }

    /// Warns of outer sources that are of no use to these backends.
    pub(super) fn check_sources(self, report: &mut Report<'_>, at: &At, backends: &[Backend]) {
        let Self::Fixed(Forward::Ipip(sources) | Forward::Gre { sources, .. } | Forward::Gue { sources, .. }) = self
        else {
            return;
        };
        let OuterSources { ipv4, ipv6 } = sources;
        let both = [ipv4.map(|(address, _)| IpAddr::from(address)), ipv6.map(|(address, _)| address.into())];
        for source in both.into_iter().flatten() {
            if backends.iter().any(|backend| backend.address.is_ipv4() == source.is_ipv4()) {
                continue;
            }
            let (family, other) = if source.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
            let remedy = if ipv4.is_some() && ipv6.is_some() {
                "remove it".to_owned()
            } else {
                format!("write an {other} source, or remove it: the route to the backend then gives one")
            };
            report.warn(at, format!("its source {source} has no effect, no backend of the pool is {family}: {remedy}"));
        }
    }

    /// The mode for a service of these backends; nothing where it has no code, which was reported.
    pub(super) fn for_service(
        self,
        report: &mut Report<'_>,
        at: &At,
        (id, backends): (ServiceId, &[Backend]),
        codes: &Codes,
    ) -> Option<Forward> {
        let forward = match self {
            Self::Fixed(forward) => return Some(forward),
            Self::Dscp => Forward::Dscp(codes.of(id.vip)?),
        };
        let other = backends.iter().find(|backend| backend.address.is_ipv4() != id.vip.is_ipv4());
        if let Some(Backend { name, address, .. }) = other {
            let vip = id.vip;
            let message = format!(
                "its `forward: dscp` writes the backend's address in place of the VIP, and {vip} is not of the family of \
                 {name}, {address}: name a pool of backends of the VIP's family, or one with ipip, gre or gue"
            );
            report.error(at, message);
            return None;
        }
        Some(forward)
    }
}

/// The outer sources that are written; nothing where one is bad.
fn sources(field: Field<SourcesField>) -> Option<OuterSources> {
    field.optional().map(|sources| sources.map_or_else(OuterSources::default, |sources| sources.0))
}
