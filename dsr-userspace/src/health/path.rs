//! The path of a probe out of this host: the link, and the program on it that knows the rest.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use netlink_packet_route::tc::{TcAttribute, TcFilterBpfOption, TcMessage, TcOption};

use super::link::{self, LinkError, NAME};
use crate::datapath;

/// A link with its program, as the kernel numbers them. What is made anew has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbePath {
    /// The index of the link.
    pub ifindex: u32,
    /// The id of the program.
    pub program: u32,
}

impl ProbePath {
    /// Whether the kernel sends probes of one of these VIPs of a family by this path.
    pub async fn verify(self, vips: &[IpAddr]) -> Result<(), LinkError> {
        link::verify(self.ifindex, vips).await?;
        let refused = |reason: String| LinkError::Refused { doing: "look for the program on the link", reason };
        let programs = match datapath::programs_on_egress(NAME).map_err(|error| refused(error.to_string()))? {
            Some(programs) => programs,
            None => filters(self.ifindex).await.map_err(|error| refused(error.to_string()))?,
        };
        if programs.contains(&self.program) { Ok(()) } else { Err(LinkError::Detached) }
    }
}

/// The ids of the programs that are filters on the egress of a link.
async fn filters(ifindex: u32) -> Result<Vec<u32>, rtnetlink::Error> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|_| rtnetlink::Error::RequestFailed)?;
    tokio::spawn(connection);
    let filters: Vec<_> = handle.traffic_filter(ifindex.cast_signed()).get().egress().execute().try_collect().await?;
    Ok(filters.iter().filter_map(program).collect())
}

fn program(filter: &TcMessage) -> Option<u32> {
    let options = filter.attributes.iter().filter_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    });
    options.flatten().find_map(|option| match option {
        TcOption::Bpf(TcFilterBpfOption::ProgId(id)) => Some(*id),
        _ => None,
    })
}
