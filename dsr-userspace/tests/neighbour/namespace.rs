//! Two network namespaces joined by a veth pair: a balancer's and a backend's. Gone with the thread that made them.

#![allow(dead_code)] // Each test file uses its part.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsRawFd,
    panic, thread,
};

use dsr::model::Mac;
use futures_util::TryStreamExt;
use netlink_packet_route::link::LinkAttribute;
use rtnetlink::{Handle, LinkUnspec, LinkVeth};

/// The balancer's end of the pair.
pub(crate) const BALANCER: &str = "lb0";
/// The backend's end of the pair.
pub(crate) const BACKEND: &str = "be0";
/// Addresses and MACs of both ends; the prefix has 24 bits.
pub(crate) const BALANCER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const BACKEND_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const BALANCER_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const BACKEND_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// Runs a test in a thread of its own that is in the balancer's namespace. Needs root.
pub(crate) fn run(test: impl AsyncFnOnce(&Pair) + Send + 'static) {
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { test(&Pair::new().await).await });
    };
    if let Err(failure) = thread::spawn(body).join() {
        panic::resume_unwind(failure);
    }
}

/// A network namespace, and a netlink socket in it.
pub(crate) struct Namespace {
    file: File,
    pub(crate) netlink: Handle,
}

impl Namespace {
    /// Makes one and takes the calling thread into it.
    fn new() -> Self {
        // SAFETY: takes no memory; only this thread's network namespace changes.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0, "{}", std::io::Error::last_os_error());
        let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        Self { file: File::open("/proc/thread-self/ns/net").unwrap(), netlink }
    }

    /// Takes the calling thread into it.
    pub(crate) fn enter(&self) {
        // SAFETY: takes no memory; the descriptor is open.
        let result = unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    }

    /// Another hold on the namespace, for another thread.
    pub(crate) fn file(&self) -> File {
        self.file.try_clone().unwrap()
    }

    pub(crate) async fn index(&self, link: &str) -> u32 {
        let found = self.netlink.link().get().match_name(link.into()).execute().try_next().await;
        found.unwrap().unwrap().header.index
    }

    pub(crate) async fn set_up(&self, link: &str) {
        self.netlink.link().set(LinkUnspec::new_with_name(link).up().build()).execute().await.unwrap();
    }

    pub(crate) async fn set_down(&self, link: &str) {
        self.netlink.link().set(LinkUnspec::new_with_name(link).down().build()).execute().await.unwrap();
    }

    pub(crate) async fn set_mac(&self, link: &str, mac: Mac) {
        let message = LinkUnspec::new_with_name(link).append_extra_attribute(LinkAttribute::Address(mac.0.to_vec()));
        self.netlink.link().set(message.build()).execute().await.unwrap();
    }

    pub(crate) async fn add_address(&self, link: &str, address: impl Into<IpAddr>) {
        let (index, address) = (self.index(link).await, address.into());
        let prefix = if address.is_ipv4() { 24 } else { 64 };
        self.netlink.address().add(index, address, prefix).execute().await.unwrap();
    }

    /// Without a route to a prefix by this link.
    pub(crate) async fn add_host_address(&self, link: &str, address: Ipv4Addr) {
        let index = self.index(link).await;
        self.netlink.address().add(index, address.into(), 32).execute().await.unwrap();
    }

    pub(crate) async fn remove_address(&self, link: &str, address: Ipv4Addr) {
        let mut found = self.netlink.address().get().set_address_filter(address.into()).execute();
        let found = found.try_next().await.unwrap().unwrap_or_else(|| panic!("{link} has no {address}"));
        self.netlink.address().del(found).execute().await.unwrap();
    }

    pub(crate) async fn add_veth(&self, link: &str, peer: &str) {
        self.netlink.link().add(LinkVeth::new(link, peer).build()).execute().await.unwrap();
    }
}

/// Two namespaces with a link between them; the calling thread is in the balancer's.
pub(crate) struct Pair {
    pub(crate) balancer: Namespace,
    pub(crate) backend: Namespace,
}

impl Pair {
    async fn new() -> Self {
        let backend = Namespace::new();
        let balancer = Namespace::new();
        balancer.add_veth(BALANCER, BACKEND).await;
        let moved = LinkUnspec::new_with_name(BACKEND).setns_by_fd(backend.file.as_raw_fd()).build();
        balancer.netlink.link().set(moved).execute().await.unwrap();
        balancer.set_mac(BALANCER, BALANCER_MAC).await;
        backend.set_mac(BACKEND, BACKEND_MAC).await;
        balancer.add_address(BALANCER, BALANCER_IP).await;
        backend.add_address(BACKEND, BACKEND_IP).await;
        balancer.set_up(BALANCER).await;
        backend.set_up(BACKEND).await;
        Self { balancer, backend }
    }

    /// Another link between the two, up at both ends.
    pub(crate) async fn add_link(&self, balancer: &str, backend: &str, backend_mac: Mac) {
        self.balancer.add_veth(balancer, backend).await;
        let moved = LinkUnspec::new_with_name(backend).setns_by_fd(self.backend.file.as_raw_fd()).build();
        self.balancer.netlink.link().set(moved).execute().await.unwrap();
        self.backend.set_mac(backend, backend_mac).await;
        self.balancer.set_up(balancer).await;
        self.backend.set_up(backend).await;
    }

    /// Lets the backend answer ARP for an address on its own link only.
    pub(crate) fn answer_only_on_their_own_link(&self) {
        self.backend.enter();
        std::fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1").unwrap();
        self.balancer.enter();
    }
}
