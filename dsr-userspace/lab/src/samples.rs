//! The Prometheus text format, as far as the agent writes it: text in, samples out. Pure.

use std::collections::BTreeMap;

/// The samples of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Vec<Sample>);

/// One line of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Samples {
    /// Reads a scrape; an error names the first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| sample(line).ok_or_else(|| format!("no Prometheus sample: {line}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The samples of a metric.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// The sum of a metric's samples that have all these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.named(name).filter(|sample| sample.has(labels)).map(|sample| sample.value).sum()
    }
}

impl Sample {
    /// The value of a label, empty where it is not there, as Prometheus has it.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == *value)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = read_labels(inner, &mut labels)?;
    }
    // A timestamp may follow the value.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Reads labels up to the closing brace; gives what follows it.
fn read_labels<'a>(mut rest: &'a str, labels: &mut BTreeMap<String, String>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, after) = read_quoted(quoted)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// Reads a label's value up to the closing quote; gives what follows it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = "\
# HELP dsr_member_packets Frames sent to the backend.
# TYPE dsr_member_packets counter
dsr_member_packets_total{service=\"www\",backend=\"web1\"} 12
dsr_member_packets_total{service=\"www\",backend=\"web2\"} 3 1700000000000
dsr_odd{name=\"a \\\"b\\\" }, \\\\ c\"} 1e3
dsr_up 1
# EOF
";

    #[test]
    fn values_add_up_by_label() {
        let samples = Samples::parse(SCRAPE).unwrap();
        assert!((samples.sum("dsr_member_packets_total", &[]) - 15.0).abs() < f64::EPSILON);
        assert!((samples.sum("dsr_member_packets_total", &[("backend", "web2")]) - 3.0).abs() < f64::EPSILON);
        assert!((samples.sum("dsr_up", &[]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn escapes_in_labels_are_read() {
        let samples = Samples::parse(SCRAPE).unwrap();
        let odd = samples.named("dsr_odd").next().unwrap();
        assert_eq!(odd.label("name"), "a \"b\" }, \\ c");
        assert_eq!(odd.label("absent"), "");
    }

    #[test]
    fn nonsense_is_an_error_that_shows_the_line() {
        assert_eq!(Samples::parse("dsr_up{"), Err("no Prometheus sample: dsr_up{".into()));
    }
}
