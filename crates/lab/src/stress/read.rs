//! Reads an incident file; a refusal names file, line and column.

use std::path::Path;

use toml::de::DeTable;

use super::incident::{
    Asset, Bounds, Fault, FaultKind, Group, Halt, Incident, Move, MoveKind, Stance, Terms,
};
use super::keys::{ASSET, DEPTH, FAULT, GROUP, HALT, MOVE, OURS, POINT, ROOT, THEIRS};
use crate::scenario::ScenarioError;
use crate::scenario::error::{Source, hint};
use crate::scenario::keys::Key;
use crate::scenario::section::Section;

type Read<T> = Result<T, ScenarioError>;

/// Most assets of an incident.
const ASSETS_MAX: usize = 16;
/// Notional liquidated in one piece unless the file says otherwise, as the rules do.
const TRANCHE_USD: f64 = 100_000.0;

impl Incident {
    /// Reads an incident file.
    pub fn load(file: &Path) -> Read<Incident> {
        let text = std::fs::read_to_string(file).map_err(|cause| ScenarioError::Unreadable {
            file: file.to_path_buf(),
            cause: cause.to_string(),
        })?;
        Incident::parse(&text, file)
    }

    /// Reads an incident from text.
    pub fn parse(text: &str, file: &Path) -> Read<Incident> {
        let source = Source::of_file(file, text);
        let document = DeTable::parse(text).map_err(|error| {
            source.wrong(error.span().map_or(0, |span| span.start), error.message())
        })?;
        let root = Section::open(source, "the incident".into(), (0, document.get_ref()), &[ROOT])?;
        incident(&root)
    }
}

fn incident(root: &Section<'_>) -> Read<Incident> {
    let inexpressible = reason(root)?;
    let assets = sections(root, "asset", &[ASSET], asset)?;
    if inexpressible.is_none() && !(1..=ASSETS_MAX).contains(&assets.len()) {
        let message = format!("an incident needs 1 to {ASSETS_MAX} [[asset]]s");
        return Err(root.wrong("asset", message));
    }
    let groups = sections(root, "group", &[GROUP], |section| group(section, &assets))?;
    let duration_min = root.number("duration_min")?;
    let theirs = terms(root, "theirs", 0.0)?;
    let figures = root.coins("figures")?;
    Ok(Incident {
        id: root.text("id")?.into(),
        title: root.text("title")?.into(),
        date: root.text("date")?.into(),
        venue: root.text("venue")?.into(),
        source: root.text("source")?.into(),
        note: root.text_if("note")?.unwrap_or("").into(),
        worse: root.text_if("worse")?.unwrap_or("").into(),
        figures: figures.into_iter().map(|(_, name, value)| (name.into(), value)).collect(),
        duration_min,
        shock_min: root.number("shock_min")?,
        moves: sections(root, "move", &[MOVE], |section| attack(section, &groups))?,
        faults: sections(root, "fault", &[FAULT], |section| fault(section, &assets))?,
        halts: sections(root, "halt", &[HALT], |section| {
            let (from_s, to_s) = period(section)?;
            Ok(Halt { from_s, to_s })
        })?,
        ours: terms(root, "ours", theirs.insurance_usd)?,
        inexpressible,
        assets,
        groups,
        theirs,
    })
}

/// Reads each table of a list.
fn sections<T>(
    root: &Section<'_>,
    list: &str,
    keys: &'static [&'static [Key]],
    read: impl Fn(&Section<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let places = root.tables(list)?.into_iter().enumerate();
    places
        .map(|(at, place)| {
            let title = format!("[[{list}]] {}", at + 1);
            read(&Section::open(root.source, title, place, keys)?)
        })
        .collect()
}

/// Why a thing marked as not expressible is not: a reason must be there exactly then.
fn reason(section: &Section<'_>) -> Read<Option<String>> {
    let why = section.text_if("why")?;
    match (section.flag("expressible")?, why) {
        (true, _) => Ok(None),
        (false, Some(why)) => Ok(Some(why.into())),
        (false, None) => {
            let message =
                format!("{} is not expressible: say in `why` for what reason", section.title);
            Err(section.wrong("expressible", message))
        }
    }
}

