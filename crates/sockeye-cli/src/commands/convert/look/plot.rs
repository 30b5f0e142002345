//! Records as a chart.

use sockeye::data::record::{Error, ErrorKind, WriteRecords};
use sockeye::data::value::Value;

/// Draws records.
pub(crate) struct Plot {}

impl Plot {
    /// Of these columns.
    pub(crate) fn new(_columns: &[String]) -> Self {
        Self {}
    }
}

impl WriteRecords for Plot {
    fn write_record(&mut self, _record: &Value, _out: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Unsupported, "plot", "not built yet"))
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}
