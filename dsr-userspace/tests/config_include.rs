//! Files that a configuration includes: what is taken, and what is said of each.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use dsr::config::{self, Config, Errors};
use tempfile::TempDir;

const MAIN: &str = "\
interfaces: [eth0]
hash_seed: 1
include: conf.d/*.yaml
pools:
  web: {backends: [{name: web1, address: 10.0.0.11}]}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
";

const MAIL: &str = "\
pools:
  mail: {backends: [{name: mail1, address: 10.0.0.21}]}
services:
  - {name: smtp, vip: 192.0.2.25, port: 25, pool: mail}
";

/// A directory with these files, of which the first is the configuration.
fn files(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("conf.d")).unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn load(directory: &TempDir) -> Result<Config, Errors> {
    config::load(&directory.path().join("dsr.yaml"))
}

/// What is said of the files, by their names in the directory.
fn errors(directory: &TempDir) -> String {
    let errors = load(directory).unwrap_err().to_string();
    errors.replace(&format!("{}/", directory.path().display()), "")
}

fn services(config: &Config) -> Vec<&str> {
    config.desired.services.iter().map(|service| service.name.as_str()).collect()
}

#[test]
fn included_files_are_read_in_the_order_of_their_names() {
    let web = MAIL.replace("mail", "ftp").replace("smtp", "ftps").replace("25", "21");
    let with_both = [("dsr.yaml", MAIN), ("conf.d/b.yaml", MAIL), ("conf.d/a.yaml", &web)];
    let directory = files(&with_both);
    // What an editor leaves, and a file of comments.
    fs::write(directory.path().join("conf.d/.c.yaml"), "[").unwrap();
    fs::write(directory.path().join("conf.d/d.yaml"), "# nothing yet\n").unwrap();
    let config = load(&directory).unwrap();
    assert_eq!(services(&config), ["www", "ftps", "smtp"]);
    let names: Vec<_> = config.included.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "b.yaml", "d.yaml"]);

    let alone = load(&files(&with_both[..1])).unwrap();
    assert_eq!(services(&alone), ["www"], "a pattern may have no files");
    assert_ne!(alone.hash, config.hash);
    assert_eq!(config.hash, load(&directory).unwrap().hash);
}

#[test]
fn a_file_may_have_all_that_it_needs_from_others() {
    let main = "interfaces: [eth0]\ninclude: [conf.d/pools.yaml, conf.d/services.yaml]\n";
    let (pools, services_of) = MAIL.split_at(MAIL.find("services").unwrap());
    let directory = files(&[("dsr.yaml", main), ("conf.d/pools.yaml", pools), ("conf.d/services.yaml", services_of)]);
    assert_eq!(services(&load(&directory).unwrap()), ["smtp"]);
}

#[test]
fn errors_name_the_file_and_the_line_that_they_are_in() {
    let bad = MAIL.replace("port: 25", "port: 0").replace("10.0.0.21", "10.0.0.11/24");
    let other = "pools:\n  web: {backends: [{name: x, address: 10.0.0.31}]}\nservices:\n  - {name: www, vip: 192.0.2.30, port: 1, pool: wbe}\n";
    let directory = files(&[("dsr.yaml", MAIN), ("conf.d/mail.yaml", &bad), ("conf.d/web.yaml", other)]);
    let expected = "\
conf.d/mail.yaml:2:44: pools.mail.backends[0].address: `10.0.0.11/24` has a prefix length: write the address alone, 10.0.0.11
conf.d/mail.yaml:4:41: services[0].port: 0 is not a port: write a whole number from 1 to 65535, or any
conf.d/web.yaml:2:3: pools.web: is written twice, also at line 5 of dsr.yaml: keep one of them
conf.d/web.yaml:4:12: services[0].name: www is the name of another service, at line 7 of dsr.yaml: change one
conf.d/web.yaml:4:49: services[0].pool: there is no pool wbe: did you mean web?";
    assert_eq!(errors(&directory), expected);
}

#[test]
fn what_is_not_for_an_included_file_is_refused() {
    let text = "metrics: 127.0.0.1:1\ninclude: x.yaml\npools: []\nservices: 7\n";
    let expected = "\
conf.d/a.yaml:1:1: metrics: cannot be in an included file, which has `pools:` and `services:`: write it in dsr.yaml
conf.d/a.yaml:2:1: include: included files cannot include others: remove it
conf.d/a.yaml:3:1: pools: is not a mapping: write each pool below its name, or remove it
conf.d/a.yaml:4:1: services: is not a list: write each service behind a `-`, or remove it";
    assert_eq!(errors(&files(&[("dsr.yaml", MAIN), ("conf.d/a.yaml", text)])), expected);
}

#[test]
fn a_file_that_cannot_be_read_is_all_that_is_told() {
    let wrong = MAIN.replace("pool: web", "pool: mail");
    let unread = "conf.d/a.yaml:2:1: is not YAML, did not find expected node content: look at the indentation, colons, \
                  brackets and quotes of this line and the one above";
    let directory = files(&[("dsr.yaml", &wrong), ("conf.d/a.yaml", "pools: [\n")]);
    assert!(errors(&directory).starts_with("conf.d/a.yaml:"), "{}", errors(&directory));
    assert_eq!(errors(&directory).lines().count(), unread.lines().count());

    let missing = wrong.replace("conf.d/*.yaml", "[conf.d/mail.yaml, 7, [8]]");
    let expected = "\
dsr.yaml:3:11: include[0]: conf.d/mail.yaml: cannot be read, No such file or directory (os error 2): create it, or name another file
dsr.yaml:3:29: include[1]: 7: cannot be read, No such file or directory (os error 2): create it, or name another file
dsr.yaml:3:32: include[2]: is not a file name: write one, like conf.d/*.yaml, or a list of them";
    assert_eq!(errors(&files(&[("dsr.yaml", &missing)])), expected);

    let directory = files(&[("dsr.yaml", MAIN)]);
    fs::write(directory.path().join("conf.d/a.yaml"), b"pools:\n  \xff").unwrap();
    assert_eq!(errors(&directory), "conf.d/a.yaml:2:3: is not UTF-8 from here on: save the file as UTF-8");
}

#[test]
fn a_pattern_that_no_file_can_have_is_refused_at_its_place() {
    let main = MAIN.replace("conf.d/*.yaml", "[/**/*.yaml, ~, \"a\\0b\", \"a[.yaml\"]");
    let expected = "\
dsr.yaml:3:11: include[0]: `/**/*.yaml` has `**`, which is not supported: write `*`, `?` or `[...]` for each directory, like conf.d/*/*.yaml
dsr.yaml:3:23: include[1]: has no value: write a file name, like conf.d/*.yaml, or a list of them
dsr.yaml:3:26: include[2]: `a\\0b` has a NUL, which no file name has: remove it
dsr.yaml:3:34: include[3]: `a[.yaml` is not a pattern, invalid range pattern: write one like conf.d/*.yaml";
    assert_eq!(errors(&files(&[("dsr.yaml", &main)])), expected);
}

#[test]
fn included_files_have_a_largest_size_together() {
    let directory = files(&[("dsr.yaml", MAIN)]);
    for name in ["a", "b", "c", "d", "e"] {
        let file = fs::File::create(directory.path().join(format!("conf.d/{name}.yaml"))).unwrap();
        file.set_len(7 << 20).unwrap();
    }
    let expected = "dsr.yaml:3:10: include: the included files have more than 32 MiB: include less";
    assert_eq!(errors(&directory), expected);
}

#[test]
fn a_text_without_its_directory_includes_nothing() {
    let errors = config::parse(MAIN, Path::new("dsr.yaml")).unwrap_err().to_string();
    assert_eq!(errors, "dsr.yaml:3:10: include: only a text is given, no files can be included: join them");
}

#[test]
fn a_pattern_that_has_the_file_itself_leaves_it_out() {
    let main = MAIN.replace("conf.d/*.yaml", "\"*.yaml\"");
    let directory = files(&[("dsr.yaml", &main), ("mail.yaml", MAIL)]);
    assert_eq!(services(&load(&directory).unwrap()), ["www", "smtp"]);
}
