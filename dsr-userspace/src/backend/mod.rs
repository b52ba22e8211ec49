//! Backends: how a real server of any system is made to hold the VIPs and to keep silent about them.
//!
//! An operator's words, or those of the balancers' file ([`Served`]), become a [`Request`] that cannot be wrong
//! ([`Asked::validate`]), a request becomes the text of a script ([`script`]). The scripts are the templates below
//! `templates/`, one file each; `docs/backends.md` says why every line is there. What enters a template is an address, a
//! number or a [`name`] of harmless characters, so that nothing that is given can break out of the script. Nothing of these
//! touches this host.
//!
//! [`run`] is a backend's own agent: it loads the program that ends the balancers' tunnels, and keeps the VIPs on the
//! loopback by the same scripts.
//!
//! What the check scripts look at has names that stay: [`Check`].

pub mod check;
mod files;
pub mod forward;
pub mod name;
pub mod port;
mod request;
mod run;
mod script;
mod served;
#[cfg(test)]
mod tests;
mod vip;

pub use check::Check;
pub use forward::AskedForward;
pub use port::ServicePort;
pub use request::{Action, Asked, Means, Persist, Request, System, Wrong};
pub use run::{DEFAULT_STATE, Error, Options, run, undo};
pub use script::script;
pub use served::Served;
