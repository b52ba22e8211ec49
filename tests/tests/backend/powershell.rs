//! The scripts for Windows: parsed by a real grammar, and each command and parameter looked up among those that
//! Microsoft documents.

use std::collections::{BTreeMap, BTreeSet};

use dsr::backend::System;
use tree_sitter::{Node, Parser, Tree};

use crate::scripts::{all, text};

fn scripts() -> BTreeSet<String> {
    let windows = all().into_iter().filter(|asked| asked.system == System::Windows);
    let texts: BTreeSet<_> = windows.map(|asked| text(&asked)).collect();
    assert!(texts.len() > 20, "{}", texts.len());
    texts
}

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

/// All nodes below one, and itself.
fn nodes<'tree>(node: Node<'tree>, into: &mut Vec<Node<'tree>>) {
    into.push(node);
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).collect();
    for child in children {
        nodes(child, into);
    }
}

/// The first place that is not PowerShell.
fn wrong(text: &str) -> Option<String> {
    let tree = parse(text);
    let mut all = Vec::new();
    nodes(tree.root_node(), &mut all);
    let wrong = all.into_iter().find(|node| node.is_error() || node.is_missing())?;
    let line = wrong.start_position().row;
    Some(format!("line {}: {}", line + 1, text.lines().nth(line).unwrap_or_default()))
}

#[test]
fn the_grammar_of_powershell_parses_them() {
    for script in scripts() {
        assert_eq!(wrong(&script), None, "{script}");
    }
}

#[test]
fn the_grammar_finds_what_is_broken() {
    let script = scripts().into_iter().find(|script| script.contains("\nif (-not (Get-NetIPAddress")).unwrap();
    for (sound, broken) in [
        ("if (-not (Get-NetIPAddress", "if (-not ((Get-NetIPAddress"),
        ("-SkipAsSource $true | Out-Null\n}", "-SkipAsSource $true | Out-Null\n"),
        ("'run this as administrator'", "'run this as administrator"),
        ("Set-StrictMode -Version 2.0", "Set-StrictMode -Version 2.0 |"),
    ] {
        assert!(script.contains(sound), "{sound}: {script}");
        assert!(wrong(&script.replacen(sound, broken, 1)).is_some(), "not found: {broken}");
    }
}

/// What is documented: a command, its parameters, where that is written.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let lines = include_str!("powershell.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows = lines.map(|line| {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let &[command, parameters, source] = &columns[..] else { panic!("three columns: {line}") };
        assert!(source.starts_with("https://learn.microsoft.com/"), "{line}");
        (command.to_lowercase(), parameters.split_whitespace().map(str::to_lowercase).collect())
    });
    rows.collect()
}

/// The commands of a script that are documented nowhere, or have a parameter that is not.
fn undocumented(
    script: &str,
    documented: &BTreeMap<String, BTreeSet<String>>,
    used: &mut BTreeSet<String>,
) -> Vec<String> {
    let tree = parse(script);
    let mut all = Vec::new();
    nodes(tree.root_node(), &mut all);
    let of = |node: Node<'_>| node.utf8_text(script.as_bytes()).unwrap().to_lowercase();
    let own: BTreeSet<_> = all.iter().filter(|node| node.kind() == "function_name").map(|node| of(*node)).collect();
    let mut unknown = Vec::new();
    for command in all.iter().filter(|node| node.kind() == "command") {
        let name = of(command.child_by_field_name("command_name").unwrap());
        if own.contains(&name) {
            continue;
        }
        let line = of(*command);
        let mut inside = Vec::new();
        nodes(*command, &mut inside);
        let of_this = |node: &&Node<'_>| node.kind() == "command_parameter" && owner(**node) == Some(command.id());
        let parameters = inside.iter().filter(of_this).map(|node| of(*node));
        let mut parameters: Vec<_> =
            parameters.map(|text| text.trim_start_matches('-').trim_end_matches(':').to_owned()).collect();
        if name == "netsh" {
            parameters = netsh(&line);
        }
        used.insert(name.clone());
        match documented.get(&name) {
            None => unknown.push(line),
            Some(known) if parameters.iter().all(|parameter| known.contains(parameter)) => {}
            Some(_) => unknown.push(format!("{parameters:?} in {line}")),
        }
    }
    unknown
}

/// The command that a node is a part of.
fn owner(node: Node<'_>) -> Option<usize> {
    let mut above = node.parent()?;
    while above.kind() != "command" {
        above = above.parent()?;
    }
    Some(above.id())
}

/// The words of a line of netsh that are its own: contexts, verbs, and settings with what they are set to, where that
/// is a word.
fn netsh(line: &str) -> Vec<String> {
    let words = line.split_whitespace().skip(1).filter(|word| !word.starts_with(['"', '$']) && !word.ends_with('"'));
    let words = words.flat_map(|word| match word.split_once('=') {
        Some((setting, value)) if value.chars().all(|c| c.is_ascii_alphabetic()) => {
            vec![format!("{setting}="), value.into()]
        }
        Some((setting, _)) => vec![format!("{setting}=")],
        None => vec![word.to_owned()],
    });
    let quoted = line.split_whitespace().filter_map(|word| word.split_once("=\""));
    words.chain(quoted.map(|(setting, _)| format!("{setting}="))).filter(|word| !word.is_empty()).collect()
}

#[test]
fn every_command_and_parameter_is_documented() {
    let documented = documented();
    let mut used = BTreeSet::new();
    for script in scripts() {
        let unknown = undocumented(&script, &documented, &mut used);
        assert!(unknown.is_empty(), "{unknown:#?}");
    }
    let known: BTreeSet<_> = documented.keys().cloned().collect();
    assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "no script has these");
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let documented = documented();
    for line in [
        "Set-NetIPInterface -InterfaceAlias a -AutomaticInterfaceMetric Disabled",
        "Set-NetIpInterfaces -InterfaceAlias a",
        "netsh interface ipv4 set interface \"net\" weakhostrecieve=enabled",
        "netsh interface ipv4 set interface \"net\" weakhostreceive=on",
        "if ($a) { Get-NetAdapter -Names 'a' | Out-Null }",
    ] {
        assert_eq!(undocumented(line, &documented, &mut BTreeSet::new()).len(), 1, "{line}");
    }
}
