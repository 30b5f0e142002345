//! How folders are shown and packed.

use clap::Args as ClapArgs;
use sockeye::web::archive::Archives;
use sockeye::web::listing::Listing;

use crate::args;

/// How folders are shown and packed.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Folders")]
pub(super) struct ListingArgs {
    /// A folder without an index page is not found, instead of being shown
    #[arg(
        long,
        conflicts_with_all = ["title", "no_readme", "max_entries", "no_archives", "max_archives", "max_archive",
            "max_archive_entries"]
    )]
    no_listing: bool,
    /// What the pages of folders call the whole
    #[arg(long, value_name = "TEXT", default_value = "Files")]
    title: String,
    /// Folders are shown without their README
    #[arg(long)]
    no_readme: bool,
    /// Entries on one page of a folder, the rest on the next ones; data of a folder with more is not sorted
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = positive)]
    max_entries: usize,
    /// Folders cannot be had as zip, tar.gz, tar.zst and tar (?archive=zip)
    #[arg(long, conflicts_with_all = ["max_archives", "max_archive", "max_archive_entries"])]
    no_archives: bool,
    /// Folders that are packed at once; others get 503
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    max_archives: usize,
    /// Break an archive off that comes to more than this [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    max_archive: Option<u64>,
    /// Break an archive off that comes to more files and folders than this
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_archive_entries: u64,
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "it is not a number from 1 on".to_owned())
}

impl ListingArgs {
    /// How folders are shown, if they are.
    pub(super) fn listing(&self) -> Option<Listing> {
        if self.no_listing {
            return None;
        }
        let archives = Archives::new()
            .at_once(self.max_archives)
            .max_size(self.max_archive)
            .max_entries(self.max_archive_entries);
        let listing = Listing::new()
            .title(&self.title)
            .readme(!self.no_readme)
            .max_entries(self.max_entries)
            .archives((!self.no_archives).then_some(archives));
        Some(listing)
    }
}
