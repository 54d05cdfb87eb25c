//! What accounts ask for beside plain orders: accounts and agents of their own, orders for later,
//! the backstop vault, votes, and what the custodian and the guardian do in a crisis.

use money::{Amount, Price, Qty, Rate, Span};
use protocol::command::{Command, Message, Sender, TriggerOrder, TwapOrder};
use protocol::event::Event;
use protocol::governance::council::{Draft, Measure, ProposalId};
use protocol::governance::guardian::Emergency;
use protocol::governance::keys::{Key, Setting, TABLE};
use protocol::governance::policy::{Levels, Policy, Regime};
use protocol::halt::Directive;
use protocol::ids::{AccountId, AgentId, AssetId, ClientId, MarketId, QUOTE, Side};
use protocol::schedule::trigger::{Execution, Kind};

use crate::voice::{LIMITS, Voice};

/// Accounts below this number stake and vote; the first is the guardian.
const VOTERS: u32 = 6;

/// Numbers that commands name and events told.
#[derive(Clone, Debug, Default)]
pub struct Affairs {
    twaps: Vec<(AccountId, u64)>,
    triggers: Vec<(AccountId, MarketId, u64)>,
    proposals: Vec<ProposalId>,
}

impl Affairs {
    /// Remembers numbers.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn hear(&mut self, event: &Event) {
        match *event {
            Event::TwapOpened { account, number, .. } => self.twaps.push((account, number)),
            Event::TriggerSet { account, market, number, .. } => {
                self.triggers.push((account, market, number));
            }
            Event::Proposed { proposal, .. } => self.proposals.push(proposal),
            Event::Counted { proposal, .. } => self.proposals.retain(|open| *open != proposal),
            _ => {}
        }
    }

    /// Something of all this.
    pub fn message(&self, voice: &mut Voice<'_>) -> Message {
        match voice.random.below(16) {
            0..=2 => owned(voice),
            3 => agent(voice),
            4..=9 => self.later(voice),
            10 | 11 => vault(voice),
            12..=14 => self.vote(voice),
            _ => crisis(voice),
        }
    }

    /// Switches, slices and triggers (rules T-10 to T-12).
    fn later(&self, voice: &mut Voice<'_>) -> Message {
        match voice.random.below(10) {
            0 => {
                let wait = voice.random.pick(&[0, 1, 10, 60, 3_600, 1 << 32]);
                let at = voice.state.time().after(Span::from_secs(wait));
                let at = (!voice.random.one_in(4)).then_some(at);
                voice.says(Command::ScheduleCancel { at })
            }
            1..=3 => slices(voice),
            4 => match voice.random.one_of(&self.twaps) {
                Some((account, number)) => by(account, Command::CancelTwap { number }),
                None => slices(voice),
            },
            5 => match voice.random.one_of(&self.triggers) {
                Some((account, market, number)) => {
                    by(account, Command::CancelTrigger { market, number })
                }
                None => waiting(voice),
            },
            _ => waiting(voice),
        }
    }

    /// Rules G-1 to G-7.
    fn vote(&self, voice: &mut Voice<'_>) -> Message {
        if !voice.random.one_in(8) {
            voice.account = AccountId(voice.random.id(VOTERS.min(voice.state.accounts())));
        }
        let part = i128::from(2 + voice.random.below(9));
        match voice.random.below(8) {
            0 => {
                let amount = Amount::from_raw(voice.free(QUOTE).raw() / part);
                voice.says(Command::Stake { amount })
            }
            1 if voice.random.one_in(4) => {
                let staked = voice.state.governance().stakes().of(voice.account);
                voice.says(Command::Unstake { amount: Amount::from_raw(staked.raw() / part) })
            }
            2 | 3 => {
                let measure = measure(voice);
                let evidence = [u8::from(!voice.random.one_in(20)); 32];
                let draft = Draft { proposer: voice.account, measure, evidence };
                voice.says(Command::Propose(Box::new(draft)))
            }
            _ => {
                let known = voice.random.one_of(&self.proposals);
                let proposal = known.unwrap_or(ProposalId(voice.random.below(20)));
                let yes = !voice.random.one_in(5);
                voice.says(Command::Ballot { proposal, yes })
            }
        }
    }
}

fn by(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::User(account), command }
}

