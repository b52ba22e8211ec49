//! From a request to the text of a script.

use std::{collections::BTreeMap, net::IpAddr};

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

use super::{
    check::Check,
    files::Planned,
    forward::Received,
    name::Name,
    port::Transport,
    request::{Action, Means, Request, System},
    vip,
};

/// The text that does what is asked: a shell script, a PowerShell script, or for pods a patch in YAML.
///
/// # Errors
/// Where a template is wrong, which the tests rule out for every system, means and action.
pub fn script(request: &Request) -> Result<String, Error> {
    let environment = environment()?;
    let values = request.values(&environment)?;
    environment.get_template(&request.template())?.render(values)
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Each template by the name that others include it by.
        pub(super) const TEMPLATES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("templates/", $name)))),*];
    };
}

templates! {
    "bsd/has.sh", "bsd/held.sh", "bsd/holders.sh", "bsd/remove.sh",
    "docker/enter.sh",
    "freebsd/check.sh", "freebsd/setup.sh", "freebsd/undo.sh",
    "linux/begin.sh", "linux/check.sh", "linux/setup.sh", "linux/undo.sh",
    "linux/forward/check.sh", "linux/forward/codes.nft", "linux/forward/setup.sh", "linux/forward/undo.sh",
    "linux/nftables/check.sh", "linux/nftables/setup.sh", "linux/nftables/undo.sh", "linux/nftables/vips.nft",
    "linux/persist/lo.network", "linux/persist/sysctl.conf", "linux/persist/vip.interfaces",
    "linux/persist/vip.netplan.yaml", "linux/persist/vip.network.conf", "linux/persist/vip.nmconnection",
    "macos/check.sh", "macos/setup.sh", "macos/undo.sh", "macos/vip.plist",
    "pod/check.sh", "pod/setup.yaml", "pod/undo.yaml",
    "shell/die.sh", "shell/fault.sh",
    "solaris/check.sh", "solaris/setup.sh", "solaris/undo.sh",
    "windows/adapter.ps1", "windows/begin.ps1", "windows/check.ps1", "windows/find.ps1", "windows/setup.ps1",
    "windows/undo.ps1",
    "windows/netsh/check.ps1", "windows/netsh/find.ps1", "windows/netsh/setup.ps1", "windows/netsh/undo.ps1",
}

/// Templates whose lines that are only a tag leave nothing behind, and that fail where a value is missing.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    // Nothing is escaped: what enters needs none, see `Request`.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_function("remedy", |name: String, subject: String| {
        Check::named(&name).map_or_else(String::new, |check| check.remedy(&subject))
    });
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

impl Request {
    /// The template that the script begins with.
    fn template(&self) -> String {
        let directory = match (self.system, self.means) {
            (System::Linux, Means::Nftables) => "linux/nftables",
            (System::Linux, _) => "linux",
            (System::Windows, Means::Netsh) => "windows/netsh",
            (System::Windows, _) => "windows",
            (System::Freebsd, _) => "freebsd",
            (System::Macos, _) => "macos",
            (System::Solaris | System::Illumos, _) => "solaris",
            // The same for every action, which is included.
            (System::Docker, _) => return "docker/enter.sh".to_owned(),
            (System::Pod, _) => "pod",
        };
        let name = self.action.name();
        let extension = match (self.system, self.action) {
            (System::Windows, _) => "ps1",
            (System::Pod, Action::Setup | Action::Undo) => "yaml",
            _ => "sh",
        };
        format!("{directory}/{name}.{extension}")
    }

    /// All that templates can name.
    fn values(&self, environment: &Environment<'_>) -> Result<Value, Error> {
        let vips: Vec<_> = self.vips.iter().map(|vip| self.vip(*vip)).collect();
        let interface = self.interface.as_ref().map_or("all", Name::as_str);
        let ports = self.ports.iter().map(|port| {
            context! { number => port.number.get(), protocol => port.protocol.name() }
        });
        let state = match (&self.state, self.means) {
            (Some(state), _) => state.as_str(),
            (None, Means::Files(_)) => "/var/lib/dsr-backend",
            (None, _) => "/run/dsr-backend",
        };
        let list: Vec<_> = self.vips.iter().map(ToString::to_string).collect();
        let base = context! {
            title => self.title(),
            action => self.action.name(),
            usage => self.usage(),
            state,
            list => list.join(", "),
            v4 => self.vips.iter().any(IpAddr::is_ipv4),
            v6 => self.vips.iter().any(IpAddr::is_ipv6),
            address => self.address.map(|address| address.to_string()),
            address_v6 => self.address.is_some_and(|address| address.is_ipv6()),
            interface,
            interface_key => interface.replace('.', "/"),
            named => self.interface.is_some(),
            numbered => interface.parse::<u32>().is_ok(),
            container => self.container.as_ref().map(|name| name.as_str().to_owned()),
            illumos => self.system == System::Illumos,
            ports => ports.collect::<Vec<_>>(),
            vips,
            adapter => ADAPTER,
            tcp_ports => self.numbers(Transport::Tcp),
            udp_ports => self.numbers(Transport::Udp),
        };
        let base = self.with_files(environment, base)?;
        let rules = match self.means {
            Means::Nftables => environment.get_template("linux/nftables/vips.nft")?.render(base.clone())?,
            _ => String::new(),
        };
        let base = self.with_forward(environment, base)?;
        Ok(context! { rules => rules.trim_end(), ..base })
    }

