//! What a namespace's kernel counted: proof of what a client sent that no part of the balancer had a hand in.

use std::{fs, ops::Sub};

use dsr_lab::Namespace;

/// What left a namespace since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// IP packets.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// TCP SYNs that were sent again.
    pub repeated_syns: u64,
}

impl Sent {
    /// Reads the counters.
    ///
    /// # Panics
    /// Where the kernel does not have them.
    #[must_use]
    pub fn read(namespace: &Namespace) -> Self {
        let text = namespace.run(|| {
            let read = |file: &str| fs::read_to_string(format!("/proc/thread-self/net/{file}"));
            Ok::<_, std::io::Error>(read("snmp")? + &read("netstat")?)
        });
        let text = text.expect("the namespace can be entered").expect("the kernel counts");
        let value = |group, name| value(&text, group, name).expect("the kernel has the counter");
        Self {
            packets: value("Ip:", "OutRequests"),
            bytes: value("IpExt:", "OutOctets"),
            repeated_syns: value("TcpExt:", "TCPSynRetrans"),
        }
    }
}

/// What was sent between two readings.
impl Sub for Sent {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            packets: self.packets - earlier.packets,
            bytes: self.bytes - earlier.bytes,
            repeated_syns: self.repeated_syns - earlier.repeated_syns,
        }
    }
}

/// Lines come in pairs: the names of a group, and their values.
fn value(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split_whitespace().next() == Some(group));
    let (names, values) = (lines.next()?, lines.next()?);
    let position = names.split_whitespace().position(|found| found == name)?;
    values.split_whitespace().nth(position)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_are_found_by_the_names_above_them() {
        let text = "Ip: A B\nIp: 1 2\nTcp: A\nTcp: 3\n";
        assert_eq!(value(text, "Ip:", "B"), Some(2));
        assert_eq!(value(text, "Tcp:", "A"), Some(3));
        assert_eq!(value(text, "Tcp:", "B"), None);
    }
}
