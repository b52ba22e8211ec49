//! The tables of the references in docs/, from the descriptions of the sections.
//!
//! In a reference a table stands between `<!-- fields: SECTION -->` and `<!-- end -->`; with `only NAME...` after the
//! section it has these fields alone. With `DSR_BLESS=1` the test below writes the tables anew.

use std::{env, fs, path::Path};

use super::{Absent, FileKind, Section};
use crate::config::{
    backend::rows as backend,
    health::rows::{DnsRow, HealthRow, HttpRow, HttpsRow, TcpRow},
    sections::{
        self, AgentCheckRow, ArpWatchRow, BackendRow, FlowTableRow, ForwardRow, GreRow, GueRow, IpipRow, PoolRow,
        ServiceRow,
    },
};

/// A document that describes a kind of file.
struct Reference {
    document: &'static str,
    kind: &'static FileKind,
    /// The sections below the top.
    sections: &'static [&'static Section],
}

const REFERENCES: [Reference; 2] = [
    Reference {
        document: "docs/configuration.md",
        kind: &sections::KIND,
        sections: &[
            &ArpWatchRow::SECTION,
            &FlowTableRow::SECTION,
            &PoolRow::SECTION,
            &ForwardRow::SECTION,
            &IpipRow::SECTION,
            &GreRow::SECTION,
            &GueRow::SECTION,
            &AgentCheckRow::SECTION,
            &BackendRow::SECTION,
            &ServiceRow::SECTION,
            &HealthRow::SECTION,
            &TcpRow::SECTION,
            &HttpRow::SECTION,
            &HttpsRow::SECTION,
            &DnsRow::SECTION,
        ],
    },
    Reference {
        document: "docs/backend-half.md",
        kind: &backend::KIND,
        sections: &[&backend::AcceptRow::SECTION, &backend::AcceptGreRow::SECTION, &backend::AcceptGueRow::SECTION],
    },
];

const BEGIN: &str = "<!-- fields: ";
const END: &str = "<!-- end -->\n";

impl Reference {
    fn all(&self) -> impl Iterator<Item = &'static Section> {
        [self.kind.top].into_iter().chain(self.sections.iter().copied())
    }

    fn section(&self, name: &str) -> &'static Section {
        self.all().find(|section| section.name == name).unwrap_or_else(|| panic!("there is no section {name}"))
    }

    fn table(&self, section: &Section, only: &[&str]) -> String {
        let shown = section.fields.iter().filter(|field| only.is_empty() || only.contains(&field.name));
        let rows = shown.map(|field| {
            let default = match field.absent {
                Absent::Required => "required".to_owned(),
                Absent::Default("{}") => format!("`{}`", defaults(self.section(field.name))),
                Absent::Default(text) => format!("`{text}`"),
                Absent::Optional(text) => text.to_owned(),
            };
            format!("| `{}` | {} | {default} |\n", field.name, field.text)
        });
        format!("| field | value | default |\n|---|---|---|\n{}", rows.collect::<String>())
    }

    /// The document with its tables as they have to be, and the sections that it has.
    fn renewed(&self, found: &str) -> (String, Vec<String>) {
        let mut parts = found.split(BEGIN);
        let (mut text, mut names) = (parts.next().unwrap().to_owned(), Vec::new());
        for part in parts {
            let (marker, rest) = part.split_once(" -->\n").expect("a marker ends with -->");
            let (_, after) = rest.split_once(END).expect("a table ends with <!-- end -->");
            let mut words = marker.split(' ');
            let name = words.next().unwrap();
            let only: Vec<_> = words.filter(|word| *word != "only").collect();
            text.extend([BEGIN, marker, " -->\n", &self.table(self.section(name), &only), END, after]);
            names.push(name.to_owned());
        }
        (text, names)
    }
}

/// A section in which nothing is written.
fn defaults(section: &Section) -> String {
    let field = |field: &super::FieldText| match field.absent {
        Absent::Default(text) => Some(format!("{}: {text}", field.name)),
        _ => None,
    };
    format!("{{{}}}", section.fields.iter().filter_map(field).collect::<Vec<_>>().join(", "))
}

#[test]
fn the_references_have_the_fields_that_there_are() {
    for reference in REFERENCES {
        let document = reference.document;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
        let found = fs::read_to_string(&path).unwrap();
        let (wanted, names) = reference.renewed(&found);
        for section in reference.all().filter(|section| !section.fields.is_empty()) {
            let is_there = names.iter().any(|name| name == section.name);
            assert!(is_there, "no `{BEGIN}{} -->` in {document}", section.name);
        }
        if env::var_os("DSR_BLESS").is_some() {
            fs::write(&path, &wanted).unwrap();
            continue;
        }
        let stale = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
        assert!(
            found == wanted,
            "{document} is stale: run `DSR_BLESS=1 cargo test -p dsr-userspace --lib reference`; {stale:#?}"
        );
    }
}

#[test]
fn every_section_is_in_its_schema_and_list() {
    for reference in REFERENCES {
        let schema = reference.kind.schema();
        let mut names: Vec<_> = schema["$defs"].as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| *name != "included");
        let mut listed: Vec<_> = reference.sections.iter().map(|section| section.name).collect();
        listed.sort_unstable();
        assert_eq!(names, listed, "{}", reference.document);
    }
}

/// A default is a text that the field itself takes, and the model's own default is the same.
#[test]
fn a_field_that_is_not_written_has_the_models_default() {
    use crate::{config, model};
    let text = "interfaces: [eth0]\npools: {a: {health: {tcp: {}}, backends: [{name: a, address: 10.0.0.1}]}}\nservices: \
                [{name: a, vip: 192.0.2.1, port: 1, pool: a}]\n";
    let config = config::parse(text, Path::new("dsr.yaml")).unwrap();
    let service = &config.desired.services[0];
    assert_eq!(service.backends[0].weight, model::Weight::DEFAULT);
    assert_eq!((service.flow_timeout, service.affinity), (model::FlowTimeout::default(), model::Affinity::default()));
    assert_eq!(service.return_timeout, Some(model::FlowTimeout::default()));
    assert_eq!((service.on_empty, service.on_agent_death), (model::OnEmpty::default(), model::OnAgentDeath::default()));
    assert_eq!((config.flow_table, config.xdp_mode), (config::FlowTable::default(), config::XdpMode::default()));
    assert_eq!(
        (config.watch, config.api.as_deref()),
        (config::FileWatch::default(), Some(Path::new(config::API_SOCKET)))
    );
    let check = &config.checks.services[&service.id];
    assert_eq!((check.interval.as_secs(), check.timeout.as_secs()), (2, 1));
    assert_eq!((check.rise.get(), check.fall.get()), (2, 3));
    assert_eq!((check.min_healthy, check.on_down), (model::MinHealthy::default(), model::OnDown::default()));
}

#[test]
fn a_field_of_a_backend_that_is_not_written_has_the_models_default() {
    use crate::{config, model};
    let text = "interfaces: [eth0]\nbalancers: [10.0.0.2]\nvips: [192.0.2.1]\naccept: [{gue: {}}]\n";
    let config = config::parse_backend(text, Path::new("backend.yaml")).unwrap();
    assert_eq!((config.tunnels.gue, config.hold_vips, config.metrics), (Some(model::GUE_PORT), true, None));
}
