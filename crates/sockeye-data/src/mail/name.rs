//! Names of files for attachments.

use std::collections::HashSet;

use crate::fields::safe_file_name;

/// A name for an attachment's file in one folder, which none had before: made harmless by
/// [`safe_file_name`](crate::fields::safe_file_name), `attachment` if nothing is left, and numbered where it was taken, whatever
/// the case of its letters. The name is taken from then on.
///
/// ```
/// use std::collections::HashSet;
/// use sockeye_data::mail::safe_name;
///
/// let mut taken = HashSet::new();
/// assert_eq!(safe_name("../../x", &mut taken), "x");
/// assert_eq!(safe_name("X", &mut taken), "X-2");
/// assert_eq!(safe_name("..", &mut taken), "attachment");
/// ```
pub fn safe_name(name: &str, taken: &mut HashSet<String>) -> String {
    let name = safe_file_name(name.as_bytes()).unwrap_or_else(|| "attachment".to_owned());
    let dot = name.rfind('.').filter(|dot| *dot > 0).unwrap_or(name.len());
    let (stem, ending) = name.split_at(dot);
    let mut candidate = name.clone();
    let mut number = 1_u64;
    while !taken.insert(candidate.to_lowercase()) {
        number += 1;
        candidate = format!("{stem}-{number}{ending}");
    }
    candidate
}
