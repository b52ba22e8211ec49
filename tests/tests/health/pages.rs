//! Checks by HTTP of servers that answer oddly: what curl takes is right, and nothing takes longer than it may.

use dsr::health::OwnAnswer;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::process::finish;

use crate::{
    ask::ask,
    raw::{Then, serve},
};

#[test]
#[ignore = "needs root"]
fn an_answer_that_curl_takes_is_right() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let (good, odd, bad) = (good(), odd(), bad());
    let answers: Vec<_> = [&good[..], &odd, &bad].concat();
    serve(&lab, PORT, answers.iter().map(|answer| (answer.clone(), Then::Close)).collect());
    for (number, answer) in answers.iter().enumerate() {
        let curl = curl(&lab, number);
        let asked = ask(&lab, PORT, &format!("{{http: {{path: /{number}, status: 200}}}}"));
        if number < good.len() {
            assert_eq!((curl, asked), (Ok(()), OwnAnswer::Right), "{answer:?}");
        } else if number < good.len() + odd.len() {
            assert!(curl.is_err() || asked == OwnAnswer::Right, "{answer:?}: {asked:?}");
        } else {
            assert!(curl.is_err() && matches!(asked, OwnAnswer::Wrong(_)), "{answer:?}: {curl:?}, {asked:?}");
        }
    }
}

#[test]
#[ignore = "needs root"]
fn a_text_is_found_as_soon_as_it_has_come() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let head = "HTTP/1.1 200 OK\r\n";
    let large = "x".repeat(3 << 20);
    let answers = [
        (format!("{head}\r\nall is well, {large}"), Then::Close),
        (format!("{head}\r\n{large}, all is well"), Then::Close),
        (format!("{head}\r\nall is well"), Then::Repeat("x")),
        (format!("{head}\r\nall is"), Then::Drip(" well")),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n8\r\n is well\r\n"), Then::Drip("1\r\nx\r\n")),
        (format!("{head}Server : x\r\nX-Folded: a\r\n b\r\n\r\nall is well"), Then::Close),
        (format!("{head}Content-Length: 1000\r\n\r\nall is well, and cut"), Then::Close),
    ];
    let right = answers.len();
    let missing = [
        (format!("{head}\r\nall is ill"), Then::Close),
        (format!("{head}\r\nall is ill"), Then::Repeat("x")),
        (format!("{head}\r\nall is ill"), Then::Drip("x")),
    ];
    serve(&lab, PORT, answers.into_iter().chain(missing).collect());
    let ask = |number| ask(&lab, PORT, &format!("{{http: {{path: /{number}, body: all is well}}, timeout: 2s}}"));
    for number in 0..right {
        assert_eq!(ask(number), OwnAnswer::Right, "{number}");
    }
    assert_eq!(ask(right), OwnAnswer::Wrong("its page does not contain the text that is expected".to_owned()));
    for number in [right + 1, right + 2] {
        let OwnAnswer::Wrong(why) = ask(number) else { panic!("{number} is right") };
        assert!(why.starts_with("its page does not contain the expected text within the timeout"), "{why}");
    }
}

#[test]
#[ignore = "needs root"]
fn an_answer_that_never_ends_is_none() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let late = "the connection is accepted but not answered in time";
    let long = "it does not answer as HTTP: its head is longer than 307200 bytes";
    let endless = [
        (String::new(), Then::Repeat("H"), long),
        ("HTTP/1.1 200 ".to_owned(), Then::Repeat("OK"), long),
        ("HTTP/1.1 200 OK\r\n".to_owned(), Then::Repeat("X-Field: x\r\n"), long),
        ("HTTP/1.1 200 OK\r\nX-Field:".to_owned(), Then::Repeat(" x"), long),
        ("\r\n".to_owned(), Then::Repeat("\r\n"), long),
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), Then::Repeat("HTTP/1.1 100 Continue\r\n\r\n"), long),
        ("HTTP/1.1 200 OK\r\n".to_owned(), Then::Drip("X-Field: x\r\n"), late),
        (String::new(), Then::Drip("HTTP"), late),
    ];
    serve(&lab, PORT, endless.iter().map(|(first, then, _)| (first.clone(), *then)).collect());
    for (number, (first, _, why)) in endless.iter().enumerate() {
        let alone = ask(&lab, PORT, &format!("{{http: {{path: /{number}}}, timeout: 1s}}"));
        assert_eq!(alone, OwnAnswer::Wrong((*why).to_owned()), "{first:?}");
        let with_text = ask(&lab, PORT, &format!("{{http: {{path: /{number}, body: x}}, timeout: 1s}}"));
        assert!(matches!(with_text, OwnAnswer::Wrong(_)), "{first:?}");
    }
}

