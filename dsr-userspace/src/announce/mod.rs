//! Tells the network where the VIPs are: gratuitous ARP.
