//! Desired and observed state against live state.
