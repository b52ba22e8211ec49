//! The file as a whole: text in, configuration or all errors out.

use std::{
    collections::HashMap,
    hash::Hasher as _,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dsr_common::limits::INTERFACES_MAX;

use super::{
    Config, FileWatch, FlowTable, SeedSource, XdpMode, arp_watch,
    compose::compose,
    error::{Errors, Located, NOT_UTF8, Place, Problem},
    field::Field,
    file::{File, FlowTableRow},
    host::{self, HostFacts},
    include::{self, Included},
    matches::Budget,
    path::FieldPath,
    pools::{self, Pools},
    read,
    report::{Optional, Report},
    scalar::{ApiSocket, FlowCount, InterfaceName, Seed},
    seed,
    services::{self, Services},
    source::{Source, SourceFile},
};
use crate::model::Desired;

/// Parses a configuration that includes no files. Pure: `path` is only named in problems. Every error is found at once.
///
/// A seed that is not written stays zero ([`SeedSource::Absent`]); [`load`] fills it in.
pub fn parse(text: &str, path: &Path) -> Result<Config, Errors> {
    let nothing =
        |_: &str, _, _: &FieldPath| Err("only a text is given, no files can be included: join them".to_owned());
    Draft::read(text, path, &mut { nothing })?.finish()
}

/// As [`parse`], with the files that the text includes, in their order.
pub fn parse_with(text: &str, path: &Path, mut included: Vec<Source>) -> Result<Config, Errors> {
    Draft::read(text, path, &mut |_, _, _| Ok(std::mem::take(&mut included)))?.finish()
}

/// Reads and parses the file at `path`. A seed that is not written is derived from this machine's id.
pub fn load(path: &Path) -> Result<Config, Errors> {
    Draft::load(&text_of(path)?, path, &mut on_disk(path))?.finish()
}

/// As [`load`], with the errors of [`super::check_host`] in the same list, and off the calling task: a file system that
/// does not answer is an error after a bounded time.
pub async fn load_on_host(path: &Path, host: &HostFacts) -> Result<Config, Errors> {
    load_within(read::PATIENCE, path, None, host, on_disk(path)).await
}

/// As [`load_on_host`], of a text that was read. `path` names it in messages, and what it includes is relative to the
/// directory of that.
pub async fn load_text_on_host(text: String, path: &Path, host: &HostFacts) -> Result<Config, Errors> {
    load_within(read::PATIENCE, path, Some(text), host, on_disk(path)).await
}

/// Gives included files as they are on disk.
fn on_disk(path: &Path) -> impl FnMut(&str, Place, &FieldPath) -> Result<Vec<Source>, String> + Send + 'static {
    let (path, mut budget) = (path.to_owned(), Budget::default());
    move |pattern, _, _| include::on_disk(&path, pattern, &mut budget)
}

async fn load_within(
    patience: Duration,
    path: &Path,
    text: Option<String>,
    host: &HostFacts,
    mut find: impl FnMut(&str, Place, &FieldPath) -> Result<Vec<Source>, String> + Send + 'static,
) -> Result<Config, Errors> {
    let (file, host) = (path.to_owned(), host.clone());
    // Where it is at, so that what hangs is named.
    let reached = Arc::new(Mutex::new((Place::FILE, FieldPath::root())));
    let reach = Arc::clone(&reached);
    let loaded = read::within(patience, move || {
        let text = text.map_or_else(|| text_of(&file), Ok)?;
        let mut draft = Draft::load(&text, &file, &mut |pattern, place, field| {
            *reach.lock().unwrap_or_else(PoisonError::into_inner) = (place, field.clone());
            find(pattern, place, field)
        })?;
        draft.errors.extend(host::problems(&draft.config, &host).into_iter().map(Problem::of_host));
        draft.config.warnings.extend(host::warnings(&draft.config, &host));
        draft.finish()
    });
    loaded.await.unwrap_or_else(|error| {
        let (place, field) = reached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(Problem::new(path, place, field, format!("cannot be read, {error}")).into())
    })
}

/// The text of a file, as it is loaded.
pub fn text_of(path: &Path) -> Result<String, Errors> {
    text(read::read(path), path)
}

