//! Metrics as a scraper gets them.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use dsr::metrics::{self, Error, Reloads, Snapshot};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn start(snapshot: impl Fn() -> Result<Snapshot, String> + Send + Sync + 'static) -> SocketAddr {
    let listener = metrics::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(metrics::serve(listener, snapshot));
    address
}

/// Status line and headers, and the body.
async fn request(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: dsr\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn each_scrape_gets_a_new_snapshot() {
    let scrapes = std::sync::atomic::AtomicU64::new(0);
    let address = start(move || {
        let ok = scrapes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Snapshot { reload: Reloads { ok, error: 0 }, ..Snapshot::default() })
    })
    .await;
    for scrape in 0..2 {
        let (head, body) = request(address, "GET", "/metrics").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        assert!(body.contains(&format!("dsr_reload_total{{result=\"ok\"}} {scrape}\n")), "{body}");
    }
}

#[tokio::test]
async fn a_snapshot_that_fails_is_told() {
    let address = start(|| Err("the map is gone".to_owned())).await;
    let (head, body) = request(address, "GET", "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    assert_eq!(body, "no metrics: the map is gone\n");
    assert!(request(address, "GET", "/").await.0.starts_with("HTTP/1.1 200 "), "still there");
}

#[tokio::test]
async fn other_pages() {
    let address = start(|| Ok(Snapshot::default())).await;
    let (head, body) = request(address, "GET", "/").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/html"), "{head}");
    assert!(body.contains("href=\"/metrics\""), "{body}");
    assert!(request(address, "GET", "/other").await.0.starts_with("HTTP/1.1 404 "));
    assert!(request(address, "POST", "/metrics").await.0.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_named() {
    let first = metrics::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = metrics::bind(address).await.unwrap_err();
    assert!(matches!(error, Error::InUse(taken) if taken == address));
    let expected = format!("`metrics`: {address} is in use by another process; stop that one or choose another port");
    assert_eq!(error.to_string(), expected);
    let error = metrics::bind("192.0.2.1:0".parse().unwrap()).await.unwrap_err();
    let expected = "`metrics`: 192.0.2.1 is not an address of this node; choose one that is, or 0.0.0.0";
    assert_eq!(error.to_string(), expected);
}
