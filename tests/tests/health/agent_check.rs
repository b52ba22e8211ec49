//! Backends that say themselves what they can take.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use dsr_lab::{Lab, Node, Samples};
use dsr_tests::lab::{Configuration, agent, dsr_program, process::finish};

use crate::seen::{slots, wait};

/// On a backend, at [`PORT`] of its own address: answers each connection with one line, as `xinetd` would. Ends with the
/// test's process.
#[derive(Clone)]
struct Agent {
    line: Arc<Mutex<&'static str>>,
}

impl Agent {
    fn start(lab: &Lab, backend: u8, line: &'static str) -> Self {
        let at = SocketAddr::new(Node::Backend(backend).address().into(), PORT);
        let listener = lab.backend(backend).unwrap().run(|| TcpListener::bind(at)).unwrap().unwrap();
        let agent = Self { line: Arc::new(Mutex::new(line)) };
        let answers = agent.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = [0; QUESTION.len()];
                stream.read_exact(&mut asked).unwrap();
                assert_eq!(asked, QUESTION.as_bytes());
                let line = *answers.line.lock().unwrap();
                if line.is_empty() {
                    // It hangs up, and listens no more.
                    return;
                }
                stream.write_all(line.as_bytes()).unwrap();
            }
        });
        agent
    }

    fn say(&self, line: &'static str) {
        *self.line.lock().unwrap() = line;
    }
}

/// The part of the slots that are of the first of two backends.
fn share(samples: &Samples) -> f64 {
    slots(samples, "web1") / (slots(samples, "web1") + slots(samples, "web2"))
}

fn wait_share(lab: &Lab, wanted: f64) {
    wait(lab, &format!("a share of {wanted}"), |samples| (share(samples) - wanted).abs() < 0.01);
}

#[test]
#[ignore = "needs root"]
fn a_backend_steers_its_weight() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let web1 = Agent::start(&lab, 1, "up 100%\n");
    let check = format!("agent_check: {{port: {PORT}, interval: 200ms, send: \"{QUESTION}\"}}");
    agent::start(&Configuration::of(&lab).field(&check), &mut lab);
    wait(&lab, "answers of web1 and none of web2", |samples| {
        let answered = |name| samples.sum("dsr_agent_check_answered", &[("backend", name)]);
        let both = samples.named("dsr_agent_check_answered").count() == 2;
        both && answered("web1") > 0.0 && answered("web2") == 0.0
    });
    // One that does not answer loses nothing by that.
    wait_share(&lab, 0.5);

    web1.say("50%\r\n");
    wait_share(&lab, 1.0 / 3.0);
    let status = finish(lab.agent_command(dsr_program()).unwrap().arg("status"));
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(said.contains("up (says 50%)") && said.contains("50 (file 100)"), "{said}");
    web1.say("53%\n");
    web1.say("drain\n");
    wait_share(&lab, 0.0);
    web1.say("ready\n");
    wait_share(&lab, 1.0 / 3.0);
    web1.say("100% down # backup runs\n");
    wait_share(&lab, 0.0);
    assert_eq!(agent::count(&lab, "dsr_backend_state", &[("backend", "web1"), ("cause", "reported-down")]), 1);
    agent::wait_for_log(agent::running(&lab), &["remark=\"backup runs\""]);

    // What it said holds when it says nothing any more.
    web1.say("");
    wait(&lab, "no answer of web1", |samples| samples.sum("dsr_agent_check_answered", &[("backend", "web1")]) == 0.0);
    assert!(share(&agent::running(&lab).scrape().unwrap()) == 0.0);
    let status = finish(lab.agent_command(dsr_program()).unwrap().arg("status"));
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(1), "{said}");
    assert!(said.contains("wrong: www: backend web1 is down: reported-down"), "{said}");
}

#[test]
#[ignore = "needs root"]
fn each_of_haproxys_words_for_down_is_known() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let web1 = Agent::start(&lab, 1, "up\n");
    let check = format!("agent_check: {{port: {PORT}, interval: 200ms, send: \"{QUESTION}\"}}");
    agent::start(&Configuration::of(&lab).field(&check), &mut lab);
    for down in ["fail\n", "FAIL # no database\r\n", "stopped\n", "down\r"] {
        web1.say("up\n");
        wait_share(&lab, 0.5);
        web1.say(down);
        wait_share(&lab, 0.0);
    }
}

#[test]
#[ignore = "needs root"]
fn an_operators_word_counts_more() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let _web1 = Agent::start(&lab, 1, "50%\n");
    let check = format!("agent_check: {{port: {PORT}, interval: 200ms, send: \"{QUESTION}\"}}");
    let configuration = Configuration::of(&lab).field(&check);
    agent::start(&configuration, &mut lab);
    wait_share(&lab, 1.0 / 3.0);
    let say = |words: &str| {
        assert!(finish(lab.agent_command(dsr_program()).unwrap().args(words.split(' '))).status.success());
    };
    say("weight web1 100");
    wait_share(&lab, 0.5);
    say("undrain web1");
    wait_share(&lab, 1.0 / 3.0);
    // A reload forgets nothing of what was said, and one without the check all of it.
    agent::reload(&configuration.clone().hash_seed(7), &lab);
    assert!((share(&agent::running(&lab).scrape().unwrap()) - 1.0 / 3.0).abs() < 0.01);
    agent::reload(&Configuration::of(&lab), &lab);
    wait_share(&lab, 0.5);
}

const PORT: u16 = 9777;
const QUESTION: &str = "web";
