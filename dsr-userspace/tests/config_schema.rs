//! The JSON Schema that `dsr check --schema` prints, against the files that configurations are tested with.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use dsr::config;
use jsonschema::{Draft, Validator};
use serde_json::Value;

/// Bad files in which each field is good by itself: they name what is not there, contradict each other, or are wrong in a
/// way that no schema can tell.
const BEYOND: [&str; 7] = [
    "anchor.yaml",
    "announce-differs.yaml",
    "backend-is-vip.yaml",
    "dns-expect.yaml",
    "duplicates.yaml",
    "no-such-pool.yaml",
    "tag.yaml",
];

fn validator(schema: &Value) -> Validator {
    jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(schema).unwrap()
}

fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The file as an editor hands it to a schema; nothing where it is not YAML.
fn json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    serde_yaml::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)).ok()
}

fn errors(validator: &Validator, path: &Path) -> Vec<String> {
    let value = json(path).unwrap_or_else(|| panic!("{} is not YAML", path.display()));
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schemas_are_such() {
    for schema in [config::schema(), config::backend_schema()] {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::draft202012::meta::validate(&schema).map_err(|error| error.to_string()).unwrap();
    }
}

#[test]
fn good_files_are_taken() {
    let validator = validator(&config::schema());
    for path in files("../examples").iter().chain(&files("tests/config/good")) {
        assert_eq!(errors(&validator, path), [""; 0], "{}", path.display());
    }
}

#[test]
fn bad_files_are_refused() {
    let validator = validator(&config::schema());
    let is_refused = |path: &&PathBuf| json(path).is_some_and(|value| !validator.is_valid(&value));
    let all = files("tests/config/bad");
    let (refused, others): (Vec<_>, Vec<_>) = all.iter().partition(is_refused);
    let yaml = others.iter().filter(|path| json(path).is_some());
    let taken: Vec<_> = yaml.map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(taken, BEYOND, "bad files that the schema takes");
    assert!(refused.len() > 30, "{refused:?}");
}

#[test]
fn files_of_backends_are_taken_and_refused() {
    let validator = validator(&config::backend_schema());
    for path in files("../examples/backend") {
        assert_eq!(errors(&validator, &path), [""; 0], "{}", path.display());
    }
    let bad = files("tests/config/backend");
    let bad = bad.iter().filter_map(|path| Some((path.file_name().unwrap().to_str().unwrap(), json(path)?)));
    let taken: Vec<_> = bad.filter(|(_, value)| validator.is_valid(value)).map(|(name, _)| name).collect();
    assert_eq!(taken, ["codes.yaml"], "only it has values that are good by themselves");
}

#[test]
fn an_included_file_has_a_schema_of_its_own() {
    let mut schema = config::schema();
    let definitions = schema["$defs"].take();
    let mut included = definitions["included"].clone();
    included["$defs"] = definitions;
    let validator = validator(&included);
    let file = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    let pool = "pools: {mail: {backends: [{name: mail1, address: 10.0.0.21}]}}\n";
    assert!(validator.is_valid(&file(pool)));
    assert!(!validator.is_valid(&file(&format!("interfaces: [eth0]\n{pool}"))));
    assert!(!validator.is_valid(&file("pools: {mail: {backends: []}}")));
}

#[test]
fn each_field_has_a_description_for_the_editor() {
    let (schema, backend) = (config::schema(), config::backend_schema());
    let sections = [&schema, &backend]
        .into_iter()
        .flat_map(|schema| schema["$defs"].as_object().unwrap().values().chain([schema]));
    for section in sections.filter(|section| section["description"].is_null()) {
        for (name, field) in section["properties"].as_object().unwrap() {
            assert!(field["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        }
    }
    assert_eq!(schema["$defs"]["backend"]["properties"]["weight"]["default"], 100);
    assert_eq!(schema["$defs"]["service"]["properties"]["protocol"]["default"], "tcp");
}
