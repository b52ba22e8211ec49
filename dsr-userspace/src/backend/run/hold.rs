//! Holds the VIPs on the loopback and keeps them silent, by the scripts of `dsr backend setup`, which record what they
//! change; so exactly that is undone.

use std::{fs, io, net::IpAddr, path::Path, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use super::{
    super::{Action, Asked, AskedForward, Means, System, name::Directory, script::script, vip},
    Error,
};

/// Where the record is.
pub(super) struct Holder {
    state: Directory,
}

impl Holder {
    /// With the record in this directory.
    pub(super) fn new(state: &Path) -> Result<Self, Error> {
        Directory::new(state).map(|state| Self { state }).map_err(Error::State)
    }

    /// Holds these VIPs and, of those that the record has, no others.
    pub(super) async fn hold(&self, vips: &[IpAddr]) -> Result<(), Error> {
        let surplus: Vec<_> = self.recorded()?.into_iter().filter(|vip| !vips.contains(vip)).collect();
        self.run(Action::Undo, &surplus).await?;
        self.run(Action::Setup, vips).await
    }

    /// Releases all VIPs of the record.
    pub(super) async fn release_all(&self) -> Result<(), Error> {
        self.run(Action::Undo, &self.recorded()?).await
    }

    /// The VIPs that are held and were not before.
    fn recorded(&self) -> Result<Vec<IpAddr>, Error> {
        let directory = Path::new(self.state.as_str()).join("vip");
        let failed = |error| Error::Record(directory.display().to_string(), error);
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>();
        Ok(names.map_err(failed)?.iter().filter_map(|name| vip::of_slug(name.to_str()?)).collect())
    }

    /// Runs the script for these VIPs, if there are any.
    async fn run(&self, action: Action, vips: &[IpAddr]) -> Result<(), Error> {
        if vips.is_empty() {
            return Ok(());
        }
        let doing = if action == Action::Undo { "remove the VIPs" } else { "hold the VIPs" };
        let failed = |message: String| Error::Script(doing, message);
        let text = self.script(action, vips).map_err(failed)?;
        let output = timeout(PATIENCE, shell(&text)).await;
        let output = output.map_err(|_| failed(format!("no end within {PATIENCE:?}")))?;
        let output = output.map_err(|error| failed(format!("sh: {error}")))?;
        if output.status.success() {
            let list = vips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            match action {
                Action::Undo => tracing::info!("VIPs removed from the loopback: {list}"),
                Action::Setup | Action::Check => tracing::info!("VIPs on the loopback: {list}"),
            }
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).replace("dsr: ", "");
        Err(failed(said.trim_end().to_owned()))
    }

    fn script(&self, action: Action, vips: &[IpAddr]) -> Result<String, String> {
        let asked = Asked {
            system: System::Linux,
            action,
            means: Means::Commands,
            vips: vips.iter().map(ToString::to_string).collect(),
            address: None,
            interface: None,
            container: None,
            ports: Vec::new(),
            forward: AskedForward::L2,
        };
        let list = |wrong: Vec<_>| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let request = asked.validate().map_err(|wrong: Vec<super::super::Wrong>| list(wrong))?;
        script(&request.recorded_in(self.state.clone())).map_err(|error| error.to_string())
    }
}

/// Runs a script in the calling thread's network namespace.
async fn shell(text: &str) -> io::Result<std::process::Output> {
    let mut command = Command::new("sh");
    command.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).await?;
    }
    child.wait_with_output().await
}

/// How long a script may take.
const PATIENCE: Duration = Duration::from_secs(30);
