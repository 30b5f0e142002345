//! Records as a chart: points are collected, and drawn at the end.

use sockeye::data::record::{Error, ErrorKind, WriteRecords};
use sockeye::data::value::{Text, Value};

use super::scale::{Scale, finite};
use super::{svg, terminal};

/// So many points of a line are kept. Of more, only the least and the greatest of each few are: they draw the same chart.
const POINTS: usize = 1 << 18;
/// Of so many points, two are kept.
const GROUP: usize = 4;

/// What is drawn, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawing {
    /// x, and one or more y. A single column is y over the number of the record.
    pub(crate) columns: Vec<String>,
    /// Points, not lines.
    pub(crate) points: bool,
    /// A picture for a file, not characters.
    pub(crate) svg: bool,
    pub(crate) has_colors: bool,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
}

/// Draws records.
pub(crate) struct Plot {
    drawing: Drawing,
    chart: Chart,
    records: u64,
}

/// Lines over one x.
pub(super) struct Chart {
    pub(super) scale: Option<Scale>,
    pub(super) x_name: String,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

impl Plot {
    pub(crate) fn new(drawing: &Drawing) -> Self {
        let mut names = drawing.columns.iter().map(|name| super::table::shown(name));
        let x_name = match drawing.columns.len() {
            0 | 1 => "record".to_owned(),
            _ => names.next().unwrap_or_default(),
        };
        let lines = names.map(|name| Line {
            name,
            points: Vec::new(),
        });
        Self {
            chart: Chart {
                scale: None,
                x_name,
                lines: lines.collect(),
            },
            drawing: drawing.clone(),
            records: 0,
        }
    }

    fn add(&mut self, record: &Value) -> Result<(), String> {
        let counted = Value::from(self.records as f64);
        let (x, ys) = match &self.drawing.columns[..] {
            [y] => (&counted, std::slice::from_ref(y)),
            [x, ys @ ..] => (column(record, x)?, ys),
            [] => return Ok(()),
        };
        let scale = self.chart.scale.get_or_insert_with(|| Scale::of(x));
        let place = scale
            .place(x)
            .map_err(|why| format!("{}: {why}", self.chart.x_name))?;
        for (line, name) in self.chart.lines.iter_mut().zip(ys) {
            let y = column(record, name)?;
            // A gap is no point.
            if matches!(y, Value::Null) || y.as_str().is_some_and(|text| text.trim().is_empty()) {
                continue;
            }
            let y = finite(y).map_err(|why| format!("{name}: {why}"))?;
            line.points.push((place, y));
            if line.points.len() >= POINTS {
                thin(&mut line.points);
            }
        }
        Ok(())
    }
}

/// The least and the greatest of each few points, in their order.
fn thin(points: &mut Vec<(f64, f64)>) {
    let mut kept = Vec::with_capacity(points.len() / 2 + 2);
    for group in points.chunks(GROUP) {
        let by_y =
            |one: &(usize, &(f64, f64)), two: &(usize, &(f64, f64))| one.1.1.total_cmp(&two.1.1);
        let least = group.iter().enumerate().min_by(by_y);
        let greatest = group.iter().enumerate().max_by(by_y);
        let (Some(least), Some(greatest)) = (least, greatest) else {
            continue;
        };
        let (first, second) = match least.0 <= greatest.0 {
            true => (least, greatest),
            false => (greatest, least),
        };
        kept.push(*first.1);
        if first.0 != second.0 {
            kept.push(*second.1);
        }
    }
    *points = kept;
}

/// A column of a record by its name, or of an array by its place, from 0.
fn column<'a>(record: &'a Value, name: &str) -> Result<&'a Value, String> {
    let found = match record {
        Value::Object(object) => object.get(name),
        Value::Array(items) => name
            .parse::<usize>()
            .ok()
            .and_then(|place| items.get(place)),
        _ => return Err(format!("it is {}, and has no columns", record.kind())),
    };
    found.ok_or_else(|| {
        let names: Vec<Text> = match record {
            Value::Object(object) => object.keys().take(12).cloned().collect(),
            _ => Vec::new(),
        };
        match names.is_empty() {
            true => format!("there is no column {name}"),
            false => format!("there is no column {name}; there are {}", names.join(", ")),
        }
    })
}

fn error(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, "plot", why)
}

impl WriteRecords for Plot {
    fn write_record(&mut self, record: &Value, _out: &mut Vec<u8>) -> Result<(), Error> {
        self.records += 1;
        self.add(record)
            .map_err(|why| error(format!("record {}: {why}", self.records)))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let chart = &self.chart;
        if chart.lines.iter().all(|line| line.points.is_empty()) {
            return Err(error("there is nothing to draw"));
        }
        match self.drawing.svg {
            true => svg::draw(chart, &self.drawing, out).map_err(error),
            false => {
                terminal::draw(chart, &self.drawing, out);
                Ok(())
            }
        }
    }
}

