//! Names of interfaces and containers, of characters that mean nothing in a script.

use std::path::Path;

/// A name that can stand unquoted in a shell and between any quotes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name of an interface of Linux, FreeBSD, macOS or Solaris, or of a container.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn plain(text: &str, longest: usize) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits) && text.len() <= longest {
            return Ok(Self(text.to_owned()));
        }
        let write = format!("a name of letters, digits, `-`, `_` and `.`, at most {longest} long");
        Err(format!("`{}` cannot stand in a script: write {write}", text.escape_debug()))
    }

    /// The name or the index number of an adapter of Windows, which may have spaces and parentheses. Quotes of any
    /// kind, `$`, backticks and `%` are refused, and so is what is not ASCII: Windows reads a script without a byte
    /// order mark in the code page of its installation.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn windows(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '(' | ')' | '#');
        let ends = |c: char| !c.is_ascii_whitespace() && c != '-';
        if text.starts_with(ends) && text.ends_with(ends) && text.chars().all(fits) && text.len() <= LONGEST_ADAPTER {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "`{}` cannot stand in a script: write its index number, which Get-NetAdapter and `netsh interface ipv4 \
             show interfaces` tell, or find it by --address",
            text.escape_debug()
        ))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A directory that can stand unquoted in a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory(String);

impl Directory {
    /// An absolute path of harmless characters.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn new(path: &Path) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
        match path.to_str() {
            Some(text) if path.is_absolute() && text.chars().all(fits) => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "`{}` cannot stand in a script: write an absolute path of letters, digits, `-`, `_`, `.` and `/`",
                path.display()
            )),
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest name of an interface of Linux: IFNAMSIZ without its zero.
pub const LONGEST_INTERFACE: usize = 15;
/// The longest name of a container.
pub const LONGEST_CONTAINER: usize = 128;
/// The longest name of an adapter of Windows.
const LONGEST_ADAPTER: usize = 255;