/// Rule B-7.
fn owned(voice: &mut Voice<'_>) -> Message {
    let state = voice.state;
    let owner = state.owner(voice.account);
    let family = (0..state.accounts()).map(AccountId);
    let family: Vec<AccountId> = family.filter(|one| state.owner(*one) == owner).collect();
    if family.len() < 2 || voice.random.one_in(10) {
        // Not without end, because each account makes every block dearer.
        return if state.accounts() < 500 && voice.random.one_in(4) {
            voice.says(Command::OpenSubAccount)
        } else {
            voice.says(Command::CancelAll { market: None })
        };
    }
    let asset = AssetId(voice.random.pick(&[0, 0, 0, 1, 2]));
    let stranger = voice.random.one_in(10);
    let to = if stranger { AccountId(0) } else { voice.random.pick(&family) };
    let part = i128::from(1 + voice.random.below(4));
    let amount = Amount::from_raw(voice.free(asset).raw() / part);
    voice.says(Command::Transfer { from: voice.account, to, asset, amount })
}

/// Rule B-8.
fn agent(voice: &mut Voice<'_>) -> Message {
    let agent = AgentId(voice.random.below(12));
    let account = voice.account;
    match voice.random.below(8) {
        0..=2 => {
            let wait = voice.random.pick(&[0, 60, 100_000]);
            let expires = voice.state.time().after(Span::from_secs(wait));
            voice.says(Command::ApproveAgent { agent, expires })
        }
        3 => voice.says(Command::RevokeAgent { agent }),
        4 => {
            let (asset, amount) = (QUOTE, voice.free(QUOTE));
            let command = Command::Withdraw { asset, amount };
            Message { sender: Sender::Agent { agent, account }, command }
        }
        _ => {
            let Message { command, .. } = voice.take();
            Message { sender: Sender::Agent { agent, account }, command }
        }
    }
}

fn slices(voice: &mut Voice<'_>) -> Message {
    let worth = voice.cash() * voice.random.between(0.1, 3.0);
    let (market, side) = (voice.market(), voice.side());
    let order = voice.order(market, side, 0.0, worth);
    let seconds = voice.random.pick(&[30, 60, 90, 600, 86_400, 1 << 32]);
    voice.says(Command::PlaceTwap(TwapOrder {
        market,
        side,
        qty: order.qty,
        duration: Span::from_secs(seconds),
        reduce_only: order.reduce_only,
        client: order.client,
    }))
}

/// A stop, a take-profit, or both about the mark.
fn waiting(voice: &mut Voice<'_>) -> Message {
    let market = MarketId(voice.random.pick(&[2, 2, 3, 3, 4, 5, 0]));
    let position = voice.state.market(market).entry(voice.account).position;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let stop = trigger(voice, market, side, Kind::Stop);
    if voice.random.one_in(2) {
        return voice.says(Command::PlaceTrigger(Box::new(stop)));
    }
    let profit = trigger(voice, market, side, Kind::TakeProfit);
    if voice.random.one_in(2) {
        return voice.says(Command::PlaceTrigger(Box::new(profit)));
    }
    voice.says(Command::PlacePair(Box::new([stop, profit])))
}

fn trigger(voice: &mut Voice<'_>, market: MarketId, side: Side, kind: Kind) -> TriggerOrder {
    let mark = voice.state.market(market).perpetual.mark.price.raw() as f64;
    let away = voice.random.between(0.0002, 0.02);
    let rising = (kind == Kind::Stop) == (side == Side::Buy);
    let level = mark * (1.0 + if rising { away } else { -away });
    let order = voice.order(market, side, 0.01, 1_000.0);
    let limit = voice.random.one_in(3);
    let slippage = Rate::from_bp(voice.random.pick(&[0, 10, 100, 20_000]));
    TriggerOrder {
        market,
        side,
        kind,
        level: Price::from_raw(level as i64),
        qty: voice.random.one_in(2).then_some(order.qty),
        execution: if limit { Execution::Limit(order.price) } else { Execution::Market(slippage) },
        client: ClientId(voice.random.below(1_000)),
    }
}

/// Rule L-16.
fn vault(voice: &mut Voice<'_>) -> Message {
    let part = i128::from(1 + voice.random.below(8));
    if voice.random.one_in(3) {
        let shares = voice.state.backstop().shares(voice.account);
        return voice
            .says(Command::BackstopWithdraw { shares: Amount::from_raw(shares.raw() / part) });
    }
    let amount = Amount::from_raw(voice.free(QUOTE).raw() / part);
    voice.says(Command::BackstopDeposit { amount })
}

