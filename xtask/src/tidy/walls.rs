//! Which crate may use which (rule 6 of `STYLE.md`): the table `walls` of `xtask/tidy.toml`
//! against each `Cargo.toml`, whatever the kind of the dependency.
//!
//! Also: the folder has the package's name, and a crate obeys the workspace's lints.

use toml::{Table, Value};

use super::Config;
use crate::project::{Finding, Project};

/// Dependencies that cross a wall, and crates without a place in the table.
pub fn check(project: &Project, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.files {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else { continue };
        let found = |message: String| Finding::new(&file.path, 1, message);
        match file.text.parse::<Table>() {
            Ok(manifest) => {
                findings.extend(breaches(folder, &manifest, config).into_iter().map(found));
            }
            Err(error) => findings.push(found(format!("not TOML: {error}"))),
        }
    }
    findings
}

fn breaches(folder: &str, manifest: &Table, config: &Config) -> Vec<String> {
    let mut breaches = Vec::new();
    let folder_name = folder.rsplit('/').next().unwrap_or(folder);
    let package = manifest.get("package").and_then(|package| package.get("name"));
    if package.and_then(Value::as_str) != Some(folder_name) {
        breaches.push(format!("the package must have its folder's name, `{folder_name}`"));
    }
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    if lints.and_then(Value::as_bool) != Some(true) {
        breaches.push("add `[lints] workspace = true`".to_owned());
    }
    let Some(name) = folder.strip_prefix("crates/") else { return breaches };
    let Some(allowed) = config.walls.get(name) else {
        breaches.push(format!("give `{name}` a line in [walls] of xtask/tidy.toml (style 6)"));
        return breaches;
    };
    for used in dependencies(manifest) {
        if config.walls.contains_key(&used) && !allowed.contains(&used) {
            breaches.push(format!("`{name}` may not use `{used}`; the wall is there on purpose"));
        }
    }
    breaches
}

/// Packages of all dependency tables, those of targets too.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let platforms = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let mut packages = Vec::new();
    for table in std::iter::once(manifest).chain(platforms) {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(entries) = table.get(kind).and_then(Value::as_table) else { continue };
            for (name, entry) in entries {
                let renamed = entry.get("package").and_then(Value::as_str);
                packages.push(renamed.unwrap_or(name).to_owned());
            }
        }
    }
    packages
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(manifest: &str) -> Vec<String> {
        let config = Config::parse(include_str!("../../tidy.toml")).unwrap();
        let text = format!("[package]\nname = \"desk\"\n[lints]\nworkspace = true\n{manifest}");
        let project = Project::of([("crates/desk/Cargo.toml", text)]);
        super::check(&project, &config).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert!(check("[dependencies]\nmoney.workspace = true\nlibm.workspace = true").is_empty());
    }

    #[test]
    fn every_way_through_the_wall_is_found() {
        for text in [
            "[dependencies]\nlab.workspace = true",
            "[dependencies.lab]\npath = \"../lab\"",
            "[dependencies]\nsimulator = { package = \"lab\", path = \"../lab\" }",
            "[dev-dependencies]\nlab.workspace = true",
            "[target.'cfg(unix)'.build-dependencies]\nlab.workspace = true",
        ] {
            let expected = "`desk` may not use `lab`; the wall is there on purpose";
            assert_eq!(check(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_crate_needs_a_place_its_name_and_the_lints() {
        let config = Config::default();
        let project = Project::of([("crates/new/Cargo.toml", "[package]\nname = \"other\"")]);
        assert_eq!(super::check(&project, &config).len(), 3);
    }
}
