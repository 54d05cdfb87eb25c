//! What long commands share: the folder for results, the progress bar, and the threads.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Failure;

/// Makes the folder for the results before the work, so that a run is not lost for want of one.
pub fn open_folder(folder: &Path) -> Result<(), Failure> {
    let path = folder.display();
    std::fs::create_dir_all(folder)
        .map_err(|source| Failure::File { path: format!("cannot write to {path}"), source })
}

/// The folder for the results of something by default.
pub fn runs(name: &str) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '.' { c } else { '-' };
    Path::new("runs").join(name.chars().map(plain).collect::<String>())
}

/// A bar on standard error; hidden where that is no terminal.
pub fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.set_style(style.progress_chars("━╸─"));
    bar
}

/// A bar that counts runs, with the time left.
pub fn runs_bar(runs: usize, message: &str) -> ProgressBar {
    let template = "{msg} {bar:32} {pos}/{len} runs  {elapsed} elapsed, {eta} left";
    let bar = bar(runs as u64, template);
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

/// As many threads as there are processors.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Runs every job on so many threads; outcomes in the order of the jobs, whichever thread was
/// first. `told` hears the number of each job and its outcome as it ends.
pub fn run_all<Job: Sync, Outcome: Send>(
    jobs: &[Job],
    threads: usize,
    run: impl Fn(&Job) -> Outcome + Sync,
    told: impl FnMut(usize, &Outcome) + Send,
) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let ended: Vec<Option<Outcome>> = jobs.iter().map(|_| None).collect();
    let ended = Mutex::new((ended, told));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { break };
                    let outcome = run(job);
                    let mut ended = ended.lock().expect("nobody panics with the lock");
                    (ended.1)(at, &outcome);
                    ended.0[at] = Some(outcome);
                }
            });
        }
    });
    let (ended, _) = ended.into_inner().expect("all threads have ended");
    ended.into_iter().map(|outcome| outcome.expect("every job has run")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_keep_the_order_of_the_jobs_on_any_number_of_threads() {
        let jobs: Vec<u64> = (0..50).collect();
        for threads in [0, 1, 3, 100] {
            let mut told = vec![0; jobs.len()];
            let outcomes = run_all(
                &jobs,
                threads,
                |job| job * job,
                |at, outcome| {
                    assert_eq!(*outcome, jobs[at] * jobs[at]);
                    told[at] += 1;
                },
            );
            assert_eq!(outcomes, jobs.iter().map(|job| job * job).collect::<Vec<_>>());
            assert!(told.iter().all(|times| *times == 1), "{told:?}");
        }
        assert_eq!(run_all(&[] as &[u64], 4, |job| *job, |_, _| {}), [0u64; 0]);
    }
}
