//! `dsr man-pages`: writes a page of section 8 for each command to a directory; packages are built with it.

use std::{fs, io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::examples::{self, Example};

/// Commands for system administration.
const SECTION: &str = "8";
const MANUAL: &str = "System Administration";

/// Exit codes that every command has; `docs/operating.md` has the whole table.
const EXIT_CODES: [(&str, &str); 3] = [
    ("0", "Success, and nothing was found."),
    ("1", "A failure or a finding."),
    ("2", "Wrong usage or an invalid configuration; no agent answers, or it refuses the request."),
];

/// Arguments of `dsr man-pages`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An existing directory for the pages
    directory: PathBuf,
    /// The date that the pages bear
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "undated")]
    date: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    for (name, page) in pages(&args.date)? {
        let file = args.directory.join(name);
        fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Each page with its file name.
fn pages(date: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    // The pages of subcommands are named `dsr-status`; that of `help` would say nothing new.
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, date, &mut pages)?;
    Ok(pages)
}

fn add(command: &clap::Command, date: &str, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for below in visible(command) {
        add(below, date, pages)?;
    }
    pages.push((format!("{}.{SECTION}", page_name(command)), page(command, date)?));
    Ok(())
}

fn page(command: &clap::Command, date: &str) -> io::Result<Vec<u8>> {
    let name = page_name(command).to_owned();
    let words = command.get_bin_name().unwrap_or(super::NAME);
    let path = words.strip_prefix(super::NAME).unwrap_or_default().trim_start();
    let version = format!("{} {}", super::NAME, env!("DSR_VERSION"));
    // What comes after the options in `--help` gets sections of its own here.
    let extra = command.get_after_help().map(ToString::to_string).filter(|_| examples::of(path).is_empty());
    let man =
        Man::new(command.clone()).title(name.to_uppercase()).section(SECTION).date(date).source(version).manual(MANUAL);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if visible(command).next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    if extra.is_some() {
        man.render_extra_section(&mut page)?;
    }
    ending(command, examples::of(path)).to_writer(&mut page)?;
    Ok(page)
}

/// Examples, exit codes and the neighbouring pages.
fn ending(command: &clap::Command, examples: &[Example]) -> Roff {
    let mut roff = Roff::new();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for (line, meaning) in examples {
            roff.control("TP", []);
            roff.text([bold(*line)]);
            roff.text([roman(*meaning)]);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    if page_name(command) != super::NAME {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(super::NAME), roman(format!("({SECTION})"))]);
    }
    roff
}

fn visible(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set())
}

fn page_name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_visible_command_has_a_page_with_its_examples() {
        let pages = pages("2026-11-29").unwrap();
        let names: Vec<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["dsr.8", "dsr-status.8", "dsr-backend-run.8", "dsr-completions.8", "dsr-man-pages.8"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("help")), "{names:?}");
        let (_, run) = pages.iter().find(|(name, _)| name == "dsr-backend-run.8").unwrap();
        let run = String::from_utf8_lossy(run);
        for text in
            [".TH DSR-BACKEND-RUN 8 2026-11-29 ", r"dsr backend run \-\-undo", ".SH \"EXIT STATUS\"", ".SH EXAMPLES"]
        {
            assert!(run.contains(text), "{text} is not in:\n{run}");
        }
    }

    #[test]
    fn the_same_command_line_gives_the_same_pages() {
        assert_eq!(pages("2026-11-29").unwrap(), pages("2026-11-29").unwrap());
    }
}