impl Chart {
    /// From where to where the points reach; never nothing.
    pub(super) fn bounds(&self) -> ((f64, f64), (f64, f64)) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        (
            span(points().map(|point| point.0)),
            span(points().map(|point| point.1)),
        )
    }

    /// What stands on the x axis at a place.
    pub(super) fn x_label(&self, place: f64, span: f64) -> String {
        let scale = self.scale.as_ref();
        scale
            .map(|scale| scale.label(place, span))
            .unwrap_or_default()
    }
}

fn span(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = numbers.fold(start, |(low, high), n| (low.min(n), high.max(n)));
    match low < high && (high - low).is_finite() {
        true => (low, high),
        // One value: it stands in the middle. Or the whole range of floats, which nobody can subtract.
        false if low == high => (low - 1.0, high + 1.0),
        false => (low / 2.0, high / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{POINTS, Plot, thin};
    use crate::commands::convert::look::Drawing;
    use sockeye::data::json;
    use sockeye::data::record::WriteRecords as _;
    use sockeye::data::value::Value;

    fn drawing(columns: &[&str]) -> Drawing {
        Drawing {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            size: (60, 16),
            ..Drawing::default()
        }
    }

    #[test]
    fn thinning_keeps_peaks_and_ends_and_memory_is_bounded() {
        let mut points: Vec<(f64, f64)> = (0..100).map(|x| (f64::from(x), 0.0)).collect();
        points[37].1 = 9.0;
        points[61].1 = -9.0;
        thin(&mut points);
        assert!(points.len() <= 50, "{}", points.len());
        assert!(points.contains(&(37.0, 9.0)) && points.contains(&(61.0, -9.0)));
        assert!(points.is_sorted_by(|one, two| one.0 < two.0));

        let mut plot = Plot::new(&drawing(&["y"]));
        for n in 0..POINTS as i64 * 3 {
            plot.add(&Value::array(Vec::new())).unwrap_err();
            let record =
                sockeye::data::value::Object::from_iter([("y".into(), Value::from(n % 7))]);
            plot.write_record(&record.into(), &mut Vec::new()).unwrap();
        }
        assert!(plot.chart.lines[0].points.len() < POINTS);
    }

    #[test]
    fn errors_name_the_record_and_the_column() {
        let mut plot = Plot::new(&drawing(&["x", "y"]));
        let mut write = |text: &str| {
            let record = json::parse(text.as_bytes()).unwrap();
            plot.write_record(&record, &mut Vec::new())
                .map_err(|error| error.to_string())
        };
        assert_eq!(write(r#"{"x":1,"y":2}"#), Ok(()));
        assert_eq!(
            write(r#"{"x":1,"y":"n/a"}"#).unwrap_err(),
            "plot: record 2: y: \"n/a\" is no number"
        );
        assert_eq!(
            write(r#"{"x":1,"z":1}"#).unwrap_err(),
            "plot: record 3: there is no column y; there are x, z"
        );
        assert_eq!(
            write("7").unwrap_err(),
            "plot: record 4: it is number, and has no columns"
        );
        assert_eq!(write(r#"{"x":2,"y":null}"#), Ok(()));
    }

    #[test]
    fn a_chart_has_lines_labels_and_names() {
        for svg in [false, true] {
            let mut drawing = drawing(&["day", "sales", "cost"]);
            drawing.svg = svg;
            let mut plot = Plot::new(&drawing);
            let mut out = Vec::new();
            for (day, sales) in [("2026-01-01", 10), ("2026-01-15", 30), ("2026-01-31", 20)] {
                let record = format!(r#"{{"day":"{day}","sales":{sales},"cost":{}}}"#, sales / 2);
                plot.write_record(&json::parse(record.as_bytes()).unwrap(), &mut out)
                    .unwrap();
            }
            plot.finish(&mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for wanted in ["sales", "cost", "day", "2026-01-", "30"] {
                assert!(text.contains(wanted), "{wanted} is not in\n{text}");
            }
            let is_svg = text.starts_with("<svg") && text.ends_with("</svg>\n");
            assert_eq!(is_svg, svg, "{text}");
            if !svg {
                assert_eq!(text.lines().count(), 16);
                assert!(text.lines().all(|line| line.chars().count() <= 60));
                assert!(text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)));
            }
        }
        let mut empty = Plot::new(&drawing(&["x", "y"]));
        let error = empty.finish(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "plot: there is nothing to draw");
    }
}
