//! What is known of drivers that no kernel says itself.

/// Whether a driver is known to have native XDP, for kernels that do not tell (before 6.3). Sorted.
pub(super) fn has_native_xdp(driver: &str) -> bool {
    NATIVE.binary_search(&driver).is_ok()
}

/// Whether a driver switches LRO and hardware GRO off itself when a program is attached, where they can be switched.
pub(super) fn yields_to_xdp(driver: Option<&str>) -> bool {
    driver == Some(VIRTIO)
}

/// Virtual machines' card: its offloads are the hypervisor's.
pub(super) const VIRTIO: &str = "virtio_net";

/// Drivers with an `ndo_bpf` for `XDP_SETUP_PROG` in kernel 6.1.
const NATIVE: [&str; 30] = [
    "atlantic",
    "bnxt_en",
    "bond",
    "cpsw-switch",
    "ena",
    "fsl_dpaa2_eth",
    "fsl_enetc",
    "hv_netvsc",
    "i40e",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mana",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "netsec",
    "nfp",
    "nicvf",
    "qede",
    "rvu_nicpf",
    "rvu_nicvf",
    "sfc",
    "tun",
    "veth",
    "vif",
    "virtio_net",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(NATIVE.is_sorted(), "{NATIVE:?}");
        assert!(has_native_xdp("ixgbe") && !has_native_xdp("e1000e"));
    }
}