/// The text that a reader gives, such as standard input. `path` names it in messages.
pub fn text_from(reader: impl io::Read, path: &Path) -> Result<String, Errors> {
    text(read::bounded(reader), path)
}

fn text(bytes: Result<Vec<u8>, read::ReadError>, path: &Path) -> Result<String, Errors> {
    let bytes = bytes.map_err(|message| Errors::of_file(path, message.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        not_text(path, error.as_bytes(), valid)
    })
}

/// The hash of a configuration: of its file's bytes, and of those that are included, in their order.
pub(super) fn hash_of<'a>(bytes: &[u8], included: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let hash = included.into_iter().fold(fnv1a(bytes), |hash, bytes| (hash ^ fnv1a(bytes)).wrapping_mul(PRIME));
    hash & METRIC_BITS
}

/// The 64-bit Fowler-Noll-Vo hash (FNV-1a): the same everywhere and forever, not a secret.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

const PRIME: u64 = 0x100_0000_01b3;

/// What of a file is good, and all that is not.
struct Draft {
    config: Config,
    errors: Vec<Problem>,
}

impl Draft {
    fn load(text: &str, path: &Path, find: &mut include::Find<'_>) -> Result<Self, Errors> {
        let mut draft = Self::read(text, path, find)?;
        if draft.config.seed_source == SeedSource::Absent {
            draft.config.seed_source = SeedSource::Machine;
            match seed::of_machine() {
                Ok(seed) => draft.config.desired.hash_seed = seed,
                Err(message) => draft.errors.push(Problem::new(path, Place::FILE, "hash_seed", message)),
            }
        }
        Ok(draft)
    }

    fn read(text: &str, path: &Path, find: &mut include::Find<'_>) -> Result<Self, Errors> {
        let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
        let alone = SourceFile { path: path.into(), services_before: 0 };
        let outline = compose(plain, 0).map_err(|finding| finding.problem(&[alone]))?;
        let Included { outline, files, texts, is_part } = include::follow(path, outline, find);
        let value = outline.node.to_value();
        let mut report = Report::new(&files, outline);
        if is_part && let Some(errors) = Errors::some(std::mem::take(&mut report.errors)) {
            return Err(errors);
        }
        let root = FieldPath::root();
        if value.is_null() {
            report.error(&root, "the file is empty: write `interfaces:`, `pools:` and `services:`");
        }
        let field = if value.is_null() { Field::Absent } else { Field::of(value) };
        let Optional::Value(file) = report.optional::<File>(&root, field) else {
            return Err(Errors::some(report.errors).unwrap_or_else(|| unread(path)));
        };
        let config = config(&mut report, file, path);
        let Report { errors, warnings, programs, .. } = report;
        let included = files.iter().skip(1).map(|file| file.path.to_path_buf()).collect();
        let hash = hash_of(text.as_bytes(), texts.iter().map(String::as_bytes));
        Ok(Self { errors, config: Config { included, hash, warnings, programs, ..config } })
    }

    fn finish(self) -> Result<Config, Errors> {
        Errors::some(self.errors).map_or(Ok(self.config), Err)
    }
}

/// Bits of a whole number that a 64-bit floating-point number holds with room to spare.
const METRIC_BITS: u64 = 0xffff_ffff_ffff;

