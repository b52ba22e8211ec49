//! Two tunnels whose paths differ in MTU: each gets packets that fit it.

use std::{collections::BTreeSet, fs};

use dsr_common::forward::ForwardMode;
use dsr_lab::Node;
use dsr_tests::lab::{agent, eventually, nginx, process::ip};

use super::{configuration, curl, lab, vips};

/// The MTU of the path to the second backend.
const NARROW: u32 = 1300;
const UPLOAD: usize = 1 << 20;

#[test]
#[ignore = "needs root"]
fn each_path_gets_what_fits_it() {
    for mode in [ForwardMode::Ipip, ForwardMode::Gue] {
        let mut lab = lab(mode, 2);
        let _nginx = nginx::start_all(&lab);
        let narrow = Node::Backend(2).address();
        // Larger packets are dropped there silently.
        ip(lab.backend(2).unwrap(), &format!("link set eth0 mtu {NARROW}"));
        ip(lab.balancer(), &format!("route add {narrow} via {} mtu {NARROW}", Node::Router.address()));
        agent::start(&configuration(&lab), &mut lab);
        let upload = lab.directory().join("upload");
        fs::write(&upload, vec![b'x'; UPLOAD]).unwrap();
        let (data, [vip, _]) = (format!("@{}", upload.display()), vips(&lab));
        let mut answered = BTreeSet::new();
        eventually("an upload to each backend", || {
            let got = curl(&lab, vip, "/", &["--data-binary", &data]);
            assert!(got.starts_with("200 "), "{mode:?}: {got}");
            answered.extend(got.split(' ').nth(2).map(str::to_owned));
            (answered.len() == 2).then_some(())
        });
    }
}
