//! The study as plots, in SVG.

use anyhow::{Result, anyhow};
use plotters::{coord::Shift, prelude::*};

use crate::{
    design::{Design, size},
    ecmp::Spread,
    scenario::{AMPLE, BALANCERS, CLUSTERED, Rolling},
    study::{Run, Study},
};

/// A plot's width and height in pixels.
const SIZE: (u32, u32) = (1000, 420);
/// The greatest number of broken flows in a million that is drawn, on the axis.
const TOP: f64 = 7.0;
const GREY: RGBColor = RGBColor(40, 40, 40);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const BLUE: RGBColor = RGBColor(0, 114, 178);

/// One line of a plot.
struct Line {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Broken flows by the number of balancers, for both ways of ECMP.
pub(crate) fn balancers(study: &Study) -> Result<String> {
    draw(|area| {
        for (area, spread) in area.split_evenly((1, 2)).iter().zip([Spread::Resilient, Spread::Plain]) {
            let runs: Vec<_> = study.clusters.iter().filter(|run| is_drawn(run, spread)).collect();
            let lines: Vec<_> = CLUSTERED.iter().map(|design| line(*design, &runs)).collect();
            let title = match spread {
                Spread::Resilient => "100 backends, resilient ECMP",
                Spread::Plain => "100 backends, plain ECMP",
            };
            let most = BALANCERS.iter().max().copied().unwrap_or(1) as f64;
            let axis =
                Axis { title, name: "balancers", from: 0.0, to: most.log2(), label: |x| format!("{:.0}", x.exp2()) };
            chart(area, &axis, &lines)?;
        }
        Ok(())
    })
}

/// Broken flows by the size of the tables for flows.
pub(crate) fn sizes(study: &Study) -> Result<String> {
    let of = |pick: fn(Design) -> Option<usize>| {
        let points = study.sizes.iter().flat_map(|Run { outcome, .. }| {
            outcome.designs.iter().filter_map(move |result| {
                let bytes = pick(result.design)?;
                Some(((bytes as f64).log2(), axis(result.per_million(outcome.flows))))
            })
        });
        points.collect::<Vec<_>>()
    };
    let lru = of(|design| if let Design::Lru(bytes) = design { Some(bytes) } else { None });
    let dsr = of(|design| if let Design::Dsr(tracking) = design { Some(tracking.bytes) } else { None });
    let bounds = lru.iter().chain(&dsr).map(|(x, _)| *x).fold((f64::MAX, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
    let lines = [
        Line { name: "LRU".to_owned(), color: ORANGE, points: lru },
        Line { name: "dsr".to_owned(), color: BLUE, points: dsr },
    ];
    draw(|area| {
        let title = "One balancer, 100 backends, tables for flows of many sizes";
        let label = |x: f64| size(x.exp2() as usize);
        let axis = Axis { title, name: "bytes for flows", from: bounds.0, to: bounds.1, label };
        chart(area, &axis, &lines)
    })
}

struct Axis {
    title: &'static str,
    name: &'static str,
    from: f64,
    to: f64,
    label: fn(f64) -> String,
}

fn is_drawn(run: &Run, spread: Spread) -> bool {
    let together = run.scenario.rolling == Rolling::Together;
    !together && run.scenario.backends == 100 && (run.scenario.spread == spread || run.scenario.balancers == 1)
}

fn line(design: Design, runs: &[&Run]) -> Line {
    let points = runs.iter().flat_map(|run| {
        let at = (run.scenario.balancers as f64).log2();
        let broken = run.outcome.of(std::slice::from_ref(&design)).map(|result| result.per_million(run.outcome.flows));
        broken.map(move |broken| (at, axis(broken))).collect::<Vec<_>>()
    });
    Line { name: design.name(), color: color(design), points: points.collect() }
}

/// Colours that the colour-blind can distinguish (Okabe and Ito).
fn color(design: Design) -> RGBColor {
    match design {
        Design::Maglev => GREY,
        Design::Lru(_) => ORANGE,
        Design::Jet(_) => RGBColor(230, 159, 0),
        Design::Beamer => RGBColor(204, 121, 167),
        Design::Ipvs(_) => RGBColor(240, 228, 66),
        Design::Dsr(_) => RGBColor(86, 180, 233),
        Design::Shared(tracking, _) if tracking.bytes < AMPLE => BLUE,
        Design::Shared(..) => RGBColor(0, 158, 115),
    }
}

/// Where a number is on the axis: straight from 0 to 1, and one step for each factor of ten above.
fn axis(broken: f64) -> f64 {
    if broken < 1.0 { broken } else { 1.0 + broken.log10() }
}

/// What is written at a step of the axis.
fn axis_label(step: f64) -> String {
    if step < 0.5 { "0".to_owned() } else { format!("{:.0}", 10_f64.powf(step.round() - 1.0)) }
}

fn draw(paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    paint(&area)?;
    area.present().map_err(failed)?;
    drop(area);
    Ok(svg)
}

fn chart(area: &DrawingArea<SVGBackend<'_>, Shift>, axis: &Axis, lines: &[Line]) -> Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(axis.title, ("sans-serif", 16))
        .margin(12)
        .margin_right(32)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(axis.from..axis.to, 0.0..TOP)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(axis.name)
        .y_desc("broken flows in a million")
        .x_labels((axis.to - axis.from) as usize + 1)
        .y_labels(TOP as usize + 1)
        .x_label_formatter(&|x| (axis.label)(*x))
        .y_label_formatter(&|y| axis_label(*y))
        .draw()
        .map_err(failed)?;
    for Line { name, color, points } in lines {
        let style = color.stroke_width(2);
        let series = LineSeries::new(points.iter().copied(), style).point_size(3);
        let drawn = chart.draw_series(series).map_err(failed)?;
        drawn.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    let mut legend = chart.configure_series_labels();
    legend.position(SeriesLabelPosition::UpperRight).background_style(WHITE.mix(0.8)).border_style(GREY);
    legend.draw().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}
