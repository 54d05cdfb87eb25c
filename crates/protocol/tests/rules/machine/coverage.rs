//! All invariants after every block, and that the machine reaches every part of the rules.

use super::*;

/// Counts of what happened over all seeds, so that the machine cannot go idle unnoticed.
#[derive(Debug, Default)]
struct Coverage {
    rejected: u32,
    traded: u32,
    forced: u32,
    deleveraged: u32,
    insured: u32,
    taken_over: u32,
    funded: u32,
    transferred: u32,
    sliced: u32,
    set_off: u32,
    switched: u32,
    staked: u32,
    changed: u32,
}

impl Coverage {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Rejected { .. } => self.rejected += 1,
            Event::Traded { liquidation: true, .. } => self.forced += 1,
            Event::Traded { .. } => self.traded += 1,
            Event::Deleveraged { .. } => self.deleveraged += 1,
            Event::InsurancePaid { .. } => self.insured += 1,
            Event::BackstopTook { .. } => self.taken_over += 1,
            Event::FundingPaid { .. } => self.funded += 1,
            Event::Transferred { .. } => self.transferred += 1,
            Event::TwapOver { filled, .. } if filled.is_positive() => self.sliced += 1,
            Event::TriggerGone { fired: true, .. } => self.set_off += 1,
            Event::SwitchActed { .. } => self.switched += 1,
            Event::Staked { .. } => self.staked += 1,
            Event::Changed { .. } => self.changed += 1,
            _ => {}
        }
    }
}

#[test]
fn i_1_to_i_26_and_r_5_hold_after_every_block_of_hostile_commands() {
    for seed in 0..200 {
        let run = catch_unwind(AssertUnwindSafe(|| {
            let mut machine = Machine::new(seed);
            for _ in 0..50 {
                machine.step(6);
            }
        }));
        assert!(run.is_ok(), "seed {seed}");
    }
}

/// Prices that move by a basis point, so that accounts rest for many blocks and wake in between.
#[test]
fn r_5_in_a_calm_market_resting_accounts_fare_as_if_all_were_looked_at() {
    for seed in 0..60 {
        let mut machine = Machine::new(seed);
        for height in 0..72 {
            for at in 1..3 {
                machine.prices[at] *= 1.0 + 1e-4 * machine.random.signed();
            }
            machine.prices[1] *= if height % 24 == 20 { 0.96 } else { 1.0 };
            machine.time += Span::SECOND.nanos();
            let mut messages = machine.votes();
            let commands = if height < 24 { 8 } else { 1 };
            messages.extend((0..commands).map(|_| machine.message()));
            machine.block(messages);
        }
    }
}

#[test]
fn the_machine_reaches_every_part_of_the_waterfall() {
    let mut coverage = Coverage::default();
    // Seeds without guards: a jump goes through at once.
    for seed in (2..62).step_by(3) {
        let mut machine = Machine::new(seed);
        for _ in 0..60 {
            machine.prices[1] *= 1.0 + 0.02 * machine.random.signed();
            machine.time += Span::SECOND.nanos();
            let mut messages = machine.votes();
            messages.extend((0..12).map(|_| machine.message()));
            let block = Block { time: Time::from_nanos(machine.time), messages };
            apply(&mut machine.state, &block).iter().for_each(|event| coverage.count(event));
        }
        machine.prices[1] *= if seed % 2 == 0 { 0.5 } else { 2.0 };
        for _ in 0..20 {
            machine.time += Span::SECOND.nanos();
            let messages = machine.votes();
            let block = Block { time: Time::from_nanos(machine.time), messages };
            apply(&mut machine.state, &block).iter().for_each(|event| coverage.count(event));
        }
    }
    let Coverage { rejected, traded, forced, deleveraged, insured, taken_over, funded, .. } =
        coverage;
    let Coverage { transferred, sliced, set_off, switched, staked, changed, .. } = coverage;
    let counts = [rejected, traded, forced, deleveraged, insured, taken_over, funded];
    let counts = [&counts[..], &[transferred, sliced, set_off, switched, staked, changed]].concat();
    assert!(counts.iter().all(|count| *count > 0), "{coverage:?}");
}

#[test]
fn a_1_to_a_7_the_machine_reaches_auctions_restarts_and_settlements() {
    let [mut auctions, mut collected, mut crossed, mut restarts] = [0u32; 4];
    let [mut settled, mut futures] = [0u32; 2];
    for seed in (1..60).step_by(3) {
        let mut machine = Machine::new(seed);
        for _ in 0..200 {
            machine.time += Span::SECOND.nanos();
            if machine.random.one_in(100) {
                machine.time += Span::HOUR.nanos();
            }
            machine.prices[1] *= 1.0 + 0.012 * machine.random.signed();
            let mut messages = machine.votes();
            messages.extend((0..8).map(|_| machine.message()));
            let block = Block { time: Time::from_nanos(machine.time), messages };
            let events = apply(&mut machine.state, &block);
            let opened = events.iter().position(|event| match event {
                Event::Phase { from, to, .. } => {
                    auctions += u32::from(matches!(to, Phase::Auction { .. }));
                    restarts += u32::from(matches!(to, Phase::Restarting { .. }));
                    settled += u32::from(matches!(to, Phase::Settled { .. }));
                    matches!(from, Phase::Auction { .. }) && *to == Phase::Open
                }
                Event::Settled { market: BTC_DATED, interest, .. } => {
                    futures += u32::from(interest.is_positive());
                    false
                }
                Event::Collected { .. } => {
                    collected += 1;
                    false
                }
                _ => false,
            });
            let trades = |event: &&Event| matches!(event, Event::Traded { .. });
            let before = events[..opened.unwrap_or(0)].iter().filter(trades).count();
            crossed += u32::from(before > 0);
        }
    }
    let counts = [auctions, collected, crossed, restarts, settled, futures];
    assert!(counts.iter().all(|count| *count > 4), "{counts:?}");
}
