//! What `dsr check` says of a good configuration where an agent runs: what putting it into force would change.

use std::{fmt, path::Path};

use anyhow::Context as _;

use super::table::Table;
use crate::{
    api::{
        Client, ClientError,
        view::{ChangeKind, ForwardView, IncludedFile, Preview, PreviewRequest, ServiceChange},
    },
    config::Config,
};

/// What came of asking.
#[derive(Debug)]
pub(super) enum Asked {
    /// An agent answered.
    Preview(Box<Preview>),
    /// None runs, or it may not be asked: why.
    NoAgent(String),
}

/// Asks the agent at a socket what a configuration would change. `text` is its text where no file has that.
pub(super) async fn ask(socket: &Path, config: &Config, text: Option<String>) -> anyhow::Result<Asked> {
    let file = config.file.display().to_string();
    let text = text.map_or_else(|| read(&config.file), Ok)?;
    let included = config.included.iter();
    let included = included.map(|path| Ok(IncludedFile { file: path.display().to_string(), text: read(path)? }));
    let included = included.collect::<anyhow::Result<_>>()?;
    let request = PreviewRequest { text, file, included, hash_seed: config.desired.hash_seed };
    match Client::new(socket).post("/v1/check", &request).await {
        Ok(preview) => Ok(Asked::Preview(Box::new(preview))),
        Err(ClientError::NoAgent { path, .. }) => Ok(Asked::NoAgent(format!(
            "no agent answers at {}: cannot compare with the running configuration",
            path.display()
        ))),
        Err(error @ ClientError::Forbidden(_)) => Ok(Asked::NoAgent(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    crate::config::text_of(path).with_context(|| format!("cannot read {} again", path.display()))
}

/// As text.
pub(super) struct Shown<'a>(pub(super) &'a Preview);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(preview) = self;
        writeln!(f, "compared with the running agent's {}:", preview.in_force)?;
        let head = [
            "SERVICE",
            "ADDRESS",
            "CHANGE",
            "FORWARD",
            "SLOTS",
            "MOVED",
            "LOST",
            "KNOWN FLOWS",
            "OF THEM LOST",
            "MEMORY",
        ];
        let mut table = Table::new(&head, &[4, 5, 6, 7, 8, 9]);
        preview.services.iter().for_each(|service| table.row(row(service)));
        write!(f, "{table}")?;
        for (service, forward) in preview.services.iter().filter_map(new_tunnel) {
            writeln!(f, "{}: {forward}", service.name)?;
        }
        for why in &preview.loads_anew {
            writeln!(f, "the program is reloaded without interruption: {why}")?;
        }
        let memory = from_to(&preview.bytes_before, &preview.bytes_after, |bytes| kib(*bytes));
        write!(f, "memory of the tables: {memory}")
    }
}

/// A service whose packets would be sent through tunnels, and not through the same as now.
fn new_tunnel(service: &ServiceChange) -> Option<(&ServiceChange, &ForwardView)> {
    let forward = service.forward_after.as_ref().filter(|forward| !forward.tunnels.is_empty())?;
    (service.forward_before.as_ref() != Some(forward)).then_some((service, forward))
}

/// The forward mode now and then.
fn forward(service: &ServiceChange) -> String {
    let shown = |forward: &Option<ForwardView>| forward.as_ref().map(ForwardView::short);
    match (shown(&service.forward_before), shown(&service.forward_after)) {
        (Some(before), Some(after)) => from_to(&before, &after, Clone::clone),
        (before, after) => before.or(after).unwrap_or_default(),
    }
}

fn row(service: &ServiceChange) -> [String; 10] {
    let kind = match service.kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Same => "none",
    };
    [
        service.name.clone(),
        service.address.clone(),
        kind.to_owned(),
        forward(service),
        from_to(&service.slots_before, &service.slots_after, ToString::to_string),
        percent(service.moved),
        percent(service.lost),
        service.flows.to_string(),
        service.flows_lost.to_string(),
        from_to(&service.bytes_before, &service.bytes_after, |bytes| kib(*bytes)),
    ]
}

fn from_to<T: PartialEq>(before: &T, after: &T, shown: impl Fn(&T) -> String) -> String {
    if before == after { shown(after) } else { format!("{} > {}", shown(before), shown(after)) }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
