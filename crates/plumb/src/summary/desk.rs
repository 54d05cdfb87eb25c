//! What the list of strategies and the check of a back-test say in a terminal.

use lab::replay::setup::Setup;
use lab::replay::setup::trader::Class;
use lab::text::NONE;

use super::{align, plain};

/// Every strategy in a line.
pub fn strategies() -> String {
    let mut table = plain(&["strategy".into(), "trades".into(), "what it does".into()]);
    for class in Class::ALL {
        let parts = class.parts().join(", ");
        let parts = if parts.is_empty() { NONE.to_owned() } else { parts };
        table.add_row([class.name().to_owned(), parts, class.help().to_owned()]);
    }
    align(&mut table, 9);
    format!("{table}\n\nParameters of one: plumb desk strategies NAME\n")
}

/// One strategy with its parameters.
pub fn strategy(class: Class) -> String {
    let headings = ["key", "values", "default", "meaning"].map(str::to_owned);
    let mut table = plain(&headings);
    for parameter in class.parameters() {
        let (name, help) = (parameter.name.to_owned(), parameter.help.to_owned());
        table.add_row([name, parameter.range, parameter.default, help]);
    }
    align(&mut table, 9);
    let parts = match class.parts() {
        [] => String::new(),
        parts => format!("\nTrades, by their part: {}", parts.join(", ")),
    };
    format!("{} {}{parts}\n\n{table}\n", class.name(), class.help())
}

/// What would run.
pub fn check(setup: &Setup, cells: usize) -> String {
    let mut lines = vec![format!("{}, seed {}", setup.name, setup.seed)];
    if !setup.description.is_empty() {
        lines.push(setup.description.clone());
    }
    lines.extend(setup.notes.iter().map(|note| format!("  {note}")));
    let parts = setup.trader.class().parts();
    for (part, market) in parts.iter().zip(&setup.trades) {
        lines.push(format!("  {part}: {}", setup.markets[*market].name));
    }
    let pairs = setup.models.iter().chain(&setup.parameters);
    lines.extend(pairs.map(|(name, value)| format!("  {name:<26} {value}")));
    if cells > 1 {
        lines.push(format!("{cells} cells, of which this is the first"));
    }
    lines.join("\n") + "\n"
}
