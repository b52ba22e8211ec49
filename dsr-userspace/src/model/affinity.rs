//! What keeps a flow with the backend that it has.

use std::time::Duration;

use super::Protocol;

/// What keeps a flow with its backend while the slots of its service change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// Flows are remembered while slots change, where connections can tell that they begin: TCP. Others follow the slots.
    #[default]
    Auto,
    /// Every flow is remembered, always.
    Flow,
    /// All flows of a client's address go to one backend; they are remembered while slots change.
    Source,
    /// Nothing is remembered: a flow whose slot gets another backend goes there at once.
    None,
}

impl Affinity {
    /// Whether slots of a service of this protocol are tracked when their backend changes.
    pub const fn tracks(self, protocol: Protocol) -> bool {
        match self {
            // A service on all protocols has TCP among them.
            Self::Auto => matches!(protocol, Protocol::Tcp | Protocol::Any),
            Self::Flow | Self::Source => true,
            Self::None => false,
        }
    }
}

/// How long a flow is remembered after its last packet, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowTimeout(u32);

impl FlowTimeout {
    /// The longest one.
    pub const MAX: Self = Self(24 * 60 * 60);

    /// A timeout, or nothing where it is zero or above [`FlowTimeout::MAX`].
    pub const fn from_seconds(seconds: u64) -> Option<Self> {
        if seconds == 0 || seconds > Self::MAX.0 as u64 { None } else { Some(Self(seconds as u32)) }
    }

    /// Its seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// Fifteen minutes.
impl Default for FlowTimeout {
    fn default() -> Self {
        Self(15 * 60)
    }
}
