//! The file as a whole: text in, configuration or all errors out.

use std::{
    collections::HashMap,
    hash::Hasher as _,
    io,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Config, FlowTable, SeedSource,
    at::At,
    error::{Errors, Located, NOT_UTF8, Place, Problem},
    host::{self, HostFacts},
    include::{self, Included, Source},
    matches::Budget,
    pools::{self, Pools},
    read,
    report::Report,
    scalar::{InterfaceName, Seed},
    schema::{self, List, WordOr},
    sections::{File, FlowTableRow, INTERFACES_MOST},
    seed,
    services::{self, Services},
    yaml,
};
use crate::model::Desired;

/// Parses a configuration that includes no files. Pure: `path` is only named in problems. Every error is found at once.
///
/// A seed that is not written stays zero ([`SeedSource::Absent`]); [`load`] fills it in.
pub fn parse(text: &str, path: &Path) -> Result<Config, Errors> {
    let nothing = |_: &str, _: &At| Err("only a text is given, no files can be included: join them".to_owned());
    Draft::read(text, path, &mut { nothing })?.finish()
}

/// As [`parse`], with the files that the text includes, in their order.
pub fn parse_with(text: &str, path: &Path, mut included: Vec<Source>) -> Result<Config, Errors> {
    Draft::read(text, path, &mut |_, _| Ok(std::mem::take(&mut included)))?.finish()
}

/// Reads and parses the file at `path`. A seed that is not written is derived from this machine's id.
pub fn load(path: &Path) -> Result<Config, Errors> {
    Draft::load(&text_of(path)?, path, &mut on_disk(path))?.finish()
}

/// As [`load`], for what does not depend on the seed, on whichever machine: one that is not written stays zero.
pub fn load_unseeded(path: &Path) -> Result<Config, Errors> {
    Draft::read(&text_of(path)?, path, &mut on_disk(path))?.finish()
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
fn on_disk(path: &Path) -> impl FnMut(&str, &At) -> Result<Vec<Source>, String> + Send + 'static {
    let (path, mut budget) = (path.to_owned(), Budget::default());
    move |pattern, _| include::on_disk(&path, pattern, &mut budget)
}

