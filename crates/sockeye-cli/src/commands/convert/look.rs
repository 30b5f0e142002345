//! Looking at records: as columns, as a chart.

mod plot;
mod table;

pub(crate) use plot::Plot;
pub(crate) use table::Table;
