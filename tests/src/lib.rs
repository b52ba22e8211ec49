//! What the tests share: frames to build, the real program to run them through, and labs of network namespaces.

pub mod frame;
pub mod generate;
pub mod heartbeat;
pub mod lab;
pub mod model;
pub mod program;
pub mod tracked;
