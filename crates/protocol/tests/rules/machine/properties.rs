//! Properties of margin on the hostile machine (rules ).

use super::*;

fn carries_risk(state: &State, account: AccountId) -> bool {
    let open = |market: &protocol::market::Market| !market.entry(account).position.is_zero();
    state.ledger().cash(account).is_negative() || state.markets().iter().any(open)
}

/// The naive twin of `State::margin_sweep`.
fn unsound_one_by_one(state: &State) -> Vec<AccountId> {
    let risky = |account| carries_risk(state, account);
    let unsound = |account| !state.health(account, Level::Maintenance).is_sound();
    (0..state.accounts()).map(AccountId).filter(|&a| risky(a) && unsound(a)).collect()
}

#[test]
fn r_5_the_sweep_finds_whom_asking_each_account_finds() {
    let mut found = 0;
    for seed in 0..300 {
        let mut machine = Machine::new(seed);
        for height in 0..40 {
            machine.time += Span::SECOND.nanos();
            machine.prices[1] *= 1.0 + 0.02 * machine.random.signed();
            // Without votes nobody is liquidated and accounts stay under margin.
            let mut messages = if height % 8 < 5 { machine.votes() } else { Vec::new() };
            messages.extend((0..12).map(|_| machine.message()));
            let time = Time::from_nanos(machine.time);
            apply(&mut machine.state, &Block { time, messages });
            // What a fall would leave, before anybody is liquidated.
            machine.prices[1] *= if height == 30 { 0.93 } else { 1.0 };
            let unsound = unsound_one_by_one(&machine.state);
            found += unsound.len();
            assert_eq!(machine.state.margin_sweep(), unsound, "seed {seed} height {height}");
        }
    }
    assert!(found > 0, "nobody was ever under margin");
}

/// Property C9: what an account under initial margin does itself never lowers equity/requirement.
#[test]
fn r_16_an_account_under_margin_never_worsens_its_ratio_by_its_own_action() {
    let (mut tried, mut closed) = (0, 0);
    for seed in 0..1200 {
        let mut machine = Machine::new(seed);
        for _ in 0..40 {
            machine.prices[1] *= 1.0 + 0.03 * machine.random.signed();
            machine.time += Span::SECOND.nanos();
            let mut messages = machine.votes();
            messages.extend((0..10).map(|_| machine.message()));
            let time = Time::from_nanos(machine.time);
            apply(&mut machine.state, &Block { time, messages });
            // No time passes and no batch is left, so that nothing but the message acts on the
            // account; its block is the last of a batch.
            for _ in 0..2 + machine.state.height().is_multiple_of(2) as u32 {
                apply(&mut machine.state, &Block { time, messages: Vec::new() });
            }
            let message = machine.closing_or_any();
            let Sender::User(account) = message.sender else { continue };
            let health = |state: &State, level| state.health(account, level);
            if account.0 >= ACCOUNTS || health(&machine.state, Level::Initial).is_sound() {
                continue;
            }
            // Who neither owes nor has a position may take out what is there (rule B-3).
            if !carries_risk(&machine.state, account) {
                continue;
            }
            let before = health(&machine.state, Level::Maintenance);
            let marks = |state: &State| {
                [BTC_PERP, SOL_PERP].map(|id| state.market(id).perpetual.mark.price)
            };
            let marked = marks(&machine.state);
            tried += 1;
            let events = apply(&mut machine.state, &Block { time, messages: vec![message] });
            closed += u32::from(events.iter().any(|event| matches!(event, Event::Traded { .. })));
            let mut after = health(&machine.state, Level::Maintenance);
            // The trade moves the mark for everybody; the account is measured at that of before.
            let moved = marked.into_iter().zip(marks(&machine.state));
            for (id, (old, new)) in [BTC_PERP, SOL_PERP].into_iter().zip(moved) {
                let position = machine.state.market(id).entry(account).position;
                after.equity += old.notional(position, Round::Down);
                after.equity -= new.notional(position, Round::Down);
            }
            // Roundings of a few units of 10⁻⁸.
            let kept = (after.equity.raw() + 20) * before.requirement.raw();
            let least = before.equity.raw() * after.requirement.raw();
            assert!(kept >= least, "seed {seed}: {before:?} {after:?} {events:?}");
        }
    }
    assert!(tried > 100 && closed > 3, "{tried} {closed}");
}

/// Property C7: what counts as profit for new risk is paid for by losers who can pay.
#[test]
fn r_9_profit_that_counts_is_backed_in_every_market() {
    let mut profitable = 0;
    for seed in 0..60 {
        let mut machine = Machine::new(seed);
        for height in 0..40 {
            machine.prices[1] *= 1.0 + 0.05 * machine.random.signed();
            machine.time += Span::SECOND.nanos();
            let mut messages = if height % 10 < 8 { machine.votes() } else { Vec::new() };
            messages.extend((0..12).map(|_| machine.message()));
            let time = Time::from_nanos(machine.time);
            apply(&mut machine.state, &Block { time, messages });
            let state = &machine.state;
            for id in [BTC_PERP, SOL_PERP] {
                let market = state.market(id);
                let mut profits = Amount::ZERO;
                let mut backed = state.ledger().balance(Holder::Clearing(id), QUOTE);
                for account in (0..state.accounts()).map(AccountId) {
                    let profit = market.entry(account).profit(market.perpetual.mark.price);
                    let pays = !state.equity(account).is_negative();
                    profits += profit.max(Amount::ZERO);
                    backed += if pays { (-profit).max(Amount::ZERO) } else { Amount::ZERO };
                }
                let rounding = Amount::from_raw(i128::from(state.accounts()));
                profitable += u32::from(profits.is_positive());
                assert!(
                    market.perpetual.unbacked || profits <= backed + rounding,
                    "seed {seed} height {height} {id:?}: {profits} {backed}"
                );
            }
        }
    }
    assert!(profitable > 100, "nobody ever gained");
}
