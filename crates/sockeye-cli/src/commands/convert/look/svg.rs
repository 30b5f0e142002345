//! A chart as a picture: SVG.

use std::fmt::Display;

use plotters::prelude::*;

use super::plot::{Chart, Drawing};
use super::scale::label;

/// Width and height of the picture, in pixels.
const SIZE: (u32, u32) = (900, 500);

/// Colours of the lines that people who see few colours tell apart too (Okabe and Ito).
const COLORS: &[RGBColor] = &[
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Append the picture.
pub(super) fn draw(chart: &Chart, drawing: &Drawing, out: &mut Vec<u8>) -> Result<(), String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(why)?;
        draw_on(&root, chart, drawing)?;
        root.present().map_err(why)?;
    }
    out.extend_from_slice(text.trim().as_bytes());
    out.push(b'\n');
    Ok(())
}

fn draw_on(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    chart: &Chart,
    drawing: &Drawing,
) -> Result<(), String> {
    let ((left, right), (low, high)) = chart.bounds();
    let room = (high - low) * 0.05;
    let mut context = ChartBuilder::on(root)
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(left..right, (low - room)..(high + room))
        .map_err(why)?;
    let x_label = |x: &f64| chart.x_label(*x, right - left);
    let y_label = |y: &f64| label(*y, high - low);
    let y_name = match &chart.lines[..] {
        [line] => line.name.as_str(),
        _ => "",
    };
    context
        .configure_mesh()
        .x_labels(7)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .x_desc(chart.x_name.as_str())
        .y_desc(y_name)
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(why)?;
    for (line, color) in chart.lines.iter().zip(COLORS.iter().cycle()) {
        let color = *color;
        let points = line.points.iter().copied();
        let drawn = match drawing.points {
            true => context.draw_series(points.map(|at| Circle::new(at, 2, color.filled()))),
            false => context.draw_series(LineSeries::new(points, color.stroke_width(2))),
        };
        drawn
            .map_err(why)?
            .label(line.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    if chart.lines.len() > 1 {
        context
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(why)?;
    }
    Ok(())
}

fn why(error: impl Display) -> String {
    format!("the picture cannot be drawn: {error}")
}
