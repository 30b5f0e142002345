//! A chart in characters: braille dots, drawn once into a buffer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart as Widget, Dataset, GraphType, Widget as _};

use super::plot::{Chart, Drawing};
use super::scale::label;

/// Colours of the lines, one after the other.
const COLORS: &[(Color, &str)] = &[
    (Color::Cyan, "\x1b[36m"),
    (Color::Yellow, "\x1b[33m"),
    (Color::Magenta, "\x1b[35m"),
    (Color::Green, "\x1b[32m"),
    (Color::Red, "\x1b[31m"),
    (Color::Blue, "\x1b[34m"),
];

/// Append the chart, a line of text for each row.
pub(super) fn draw(chart: &Chart, drawing: &Drawing, out: &mut Vec<u8>) {
    let (width, height) = drawing.size;
    // Less shows nothing; more is no terminal.
    let area = Rect::new(0, 0, width.clamp(20, 500), height.clamp(6, 200));
    let mut buffer = Buffer::empty(area);
    widget(chart, drawing).render(area, &mut buffer);
    write(&buffer, drawing.has_colors, out);
}

fn widget<'a>(chart: &'a Chart, drawing: &Drawing) -> Widget<'a> {
    let ((left, right), (low, high)) = chart.bounds();
    let kind = match drawing.points {
        true => GraphType::Scatter,
        false => GraphType::Line,
    };
    let colors = COLORS.iter().cycle();
    let lines = chart.lines.iter().zip(colors).map(|(line, (color, _))| {
        Dataset::default()
            .name(line.name.as_str())
            .marker(Marker::Braille)
            .graph_type(kind)
            .style(Style::default().fg(*color))
            .data(&line.points)
    });
    let middle = |from: f64, to: f64| from + (to - from) / 2.0;
    let xs = [left, middle(left, right), right].map(|x| chart.x_label(x, right - left));
    let ys = [low, middle(low, high), high].map(|y| label(y, high - low));
    let y_title = match &chart.lines[..] {
        [line] => line.name.as_str(),
        _ => "",
    };
    let x_axis = Axis::default()
        .title(chart.x_name.as_str())
        .bounds([left, right])
        .labels(xs);
    let y_axis = Axis::default()
        .title(y_title)
        .bounds([low, high])
        .labels(ys);
    Widget::new(lines.collect()).x_axis(x_axis).y_axis(y_axis)
}

fn write(buffer: &Buffer, has_colors: bool, out: &mut Vec<u8>) {
    let area = buffer.area;
    for y in 0..area.height {
        let mut line = String::new();
        let mut color = Color::Reset;
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            if has_colors && cell.fg != color {
                let code = COLORS.iter().find(|(known, _)| *known == cell.fg);
                line.push_str(code.map_or("\x1b[0m", |(_, code)| code));
                color = cell.fg;
            }
            line.push_str(cell.symbol());
        }
        if color != Color::Reset {
            line.push_str("\x1b[0m");
        }
        out.extend_from_slice(line.trim_end_matches(' ').as_bytes());
        out.push(b'\n');
    }
}
