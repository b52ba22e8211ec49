//! The same for tunnels: random tables of every mode that crosses routers, one after the other in the same program.

use std::{collections::BTreeMap, env, fmt::Write as _, time::Duration};

use dsr::{
    datapath::Features,
    model::{Desired, Forward, GueVariant, Network, Reach},
    reconcile::Sizes,
};
use dsr_tests::{
    generate::{
        self, Case, cluster,
        tunnels::{Table, table},
    },
    model::{Decision, Model, Why},
    program::{Counter, Program, moved},
};

use super::{
    describe::{hex, line},
    invariant,
    refusals::Refusals,
};

const SEED: u64 = 1;
const TABLES: u64 = 160;
/// Cases of each table.
const CASES: u64 = 1500;
/// How often each class of packets has to have been met.
const LEAST: u64 = 100;

#[test]
#[ignore = "needs root"]
fn program_and_model_agree_on_every_tunnel() {
    let seed = number("DSR_FUZZ_SEED").unwrap_or(SEED);
    let one = number("DSR_FUZZ_CASE");
    let tables = one.map_or(0..TABLES, |number| number..number + 1);
    let (mut pair, mut met) = (Pair::new(), BTreeMap::new());
    for number in tables {
        let table = table(seed, number);
        pair.exchange(&table);
        for case in number * CASES..(number + 1) * CASES {
            let case = generate::case(seed, case);
            for index in 0..case.frames.len() {
                let difference = pair.frame_differs(&case, index, &mut met);
                assert!(
                    difference.is_none(),
                    "{}",
                    report(seed, number, &case, index, &difference.unwrap_or_default())
                );
            }
        }
        if let Some(difference) = pair.counters_differ() {
            panic!("the counters differ over the cases of table {number} of seed {seed}: {difference}");
        }
    }
    eprintln!("{met:#?}");
    let classes = classes();
    let few: Vec<_> = classes.iter().filter(|class| met.get(*class).copied().unwrap_or(0) < LEAST).collect();
    assert!(one.is_some() || few.is_empty(), "too few packets are {few:?}: {met:#?}");
}

fn report(seed: u64, table: u64, case: &Case, index: usize, difference: &str) -> String {
    let mut text = format!(
        "frame {index} of case {} ({}) differs with table {table} of seed {seed}\n\
         again: DSR_FUZZ_SEED={seed} DSR_FUZZ_CASE={table} cargo xtask test program_and_model_agree_on_every_tunnel\n",
        case.number, case.about
    );
    for frame in &case.frames[..=index] {
        let _ = write!(text, "\n  {}{}", line(frame), hex(frame));
    }
    text + difference
}

/// Every class that packets have to be of: by mode and families for each kind of case and for packets that are too big, and
/// by what the path is.
fn classes() -> Vec<String> {
    let mut classes = Vec::new();
    for mode in ["ipip", "gre", "gre with key", "gue 0", "gue 1", "dscp"] {
        for (vip, backend) in [("v4", "v4"), ("v4", "v6"), ("v6", "v4"), ("v6", "v6")] {
            if mode == "dscp" && vip != backend {
                continue;
            }
            let kinds = ["flow sent", "fragments sent", "ICMP error sent", "answer_too_big", "drop_too_big"];
            classes.extend(kinds.map(|kind| format!("{mode}, {vip} to {backend}: {kind}")));
        }
    }
    let sources = ["path's", "address", "prefix"].into_iter();
    classes.extend(sources.flat_map(|source| ["v4", "v6"].map(|family| format!("outer source {family}: {source}"))));
    classes.extend(["one", "several", "more than rows"].map(|next_hops| format!("next hops: {next_hops}")));
    classes.extend((0..3).map(|tags| format!("tags: {tags}")));
    classes
}

