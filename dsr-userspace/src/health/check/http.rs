//! HTTP, in the open or through TLS.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
};

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONNECTION, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{Failure, Way, tls};
use crate::{health::local, model::Http};

/// Asks for the page on a connection that stands.
pub(super) async fn ask(http: &Http, way: &Way, stream: TcpStream) -> Result<(), Failure> {
    match &http.tls {
        None => exchange(http, way, stream).await,
        Some(name) => exchange(http, way, tls::wrap(name, http, way, stream).await?).await,
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(http: &Http, way: &Way, stream: S) -> Result<(), Failure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| wrong(&error))?;
    let request = request(http, way).map_err(|error| Failure::Local(error.to_string()))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| wrong(&error))?;
        judge(http, response).await
    };
    // The connection moves while it is waited for. It may end before what it brought is read.
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((result, _)) => result,
        Either::Right((_, exchange)) => exchange.await,
    }
}

fn request(http: &Http, way: &Way) -> hyper::http::Result<Request<Empty<Bytes>>> {
    Request::builder()
        .method(http.method.as_str())
        .uri(http.path.as_str())
        .header(HOST, host(http, way))
        .header(USER_AGENT, concat!("dsr/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::new())
}

/// The host that is asked for; where none is written, what is connected to.
fn host(http: &Http, way: &Way) -> String {
    http.host.clone().unwrap_or_else(|| host_at(way.to, http.tls.is_some()))
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

async fn judge(http: &Http, response: Response<Incoming>) -> Result<(), Failure> {
    let status = response.status().as_u16();
    if !http.status.iter().any(|range| range.contains(&status)) {
        return Err(Failure::Wrong(format!("it answers with status {status}")));
    }
    let Some(wanted) = &http.body else { return Ok(()) };
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| Failure::Wrong(format!("its page cannot be read: {error}")))?.to_bytes();
    if body.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
        return Ok(());
    }
    Err(Failure::Wrong("its page does not contain the text that is expected".to_owned()))
}

fn wrong(error: &hyper::Error) -> Failure {
    if local::has_local_cause(error) {
        return Failure::Local(error.to_string());
    }
    Failure::Wrong(format!("it does not answer as HTTP: {error}"))
}

/// Octets of the longest page that is searched for a text.
const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_as_a_browser_writes_it() {
        let plain =
            Http { tls: None, method: "GET".into(), path: "/".into(), host: None, status: vec![200..=399], body: None };
        let way = |to: &str| Way { to: to.parse().unwrap(), from: [10, 0, 0, 1].into(), number: None };
        assert_eq!(host(&plain, &way("192.0.2.1:80")), "192.0.2.1");
        assert_eq!(host(&plain, &way("192.0.2.1:8080")), "192.0.2.1:8080");
        assert_eq!(host(&plain, &way("[2001:db8::1]:80")), "[2001:db8::1]");
        let secret = Http { tls: Some(crate::model::Tls::Unnamed), ..plain.clone() };
        assert_eq!(host(&secret, &way("[2001:db8::1]:443")), "[2001:db8::1]");
        assert_eq!(host(&secret, &way("[2001:db8::1]:80")), "[2001:db8::1]:80");
        let named = Http { host: Some("www.example.com".into()), ..plain };
        assert_eq!(host(&named, &way("192.0.2.1:8080")), "www.example.com");
    }
}
