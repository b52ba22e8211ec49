//! Where the live view of a lab goes: a block on a terminal, else plain lines.

use std::io::{self, IsTerminal, Write};

use super::{
    screen::{Screen, View},
    terminal::Keyboard,
};

/// Where the live view goes.
pub enum Display {
    /// A block on stdout that is drawn again and again.
    Block(Screen),
    /// A line a view.
    Lines(Box<dyn Write>),
}

impl Display {
    /// A block on stdout where that is a terminal, else lines.
    pub fn stdout() -> Self {
        if io::stdout().is_terminal() { Self::Block(Screen::default()) } else { Self::Lines(Box::new(io::stdout())) }
    }

    /// Lines on stderr.
    pub fn stderr() -> Self {
        Self::Lines(Box::new(io::stderr()))
    }

    /// The keyboard, where there is a block to see what the keys do.
    pub fn keyboard(&self) -> io::Result<Keyboard> {
        match self {
            Self::Block(_) => Keyboard::open(),
            Self::Lines(_) => Ok(Keyboard::absent()),
        }
    }

    /// Writes some lines once.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        match self {
            Self::Block(screen) => screen.note(&mut io::stdout().lock(), text),
            Self::Lines(out) => writeln!(out, "{text}"),
        }
    }

    /// Shows the view in place of the last.
    pub fn view(&mut self, view: &View<'_>) -> io::Result<()> {
        match self {
            Self::Block(screen) => screen.draw(&mut io::stdout().lock(), &view.block()),
            Self::Lines(out) => writeln!(out, "{}", view.line()),
        }
    }
}
