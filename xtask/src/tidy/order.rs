//! A module uses only modules listed above it (rule 2 of `STYLE.md`).
//!
//! The same rule at every level: where the path of the user and the path of what it uses part,
//! both are children of one parent, and the parent must list the used one first. A child may use
//! its parents and what they list before the child's own branch. Test code is exempt.
//! A name that the parent re-exports counts as the module that it comes from.

use std::collections::BTreeMap;

use super::Config;
use crate::project::{Finding, Project, TextFile};
use crate::source::{PathTo, Source};

/// Children of a module in their order, and for re-exported names the child they come from.
#[derive(Default)]
struct Node {
    children: Vec<String>,
    from: BTreeMap<String, String>,
}

type Tree = BTreeMap<Vec<String>, Node>;

/// Uses of modules that are listed later.
pub fn check(project: &Project, _config: &Config) -> Vec<Finding> {
    let mut roots: Vec<&str> = project.rust().filter_map(|(file, _)| root(&file.path)).collect();
    roots.dedup();
    roots.iter().flat_map(|root| check_crate(project, root)).collect()
}

fn check_crate(project: &Project, directory: &str) -> Vec<Finding> {
    let files: Vec<(&TextFile, &Source)> =
        project.rust().filter(|(file, _)| root(&file.path) == Some(directory)).collect();
    let mut tree = Tree::new();
    for (file, source) in &files {
        list_children(&mut tree, &module_of(&file.path), source);
    }
    for (file, source) in &files {
        list_exports(&mut tree, &module_of(&file.path), source);
    }
    let mut findings = Vec::new();
    for (file, source) in &files {
        let module = module_of(&file.path);
        for (user, path) in uses(file, source, &module) {
            findings.extend(breach(&tree, &user, &path).map(|(earlier, later)| {
                let message = format!(
                    "`{earlier}` uses `{later}`, which is listed below it; list `{later}` first or \
                     move what is shared up (style 2)"
                );
                Finding::new(&file.path, path.line, message)
            }));
        }
    }
    findings
}

/// `crates/a/src/` of `crates/a/src/book/level.rs`.
fn root(path: &str) -> Option<&str> {
    let end = path.find("src/")? + "src/".len();
    let whole = path[..end].strip_suffix("/src/").is_some();
    whole.then(|| &path[..end])
}

fn module_of(path: &str) -> Vec<String> {
    let inside = path.rsplit_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
    let last = parts.last().map(String::as_str);
    if last == Some("mod") || (parts.len() == 1 && matches!(last, Some("lib" | "main"))) {
        parts.pop();
    }
    parts
}

fn list_children(tree: &mut Tree, module: &[String], source: &Source) {
    for child in source.modules().filter(|child| !child.test) {
        let parent = [module, &child.scope].concat();
        tree.entry(parent).or_default().children.push(child.name);
    }
}

fn list_exports(tree: &mut Tree, module: &[String], source: &Source) {
    for index in 0..source.tokens.len() {
        if source.text(index) != "use" || source.tokens[index].test {
            continue;
        }
        let scope = [module, &source.scopes[source.tokens[index].scope]].concat();
        let Some(node) = tree.get_mut(&scope) else { continue };
        for path in source.paths(index + 1) {
            let own = usize::from(path.segments[0] == "self");
            let child = path.segments.get(own).filter(|child| node.children.contains(child));
            if let Some(child) = child.filter(|_| path.segments.len() > own + 1) {
                node.from.insert(path.name.clone(), child.clone());
            }
        }
    }
}

/// Paths that begin in this crate, made absolute, each with the module that uses it.
fn uses(file: &TextFile, source: &Source, module: &[String]) -> Vec<(Vec<String>, PathTo)> {
    let mut uses = Vec::new();
    for index in 0..source.tokens.len() {
        let begins = matches!(source.text(index), "crate" | "super" | "self");
        let inside = index > 1 && source.matches(index - 2, &[":", ":"]);
        if !begins || inside || file.in_test(index) || !source.matches(index + 1, &[":", ":"]) {
            continue;
        }
        let user = [module, &source.scopes[source.tokens[index].scope]].concat();
        for mut path in source.paths(index) {
            path.segments = absolute(&user, &path.segments);
            uses.push((user.clone(), path));
        }
    }
    uses
}

fn absolute(user: &[String], segments: &[String]) -> Vec<String> {
    let mut base = user.to_vec();
    let mut rest = segments;
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        rest = after;
    }
    [&base, rest].concat()
}

/// The two siblings in the wrong order, if there are any.
fn breach(tree: &Tree, user: &[String], path: &PathTo) -> Option<(String, String)> {
    let mut target = path.segments.clone();
    let depth = user.iter().zip(&target).take_while(|(a, b)| a == b).count();
    let node = tree.get(&user[..depth])?;
    let own = user.get(depth)?;
    let other = target.get_mut(depth)?;
    if let Some(child) = node.from.get(other) {
        *other = child.clone();
    }
    let place = |name: &String| node.children.iter().position(|child| child == name);
    (place(own)? < place(other)?).then(|| (own.clone(), other.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "mod low;\nmod book;\nmod high;\npub use high::Peak;\n";

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), *text));
        let project = Project::of(files);
        let findings = super::check(&project, &Config::default());
        findings.iter().map(|f| format!("{}:{} {}", f.path, f.line, &f.message[..20])).collect()
    }

    #[test]
    fn an_upward_use_is_allowed() {
        let book = "use crate::low::A;\nuse super::low::B;\nfn f() { crate::low::c() }";
        assert!(check(&[("lib.rs", ROOT), ("book.rs", book)]).is_empty());
    }

    #[test]
    fn a_downward_use_is_found_in_every_spelling() {
        for text in [
            "use crate::high::A;",
            "use crate::{low::B, high::A};",
            "use super::high;",
            "fn f() { crate::high::g() }",
            "use crate::Peak;",
        ] {
            let found = check(&[("lib.rs", ROOT), ("book.rs", text)]);
            assert_eq!(found, ["crates/a/src/book.rs:1 `book` uses `high`, "], "{text}");
        }
    }

    #[test]
    fn a_child_obeys_the_order_of_its_parents_and_of_its_siblings() {
        let parent = ("book.rs", "mod level;\nmod queue;\nfn f() { level::g(); }");
        let found = check(&[
            ("lib.rs", ROOT),
            parent,
            ("book/level.rs", "use crate::low::A;\nuse super::queue::Q;\nuse crate::high::H;"),
            ("book/queue.rs", "use super::level::L;\nuse crate::book::Book;"),
        ]);
        assert_eq!(
            found,
            [
                "crates/a/src/book/level.rs:2 `level` uses `queue`",
                "crates/a/src/book/level.rs:3 `book` uses `high`, ",
            ]
        );
    }

    #[test]
    fn tests_are_exempt() {
        let book = "#[cfg(test)]\nmod tests { use crate::high::A; }";
        assert!(check(&[("lib.rs", ROOT), ("book.rs", book)]).is_empty());
    }
}