fn measure(voice: &mut Voice<'_>) -> Measure {
    match voice.random.below(12) {
        0 => Measure::Guardian(Some(AccountId(voice.random.id(VOTERS)))),
        1 => {
            let market = MarketId(voice.random.pick(&[0, 2, 3, 4]));
            let policy = (!voice.random.one_in(4)).then(|| policy(voice, market)).flatten();
            Measure::Policy { market, policy }
        }
        _ => Measure::Settings((0..=voice.random.below(2)).map(|_| setting(voice)).collect()),
    }
}

fn policy(voice: &mut Voice<'_>, market: MarketId) -> Option<Policy> {
    let params = voice.state.market(market).perpetual_params()?;
    let base = Levels {
        margin_initial: params.margin_initial,
        margin_maintenance: params.margin_maintenance,
        position_max: params.position_max,
    };
    let one = Rate::ONE;
    let calm = Regime {
        above: Rate::ZERO,
        below: Rate::ZERO,
        margin_initial: one,
        margin_maintenance: one,
        position_max: one,
    };
    let wild = Regime {
        above: Rate::from_bp(voice.random.pick(&[1_000, 10_000])),
        below: Rate::from_bp(500),
        margin_initial: Rate::from_bp(15_000),
        margin_maintenance: Rate::from_bp(12_000),
        position_max: Rate::from_bp(8_000),
    };
    Some(Policy { base, regimes: vec![calm, wild], maintenance_delay: Span::DAY })
}

/// A key and a value: mostly within a step of the one in force.
fn setting(voice: &mut Voice<'_>) -> Setting {
    let keys = u64::try_from(TABLE.len()).expect("few");
    let key = Key(u16::try_from(voice.random.below(keys + 1)).expect("few"));
    let row = key.row();
    let scopes = (0..4u16)
        .filter(|scope| row.is_ok_and(|row| row.read(voice.state.params(), *scope).is_ok()));
    let scope = voice.random.one_of(&scopes.collect::<Vec<_>>()).unwrap_or(9);
    let value = row.and_then(|row| row.read(voice.state.params(), scope)).unwrap_or(0);
    let step = row.map_or(1, |row| row.step.size(value));
    let value = match voice.random.below(12) {
        0 => i128::from(voice.random.pick(&LIMITS)),
        1 => value,
        _ => {
            let part = 1 + i128::from(voice.random.below(8));
            value + step / part * if voice.random.one_in(2) { 1 } else { -1 }
        }
    };
    Setting { key, scope, value }
}

/// What the custodian and the guardian do: seldom, because it stops markets for long.
fn crisis(voice: &mut Voice<'_>) -> Message {
    let market = MarketId(voice.random.pick(&[0, 1, 2, 3, 4, 5, 9]));
    match voice.random.below(40) {
        0 => directs(market, Directive::Halt),
        1..=3 => directs(market, Directive::Resume),
        4 => directs(market, Directive::ReduceOnly),
        5 if voice.random.one_in(5) => directs(market, Directive::Delist),
        6 if voice.random.one_in(3) => emergency(Emergency::ReduceOnly(market)),
        7..=20 => emergency(Emergency::Tighten(setting(voice))),
        21 => Message { sender: Sender::Custodian, command: Command::OpenBackstop },
        _ => {
            let shares = Amount::from_raw(i128::from(voice.random.pick(&LIMITS)));
            let qty = Qty::from_raw(voice.random.pick(&LIMITS));
            let mut wish = trigger(voice, market_of(market), Side::Buy, Kind::Stop);
            (wish.qty, wish.market) = (Some(qty), market);
            if voice.random.one_in(2) {
                wish.level = Price::from_raw(voice.random.pick(&LIMITS));
            }
            if shares.is_positive() {
                voice.says(Command::PlaceTrigger(Box::new(wish)))
            } else {
                voice.says(Command::BackstopWithdraw { shares })
            }
        }
    }
}

fn market_of(market: MarketId) -> MarketId {
    MarketId(market.0 % 6)
}

fn directs(market: MarketId, directive: Directive) -> Message {
    Message { sender: Sender::Custodian, command: Command::Direct { market, directive } }
}

fn emergency(wish: Emergency) -> Message {
    by(AccountId(0), Command::Emergency(Box::new(wish)))
}
