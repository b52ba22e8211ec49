//! HTTP, in the open or through TLS.
//!
//! The head of an answer is read as leniently as curl reads it: a server that clients get along with is not down. What is
//! kept of an answer is bounded, whatever comes and however long it takes.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
};

use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, HOST, HeaderName, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{Failure, ProbeRoute, head::Head, search::Search, tls};
use crate::{health::local, model::Http};

/// Asks for the page on a connection that stands, until `end`.
pub(super) async fn ask(http: &Http, route: &ProbeRoute, stream: TcpStream, end: Instant) -> Result<(), Failure> {
    let mut search = http.body.as_deref().map(Search::new);
    let asked = async {
        match &http.tls {
            None => exchange(http, route, stream, search.as_mut()).await,
            Some(name) => exchange(http, route, tls::wrap(name, http, route, stream).await?, search.as_mut()).await,
        }
    };
    let result = timeout_at(end, asked).await;
    result.unwrap_or_else(|_| Err(search.and_then(Search::cut_off).unwrap_or(Failure::Unanswered)))
}

async fn exchange<S>(http: &Http, route: &ProbeRoute, stream: S, search: Option<&mut Search>) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match search {
        None => check_status(http, status(http, route, stream).await?),
        Some(search) => page(http, route, stream, search).await,
    }
}

/// Asks for the page and reads the status alone.
async fn status<S>(http: &Http, route: &ProbeRoute, mut stream: S) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(text(http, route).as_bytes()).await.map_err(|error| wrong(&error))?;
    stream.flush().await.map_err(|error| wrong(&error))?;
    let (mut head, mut part) = (Head::default(), [0; PART]);
    loop {
        let length = match stream.read(&mut part).await {
            // TLS that was not closed as it should be has ended too.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            result => result.map_err(|error| wrong(&error))?,
        };
        if length == 0 {
            return head.end().map_err(|why| no_http(&why));
        }
        if let Some(status) = head.take(&part[..length]).map_err(|why| no_http(&why))? {
            return Ok(status);
        }
    }
}

/// Asks for the page and reads it until the text has come.
async fn page<S>(http: &Http, route: &ProbeRoute, stream: S, search: &mut Search) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(http, route).map_err(|error| Failure::Local(error.to_string()))?;
    let (mut sender, connection) = lenient().handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| wrong(&error))?;
        check_status(http, response.status().as_u16())?;
        read(response.into_body(), search).await
    };
    // The connection moves while it is waited for. It may end before what it brought is read.
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((result, _)) => result,
        Either::Right((_, exchange)) => exchange.await,
    }
}

/// Header fields decide nothing here but where the page ends.
fn lenient() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(MOST_HEADERS);
    builder
}

fn request(http: &Http, route: &ProbeRoute) -> hyper::http::Result<Request<Empty<Bytes>>> {
    let request = Request::builder().method(http.method.as_str()).uri(http.path.as_str());
    fields(http, route)
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value))
        .body(Empty::new())
}

/// The same request as text.
fn text(http: &Http, route: &ProbeRoute) -> String {
    // What stands behind a `#` is not for the server.
    let path = http.path.split('#').next().unwrap_or_default();
    let line = format!("{} {path} HTTP/1.1\r\n", http.method);
    let fields = fields(http, route).into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    fields.fold(line, |text, field| text + &field) + "\r\n"
}

fn fields(http: &Http, route: &ProbeRoute) -> [(HeaderName, String); 3] {
    let agent = concat!("dsr/", env!("DSR_VERSION"));
    [(HOST, host(http, route)), (USER_AGENT, agent.to_owned()), (CONNECTION, "close".to_owned())]
}

/// The host that is asked for; where none is written, what is connected to.
fn host(http: &Http, route: &ProbeRoute) -> String {
    http.host.clone().unwrap_or_else(|| host_at(route.to, http.tls.is_some()))
}

/// The host of a page at this address, with its port where it is not the usual one.
pub(in crate::health) fn host_at(address: SocketAddr, is_tls: bool) -> String {
    let usual = if is_tls { 443 } else { 80 };
    match address.ip() {
        _ if address.port() != usual => address.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    }
}

fn check_status(http: &Http, status: u16) -> Result<(), Failure> {
    if http.status.iter().any(|range| range.contains(&status)) {
        return Ok(());
    }
    Err(Failure::Wrong(format!("it answers with status {status}")))
}

/// Reads a page until the text has come.
async fn read(mut page: Incoming, search: &mut Search) -> Result<(), Failure> {
    while let Some(frame) = page.frame().await {
        let frame = frame.map_err(|error| because("its page cannot be read", &error))?;
        if frame.data_ref().is_some_and(|data| search.finds(data)) {
            return Ok(());
        }
    }
    Err(Failure::Wrong("its page does not contain the text that is expected".to_owned()))
}

fn wrong(error: &(dyn Error + 'static)) -> Failure {
    because(NO_HTTP, error)
}

fn no_http(why: &str) -> Failure {
    Failure::Wrong(format!("{NO_HTTP}: {why}"))
}

/// What is wrong, unless it is this host.
fn because(what: &str, error: &(dyn Error + 'static)) -> Failure {
    if local::has_local_cause(error) {
        return Failure::Local(error.to_string());
    }
    Failure::Wrong(format!("{what}: {error}"))
}

const NO_HTTP: &str = "it does not answer as HTTP";
/// Bytes that are read at a time.
const PART: usize = 4096;
/// Header fields of the longest head that is read; hyper bounds its bytes.
const MOST_HEADERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_as_a_browser_writes_it() {
        let plain =
            Http { tls: None, method: "GET".into(), path: "/".into(), host: None, status: vec![200..=399], body: None };
        let route = |to: &str| ProbeRoute { to: to.parse().unwrap(), from: [10, 0, 0, 1].into(), number: None };
        assert_eq!(host(&plain, &route("192.0.2.1:80")), "192.0.2.1");
        assert_eq!(host(&plain, &route("192.0.2.1:8080")), "192.0.2.1:8080");
        assert_eq!(host(&plain, &route("[2001:db8::1]:80")), "[2001:db8::1]");
        let secret = Http { tls: Some(crate::model::Tls::Unnamed), ..plain.clone() };
        assert_eq!(host(&secret, &route("[2001:db8::1]:443")), "[2001:db8::1]");
        assert_eq!(host(&secret, &route("[2001:db8::1]:80")), "[2001:db8::1]:80");
        let named = Http { host: Some("www.example.com".into()), ..plain };
        assert_eq!(host(&named, &route("192.0.2.1:8080")), "www.example.com");
        let asked = text(&Http { path: "/a?b#c".into(), ..named }, &route("192.0.2.1:80"));
        let agent = concat!("dsr/", env!("DSR_VERSION"));
        let expected =
            format!("GET /a?b HTTP/1.1\r\nhost: www.example.com\r\nuser-agent: {agent}\r\nconnection: close\r\n\r\n");
        assert_eq!(asked, expected);
    }
}
