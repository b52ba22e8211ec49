//! The graph of the library's modules: no circle but between a module and its own children.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

type Graph = BTreeMap<String, BTreeMap<String, PathBuf>>;

#[test]
fn no_two_modules_need_each_other() {
    let graph = graph(&source(), &[]);
    assert!(graph.len() > 10 && graph["agent"].contains_key("reconcile"), "the edges are not read: {graph:#?}");
    refuse_circle(&graph);
}

#[test]
fn no_two_modules_of_the_agent_need_each_other() {
    let graph = graph(&source().join("agent"), &["agent"]);
    assert!(graph["snapshot"].contains_key("state"), "the edges are not read: {graph:#?}");
    refuse_circle(&graph);
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn refuse_circle(graph: &Graph) {
    if let Some(circle) = circle(graph) {
        let edge = |pair: &[String]| format!("{} needs {}: {}", pair[0], pair[1], graph[&pair[0]][&pair[1]].display());
        let edges: Vec<String> = circle.windows(2).map(edge).collect();
        panic!("modules need each other in a circle; move what they share below both:\n{}", edges.join("\n"));
    }
}

#[test]
fn a_circle_is_found_with_its_edges() {
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned(), PathBuf::new());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")]));
    assert_eq!(found, Some(["b", "c", "b"].map(str::to_owned).to_vec()));
}

#[test]
fn every_form_of_a_path_is_an_edge() {
    let text = "use crate::{\n    a::{b, c::d},\n    e,\n};\nuse crate::f::g;\n\nfn x() { crate::h::i() }\n// crate::no::comment\n\
                #[cfg(test)]\nmod tests {\n    use crate::{m, j::k};\n}\n";
    let found: Vec<_> = needed(text, &[]).into_iter().collect();
    assert_eq!(found, ["a", "e", "f", "h"]);
    let text = "use crate::{a::{b::{c, d}, e::F, G}, h::b};\nfn x() { crate::a::i::j() }\n";
    let found: Vec<_> = needed(text, &["a"]).into_iter().collect();
    assert_eq!(found, ["b", "e", "i"]);
}

/// The modules right below one, each with those of them that it needs and a file that says so. The module itself is named by
/// its path from the root, which is empty for the root, and is in the directory `source`.
fn graph(source: &Path, parent: &[&str]) -> Graph {
    let mut graph = Graph::new();
    for path in files(source) {
        let within = path.strip_prefix(source).expect("it is below");
        let first = within.iter().next().expect("a file has a name").to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        // A module knows its children, and the program on top knows everybody.
        if ["lib", "main", "mod", "tests"].contains(&module.as_str()) {
            continue;
        }
        let needs = graph.entry(module.clone()).or_default();
        let text = fs::read_to_string(&path).expect("sources are text");
        // The parent by another name.
        let depth = within.iter().count() - usize::from(path.ends_with("mod.rs"));
        let root: String = ["crate"].iter().chain(parent).flat_map(|name| [*name, "::"]).collect();
        let text = text.replace(&"super::".repeat(depth), &root);
        for needed in needed(&text, parent) {
            if needed != module {
                needs.entry(needed).or_insert_with(|| path.clone());
            }
        }
    }
    graph
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it can be listed").map(|entry| entry.expect("it can be read").path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let sources = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.chain(directories.iter().flat_map(|directory| self::files(directory))).collect()
}

/// The children of a module that a file names from the root, but for those that its tests alone need: they see the whole
/// crate.
fn needed(text: &str, parent: &[&str]) -> BTreeSet<String> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = product.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let paths = code.split("crate::").skip(1).flat_map(|after| paths(after, parent.len() + 1));
    let mut needed: BTreeSet<String> = paths
        .filter_map(|path| {
            let (last, before) = path.split_last()?;
            (before == parent).then(|| last.clone())
        })
        .collect();
    // Macros and items begin with other letters, or are followed by no path; modules are in lower case.
    needed.retain(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'));
    needed
}

/// The paths that begin here, which branch in braces, cut after so many words.
fn paths(text: &str, length: usize) -> Vec<Vec<String>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    if let Some(list) = text.trim_start().strip_prefix('{') {
        return elements(list).into_iter().flat_map(|element| paths(element, length)).collect();
    }
    let Some(first) = word(text) else { return Vec::new() };
    let after = text.trim_start()[first.len()..].strip_prefix("::");
    let rest = after.map_or_else(|| vec![Vec::new()], |after| paths(after, length - 1));
    rest.into_iter().map(|rest| [first.clone()].into_iter().chain(rest).collect()).collect()
}

/// The elements of a list in braces, which begins after the first brace.
fn elements(list: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&list[start..at]);
                return found;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// A way from a module back to it.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| visit(graph, module, &mut Vec::new(), &mut done))
}

fn visit(graph: &Graph, module: &str, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(at) = path.iter().position(|earlier| earlier == module) {
        return Some(path[at..].iter().cloned().chain([module.to_owned()]).collect());
    }
    if done.contains(module) {
        return None;
    }
    path.push(module.to_owned());
    let needs = graph.get(module).into_iter().flat_map(BTreeMap::keys);
    let found = needs.into_iter().find_map(|needed| visit(graph, needed, path, done));
    path.pop();
    done.insert(module.to_owned());
    found
}
