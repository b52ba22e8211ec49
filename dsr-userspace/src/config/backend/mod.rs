//! The configuration file of a backend (`dsr backend run`): from YAML to its program's settings, or to everything that
//! is wrong at once.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    hash::Hash,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) mod rows;
mod scalar;

use self::{
    rows::{AcceptField, AcceptRow, BackendFile},
    scalar::{Balancer, TunnelName},
};
use super::{
    at::At,
    error::Errors,
    parse::{text_of, unread},
    report::Report,
    schema::{self, ChoiceOr, List, Read},
    yaml,
};
use crate::model::{DscpCode, GUE_PORT, Gre, Tunnels};

/// What a backend is configured to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendConfig {
    /// The file.
    pub file: PathBuf,
    /// The interfaces that balancers' packets arrive on: at least one, each once.
    pub interfaces: Vec<String>,
    /// Which traffic is taken.
    pub tunnels: Tunnels,
    /// Whether the VIPs are put on the loopback and kept silent.
    pub hold_vips: bool,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
}

/// Reads and parses a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_backend(path: &Path) -> Result<BackendConfig, Errors> {
    parse_backend(&text_of(path)?, path)
}

/// Parses a text; `path` is only named in problems.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_backend(text: &str, path: &Path) -> Result<BackendConfig, Errors> {
    let files: [Arc<Path>; 1] = [path.into()];
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = yaml::read(text, 0).map_err(|finding| finding.problem(&files))?;
    let mut report = Report::new(&files, &document.findings);
    let config = schema::file(&mut report, &document.node).map(|file| config(&mut report, file, path));
    match (Errors::some(report.errors), config) {
        (Some(errors), _) => Err(errors),
        (None, Some(config)) => Ok(config),
        (None, None) => Err(unread(path)),
    }
}

fn config(report: &mut Report<'_>, file: BackendFile, path: &Path) -> BackendConfig {
    let BackendFile { interfaces, balancers, vips, accept, dscp, hold_vips, metrics, .. } = file;
    if !accept.is_written && !dscp.is_written {
        let write = <List<AcceptField, 1> as Read>::write();
        report.error(&accept.at, format!("is missing: write {write}, or `dscp:` with the code of each VIP"));
    }
    if !balancers.is_written && (accept.is_written || !dscp.is_written) {
        report.error(&balancers.at, format!("is missing: write {}", <List<Balancer, 1> as Read>::write()));
    }
    let interfaces = each(report, interfaces.value, |name| name.0);
    let balancers = each(report, balancers.value, |balancer| balancer.0);
    let vips = each(report, vips.value, |vip| vip.0);
    let mut tunnels = accept.value.map_or_else(Tunnels::default, |list| accepted(report, list));
    tunnels.dscp = dscp.value.map_or_else(BTreeMap::new, |codes| codes_of(report, codes.0, &vips));
    BackendConfig {
        file: path.to_owned(),
        interfaces,
        tunnels: Tunnels { balancers, vips, ..tunnels },
        hold_vips: hold_vips.value.unwrap_or_default(),
        metrics: metrics.value,
    }
}

/// The values of a list, each once.
fn each<T, V: Clone + Eq + Hash + Display>(
    report: &mut Report<'_>,
    list: Option<List<T, 1>>,
    value: impl Fn(T) -> V,
) -> Vec<V> {
    schema::distinct(report, list, value).into_iter().map(|(_, value)| value).collect()
}

/// The codes of the VIPs that this backend has.
fn codes_of(
    report: &mut Report<'_>,
    codes: Vec<(At, IpAddr, DscpCode)>,
    vips: &[IpAddr],
) -> BTreeMap<IpAddr, DscpCode> {
    for (at, vip, _) in codes.iter().filter(|(_, vip, _)| !vips.contains(vip)) {
        report.error(at, format!("{vip} is not in `vips`: add it there"));
    }
    codes.into_iter().map(|(_, vip, code)| (vip, code)).collect()
}

/// A tunnel with its parameters.
enum Tunnel {
    Ipip,
    Gre(Gre),
    Gue(NonZeroU16),
}

/// The tunnels of a list, each once.
fn accepted(report: &mut Report<'_>, list: List<AcceptField, 1>) -> Tunnels {
    let (mut tunnels, mut seen) = (Tunnels::default(), HashMap::new());
    for (at, field) in list.values {
        let Some(tunnel) = field.and_then(|field| tunnel(report, &at, field)) else { continue };
        let name = match tunnel {
            Tunnel::Ipip => "ipip",
            Tunnel::Gre(_) => "gre",
            Tunnel::Gue(_) => "gue",
        };
        if let Some(first) = seen.insert(name, at.place) {
            let line = report.line(first);
            report.error(&at, format!("{name} is written twice, also at line {line}: keep one of them"));
        }
        match tunnel {
            Tunnel::Ipip => tunnels.ipip = true,
            Tunnel::Gre(gre) => tunnels.gre = Some(gre),
            Tunnel::Gue(port) => tunnels.gue = Some(port),
        }
    }
    tunnels
}

/// An entry of the list; nothing where it is bad.
fn tunnel(report: &mut Report<'_>, at: &At, field: AcceptField) -> Option<Tunnel> {
    let AcceptRow { gre, gue, .. } = match field {
        ChoiceOr::Choice(TunnelName::Ipip) => return Some(Tunnel::Ipip),
        ChoiceOr::Choice(TunnelName::Gre) => return Some(Tunnel::Gre(Gre::default())),
        ChoiceOr::Choice(TunnelName::Gue) => return Some(Tunnel::Gue(GUE_PORT)),
        ChoiceOr::Row(row) => *row,
    };
    if gre.is_written && gue.is_written {
        report.error(at, "names several tunnels: write each as an entry of its own");
        return None;
    }
    match (gre.value, gue.value) {
        (Some(gre), _) => Some(Tunnel::Gre(Gre { key: gre.key.optional()?.map(|key| key.0) })),
        (_, Some(gue)) => Some(Tunnel::Gue(gue.port.value?.0)),
        // That it is bad was reported.
        _ => None,
    }
}
