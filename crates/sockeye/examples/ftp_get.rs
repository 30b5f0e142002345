//! Lists a directory of a server of FTP, or saves a file.
//!
//! ```text
//! cargo run -p sockeye --example ftp_get -- ftp://ftp.example.org/pub/
//! cargo run -p sockeye --example ftp_get -- ftp://ftp.example.org/pub/README
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;

use sockeye::Net;
use sockeye::client::download::Existing;
use sockeye::client::ftp::{Ftp, Settings, UrlPath};
use sockeye::data::escape::escape;
use sockeye::data::fields::safe_file_name;
use sockeye::data::url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1).ok_or("usage: ftp_get URL")?;
    let url: Url = text.parse()?;
    let place = UrlPath::of(&url)?;
    let mut ftp = Ftp::open(&Net::new(), &url, Settings::new()).await?;
    if place.is_directory {
        for entry in ftp.list(&place.path).await? {
            // Names are the server's to choose: a terminal sees them escaped.
            println!("{:>12} {}", entry.size.unwrap_or(0), escape(&entry.name));
        }
    } else {
        let name = safe_file_name(&place.path).ok_or("the URL ends with no name")?;
        let saved = ftp
            .save(&place.path, Path::new(&name), Existing::Number, |_| {})
            .await?;
        println!("{saved:?}");
    }
    ftp.quit().await;
    Ok(())
}
