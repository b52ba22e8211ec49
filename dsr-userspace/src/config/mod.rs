//! The configuration file.
mod compose; mod error; mod outline; mod path; mod suggest;
pub use error::{Errors, Located, Place, Problem};
