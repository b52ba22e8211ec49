//! What goes over the socket. Addresses, protocols and states are written as an operator writes them.

mod explain;
mod forward;
mod overrides;
mod preview;
mod reload;
mod status;
mod trace;

pub use explain::{ExplainRequest, ExplainedService, Explanation};
pub use forward::{ForwardView, TunnelView};
pub use overrides::{OverrideAction, OverrideAnswer, OverrideRequest};
pub use preview::{ChangeKind, IncludedFile, Preview, PreviewRequest, ServiceChange};
pub use reload::{FileProblem, ReloadAnswer, ReloadOutcome};
pub use status::{InterfaceStatus, MemberState, MemberStatus, ReloadCounts, ServiceStatus, Status, StatusFinding};
pub use trace::{Decision, MemberName, TraceLine, TraceRequest};