/// Answers, each with something odd, that every curl takes.
fn good() -> Vec<String> {
    let many = "X-Field: x\r\n".repeat(120);
    let long = format!("X-Long: {}\r\n", "x".repeat(60_000));
    let fields = [
        "",
        "Server : nginx\r\n",
        "Server\t: nginx\r\n",
        "X-Folded: one\r\n two\r\n\tthree\r\n",
        "X-Latin: \u{fc}\r\n",
        "X-Empty:\r\n",
        "Connection: keep-alive\r\n",
        &many,
        &long,
    ];
    let with = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok");
    let whole = [
        "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\n\nok",
        "HTTP/1.1 200 OK\nServer : nginx\n\nok",
        "HTTP/1.1 200 OK\r\nServer: x\n\r\nok",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
        "HTTP/1.1 103 Early Hints\r\nLink : x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
    ];
    fields.map(with).into_iter().chain(whole.map(str::to_owned)).collect()
}

/// Answers that one curl takes and another does not.
fn odd() -> Vec<String> {
    let fields = [
        " folded: at once\r\n",
        "Bad Name: x\r\n",
        "B\u{fc}cher: x\r\n",
        "X-Control: a\u{1}b\r\n",
        ": no name\r\n",
        "no colon\r\n",
        "X[]: x\r\n",
        "Content-Length: 2\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: two\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: identity\r\n",
        "Content-Encoding: gzip\r\n",
    ];
    let with = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok");
    let whole = [
        "HTTP/1.1 200 Gr\u{fc}n\r\n\r\nok",
        "HTTP/1.1 200 O\u{1}K\r\n\r\nok",
        "HTTP/1.1  200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nServer: x\r\n",
        "HTTP/1.1 200 OK\r\nServer: x",
        "HTTP/1.2 200 OK\r\n\r\nok",
        "HTTP/2.0 200 OK\r\n\r\nok",
        "HTTP/2 200 OK\r\n\r\nok",
        "http/1.1 200 OK\r\n\r\nok",
        "\r\nHTTP/1.1 200 OK\r\n\r\nok",
        " HTTP/1.1 200 OK\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ];
    fields.map(with).into_iter().chain(whole.map(str::to_owned)).collect()
}

/// Answers that curl does not take either.
fn bad() -> Vec<String> {
    let all = [
        "ok",
        "ICY 200 OK\r\n\r\nok",
        "HTTP/1.1 500 no\r\n\r\nok",
        "HTTP/1.1 20 OK\r\n\r\nok",
        "HTTP/1.1 2000 OK\r\n\r\nok",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK",
        "",
    ];
    all.map(str::to_owned).into()
}

/// Asks curl for the answer of this number, which has to have status 200; what is wrong is curl's text.
fn curl(lab: &Lab, number: usize) -> Result<(), String> {
    let mut command = lab.balancer().command("curl").unwrap();
    command.args([
        "--silent",
        "--show-error",
        "--max-time",
        "10",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]);
    command.arg(format!("http://{}:{PORT}/{number}", Node::Backend(1).address()));
    let output = finish(&mut command);
    if output.status.success() && output.stdout == b"200" { Ok(()) } else { Err(format!("{output:?}")) }
}

const PORT: u16 = 8000;
