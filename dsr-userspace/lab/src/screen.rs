//! The live view of a lab: a block of lines that is redrawn, or one plain line a second. Pure but for [`Screen`].

use std::io::{self, Write};

use super::{fault::Broken, load::Tally, traffic::Traffic};

/// What is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The backends' names.
    pub backends: &'a [String],
    /// What was broken on purpose.
    pub broken: &'a [Broken],
    /// Whether each is stopped by the user.
    pub stopped: &'a [bool],
    /// What the client counted since the last view.
    pub recent: &'a Tally,
    /// Seconds since the last view.
    pub seconds: f64,
    /// What the client counted in all.
    pub total: &'a Tally,
    /// What the agent counted in all.
    pub traffic: &'a Traffic,
    /// Answers that came through the balancer.
    pub replies_seen: u64,
}

impl View<'_> {
    /// One line.
    pub fn line(&self) -> String {
        let mut line = format!("{}; {}", self.requests(), self.packets());
        let shares = self.backends.iter().zip(self.recent.answered()).take(ROWS);
        line.extend(shares.map(|(name, &answered)| format!(" {name} {:.0}%", 100.0 * self.share(answered))));
        line.extend(self.traffic.drops().map(|(reason, count)| format!(" {reason} {count}")));
        line.extend(self.traffic.claims.iter().map(|(claimer, count)| format!(" claims of {claimer} {count}")));
        line.extend(self.broken.iter().map(|broken| format!(" [{broken}]")));
        line
    }

    /// A block of lines.
    pub fn block(&self) -> Vec<String> {
        let mut lines = vec![self.requests()];
        lines.extend(self.total.last_failure().map(|failure| format!("last failure: {failure:.60}")));
        let rows = self.backends.iter().zip(self.stopped).zip(self.recent.answered()).take(ROWS);
        lines.extend(rows.map(|((name, &stopped), &answered)| self.row(name, stopped, answered)));
        if self.backends.len() > ROWS {
            lines.push(format!("  and {} more backends", self.backends.len() - ROWS));
        }
        lines.push(format!("balancer: {}", self.packets()));
        let drops: Vec<_> = self.traffic.drops().map(|(reason, count)| format!("{reason} {count}")).collect();
        lines.push(format!("drops: {}", if drops.is_empty() { "none".to_owned() } else { drops.join(", ") }));
        let claims: Vec<_> = self.traffic.claims.iter().map(|(claimer, count)| format!("{claimer} {count}")).collect();
        if !claims.is_empty() {
            lines.push(format!("claims to the VIP: {}", claims.join(", ")));
        }
        lines.push("keys: 1-9 stop or start a backend, q quit".to_owned());
        lines
    }

    fn requests(&self) -> String {
        format!(
            "{:.0} requests/s, p50 {:.2} ms, p99 {:.2} ms, {} failed",
            self.recent.requests() as f64 / self.seconds.max(f64::MIN_POSITIVE),
            self.recent.latency_ms(0.5),
            self.recent.latency_ms(0.99),
            self.total.failed(),
        )
    }

    fn packets(&self) -> String {
        let Traffic { packets_in, bytes_in, .. } = self.traffic;
        format!("{packets_in} packets {bytes_in} bytes in, {} replies seen", self.replies_seen)
    }

    fn row(&self, name: &str, stopped: bool, answered: u64) -> String {
        let share = self.share(answered);
        let bar = "#".repeat((share * BAR as f64).round() as usize);
        let mut row = format!("  {name:<7} {:>5.1} % {bar}", 100.0 * share);
        let faults = self.broken.iter().filter(|broken| broken.name() == name);
        row.extend(faults.map(|broken| format!(" broken: {}", broken.fault.name())));
        row + if stopped { " stopped" } else { "" }
    }

    fn share(&self, answered: u64) -> f64 {
        let all: u64 = self.recent.answered().iter().sum();
        if all == 0 { 0.0 } else { answered as f64 / all as f64 }
    }
}

/// Draws a block over the one before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    drawn: usize,
}

impl Screen {
    /// Writes some lines where the block was; it is drawn below them the next time.
    pub fn note(&mut self, out: &mut impl Write, text: &str) -> io::Result<()> {
        if self.drawn > 0 {
            write!(out, "\x1b[{}A\x1b[J", self.drawn)?;
        }
        self.drawn = 0;
        writeln!(out, "{text}")
    }

    /// Draws `lines`, none of which may be wider than the terminal.
    pub fn draw(&mut self, out: &mut impl Write, lines: &[String]) -> io::Result<()> {
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        for line in lines {
            writeln!(out, "{line}\x1b[K")?;
        }
        write!(out, "\x1b[J")?;
        self.drawn = lines.len();
        out.flush()
    }
}

/// Backends that the block shows one by one.
const ROWS: usize = 20;
/// Width of a bar that shows a share, in characters.
const BAR: usize = 30;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with_view<T>(backends: usize, look: impl FnOnce(View<'_>) -> T) -> T {
        let names: Vec<_> = (1..=backends).map(|n| format!("web{n}")).collect();
        let mut tally = Tally::new(backends);
        for backend in [0, 0, 0, 1] {
            tally.record(Ok(backend), Duration::from_millis(1));
        }
        let traffic = Traffic {
            packets_in: 40,
            bytes_in: 3000,
            reasons: [("drop_icmp".to_owned(), 2)].into(),
            claims: [("web1".to_owned(), 3)].into(),
        };
        let mut stopped = vec![false; backends];
        stopped[1] = true;
        look(View {
            backends: &names,
            broken: &["web1=arp".parse().unwrap()],
            stopped: &stopped,
            recent: &tally,
            seconds: 2.0,
            total: &tally,
            traffic: &traffic,
            replies_seen: 0,
        })
    }

    #[test]
    fn the_line_says_it_all() {
        let line = with_view(2, |view| view.line());
        let expected = "2 requests/s, p50 1.00 ms, p99 1.00 ms, 0 failed; 40 packets 3000 bytes in, 0 replies seen \
                        web1 75% web2 25% drop_icmp 2 claims of web1 3 [web1=arp]";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_stopped_backend_is_marked() {
        let block = with_view(2, |view| view.block());
        assert!(block.iter().any(|line| line.contains("web2") && line.ends_with("stopped")), "{block:?}");
        assert!(block.iter().any(|line| line.contains("web1") && line.ends_with("broken: arp")), "{block:?}");
        assert!(block.contains(&"claims to the VIP: web1 3".to_owned()), "{block:?}");
    }

    #[test]
    fn many_backends_do_not_fill_the_screen() {
        let block = with_view(200, |view| view.block());
        assert!(block.len() < ROWS + 10);
        assert!(block.iter().any(|line| line.contains("180 more")), "{block:?}");
    }

    #[test]
    fn a_block_is_drawn_over_the_last() {
        let (mut screen, mut out) = (Screen::default(), Vec::new());
        screen.draw(&mut out, &["a".into(), "b".into()]).unwrap();
        screen.draw(&mut out, &["c".into()]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\x1b[K\nb\x1b[K\n\x1b[J\x1b[2Ac\x1b[K\n\x1b[J");
    }
}
