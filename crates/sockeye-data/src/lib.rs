//! x
#![allow(missing_docs)]
pub mod escape {
    pub fn escape(b: &[u8]) -> String {
        String::from_utf8_lossy(b).into_owned()
    }
}
