//! What governance cannot change, and why. Nor can it change of which kind a market or a funding
//! rule is, or how many of each thing there are.

/// Parameters that no key reaches, with the reason; a name stands for all that is below it.
pub const FIXED: [(&str, &str); 26] = [
    ("assets.name", "a name"),
    ("markets.name", "a name"),
    ("markets.base", "positions and holdings are in it"),
    ("markets.tick", "resting orders stand on it"),
    ("markets.lot", "resting orders and positions are counted in it"),
    ("markets.kind.funding.interval", "the interval under way would be charged at another length"),
    ("markets.kind.funding.sample", "the same"),
    ("markets.kind.expiry", "what is traded ends then (rule X-1)"),
    ("markets.kind.averaging", "what a future settles at was known when it was bought"),
    ("markets.kind.extension_max", "the same"),
    ("markets.kind.spread_initial", "a future ends; its margins can be raised until then"),
    ("markets.kind.spread_maintenance", "the same"),
    ("oracle.stakes", "publishers are bonded and not voted"),
    ("markets.rules.matching", "orders that wait belong to the batch under way"),
    ("markets.rules.target.window", "the window under way was promised; windows are counted by it"),
    ("rules.ordering", "a rule of the block and not a number"),
    ("rules.halt.triggers.horizon", "the samples kept are those of its length"),
    ("rules.halt.cancel_all", "a choice and not a number"),
    ("rules.halt.notice", "a delisting under way was announced with it"),
    ("rules.halt.average", "the same"),
    ("rules.halt.average_min", "the same"),
    ("rules.twap.interval", "slices that wait are due by it"),
    ("rules.voting", "whoever votes would vote on who may vote"),
    ("rules.council.guardian", "a measure of its own (rule G-9) names the guardian"),
    ("rules.options", "a series keeps the terms under which it was bought"),
    ("rules.council.asset", "stakes are held in it"),
];
