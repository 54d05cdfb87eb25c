//! What long commands share: the folder for results and the progress bar.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;

/// Makes the folder for the results before the work, so that a run is not lost for want of one.
pub fn open_folder(folder: &Path) -> Result<(), Failure> {
    let path = folder.display();
    std::fs::create_dir_all(folder)
        .map_err(|source| Failure::File { path: format!("cannot write to {path}"), source })
}

/// A bar on standard error; hidden where that is no terminal.
pub fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.set_style(style.progress_chars("━╸─"));
    bar
}
