//! What the tests share: frames to build, and the real program to run them through.

pub mod frame;
pub mod generate;
pub mod model;
pub mod privilege;
pub mod program;
