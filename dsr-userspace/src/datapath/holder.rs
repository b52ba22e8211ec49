//! Whose an attached program is.

use aya::programs::{links::LinkType, loaded_links, loaded_programs};
use dsr_common::names;

/// What is known of a program that is attached to an interface. Without `CAP_SYS_ADMIN`, which
/// listing programs takes, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The program's name.
    pub name: Option<String>,
    /// The number of the link that holds it, if one does: then only its end takes the program off.
    pub link: Option<u32>,
    /// Whether it is an agent's own program.
    pub ours: bool,
}

impl Holder {
    /// Asks for the program with this number.
    pub fn of(program: u32) -> Self {
        let name = loaded_programs()
            .filter_map(Result::ok)
            .find(|info| info.id() == program)
            .and_then(|info| info.name_as_str().map(str::to_owned));
        let link = loaded_links()
            .filter_map(Result::ok)
            .find(|link| link.program_id() == program && matches!(link.link_type(), Ok(LinkType::Xdp)))
            .map(|link| link.id());
        let ours = name.as_deref().is_some_and(|name| [names::XDP_PROGRAM, names::TRACED_PROGRAM].contains(&name));
        Self { name, link, ours }
    }
}
