//! A server whose answers are written byte by byte.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use dsr_lab::{Lab, Node};

/// What follows the first bytes of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// The connection is closed.
    Close,
    /// These bytes, again and again, for as long as somebody reads them.
    Repeat(&'static str),
    /// These bytes one by one, again and again, with a pause after each.
    Drip(&'static str),
}

/// Answers on the first backend, at its own address: a request for `/N` gets the answer of that number. Ends with the
/// test's process.
pub(crate) fn serve(lab: &Lab, port: u16, answers: Vec<(String, Then)>) {
    let at = SocketAddr::new(Node::Backend(1).address().into(), port);
    let listener = lab.backend(1).unwrap().run(|| TcpListener::bind(at)).unwrap().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answers) = (stream.unwrap(), answers.clone());
            // Whoever asked may hang up at any time.
            thread::spawn(move || answer(stream, &answers));
        }
    });
}

fn answer(mut stream: TcpStream, answers: &[(String, Then)]) -> io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request);
    let number: usize = request.split(' ').nth(1).unwrap().trim_start_matches('/').parse().unwrap();
    let (first, then) = &answers[number];
    stream.write_all(first.as_bytes())?;
    match *then {
        Then::Close => Ok(()),
        Then::Repeat(bytes) => {
            let many = bytes.repeat(1000);
            loop {
                stream.write_all(many.as_bytes())?;
            }
        }
        Then::Drip(bytes) => loop {
            for byte in bytes.bytes() {
                stream.write_all(&[byte])?;
                thread::sleep(PAUSE);
            }
        },
    }
}

const PAUSE: Duration = Duration::from_millis(5);