async fn load_within(
    patience: Duration,
    path: &Path,
    text: Option<String>,
    host: &HostFacts,
    mut find: impl FnMut(&str, &At) -> Result<Vec<Source>, String> + Send + 'static,
) -> Result<Config, Errors> {
    let (file, host) = (path.to_owned(), host.clone());
    // Where it is at, so that what hangs is named.
    let reached = Arc::new(Mutex::new(At::top(Place::FILE)));
    let reach = Arc::clone(&reached);
    let loaded = read::within(patience, move || {
        let text = text.map_or_else(|| text_of(&file), Ok)?;
        let mut draft = Draft::load(&text, &file, &mut |pattern, at| {
            *reach.lock().unwrap_or_else(PoisonError::into_inner) = at.clone();
            find(pattern, at)
        })?;
        draft.errors.extend(host::problems(&draft.config, &host).into_iter().map(Problem::of_host));
        draft.config.warnings.extend(host::warnings(&draft.config, &host));
        draft.finish()
    });
    loaded.await.unwrap_or_else(|error| {
        let at = reached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(Problem::new(path, at.place, at, format!("cannot be read, {error}")).into())
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
        let document = yaml::read(plain, 0).map_err(|finding| finding.problem(&[path.into()]))?;
        let Included { document, files, texts, is_part, .. } = include::follow(path, document, find);
        let mut report = Report::new(&files, &document.findings);
        if is_part && let Some(errors) = Errors::some(std::mem::take(&mut report.errors)) {
            return Err(errors);
        }
        let Some(file) = schema::file(&mut report, &document.node) else {
            return Err(Errors::some(report.errors).unwrap_or_else(|| unread(path)));
        };
        let config = config(&mut report, file, path);
        let Report { errors, warnings, programs, .. } = report;
        let included = files.iter().skip(1).map(|file| file.to_path_buf()).collect();
        let hash = hash_of(text.as_bytes(), texts.iter().map(String::as_bytes));
        Ok(Self { errors, config: Config { included, hash, warnings, programs, ..config } })
    }

    fn finish(self) -> Result<Config, Errors> {
        Errors::some(self.errors).map_or(Ok(self.config), Err)
    }
}

/// Bits of a whole number that a 64-bit floating-point number holds with room to spare.
const METRIC_BITS: u64 = 0xffff_ffff_ffff;

fn config(report: &mut Report<'_>, file: File, path: &Path) -> Config {
    let interfaces = file.interfaces.value.map_or_else(Vec::new, |list| interfaces(report, &file.interfaces.at, list));
    let metrics_at = file.metrics.value.map(|address| report.located(&file.metrics.at, address));
    let api = file.api.value.and_then(|socket| socket.0);
    let api_at = api.clone().filter(|_| file.api.is_written).map(|socket| report.located(&file.api.at, socket));
    let seed_source = if file.hash_seed.is_written { SeedSource::File } else { SeedSource::Absent };
    let arp_watch = match file.arp_watch.value {
        Some(WordOr::Row(row)) => row.interval.value.map(|interval| interval.0),
        Some(WordOr::Word(_)) | None => None,
    };
    let balancers = schema::distinct(report, file.balancers.value, |balancer| balancer.0);
    let pools = pools::read(report, file.pools.value);
    let services = services::read(report, file.services.value, &pools, file.dscp);
    check_balancers(report, &balancers, &services, &pools);
    let desired = Desired { hash_seed: file.hash_seed.value.map_or(0, |Seed(seed)| seed), services: services.good };
    Config {
        file: path.to_owned(),
        desired,
        interfaces,
        metrics: metrics_at.as_ref().map(|metrics| metrics.value),
        metrics_at,
        arp_watch,
        balancers: balancers.into_iter().map(|(_, address)| address).collect(),
        api,
        api_at,
        xdp_mode: file.xdp_mode.value.unwrap_or_default(),
        flow_table: flow_table(file.flow_table.value),
        checks: services.checks,
        seed_source,
        watch: file.watch.value.unwrap_or_default(),
        included: Vec::new(),
        programs: Vec::new(),
        hash: 0,
        warnings: Vec::new(),
        vips: services.vips,
        backends: pools.located(report),
    }
}

/// The table's sizes. Where one is bad the file is, so that the default in its place is never used.
fn flow_table(row: Option<FlowTableRow>) -> FlowTable {
    let default = FlowTable::default();
    let Some(row) = row else { return default };
    FlowTable {
        established: row.established.value.map_or(default.established, |count| count.0),
        embryonic: row.embryonic.value.map_or(default.embryonic, |count| count.0),
    }
}

fn interfaces(report: &mut Report<'_>, at: &At, list: List<InterfaceName, 1, INTERFACES_MOST>) -> Vec<Located<String>> {
    let count = list.values.len();
    if count > INTERFACES_MOST {
        report.error(at, format!("{count} interfaces are too many: write at most {INTERFACES_MOST}"));
    }
    let names = schema::distinct(report, Some(list), |name| name.0);
    names.into_iter().map(|(at, name)| report.located(&at, name)).collect()
}

/// A balancer is neither a backend nor a VIP.
fn check_balancers(report: &mut Report<'_>, balancers: &[(At, IpAddr)], services: &Services, pools: &Pools) {
    if balancers.is_empty() {
        return;
    }
    let backends = pools.addresses.iter().rev().map(|(at, address)| (*address, ("a backend", at.place)));
    let vips = services.vips.iter().map(|vip| (vip.value, ("a VIP", vip.place)));
    let others: HashMap<IpAddr, (&str, Place)> = backends.chain(vips).collect();
    for (at, address) in balancers {
        if let Some((what, place)) = others.get(address) {
            let line = report.line(*place);
            let message =
                format!("{address} is {what}, at line {line}: write the address that the balancer itself has");
            report.error(at, message);
        }
    }
}

fn not_text(path: &Path, bytes: &[u8], valid: usize) -> Errors {
    let place = Place::behind(0, &String::from_utf8_lossy(&bytes[..valid]));
    Problem::new(path, place, "", NOT_UTF8).into()
}

pub(super) fn unread(path: &Path) -> Errors {
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
        let hang = move |pattern: &str, _: &At| {
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