/// The classes of a packet to a tunnel; nothing of others.
fn classes_of(case: &Case, table: &Table, decision: &Decision) -> Vec<String> {
    let Some((rule, backend)) = decision.member else { return Vec::new() };
    let rule = &table.rules[rule];
    let to = rule.backends[backend].address;
    let (mode, sources) = match rule.forward {
        Forward::L2 => return Vec::new(),
        Forward::Dscp(_) => ("dscp", None),
        Forward::Ipip(sources) => ("ipip", Some(sources)),
        Forward::Gre { key: None, sources } => ("gre", Some(sources)),
        Forward::Gre { key: Some(_), sources } => ("gre with key", Some(sources)),
        Forward::Gue { variant: GueVariant::Zero, sources, .. } => ("gue 0", Some(sources)),
        Forward::Gue { variant: GueVariant::One, sources, .. } => ("gue 1", Some(sources)),
    };
    let family = |v4| if v4 { "v4" } else { "v6" };
    let tunnel = format!("{mode}, {} to {}", family(rule.vip.is_ipv4()), family(to.is_ipv4()));
    let Why::Sent { .. } = decision.why else {
        let Why::Reason(reason) = decision.why else { return Vec::new() };
        return vec![format!("{tunnel}: {reason}")];
    };
    let kind = case.about.split(',').next().unwrap_or_default();
    let mut classes = vec![format!("{tunnel}: {kind} sent")];
    if let Some(sources) = sources {
        let length = if to.is_ipv4() {
            sources.ipv4.map(|(_, length)| 32 - length)
        } else {
            sources.ipv6.map(|(_, length)| 128 - length)
        };
        let source = match length {
            None => "path's",
            Some(0) => "address",
            Some(_) => "prefix",
        };
        classes.push(format!("outer source {}: {source}", family(to.is_ipv4())));
    }
    let Some(Reach::Hop(hop)) = table.network.reach.get(&to) else { return classes };
    let next_hops = match hop.path.next_hops.len() {
        0 => "one",
        1..=16 => "several",
        _ => "more than rows",
    };
    classes.push(format!("next hops: {next_hops}"));
    classes.push(format!("tags: {}", tags(&decision.frame)));
    classes
}

/// Tags of a frame.
fn tags(frame: &[u8]) -> usize {
    frame[12..].chunks(4).take_while(|tag| matches!(tag, [0x81, 0, ..] | [0x88, 0xa8, ..])).count()
}

/// The program and the model side by side.
struct Pair {
    program: Program,
    model: Model,
    table: Table,
    refusals: Refusals,
    /// The program's counters when they were last compared, and what the model counted since.
    before: BTreeMap<Counter, u64>,
    expected: BTreeMap<Counter, u64>,
}

impl Pair {
    /// Both with the first table.
    fn new() -> Self {
        let table = table(SEED, 0);
        let desired = cluster::desired_of(&table.rules);
        let sizes = Sizes::for_desired(&desired);
        let program = Program::load_with(sizes, desired, &table.network, Features::ALL).unwrap();
        let (before, expected) = (program.counters().unwrap(), BTreeMap::new());
        Self { model: model(&table), program, table, refusals: Refusals::default(), before, expected }
    }

    /// Another table in the place of this one. In between there is no service: slots that change would be tracked.
    fn exchange(&mut self, table: &Table) {
        let none = Desired { hash_seed: cluster::HASH_SEED, services: Vec::new() };
        self.program.reconcile(none, &Network::default()).unwrap();
        self.program.forget();
        self.program.reconcile(cluster::desired_of(&table.rules), &table.network).unwrap();
        (self.model, self.table) = (model(table), table.clone());
        self.before = self.program.counters().unwrap();
    }

    /// What differs about a frame, if anything does; notes its classes.
    fn frame_differs(&mut self, case: &Case, index: usize, met: &mut BTreeMap<String, u64>) -> Option<String> {
        let frame = &case.frames[index];
        self.program.set_heartbeat(case.heartbeat(index));
        self.model.set_heartbeat(case.heartbeat(index));
        // The fragments that are remembered are never too old: all are run within seconds.
        let decision = self.model.decide(Duration::ZERO, frame);
        invariant::check(frame, &decision);
        self.refusals.before(&decision);
        for class in classes_of(case, &self.table, &decision) {
            *met.entry(class).or_insert(0) += 1;
        }
        for (counter, by) in &decision.counted {
            *self.expected.entry(counter.clone()).or_insert(0) += by;
        }
        let (verdict, after) = self.program.run_uncounted(frame).unwrap();
        let same = (verdict, &after) == (decision.verdict, &decision.frame);
        (!same).then(|| {
            let member = decision.member.map(|(rule, backend)| {
                let rule = &self.table.rules[rule];
                let to = &rule.backends[backend];
                format!("{:?} to {to:?} by {:?}", rule.forward, self.table.network.reach.get(&to.address))
            });
            format!(
                "\n  {member:?}\n  program: {verdict:?}{}\n  model: {:?}{}",
                hex(&after),
                decision.why,
                hex(&decision.frame)
            )
        })
    }

    fn counters_differ(&mut self) -> Option<String> {
        let after = self.program.counters().unwrap();
        let counted = moved(&self.before, after.clone());
        let expected = std::mem::take(&mut self.expected);
        self.before = after;
        (counted != expected).then(|| format!("program {counted:#?}, model {expected:#?}"))
    }
}

fn model(table: &Table) -> Model {
    Model::of_rules(table.rules.clone(), cluster::HASH_SEED, &table.network, Some(cluster::own()))
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}