fn asset(section: &Section<'_>) -> Read<Asset> {
    let margins =
        [section.number("margin_initial_pct")?, section.number("margin_maintenance_pct")?];
    check_margins(section, margins)?;
    let depth_usd = section.number("depth_usd")?;
    let point = |point: &Section<'_>| {
        Ok((point.number("minute")?, 1.0 + point.number("change_pct")? / 100.0))
    };
    let level = |level: &Section<'_>| Ok((level.number("minute")?, level.number("depth_usd")?));
    Ok(Asset {
        name: section.text("name")?.into(),
        price_usd: section.number("price_usd")?,
        margin_initial: margins[0] / 100.0,
        margin_maintenance: margins[1] / 100.0,
        path: in_order(section, "path", (0.0, 1.0), sections(section, "path", &[POINT], point)?)?,
        depth: in_order(
            section,
            "depth",
            (0.0, depth_usd),
            sections(section, "depth", &[DEPTH], level)?,
        )?,
    })
}

fn check_margins(section: &Section<'_>, [initial, maintenance]: [f64; 2]) -> Read<()> {
    if maintenance < initial {
        return Ok(());
    }
    let title = &section.title;
    let message = format!("`margin_maintenance_pct` in {title} must be below `margin_initial_pct`");
    Err(section.wrong("margin_maintenance_pct", message))
}

/// Points in the order of time after a first one.
fn in_order(
    section: &Section<'_>,
    name: &str,
    first: (f64, f64),
    points: Vec<(f64, f64)>,
) -> Read<Vec<(f64, f64)>> {
    let all: Vec<(f64, f64)> = std::iter::once(first).chain(points).collect();
    if all.windows(2).all(|pair| pair[0].0 <= pair[1].0) {
        return Ok(all);
    }
    Err(section.wrong(name, format!("`{name}` in {} must be in the order of time", section.title)))
}

/// The place of a name among the known ones.
fn place(section: &Section<'_>, key: &str, name: &str, known: &[&str]) -> Read<usize> {
    known.iter().position(|candidate| *candidate == name).ok_or_else(|| {
        let message = format!("unknown `{key}` {name:?} in {}{}", section.title, hint(name, known));
        section.wrong(key, message)
    })
}

fn asset_of(section: &Section<'_>, assets: &[Asset]) -> Read<Option<usize>> {
    let known: Vec<&str> = assets.iter().map(|asset| asset.name.as_str()).collect();
    section.text_if("asset")?.map(|name| place(section, "asset", name, &known)).transpose()
}

fn group(section: &Section<'_>, assets: &[Asset]) -> Read<Group> {
    const STANCES: [Stance; 4] = [Stance::Long, Stance::Short, Stance::Hedged, Stance::Flat];
    let side = section.text("side")?;
    let stance = STANCES[place(section, "side", side, &["long", "short", "hedged", "flat"])?];
    let notional_usd = section.number("notional_usd")?;
    let given = section.number("deposit_usd")?;
    let (size, deposit_usd) = match stance {
        Stance::Flat => ("deposit_usd", given),
        Stance::Long | Stance::Short | Stance::Hedged => {
            ("notional_usd", notional_usd / section.number("leverage")?)
        }
    };
    if deposit_usd <= 0.0 {
        let message =
            format!("`{size}` in {} must be above zero for a {side} group", section.title);
        return Err(section.wrong(size, message));
    }
    Ok(Group {
        name: section.text("name")?.into(),
        stance,
        asset: asset_of(section, assets)?.unwrap_or(0),
        count: u32::try_from(section.whole("count")?).expect("its range is checked"),
        notional_usd,
        deposit_usd: if given > 0.0 { given } else { deposit_usd },
        credit_usd: section.number("credit_usd")?,
    })
}

/// Seconds of `from_min` and `to_min`.
fn period(section: &Section<'_>) -> Read<(f64, f64)> {
    let (from, to) = (section.number("from_min")?, section.number("to_min")?);
    if from < to {
        return Ok((from * 60.0, to * 60.0));
    }
    let message = format!("`to_min` in {} must be after `from_min`", section.title);
    Err(section.wrong("to_min", message))
}

