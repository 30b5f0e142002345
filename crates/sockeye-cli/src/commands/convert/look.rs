//! Looking at records: as columns, as a chart.

mod plot;
mod scale;
mod svg;
mod table;
mod terminal;

pub(crate) use plot::{Drawing, Plot};
pub(crate) use table::Table;
