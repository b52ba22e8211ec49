//! The configuration file of a backend (`dsr backend run`): from YAML to its program's settings, or to everything that
//! is wrong at once. [`FIELDS`] names the fields; each has one reader below.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

mod scalar;

use self::scalar::{boolean, code, endpoint, gre_key, interface, port, prefix};
use super::{
    address::host_address,
    at::shown,
    error::{Errors, Place, Problem},
    parse::text_of,
    suggest::{closest, listed},
    yaml::{self, Entry, Kind, Node},
};
use crate::model::{DscpCode, GUE_PORT, Gre, Prefix, Tunnels};

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

/// The fields of the file.
const FIELDS: [&str; 7] = ["interfaces", "balancers", "vips", "accept", "dscp", "hold_vips", "metrics"];
/// The tunnels that `accept` can name.
const ACCEPT: [&str; 3] = ["ipip", "gre", "gue"];

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
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = yaml::read(text, 0).map_err(|finding| finding.problem(&[path.into()]))?;
    let problems = document.findings.iter().map(|finding| finding.problem(&[path.into()]));
    let mut reader = Reader { path, problems: problems.collect() };
    let config = reader.file(&document.node);
    Errors::some(reader.problems).map_or(Ok(config), Err)
}

/// Reads nodes, and notes what is wrong with them.
struct Reader<'a> {
    path: &'a Path,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn error(&mut self, place: Place, field: impl Display, message: impl Into<String>) {
        self.problems.push(Problem::new(self.path, place, field, message));
    }

    fn file(&mut self, top: &Node) -> BackendConfig {
        let entries = self.mapping(top, "", "the fields `interfaces:`, `balancers:` and `vips:`");
        if entries.is_empty() && !self.problems.is_empty() {
            return BackendConfig::default();
        }
        for Entry { key, key_place, .. } in entries.iter().filter(|entry| !FIELDS.contains(&&*entry.key)) {
            let guess = closest(key, FIELDS)
                .map_or_else(|| format!("the fields are {}", listed(FIELDS)), |guess| format!("write {guess}"));
            self.error(*key_place, shown(key), format!("is not a field: {guess}"));
        }
        let interfaces = self.required(top, "interfaces", Self::interfaces);
        let vips = self.required(top, "vips", Self::vips);
        let accept = top.get("accept").map(|node| self.accept(node)).unwrap_or_default();
        let dscp = top.get("dscp").map(|node| self.dscp(node, &vips)).unwrap_or_default();
        let is_tunnelled = accept.ipip || accept.gre.is_some() || accept.gue.is_some();
        let balancers = match top.get("balancers") {
            None if !is_tunnelled && top.get("dscp").is_some() => Vec::new(),
            _ => self.required(top, "balancers", Self::balancers),
        };
        if top.get("accept").is_none() && top.get("dscp").is_none() {
            self.error(
                top.place,
                "accept",
                "is missing: write the tunnels that end here, like [ipip, gue], or `dscp:`",
            );
        }
        let hold_vips =
            top.get("hold_vips").is_none_or(|node| self.scalar(node, "hold_vips", &boolean).unwrap_or(true));
        let metrics = top.get("metrics").and_then(|node| self.scalar(node, "metrics", &endpoint));
        let tunnels = Tunnels { balancers, vips, dscp, ..accept };
        BackendConfig { file: self.path.to_owned(), interfaces, tunnels, hold_vips, metrics }
    }

    fn required<T: Default>(&mut self, top: &Node, field: &str, read: impl Fn(&mut Self, &Node) -> T) -> T {
        let example = example(field);
        match top.get(field) {
            None => self.error(top.place, field, format!("is missing: write a list like {example}")),
            Some(Node { kind: Kind::List(nodes), place }) if nodes.is_empty() => {
                self.error(*place, field, format!("is empty: write a list like {example}"));
            }
            Some(node) => return read(self, node),
        }
        T::default()
    }

    fn interfaces(&mut self, node: &Node) -> Vec<String> {
        self.unique(node, "interfaces", interface)
    }

    fn vips(&mut self, node: &Node) -> Vec<IpAddr> {
        self.unique(node, "vips", host_address)
    }

    fn balancers(&mut self, node: &Node) -> Vec<Prefix> {
        self.unique(node, "balancers", prefix)
    }

    fn accept(&mut self, node: &Node) -> Tunnels {
        let mut accept = Tunnels::default();
        let mut seen = BTreeSet::new();
        for (index, node) in self.list(node, "accept").iter().enumerate() {
            let field = format!("accept[{index}]");
            let (name, options) = match &node.kind {
                Kind::Scalar { text, .. } => (text, None),
                Kind::Mapping(entries) if entries.len() == 1 => (&entries[0].key, Some(&entries[0].value)),
                _ => {
                    self.error(node.place, field, "is not a tunnel: write ipip, gre, gue or {gue: {port: 6080}}");
                    continue;
                }
            };
            if !ACCEPT.contains(&&**name) {
                let dscp = if &**name == "dscp" { "; for DSCP write `dscp:` with the code of each VIP" } else { "" };
                let message = format!("`{}` is not a tunnel: write {}{dscp}", shown(name), listed(ACCEPT));
                self.error(node.place, field, message);
                continue;
            }
            if !seen.insert(name.clone()) {
                self.error(node.place, &field, format!("{name} is written twice: write it once"));
            }
            match &**name {
                "gre" => accept.gre = Some(Gre { key: self.option(options, &format!("{field}.gre"), "key", gre_key) }),
                "gue" => {
                    let port = self.option(options, &format!("{field}.gue"), "port", port);
                    accept.gue = Some(port.unwrap_or(GUE_PORT));
                }
                _ => {
                    accept.ipip = true;
                    if let Some(options) = options {
                        self.error(options.place, field, "ipip has no options: write ipip");
                    }
                }
            }
        }
        accept
    }

    /// The only option that a tunnel has.
    fn option<T>(
        &mut self,
        options: Option<&Node>,
        field: &str,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut value = None;
        for Entry { key, key_place, value: node } in self.mapping(options?, field, &format!("{{{name}: NUMBER}}")) {
            if **key != *name {
                self.error(*key_place, format!("{field}.{}", shown(key)), format!("is not an option: write {name}"));
                continue;
            }
            value = self.scalar(node, &format!("{field}.{name}"), &read);
        }
        value
    }

    fn dscp(&mut self, node: &Node, vips: &[IpAddr]) -> BTreeMap<IpAddr, DscpCode> {
        let (mut codes, mut taken) = (BTreeMap::new(), BTreeMap::new());
        for Entry { key, key_place, value } in self.mapping(node, "dscp", "the code of each VIP, like {192.0.2.10: 8}")
        {
            let field = format!("dscp.\"{}\"", shown(key));
            let vip = match host_address(key) {
                Ok(vip) if vips.contains(&vip) => Some(vip),
                Ok(vip) => {
                    self.error(*key_place, &field, format!("{vip} is not in `vips`: add it there"));
                    None
                }
                Err(message) => {
                    self.error(*key_place, &field, message);
                    None
                }
            };
            let code = self.scalar(value, &field, &code);
            let (Some(vip), Some(code)) = (vip, code) else { continue };
            if let Some(other) = taken.insert((vip.is_ipv4(), code), vip) {
                self.error(value.place, &field, format!("code {} is that of {other}: write another one", code.get()));
            }
            codes.insert(vip, code);
        }
        codes
    }

    /// The values of a list of scalars, each once.
    fn unique<T: PartialEq + Display>(
        &mut self,
        node: &Node,
        field: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for (index, node) in self.list(node, field).iter().enumerate() {
            let field = format!("{field}[{index}]");
            match self.scalar(node, &field, &read) {
                Some(value) if values.contains(&value) => {
                    self.error(node.place, field, format!("{value} is written twice: write it once"));
                }
                value => values.extend(value),
            }
        }
        values
    }

    fn scalar<T>(&mut self, node: &Node, field: &str, read: &impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let Kind::Scalar { text, .. } = &node.kind else {
            self.error(node.place, field, "is a list or a mapping: write one value");
            return None;
        };
        read(text).map_err(|message| self.error(node.place, field, message)).ok()
    }

    fn list<'n>(&mut self, node: &'n Node, field: &str) -> &'n [Node] {
        if let Kind::List(nodes) = &node.kind {
            return nodes;
        }
        self.error(node.place, field, format!("is not a list: write one like {}", example(field)));
        &[]
    }

    fn mapping<'n>(&mut self, node: &'n Node, field: &str, write: &str) -> &'n [Entry] {
        if let Kind::Mapping(entries) = &node.kind {
            return entries;
        }
        self.error(node.place, field, format!("is not a mapping: write {write}"));
        &[]
    }
}

/// What a list of this field looks like.
fn example(field: &str) -> &'static str {
    match field {
        "interfaces" => "[eth0]",
        "balancers" => "[10.0.0.2, 10.0.0.3], or a prefix like [10.0.0.0/28]",
        "accept" => "[ipip, gue]",
        _ => "[192.0.2.10]",
    }
}