    /// What takes off a tunnel's headers, or turns DSCP codes back.
    fn with_forward(&self, environment: &Environment<'_>, base: Value) -> Result<Value, Error> {
        let (v4, v6) = (self.vips.iter().any(IpAddr::is_ipv4), self.vips.iter().any(IpAddr::is_ipv6));
        let (mut devices, mut fou, mut codes) = (Vec::new(), None, Vec::new());
        match &self.received {
            Received::L2 => {}
            Received::Dscp(of) => {
                codes = of
                    .iter()
                    .map(
                        |(vip, code)| context! { code => code.get(), vip => vip.to_string(), keyword => keyword(*vip) },
                    )
                    .collect();
            }
            Received::Tunnel(tunnel) => {
                devices = tunnel.devices(v4, v6).into_iter().map(|(name, words)| context! { name, words }).collect();
                fou = tunnel.fou().map(|(family, port)| context! { family, port });
            }
        }
        let base = context! { devices, fou, codes => codes.clone(), ..base };
        let rules = if codes.is_empty() {
            String::new()
        } else {
            environment.get_template("linux/forward/codes.nft")?.render(base.clone())?
        };
        Ok(context! { code_rules => rules.trim_end(), ..base })
    }

    /// The ports of one protocol, as firewalls of Windows take them: `80,443`.
    fn numbers(&self, protocol: Transport) -> String {
        let ports = self.ports.iter().filter(|port| port.protocol == protocol);
        ports.map(|port| port.number.to_string()).collect::<Vec<_>>().join(",")
    }

    fn with_files(&self, environment: &Environment<'_>, base: Value) -> Result<Value, Error> {
        let Means::Files(persist) = self.means else {
            let none = Vec::<Value>::new();
            return Ok(
                context! { files => none.clone(), needs => none.clone(), own => none, ifupdown => false, ..base },
            );
        };
        let interface = self.interface.as_ref().map_or("all", Name::as_str);
        let planned = persist.files(&self.vips, interface);
        let files: Result<Vec<_>, Error> = planned.iter().map(|file| self.file(environment, file, &base)).collect();
        let needs: Vec<_> = [persist.directory(), "/etc/sysctl.d"].into_iter().collect();
        let own: Vec<_> = persist.own_directory().into_iter().collect();
        let ifupdown = persist == super::Persist::Ifupdown;
        Ok(context! { files => files?, needs, own, ifupdown, program => persist.program(), ..base })
    }

    fn file(&self, environment: &Environment<'_>, file: &Planned, base: &Value) -> Result<Value, Error> {
        let values = match file.vip {
            Some(vip) => context! { vip => self.vip(vip), ..base.clone() },
            None => base.clone(),
        };
        let content = environment.get_template(file.template)?.render(values)?;
        let shared = file.vip.is_none();
        Ok(context! { path => &file.path, mode => file.mode, shared, content => content.trim_end() })
    }

    fn vip(&self, vip: IpAddr) -> Value {
        let own = self.address.filter(|address| address.is_ipv4() == vip.is_ipv4());
        let (family, keyword) = (if vip.is_ipv4() { 4 } else { 6 }, keyword(vip));
        let target = own.map_or_else(|| "redirect".to_owned(), |own| format!("dnat {keyword} to {own}"));
        let device = match self.means {
            Means::Files(persist) => persist.device(vip),
            _ => "lo".to_owned(),
        };
        let prefix = vip::prefix(vip);
        let values = BTreeMap::from([
            ("address", Value::from(vip.to_string())),
            ("cidr", Value::from(format!("{vip}/{prefix}"))),
            ("device", Value::from(device)),
            ("object", Value::from(vip::device(vip).replace('-', "_"))),
            ("family", Value::from(family)),
            ("keyword", Value::from(keyword)),
            ("prefix", Value::from(prefix)),
            ("slug", Value::from(vip::slug(vip))),
            ("target", Value::from(target)),
            ("uuid", Value::from(vip::uuid(vip))),
        ]);
        Value::from(values)
    }

    /// The first line of a script.
    fn title(&self) -> String {
        let list: Vec<_> = self.vips.iter().map(ToString::to_string).collect();
        let list = list.join(", ");
        match self.action {
            Action::Setup => format!("dsr backend setup: make this host a backend of {list}."),
            Action::Undo => format!("dsr backend setup --undo: this host stops being a backend of {list}."),
            Action::Check => format!("dsr backend setup --check: is this host a backend of {list}?"),
        }
    }

    /// The second line of a script.
    fn usage(&self) -> &'static str {
        match self.action {
            Action::Setup => "Run it on the backend, as root or administrator. It is idempotent.",
            Action::Undo => "Run it on the backend, as root or administrator. It removes only what the set-up added.",
            Action::Check => {
                "Run it on the backend, as root or administrator. It changes nothing. Exit code 1: it found faults."
            }
        }
    }
}

/// The word of nftables for the family of an address.
const fn keyword(vip: IpAddr) -> &'static str {
    if vip.is_ipv4() { "ip" } else { "ip6" }
}

impl Action {
    /// The name of the templates for it.
    const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Undo => "undo",
            Self::Check => "check",
        }
    }
}

/// The name of the loopback adapter that the set-up adds to Windows.
const ADAPTER: &str = "loopback";
