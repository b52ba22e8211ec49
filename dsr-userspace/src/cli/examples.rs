//! The examples at the end of each command's `--help` and man page.

/// A command line, and what it does.
pub(super) type Example = (&'static str, &'static str);

/// Each command by its words after `dsr`.
const EXAMPLES: [(&str, &[Example]); 17] = [
    (
        "",
        &[("dsr lab", "Watch it balance in network namespaces of this machine"), ("dsr check", CHECK), (RUN, BALANCE)],
    ),
    ("run", &[(RUN, BALANCE)]),
    (
        "check",
        &[
            ("dsr check", CHECK),
            ("dsr check -c dsr.yaml --json", "The same for another file, as one JSON object"),
            ("dsr check --schema", "Print the JSON Schema for an editor"),
            ("dsr check --schema=backend", "The same for the file of `dsr backend run`"),
        ],
    ),
    ("reload", &[("dsr reload", "Put the changed file into force, or print its errors")]),
    (
        "status",
        &[
            ("dsr status", "Show services, backends and findings"),
            ("dsr status --json", "Show all of it as one JSON object, for scripts"),
        ],
    ),
    (
        "trace",
        &[
            ("dsr trace --dst 192.0.2.10:443 --count 20", "Show the next 20 packets to a service"),
            ("dsr trace --src 198.51.100.7 --dst 192.0.2.10", "Show what becomes of one client's packets to a VIP"),
        ],
    ),
    (
        "explain",
        &[(
            "dsr explain 198.51.100.7:40123 192.0.2.10:443/tcp",
            "Show the backend of one connection, and why it is that one",
        )],
    ),
    ("drain", &[("dsr drain web1", "Let the connections of web1 end before maintenance")]),
    ("undrain", &[("dsr undrain web1", "Give web1 its configured weight again")]),
    ("weight", &[("dsr weight web1 50 --pool web", "Give web1 of pool web the weight 50 until `dsr undrain web1`")]),
    ("detach", &[("dsr detach", "Remove what a killed agent left attached")]),
    (
        "backend",
        &[(SETUP, "Print the script for a Linux backend"), (BACKEND_RUN, "Run the backend's half of a tunnel")],
    ),
    (
        "backend setup",
        &[
            (SETUP, "Print the script for a Linux backend"),
            (
                "dsr backend setup --os linux -c /etc/dsr/dsr.yaml --address 10.0.0.11",
                "The same with the VIPs, forward mode and DSCP codes of the balancers' file",
            ),
            (
                "dsr backend setup --os linux --vip 192.0.2.10 --check",
                "Print a script that checks a backend, changing nothing",
            ),
            ("dsr backend setup --os linux --vip 192.0.2.10 --undo", "Print the script that removes the set-up again"),
        ],
    ),
    ("backend run", &[(BACKEND_RUN, "Run the backend's half until SIGTERM"), ("dsr backend run --undo", UNDO)]),
    ("doctor", &[("dsr doctor", "Name what is wrong in the network, each with its remedy")]),
    (
        "lab",
        &[
            ("dsr lab --duration 20s", "Run the demo for 20 seconds"),
            ("dsr lab --backends 5 --break web2=arp", "Break the second of five backends and see what is reported"),
        ],
    ),
    ("man-pages", &[("dsr man-pages /usr/local/share/man/man8", "Install the pages, as packages do")]),
];

const RUN: &str = "dsr run -c /etc/dsr/dsr.yaml";
const BALANCE: &str = "Balance until SIGTERM";
const CHECK: &str = "Validate /etc/dsr/dsr.yaml and show what it would change";
const SETUP: &str = "dsr backend setup --os linux --vip 192.0.2.10 --port 443/tcp";
const BACKEND_RUN: &str = "dsr backend run -c /etc/dsr/backend.yaml";
const UNDO: &str = "Remove what a killed backend agent left behind";

/// The examples of a command, named by its words after `dsr`.
pub(super) fn of(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// Adds the examples to a command and those below it.
pub(super) fn add(command: clap::Command) -> clap::Command {
    add_below(command, "")
}

fn add_below(command: clap::Command, name: &str) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let command = names.iter().fold(command, |command, below| {
        let path = if name.is_empty() { below.clone() } else { format!("{name} {below}") };
        command.mut_subcommand(below, |command| add_below(command, &path))
    });
    match of(name) {
        [] => command,
        examples => command.after_help(text(examples)),
    }
}

fn text(examples: &[Example]) -> String {
    let lines: Vec<_> = examples.iter().map(|(line, meaning)| format!("  {line}\n      {meaning}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    /// The names of every command that an operator sees, but clap's `help`.
    fn commands(command: &clap::Command, name: &str) -> Vec<String> {
        let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
        let below = below.flat_map(|below| commands(below, format!("{name} {}", below.get_name()).trim()));
        below.chain([name.to_owned()]).collect()
    }

    #[test]
    fn every_command_has_an_example_and_every_example_a_command() {
        let mut with_examples: Vec<_> = EXAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        // Its own help names every shell.
        with_examples.push("completions".to_owned());
        with_examples.sort();
        let mut all = commands(&cli::command(), "");
        all.sort();
        assert_eq!(with_examples, all);
    }

    #[test]
    fn every_example_is_a_valid_command_line_of_its_command() {
        for (name, examples) in EXAMPLES {
            for (line, _) in examples {
                assert!(line.starts_with(format!("dsr {name}").trim_end()), "`{line}` is an example of `{name}`");
                let parsed = cli::command().try_get_matches_from(line.split(' '));
                assert!(parsed.is_ok(), "`{line}`: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn help_ends_with_the_examples() {
        let help = cli::command().try_get_matches_from(["dsr", "backend", "run", "--help"]).unwrap_err().to_string();
        assert!(help.ends_with(&format!("Examples:\n  {BACKEND_RUN}\n      Run the backend's half until SIGTERM\n  dsr backend run --undo\n      {UNDO}\n")), "{help}");
    }
}