fn fault(section: &Section<'_>, assets: &[Asset]) -> Read<Fault> {
    let factor = section.number("factor")?;
    let kinds = [
        FaultKind::Stale,
        FaultKind::Wide { share: section.number("confidence_pct")? / 100.0, factor },
        FaultKind::Factor(factor),
        FaultKind::Outlier(section.number("outlier_pct")? / 100.0),
        FaultKind::Split(section.number("split_pct")? / 100.0),
    ];
    let known = ["stale", "wide", "factor", "outlier", "split"];
    let kind = kinds[place(section, "kind", section.text("kind")?, &known)?];
    let (from_s, to_s) = period(section)?;
    Ok(Fault { kind, asset: asset_of(section, assets)?, from_s, to_s })
}

fn attack(section: &Section<'_>, groups: &[Group]) -> Read<Move> {
    let known: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let group = place(section, "group", section.text("group")?, &known)?;
    let notional_usd = section.number("notional_usd")?;
    let kinds = ["withdraw", "buy", "sell", "cross", "wall"];
    let kind = match place(section, "kind", section.text("kind")?, &kinds)? {
        0 => MoveKind::Withdraw,
        1 => MoveKind::Trade(notional_usd),
        2 => MoveKind::Trade(-notional_usd),
        3 => MoveKind::Cross(place(section, "to_group", section.text("to_group")?, &known)?),
        _ => MoveKind::Wall { notional_usd, distance: section.number("distance_pct")? / 100.0 },
    };
    let from = section.number("from_min")?;
    let to = section.number_if("to_min")?.unwrap_or(from + 1.0);
    Ok(Move { kind, group, from_s: from * 60.0, to_s: to * 60.0 })
}

fn terms(root: &Section<'_>, name: &str, insurance_usd: f64) -> Read<Terms> {
    let empty = DeTable::new();
    let place = root.table(name)?.unwrap_or((0, &empty));
    let lends = name == "theirs";
    let keys: &'static [&'static [Key]] = if lends { &[THEIRS] } else { &[OURS] };
    let section = Section::open(root.source, format!("[{name}]"), place, keys)?;
    let margins = match (
        section.number_if("margin_initial_pct")?,
        section.number_if("margin_maintenance_pct")?,
    ) {
        (Some(initial), Some(maintenance)) => {
            check_margins(&section, [initial, maintenance])?;
            Some((initial / 100.0, maintenance / 100.0))
        }
        (None, None) => None,
        (Some(_), None) => return Err(section.missing("margin_maintenance_pct")),
        (None, Some(_)) => return Err(section.missing("margin_initial_pct")),
    };
    Ok(Terms {
        inexpressible: reason(&section)?,
        lends,
        why: section.text_if("why")?.unwrap_or("").into(),
        insurance_usd: section.number_if("insurance_usd")?.unwrap_or(insurance_usd),
        vault_usd: section.number("vault_usd")?,
        margins,
        bounds: bounds(&section)?,
        coin_collateral: section.flag("coin_collateral")?,
        mark_is_index: section.flag("mark_is_index")?,
        own_book_index: section.flag("own_book_index")?,
        liquidation_tranche_usd: section
            .number_if("liquidation_tranche_usd")?
            .unwrap_or(TRANCHE_USD),
        whole_below_usd: section.number_if("whole_below_usd")?,
    })
}

fn bounds(section: &Section<'_>) -> Read<Bounds> {
    Ok(Bounds {
        oracle_clamp: section.flag("oracle_clamp")?,
        oracle_age: section.flag("oracle_age")?,
        confidence_check: section.flag("confidence_check")?,
        outflow_limits: section.flag("outflow_limits")?,
        insolvency_gate: section.flag("insolvency_gate")?,
        withdrawal_share: section.flag("withdrawal_share")?,
        halts: section.flag("halts")?,
        aged_depth: section.flag("aged_depth")?,
        depth_share: section.flag("depth_share")?,
        index_mean: section.flag("index_mean")?,
        insurance_day_share: section.flag("insurance_day_share")?,
        vault_limits: section.flag("vault_limits")?,
        size_margin: section.flag("size_margin")?,
        feedback: section.flag("feedback")?,
    })
}
