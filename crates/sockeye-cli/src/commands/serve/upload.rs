//! What may be uploaded, and where to.

use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use sockeye::Result;
use sockeye::web::files::{Folder, Root};
use sockeye::web::listing::Insert;
use sockeye::web::upload::{Conflict, PAGE, Settings, Uploads};
use sockeye::web::{Request, Shared};

use super::Args;
use crate::args;

/// What may be uploaded, and where to.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Uploads")]
pub(super) struct UploadArgs {
    /// Take files: by PUT, forms, drag and drop, in several requests; everywhere, or beneath this path; may be repeated
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "/"
    )]
    upload: Vec<String>,
    /// What happens to an upload whose name is taken
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value = "error",
        requires = "upload"
    )]
    on_conflict: OnConflict,
    /// Bytes of one uploaded file; 413 beyond
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "1GiB", requires = "upload")]
    max_upload: u64,
    /// Bytes of all files where uploads go, whoever put them there; 507 beyond [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = args::size, requires = "upload")]
    quota: Option<u64>,
    /// Say that a file is stored only when the disk has it
    #[arg(long, requires = "upload")]
    fsync: bool,
    /// Files and empty folders may be deleted where uploads go (DELETE)
    #[arg(long, requires = "upload")]
    allow_delete: bool,
    /// Uploaded pages may run scripts as the site's own do, instead of being shown in a sandbox
    #[arg(long, requires = "upload")]
    trust_uploads: bool,
    /// Names in a path beneath the folder that takes uploads
    #[arg(long, value_name = "N", default_value_t = 16, requires = "upload")]
    max_depth: usize,
    /// Files in one form
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "upload")]
    max_form_files: usize,
    /// Uploads that wait for their rest; 507 beyond
    #[arg(long, value_name = "N", default_value_t = 100, requires = "upload")]
    max_partials: usize,
    /// How long an upload waits for its rest
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "24h", requires = "upload")]
    keep_partials: Duration,
}

/// What happens to an upload whose name is taken.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnConflict {
    /// It is refused with 409
    Error,
    /// It replaces the other file
    Overwrite,
    /// It gets another name: a (2).txt
    Rename,
}

impl UploadArgs {
    /// Whether files are taken anywhere.
    pub(super) fn is_on(&self) -> bool {
        !self.upload.is_empty()
    }

    /// The paths beneath which files are taken.
    pub(super) fn paths(&self) -> &[String] {
        &self.upload
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.on_conflict = match self.on_conflict {
            OnConflict::Error => Conflict::Error,
            OnConflict::Overwrite => Conflict::Overwrite,
            OnConflict::Rename => Conflict::Rename,
        };
        settings.max_size = self.max_upload;
        settings.quota = self.quota;
        settings.fsync = self.fsync;
        settings.delete = self.allow_delete;
        settings.trusted = self.trust_uploads;
        settings.depth = self.max_depth;
        settings.parts = self.max_form_files;
        settings.partials = self.max_partials;
        settings.keep = self.keep_partials;
        settings
    }
}

/// The form on the page of a folder that takes uploads.
pub(super) fn form(_folder: &Folder, request: &Request) -> Option<Insert> {
    request.takes_uploads().then(|| Insert {
        html: PAGE.html.to_owned(),
        script: PAGE.script.to_owned(),
        ..Insert::default()
    })
}

/// The site so far, with this around it.
pub(super) fn wrap(args: &Args, root: &Root, site: Shared) -> Result<Shared> {
    if !args.upload.is_on() {
        return Ok(site);
    }
    let uploads = Uploads::new(root, &args.upload.upload, args.upload.settings(), site)?;
    Ok(Shared::new(uploads))
}
