//! Files that a jq program names: modules, data, the values of variables.

use std::path::{Path, PathBuf};

use sockeye::data::jq::{Import, Imported};
use sockeye::data::json;
use sockeye::data::record::ReadRecords as _;
use sockeye::data::value::Value;
use sockeye::{Error, Kind, Operation, Result};

/// Get what `import` or `include` asks for, in the folders of `-L`, else in ~/.jq.
pub(crate) fn load(library: &[PathBuf], import: &Import<'_>) -> Result<Imported, String> {
    let tried = candidates(library, import);
    let Some(path) = tried.iter().find(|path| path.is_file()) else {
        let tried: Vec<String> = tried
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(format!("there is none of {}", tried.join(", ")));
    };
    let failed = |error: Error| error.to_string();
    if import.data {
        return values(path).map(Imported::Data).map_err(failed);
    }
    let name = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let text = text(path).map_err(failed)?;
    Ok(Imported::Module {
        name: name.display().to_string(),
        text,
    })
}

/// Where a module may be: `a/b` is `a/b.jq` or `a/b/b.jq`, in each folder.
fn candidates(library: &[PathBuf], import: &Import<'_>) -> Vec<PathBuf> {
    let own = import.from.and_then(|from| Path::new(from).parent());
    let own = own.unwrap_or(Path::new("."));
    let mut folders: Vec<PathBuf> = import
        .search
        .iter()
        .map(|search| own.join(search))
        .collect();
    folders.extend(library.iter().cloned());
    if library.is_empty() {
        folders.extend(std::env::home_dir().map(|home| home.join(".jq")));
    }
    if import.from.is_some() {
        folders.push(own.to_owned());
    }
    let ending = if import.data { "json" } else { "jq" };
    let last = Path::new(import.path).file_name().unwrap_or_default();
    let beside = |folder: PathBuf| {
        let base = folder.join(import.path);
        let mut file = base.clone().into_os_string();
        file.push(format!(".{ending}"));
        let mut inner = base.join(last).into_os_string();
        inner.push(format!(".{ending}"));
        [PathBuf::from(file), PathBuf::from(inner)]
    };
    folders.into_iter().flat_map(beside).collect()
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> Result<String> {
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    std::fs::read_to_string(path).map_err(failed)
}

/// The values of JSON in a file.
pub(crate) fn values(path: &Path) -> Result<Vec<Value>> {
    let text = text(path)?;
    let mut reader = json::Reader::new(text.as_bytes(), &json::ReadOptions::default());
    let values: Result<Vec<Value>, _> = reader.records().collect();
    values.map_err(|error| {
        let why = format!("{}: {error}", path.display());
        Error::new(Kind::Usage, Operation::Parse, why)
    })
}
