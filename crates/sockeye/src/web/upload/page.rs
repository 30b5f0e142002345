//! What the page of a folder shows where files can be uploaded: a form that works without scripts, and a script that adds
//! dropping of files and folders, and a bar of progress.

/// Pieces for the page of a folder. Nothing in them is foreign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Elements.
    pub html: &'static str,
    /// A script; it changes nothing where it does not run.
    pub script: &'static str,
}

/// The form and its script.
///
/// # Examples
///
/// ```
/// use sockeye::web::upload::PAGE;
///
/// assert!(PAGE.html.contains("multipart/form-data"));
/// ```
pub const PAGE: Page = Page {
    html: include_str!("form.html"),
    script: include_str!("drop.js"),
};
