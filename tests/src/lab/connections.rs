//! Many TCP connections that live long: to a server on each backend that says its name and then echoes. A connection whose
//! packets go to another backend is reset by that one.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr_lab::{Lab, Node};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    time::{sleep, timeout},
};

use super::eventually;

/// On every backend a server at the lab's service, of each family that the lab has. Dropping it ends them.
#[derive(Debug)]
pub struct Servers(#[allow(dead_code)] Thread);

impl Servers {
    /// Starts them.
    ///
    /// # Panics
    /// Where they cannot listen.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        allow_sockets();
        let runtime = runtime();
        for number in (1..).take_while(|number| lab.backend(*number).is_some()) {
            let backend = lab.backend(number).expect("it is there");
            let _guard = runtime.enter();
            for address in [lab.service().into()].into_iter().chain(lab.service6().map(SocketAddr::from)) {
                let listener = backend.run(|| listen(address)).expect("the namespace can be entered");
                let listener = TcpListener::from_std(listener.expect("the backend holds the VIP"));
                runtime.spawn(serve(listener.expect("the listener can be watched"), Node::Backend(number).to_string()));
            }
        }
        Self(Thread::run(runtime))
    }
}

/// Connections from the lab's client to its service. Dropping it ends them.
#[derive(Debug)]
pub struct Connections {
    shared: Arc<Mutex<Shared>>,
    round: watch::Sender<u64>,
    _thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    /// The name of the backend of each connection, and in which round it was last answered.
    open: BTreeMap<usize, (String, u64)>,
    /// What became of the others.
    broken: Vec<Broken>,
}

/// A connection that did not live.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The backend that it was opened to, if it was.
    pub backend: String,
    /// Why.
    pub cause: String,
}

impl Connections {
    /// Opens `count` of them.
    ///
    /// # Panics
    /// Where one cannot be opened.
    #[must_use]
    pub fn open(lab: &Lab, count: usize) -> Self {
        Self::open_to(lab.service().into(), lab, count)
    }

    /// The same, to another address of the service.
    ///
    /// # Panics
    /// Where one cannot be opened.
    #[must_use]
    pub fn open_to(service: SocketAddr, lab: &Lab, count: usize) -> Self {
        allow_sockets();
        let runtime = lab.client().run(runtime).expect("the namespace can be entered");
        let (round, rounds) = watch::channel(0);
        let shared = Arc::<Mutex<Shared>>::default();
        let (opening, all) = (Arc::clone(&shared), rounds);
        let connect = async move {
            for number in 0..count {
                tokio::spawn(live(service, number, Arc::clone(&opening), all.clone()));
                if number % AT_ONCE == AT_ONCE - 1 {
                    sleep(PAUSE).await;
                }
            }
        };
        runtime.spawn(connect);
        let file = lab.client().file().try_clone().expect("a file can be cloned");
        let connections = Self { shared, round, _thread: Thread::run_in(runtime, Some(file)) };
        eventually("connection of each client", || (connections.count() == count).then_some(()));
        assert_eq!(connections.broken().len(), 0, "{:?}", connections.broken());
        connections
    }

    /// Waits until each that lives was answered by its backend twice more.
    ///
    /// # Panics
    /// Where one is neither answered nor broken in time.
    pub fn go_on(&self) {
        for _ in 0..2 {
            let mut now = 0;
            self.round.send_modify(|round| {
                *round += 1;
                now = *round;
            });
            eventually("answer to each connection", || {
                self.lock().open.values().all(|(_, answered)| *answered >= now).then_some(())
            });
        }
    }

    /// How many there are of each backend.
    #[must_use]
    pub fn by_backend(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        self.lock().open.values().for_each(|(backend, _)| *all.entry(backend.clone()).or_default() += 1);
        all
    }

    /// Those that did not live.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        self.lock().broken.clone()
    }

    fn count(&self) -> usize {
        let shared = self.lock();
        shared.open.len() + shared.broken.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection: a question in each round, until it breaks.
async fn live(service: SocketAddr, number: usize, shared: Arc<Mutex<Shared>>, mut rounds: watch::Receiver<u64>) {
    let mut backend = String::new();
    let cause = match talk(service, number, &mut backend, &shared, &mut rounds).await {
        Ok(never) => match never {},
        Err(error) => error.to_string(),
    };
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    shared.open.remove(&number);
    shared.broken.push(Broken { backend, cause });
}

async fn talk(
    service: SocketAddr,
    number: usize,
    backend: &mut String,
    shared: &Mutex<Shared>,
    rounds: &mut watch::Receiver<u64>,
) -> io::Result<Infallible> {
    let mut stream = within(TcpStream::connect(service)).await?;
    stream.set_nodelay(true)?;
    let length = within(stream.read_u8()).await?;
    let mut name = vec![0; length.into()];
    within(stream.read_exact(&mut name)).await?;
    *backend = String::from_utf8_lossy(&name).into_owned();
    loop {
        let round = *rounds.borrow_and_update();
        let question = [(number as u64).to_be_bytes(), round.to_be_bytes()].concat();
        within(stream.write_all(&question)).await?;
        let mut answer = vec![0; question.len()];
        within(stream.read_exact(&mut answer)).await?;
        if answer != question {
            return Err(io::Error::other("the answer is another connection's"));
        }
        shared.lock().unwrap_or_else(PoisonError::into_inner).open.insert(number, (backend.clone(), round));
        // Not all in the same moment.
        sleep(PAUSE * (number % SPREAD) as u32).await;
        if rounds.changed().await.is_err() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(LONGEST, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: TcpListener, name: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let name = name.clone();
        tokio::spawn(async move {
            let _ = echo(stream, &name).await;
        });
    }
}

async fn echo(mut stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_u8(name.len() as u8).await?;
    stream.write_all(name.as_bytes()).await?;
    let mut question = [0; 16];
    loop {
        stream.read_exact(&mut question).await?;
        stream.write_all(&question).await?;
    }
}

/// A runtime on a thread of its own, until this is dropped.
#[derive(Debug)]
struct Thread {
    end: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    fn run(runtime: Runtime) -> Self {
        Self::run_in(runtime, None)
    }

    fn run_in(runtime: Runtime, namespace: Option<std::os::fd::OwnedFd>) -> Self {
        let (end, ended) = oneshot::channel::<Infallible>();
        let thread = thread::spawn(move || {
            if let Some(file) = namespace {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
                    .expect("the namespace can be entered");
            }
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Both ends of every connection are files of this process.
fn allow_sockets() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let enough = Rlimit { current: limit.maximum.or(Some(SOCKETS)).map(|most| most.min(SOCKETS)), ..limit };
    setrlimit(Resource::Nofile, enough).expect("a process may have as many files as its hard limit says");
}

/// Files that a process of the tests may have.
const SOCKETS: u64 = 16384;
/// Connections that are opened without a pause.
const AT_ONCE: usize = 50;
const PAUSE: Duration = Duration::from_millis(10);
/// Over how many pauses the questions of a round are spread.
const SPREAD: usize = 40;
/// The longest that an answer may take: long enough for many retransmissions.
const LONGEST: Duration = Duration::from_secs(15);