fn config(report: &mut Report<'_>, mut file: File, path: &Path) -> Config {
    let root = FieldPath::root();
    report.unknown(&root, &mut file);
    let interfaces = interfaces(report, file.interfaces);
    let at = root.key("metrics");
    let metrics = report.optional(&at, file.metrics).value().map(|address| report.located(&at, address));
    let api = report.optional(&root.key("api"), file.api);
    let api_at = api.as_ref().and_then(|ApiSocket(path)| Some(report.located(&root.key("api"), path.clone()?)));
    let xdp_mode = report.optional(&root.key("xdp_mode"), file.xdp_mode).or(XdpMode::default()).unwrap_or_default();
    let watch = report.optional(&root.key("watch"), file.watch).or(FileWatch::On).unwrap_or_default();
    let flow_table = flow_table(report, file.flow_table);
    let (hash_seed, seed_source) = match report.optional(&root.key("hash_seed"), file.hash_seed) {
        Optional::Value(Seed(seed)) => (seed, SeedSource::File),
        Optional::Bad => (0, SeedSource::File),
        Optional::Absent => (0, SeedSource::Absent),
    };
    let arp_watch = arp_watch::interval(report, file.arp_watch);
    let balancers = arp_watch::balancers(report, file.balancers);
    let rows = report.required(&root.key("pools"), file.pools);
    let pools = rows.map_or_else(Pools::default, |rows| pools::read(report, rows));
    let rows = report.required(&root.key("services"), file.services);
    let services = rows.map_or_else(Services::default, |rows| services::read(report, rows, &pools));
    arp_watch::check_balancers(report, &balancers, &services.vips, &pools.addresses);
    Config {
        file: path.to_owned(),
        desired: Desired { hash_seed, services: services.good },
        interfaces,
        metrics: metrics.as_ref().map(|metrics| metrics.value),
        metrics_at: metrics,
        arp_watch,
        balancers: balancers.into_iter().map(|(_, located)| located.value).collect(),
        api: api.or(ApiSocket::default()).unwrap_or_default().0,
        api_at,
        xdp_mode,
        flow_table,
        checks: services.checks,
        seed_source,
        watch,
        included: Vec::new(),
        programs: Vec::new(),
        hash: 0,
        warnings: Vec::new(),
        vips: services.vips,
        backends: pools.addresses.into_iter().map(|(_, address)| address).collect(),
    }
}

fn flow_table(report: &mut Report<'_>, field: Field<FlowTableRow>) -> FlowTable {
    let (at, default) = (FieldPath::root().key("flow_table"), FlowTable::default());
    let Some(mut row) = report.optional(&at, field).value() else { return default };
    report.unknown(&at, &mut row);
    let mut count = |name, field: Field<FlowCount>, default| {
        report.optional(&at.key(name), field).value().map_or(default, |FlowCount(count)| count)
    };
    FlowTable {
        established: count("established", row.established, default.established),
        embryonic: count("embryonic", row.embryonic, default.embryonic),
    }
}

fn interfaces(report: &mut Report<'_>, field: Field<Vec<Field<InterfaceName>>>) -> Vec<Located<String>> {
    let list = FieldPath::root().key("interfaces");
    let Some(names) = report.required(&list, field) else { return Vec::new() };
    if names.is_empty() {
        report.error(&list, "has no interface: write those that packets for the VIPs come in on, like [eth0]");
    }
    if names.len() > INTERFACES_MAX as usize {
        report.error(&list, format!("{} interfaces are too many: write at most {INTERFACES_MAX}", names.len()));
    }
    let mut seen: HashMap<String, FieldPath> = HashMap::new();
    let mut good = Vec::new();
    for (index, field) in names.into_iter().enumerate() {
        let at = list.index(index);
        let Some(InterfaceName(name)) = report.required(&at, field) else { continue };
        if let Some(first) = seen.get(&name) {
            let message = format!("{name} is written twice, also at line {}: keep one of them", report.line(first));
            report.error(&at, message);
            continue;
        }
        good.push(report.located(&at, name.clone()));
        seen.insert(name, at);
    }
    good
}

fn not_text(path: &Path, bytes: &[u8], valid: usize) -> Errors {
    let place = Place::behind(0, &String::from_utf8_lossy(&bytes[..valid]));
    Problem::new(path, place, "", NOT_UTF8).into()
}

fn unread(path: &Path) -> Errors {
    Errors::of_file(path, "is not a configuration".to_owned())
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc};

    use super::*;

    #[tokio::test]
    async fn an_included_file_that_does_not_answer_is_refused_at_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dsr.yaml");
        fs::write(&file, "interfaces: [eth0]\ninclude: [a.yaml, b.yaml]\n").unwrap();
        let (_hold, held) = mpsc::channel::<()>();
        let hang = move |pattern: &str, _, _: &FieldPath| {
            if pattern == "b.yaml" {
                let _ = held.recv();
            }
            Ok(Vec::new())
        };
        let patience = Duration::from_millis(200);
        let errors = load_within(patience, &file, None, &HostFacts::default(), hang).await.unwrap_err().to_string();
        assert!(errors.contains("dsr.yaml:2:19: include[1]: cannot be read, no answer within"), "{errors}");
    }
}
