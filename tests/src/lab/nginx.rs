//! Real nginx as a backend.

use std::{fs, time::Duration};

use dsr_lab::{self as lab, Lab, Node};

use super::{eventually, process::Daemon};

/// Starts an nginx on every backend of a lab that was built without HTTP. It listens where the services of the
/// first VIPs are, and nowhere else, and answers with the backend's name, one request a connection; but [`LARGE`] is as
/// many bytes, with the name in the header `X-Backend`.
///
/// # Panics
/// Where one does not answer.
#[must_use]
pub fn start_all(lab: &Lab) -> Vec<Daemon> {
    let numbered = (1..).zip(lab.backend_names());
    let mut daemons: Vec<_> = numbered.map(|(number, name)| (number, start(lab, number, &name))).collect();
    for (number, daemon) in &mut daemons {
        let backend = lab.backend(*number).expect("there is a backend of every name");
        eventually("answer of nginx", || {
            daemon.assert_running();
            backend.block_on(|| lab::get(lab.service().into(), "/", PATIENCE)).ok()?.ok()
        });
    }
    daemons.into_iter().map(|(_, daemon)| daemon).collect()
}

fn start(lab: &Lab, number: u8, name: &str) -> Daemon {
    let directory = lab.directory().join(format!("nginx-{name}"));
    let file = directory.join("nginx.conf");
    let written = fs::create_dir(&directory)
        .and_then(|()| fs::write(directory.join("large"), vec![b'x'; LARGE]))
        .and_then(|()| fs::write(&file, configuration(lab, name)));
    written.expect("nginx's configuration can be written");
    start_again(lab, number)
}

/// Starts the nginx of a backend whose daemon was dropped; does not wait until it answers.
///
/// # Panics
/// Where the backend never had one.
#[must_use]
pub fn start_again(lab: &Lab, number: u8) -> Daemon {
    let name = Node::Backend(number).to_string();
    let directory = lab.directory().join(format!("nginx-{name}"));
    let file = directory.join("nginx.conf");
    let backend = lab.backend(number).expect("there is a backend of every name");
    let mut command = backend.command("nginx").expect("a command can be prepared");
    command.arg("-p").arg(&directory).arg("-c").arg(&file).arg("-e").arg(directory.join("error.log"));
    Daemon::start(&mut command, &directory.join("said.log"))
}

fn configuration(lab: &Lab, name: &str) -> String {
    let ipv6 = lab.service6().map_or_else(String::new, |service| format!("listen {service} backlog=4096;"));
    let service = lab.service();
    // One process in the foreground; all paths are relative to the directory.
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_timeout 0;
    server {{
        listen {service} backlog=4096;
        {ipv6}
        add_header X-Backend {name};
        location = /large {{ alias large; }}
        location / {{ return 200 \"{name}\\n\"; }}
    }}
}}
"
    )
}

/// The bytes of `/large`.
pub const LARGE: usize = 1 << 20;
/// How long one request may take before the next is tried.
const PATIENCE: Duration = Duration::from_secs(2);
