//! The configuration of a lab's agent, as a test changes it. Pure.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use dsr_lab::{Lab, Node, PORT};

/// One pool, the services in front of it, and the rest of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Configuration {
    interfaces: Vec<String>,
    metrics: Option<String>,
    hash_seed: u64,
    health: Option<String>,
    fields: Vec<String>,
    pools: Vec<String>,
    backends: Vec<Backend>,
    services: Vec<Service>,
    lines: Vec<String>,
    top: Vec<String>,
}

/// A row of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    name: String,
    vip: Ipv4Addr,
    protocol: &'static str,
    port: u16,
}

impl Configuration {
    /// All backends of a lab, weighted alike, behind the service `www` at [`PORT`] of its first VIP.
    ///
    /// # Panics
    /// Where the lab has no VIP, which no lab does.
    pub fn of(lab: &Lab) -> Self {
        let empty = Self {
            interfaces: vec!["eth0".to_owned()],
            metrics: Some("127.0.0.1:9650".to_owned()),
            hash_seed: 0x5eed_5eed_5eed_5eed,
            health: None,
            fields: Vec::new(),
            pools: Vec::new(),
            backends: Vec::new(),
            services: Vec::new(),
            lines: Vec::new(),
            top: Vec::new(),
        };
        let names = (1..).zip(lab.backend_names());
        let all = names.fold(empty, |all, (number, name)| all.backend(&name, Node::Backend(number).address(), 100));
        all.service(lab, "www", "tcp", PORT)
    }

    /// The interfaces, in place of `eth0`.
    pub fn interfaces(self, names: &[&str]) -> Self {
        Self { interfaces: names.iter().map(|&name| name.to_owned()).collect(), ..self }
    }

    /// Where the metrics are, if anywhere, in place of where the lab looks for them.
    pub fn metrics(self, address: Option<&str>) -> Self {
        Self { metrics: address.map(str::to_owned), ..self }
    }

    /// The seed.
    pub fn hash_seed(self, hash_seed: u64) -> Self {
        Self { hash_seed, ..self }
    }

    /// The pool's health check, as the file has it.
    pub fn health(self, check: &str) -> Self {
        Self { health: Some(check.to_owned()), ..self }
    }

    /// One more field of the pool, as the file has it.
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push(line.to_owned());
        self
    }

    /// One more pool, as the file has it: `sorry: {backends: [...]}`.
    pub fn pool(mut self, line: &str) -> Self {
        self.pools.push(line.to_owned());
        self
    }

    /// One more backend.
    pub fn backend(mut self, name: &str, address: impl Into<IpAddr>, weight: u16) -> Self {
        self.backends.push(Backend { name: name.to_owned(), address: address.into(), weight });
        self
    }

    /// Another weight for a backend.
    pub fn weight(mut self, name: &str, weight: u16) -> Self {
        self.backends.iter_mut().filter(|backend| backend.name == name).for_each(|backend| backend.weight = weight);
        self
    }

    /// The same backends, known by their IPv6 addresses.
    pub fn by_ipv6(mut self) -> Self {
        let nodes = (1..).map(Node::Backend);
        self.backends.iter_mut().zip(nodes).for_each(|(backend, node)| backend.address = node.address6().into());
        self
    }

    /// One backend less.
    pub fn without(mut self, name: &str) -> Self {
        self.backends.retain(|backend| backend.name != name);
        self
    }

    /// One more service of the lab's first VIP.
    ///
    /// # Panics
    /// Where the lab has no VIP, which no lab does.
    pub fn service(mut self, lab: &Lab, name: &str, protocol: &'static str, port: u16) -> Self {
        let vip = lab.vip(0).expect("a lab has a VIP");
        self.services.push(Service { name: name.to_owned(), vip, protocol, port });
        self
    }

    /// One more service, of the pool `web`, with these fields, as the file has them.
    pub fn line(mut self, fields: &str) -> Self {
        self.lines.push(format!("{{pool: web, {fields}}}"));
        self
    }

    /// One more field of the file itself, as the file has it.
    pub fn top(mut self, line: &str) -> Self {
        self.top.push(line.to_owned());
        self
    }

    /// None of the services so far.
    pub fn no_services(self) -> Self {
        Self { services: Vec::new(), lines: Vec::new(), ..self }
    }

    /// The rows of the pool.
    #[must_use]
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }
}

/// The YAML.
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "interfaces: [{}]", self.interfaces.join(", "))?;
        self.top.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        if let Some(address) = &self.metrics {
            writeln!(f, "metrics: {address}")?;
        }
        writeln!(f, "hash_seed: {:#x}\npools:", self.hash_seed)?;
        self.pools.iter().try_for_each(|pool| writeln!(f, "  {pool}"))?;
        writeln!(f, "  web:")?;
        self.fields.iter().try_for_each(|field| writeln!(f, "    {field}"))?;
        if let Some(check) = &self.health {
            writeln!(f, "    health: {check}")?;
        }
        writeln!(f, "    backends:")?;
        for Backend { name, address, weight } in &self.backends {
            // Colons at its end would be YAML's.
            let quote = if address.is_ipv6() { "\"" } else { "" };
            writeln!(f, "      - {{name: {name}, address: {quote}{address}{quote}, weight: {weight}}}")?;
        }
        writeln!(f, "services:")?;
        for Service { name, vip, protocol, port } in &self.services {
            writeln!(f, "  - {{name: {name}, vip: {vip}, protocol: {protocol}, port: {port}, pool: web}}")?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))?;
        Ok(())
    }
}
