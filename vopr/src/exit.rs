//! Everybody gets out (C24 of the survey: no reachable state keeps an account for ever).
//!
//! Publishers are honest again, markets that the custodian stopped may go on, dealers with means of
//! their own quote both sides close to the index, and each account closes its positions with
//! reduce-only orders, then withdraws. A bounded number of blocks later no position is open, and
//! nobody who has something free still has it here. No gap between blocks is an outage.
//!
//! Then the dealers close among themselves; the vault has paid all its claims and has no position.
//! What rule B-4 lets leave in an hour is asked for hour by hour.
//!
//! Options end first: orders are cancelled, time comes to each expiry in which somebody has a
//! position, and a bounded time after the last nobody has one.
//!
//! What outlives this is an insolvency: while more is owed than INSURANCE holds, rule B-5 keeps
//! withdrawals shut. After a week everybody leaves at the share that is covered (B-9), which is
//! counted.

use money::{Amount, Price, Qty, Span, Time};
use protocol::command::{
    AtLoss, Block, Command, Leg, Lifetime, Message, NewOrder, SelfTrade, Sender, SpreadOrder,
};
use protocol::engine::apply_into;
use protocol::event::Event;
use protocol::halt::{Action, Directive, Permit};
use protocol::ids::{AccountId, AssetId, ClientId, MarketId, QUOTE, Side};
use protocol::ledger::Holder;
use protocol::state::{Level, State};

use crate::design::quote;
use crate::surfaces::Surfaces;
use crate::voice::TWO_LEGS;
use crate::weather::Weather;

/// Dealers who take the other side.
const DEALERS: u32 = 6;
/// Time between blocks: shorter than any outage.
const PACE: Span = Span::from_secs(20);
/// A wait after which stakes, shares of the vault and markets that the guardian closed are free.
const LOCKED: Span = Span::from_secs(8 * 24 * 3600);
/// Blocks in which markets restart, auctions that have begun are held, and markets at their end are
/// settled.
const RESTARTING: u32 = 130;
/// Blocks until every market trades or is settled: a slow average that was led astray takes hours
/// to come back (rule O-7).
const STOPPED_MAX: u32 = 4_000;
/// Blocks in which all positions must be closed.
const CLOSING_MAX: u32 = 400;
/// The round from which accounts that are still open are given margin.
const UNAIDED: u32 = 60;
/// Rounds for which dealers leave their quotes in markets of batches.
const BATCHES_QUOTED: u32 = 30;
/// Rounds in which everything must be withdrawn: what is beyond own deposits leaves by half of what
/// is left in a day.
const LEAVING_MAX: u32 = 1_000;
/// Rounds after which each is an hour.
const AT_ONCE: u32 = 60;

/// What had to come from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aid {
    /// Deposits of margin without which somebody could not have closed.
    pub margins: u64,
    /// Insolvencies in which everybody left at the share that was covered.
    pub losses: u64,
}

/// Closes and pays out everything, and says what it took from outside; the error says who is stuck
/// with what. `hear` is told what happens.
pub fn exit(
    state: &mut State,
    (weather, surfaces): (&mut Weather, &Surfaces),
    hear: &mut dyn FnMut(&Event),
) -> Result<Aid, String> {
    let crowd = state.accounts();
    let aid = Aid::default();
    let outside = (weather, surfaces);
    let mut leaving = Leaving { state, outside, hear, events: Vec::new(), crowd, aid };
    leaving.invite_dealers();
    leaving.await_expiry()?;
    leaving.block(LOCKED, Vec::new());
    while leaving.await_expiry()? {}
    (0..RESTARTING).for_each(|_| leaving.block(PACE, Vec::new()));
    let free = (0..STOPPED_MAX).find(|_| {
        let stopped = leaving.stopped();
        leaving.block(PACE, Vec::new());
        !stopped
    });
    free.ok_or("a market stays stopped")?;
    let flat = (0..CLOSING_MAX).any(|round| {
        leaving.close(round);
        leaving.open_positions(&leaving.customers()) == 0
    });
    if !flat {
        return Err(leaving.stuck_position(&leaving.customers()));
    }
    let flat = (0..CLOSING_MAX).any(|_| {
        leaving.dealers_close();
        leaving.open_positions(&leaving.dealers()) == 0
    });
    if !flat {
        return Err(leaving.stuck_position(&leaving.dealers()));
    }
    let everybody: Vec<AccountId> = leaving.crowd().chain(leaving.dealers()).collect();
    let gone = (0..LEAVING_MAX).any(|round| {
        leaving.withdraw(round, &everybody);
        everybody.iter().all(|account| leaving.remains(*account).is_none())
    });
    if !gone {
        let stuck = everybody.iter().find_map(|account| leaving.remains(*account));
        return Err(stuck.expect("somebody has something left"));
    }
    let holder = everybody.iter().find(|account| {
        leaving.state.chains().iter().any(|chain| !chain.legs(**account).is_empty())
    });
    if let Some(account) = holder {
        return Err(format!("account {} keeps options", account.0));
    }
    let claims =
        leaving.crowd().find(|account| leaving.state.backstop().shares(*account).is_positive());
    match claims {
        Some(account) => Err(format!("account {} keeps shares of the vault", account.0)),
        None => Ok(leaving.aid),
    }
}

struct Leaving<'a> {
    state: &'a mut State,
    outside: (&'a mut Weather, &'a Surfaces),
    hear: &'a mut dyn FnMut(&Event),
    events: Vec<Event>,
    /// Accounts below this number are the crowd and the vault, the others dealers.
    crowd: u32,
    aid: Aid,
}

impl Leaving<'_> {
    fn block(&mut self, step: Span, messages: Vec<Message>) {
        let (weather, surfaces) = &mut self.outside;
        weather.now = weather.now.after(step).max(self.state.time());
        let mut all = weather.honest();
        if next_expiry(self.state).is_some() {
            all.extend(surfaces.honest(self.state, weather));
        }
        all.extend(messages);
        self.events.clear();
        apply_into(self.state, &Block { time: weather.now, messages: all }, &mut self.events);
        self.events.iter().for_each(|event| (self.hear)(event));
    }

    /// All but the dealers and the vault, which nobody speaks for.
    fn crowd(&self) -> impl Iterator<Item = AccountId> + use<> {
        let vault = self.state.backstop().account();
        (0..self.crowd).map(AccountId).filter(move |account| Some(*account) != vault)
    }

    /// The crowd and the vault.
    fn customers(&self) -> Vec<AccountId> {
        self.crowd().chain(self.state.backstop().account()).collect()
    }

    fn dealers(&self) -> Vec<AccountId> {
        (self.crowd..self.state.accounts()).map(AccountId).collect()
    }

    fn stopped(&self) -> bool {
        let markets = (0u16..).zip(self.state.markets()).map(|(id, _)| MarketId(id));
        let mut permits = markets.map(|id| self.state.permits(id, Action::Withdraw));
        permits.any(|permit| permit != Permit::Yes)
    }

    fn invite_dealers(&mut self) {
        let custodian = |command| Message { sender: Sender::Custodian, command };
        let mut messages = Vec::new();
        for account in self.crowd() {
            messages.push(says(account, Command::CancelAll { market: None }));
            messages.push(says(account, Command::CancelAllOptions { chain: None }));
            messages.push(says(account, Command::ScheduleCancel { at: None }));
            let amount = self.state.governance().stakes().of(account);
            messages.push(says(account, Command::Unstake { amount }));
            let shares = self.state.backstop().shares(account);
            messages.push(says(account, Command::BackstopWithdraw { shares }));
        }
        for account in (self.crowd..self.crowd + DEALERS).map(AccountId) {
            messages.push(custodian(Command::OpenAccount));
            let amount = quote(1_000_000_000_000);
            messages.push(custodian(Command::Deposit { account, asset: QUOTE, amount }));
        }
        for market in (0u16..).zip(self.state.markets()).map(|(id, _)| MarketId(id)) {
            messages.push(custodian(Command::Direct { market, directive: Directive::Resume }));
        }
        self.block(PACE, messages);
    }

    /// Time passes until the next expiry in which somebody has a position is settled: in a leap to
    /// its window, then in steps; in leaps again if it waits for an index. Whether there was any.
    fn await_expiry(&mut self) -> Result<bool, String> {
        let Some((chain, expiry)) = next_expiry(self.state) else { return Ok(false) };
        let window = self.state.chains()[chain].window(expiry);
        let begins = expiry.nanos() - window.averaging.nanos();
        let ahead = begins.saturating_sub(self.state.time().nanos());
        self.block(Span::from_nanos(ahead).max(PACE), Vec::new());
        while self.state.time() < expiry {
            self.block(PACE, Vec::new());
        }
        let latest = expiry.after(window.extension_max);
        while next_expiry(self.state) == Some((chain, expiry)) {
            if self.state.time() >= latest {
                return Err(format!("{expiry} is not settled at {}", self.state.time()));
            }
            self.block(Span::MINUTE, Vec::new());
        }
        Ok(true)
    }

    /// Dealers quote anew, and everybody closes what they can.
    fn close(&mut self, round: u32) {
        let mut messages = Vec::new();
        let perpetuals: Vec<MarketId> = self.perpetuals();
        // In batches the vault closes against depth that has aged, so the dealers stay for a while.
        let stays = |market: MarketId| {
            let matching = self.state.market(market).params.rules.matching;
            matching.is_batch() && !round.is_multiple_of(BATCHES_QUOTED)
        };
        let quoted: Vec<(MarketId, bool)> = perpetuals
            .iter()
            .map(|&market| (market, true))
            .chain(self.spot_markets().into_iter().map(|market| (market, false)))
            .filter(|(market, _)| !stays(*market))
            .collect();
        for dealer in self.dealers() {
            for &(market, both) in &quoted {
                messages.push(says(dealer, Command::CancelAll { market: Some(market) }));
                messages.push(says(dealer, Command::Place(self.quote(market, Side::Buy))));
                if both {
                    messages.push(says(dealer, Command::Place(self.quote(market, Side::Sell))));
                }
            }
        }
        messages.extend(self.debtors_sales());
        // Of longs and shorts in turn, so that the dealers' inventories stay small.
        for account in self.crowd() {
            for &market in &perpetuals {
                let position = self.state.market(market).entry(account).position;
                if position.is_zero() {
                    continue;
                }
                if round >= UNAIDED {
                    messages.push(self.margin(account));
                }
                messages.push(says(account, self.closing(account, market, position)));
            }
        }
        self.block(PACE, messages);
    }

    /// Who owes cash sells holdings first: a short that hedges one cannot be closed before.
    fn debtors_sales(&self) -> Vec<Message> {
        let mut sales = Vec::new();
        for account in self.crowd() {
            if !self.state.ledger().cash(account).is_negative() {
                continue;
            }
            for market in self.spot_markets() {
                let params = &self.state.market(market).params;
                let held = self.state.available(account, params.base).raw();
                let held = i64::try_from(held).expect("a holding is a quantity");
                let qty = Qty::from_raw(held / params.lot.raw() * params.lot.raw());
                let order =
                    NewOrder { qty, reduce_only: false, ..self.order(market, Side::Sell, 0.002) };
                if qty.is_positive() {
                    sales.push(says(account, Command::Place(order)));
                }
            }
        }
        sales
    }

    fn perpetuals(&self) -> Vec<MarketId> {
        let markets = (0u16..).zip(self.state.markets());
        let perpetuals = markets.filter(|(_, market)| market.perpetual_params().is_some());
        perpetuals.map(|(id, _)| MarketId(id)).collect()
    }

    fn spot_markets(&self) -> Vec<MarketId> {
        let markets = (0u16..).zip(self.state.markets());
        let spot = markets.filter(|(_, market)| market.perpetual_params().is_none());
        spot.map(|(id, _)| MarketId(id)).collect()
    }

    fn quote(&self, market: MarketId, side: Side) -> NewOrder {
        let most = self.state.market(market).perpetual_params().map(|params| params.position_max);
        let lot = self.state.market(market).params.lot.raw();
        let qty = most.map_or(10_000_000_000, |most| most.raw() / 4) / lot * lot;
        NewOrder {
            qty: Qty::from_raw(qty),
            lifetime: Lifetime::Resting,
            reduce_only: false,
            ..self.order(market, side, -0.0005)
        }
    }

    /// What closes a position: a short that hedges a holding loses its naked part first, then both
    /// legs go at once, because either leg alone raises what the account must have.
    fn closing(&self, account: AccountId, market: MarketId, position: Qty) -> Command {
        let side = if position.is_positive() { Side::Sell } else { Side::Buy };
        let order = self.order(market, side, 0.002);
        let params = &self.state.market(market).params;
        let lot = params.lot.raw();
        let held = self.state.available(account, params.base).raw().max(0);
        let held = i64::try_from(held).expect("a holding is a quantity") / lot * lot;
        let naked = position.abs().raw() - held;
        let batch = |id| self.state.market(id).params.rules.matching.is_batch();
        let mut spot = self.spot_markets().into_iter();
        let spot = spot.find(|id| {
            let trades = self.state.permits(*id, Action::Take) == Permit::Yes;
            // Two legs are matched at once, which a market of batches does not.
            let at_once = !batch(*id) && !batch(market);
            self.state.market(*id).params.base == params.base && trades && at_once
        });
        match spot {
            Some(spot) if position.is_negative() && naked <= 0 => {
                let legs = [self.order(spot, Side::Sell, 0.002), order].map(|order| {
                    let NewOrder { market, side, price, .. } = order;
                    Leg { market, side, price, qty: position.abs() }
                });
                Command::PlaceSpread(Box::new(SpreadOrder { legs, client: TWO_LEGS }))
            }
            Some(_) if position.is_negative() => {
                Command::Place(NewOrder { qty: Qty::from_raw(naked), ..order })
            }
            Some(_) | None => Command::Place(NewOrder { qty: position.abs(), ..order }),
        }
    }

    /// The dealers have no position together: longs ask at the index and shorts take it.
    fn dealers_close(&mut self) {
        let mut messages = Vec::new();
        let dealers = self.dealers();
        messages.extend(
            dealers.iter().map(|dealer| says(*dealer, Command::CancelAll { market: None })),
        );
        for market in self.perpetuals() {
            for (side, lifetime) in
                [(Side::Sell, Lifetime::Resting), (Side::Buy, Lifetime::Immediate)]
            {
                for &dealer in &dealers {
                    let position = self.state.market(market).entry(dealer).position;
                    if position.raw() * side.sign() < 0 {
                        let qty = position.abs();
                        let order = NewOrder { qty, lifetime, ..self.order(market, side, 0.0) };
                        messages.push(says(dealer, Command::Place(order)));
                    }
                }
            }
        }
        self.block(PACE, messages);
    }

    /// What initial margin lacks. A hedged account between maintenance and initial margin can move
    /// neither leg, so it is stuck without means from outside.
    fn margin(&mut self, account: AccountId) -> Message {
        let health = self.state.health(account, Level::Initial);
        let lacking = health.requirement - health.equity;
        let amount = lacking.max(Amount::ZERO) + health.requirement + quote(1);
        self.aid.margins += 1;
        let command = Command::Deposit { account, asset: QUOTE, amount };
        Message { sender: Sender::Custodian, command }
    }

    /// An immediate order to reduce by one lot at a distance from the index.
    fn order(&self, market: MarketId, side: Side, eager: f64) -> NewOrder {
        let params = &self.state.market(market).params;
        let tick = params.tick.raw();
        let index = self.state.index_price(market).raw() as f64;
        let raw = (index * (1.0 + eager * side.sign() as f64)) as i64 / tick * tick;
        NewOrder {
            market,
            side,
            price: Price::from_raw(raw.max(tick)),
            qty: params.lot,
            lifetime: Lifetime::Immediate,
            reduce_only: true,
            self_trade: SelfTrade::CancelMaker,
            client: ClientId(0),
        }
    }

    fn open_positions(&self, accounts: &[AccountId]) -> usize {
        let open = |account: &AccountId| {
            let markets = self.state.markets().iter();
            markets.filter(|market| !market.entry(*account).position.is_zero()).count()
        };
        accounts.iter().map(open).sum()
    }

    fn stuck_position(&self, accounts: &[AccountId]) -> String {
        for (market, id) in self.state.markets().iter().zip(0u16..) {
            for &account in accounts {
                let held = market.entry(account).position;
                if !held.is_zero() {
                    let cash = self.state.ledger().cash(account);
                    let equity = self.state.equity(account);
                    let why = self.refusals(account);
                    let account = account.0;
                    return format!(
                        "account {account} cannot close {held} in market {id} (cash {cash}, equity \
                         {equity}, refused: {why}); {} positions are open",
                        self.open_positions(accounts)
                    );
                }
            }
        }
        "nothing is open".to_owned()
    }

    fn refusals(&self, wanted: AccountId) -> String {
        let refused = self.events.iter().filter_map(|event| {
            let Event::Rejected { account: Some(account), reason, .. } = event else { return None };
            (*account == wanted).then(|| format!("{reason:?}"))
        });
        refused.collect::<Vec<_>>().join(", ")
    }

    /// Each account takes what it has, as far as rule B-4 lets it.
    fn withdraw(&mut self, round: u32, accounts: &[AccountId]) {
        if round >= AT_ONCE {
            // That was an outage: markets restart, and rule B-5 shuts withdrawals for some blocks.
            self.block(Span::HOUR, Vec::new());
            (0..RESTARTING).any(|_| {
                self.block(PACE, Vec::new());
                self.state.withdrawals_open() && !self.stopped()
            });
        }
        let mut messages = Vec::new();
        let insolvent = self.state.insolvency()[0].is_positive();
        if insolvent && self.aid.losses == 0 {
            self.aid.losses += 1;
            (0..2).for_each(|_| self.block(LOCKED, Vec::new()));
        }
        for &account in accounts {
            for (asset, amount) in self.free(account) {
                let amount = amount.min(self.state.outflow_free(account, asset));
                messages.push(says(account, Command::CancelAll { market: None }));
                let at_loss = AtLoss { amount, least: Amount::ZERO };
                messages.push(says(
                    account,
                    match (insolvent, asset) {
                        (true, QUOTE) => Command::WithdrawAtLoss(Box::new(at_loss)),
                        (true | false, _) => Command::Withdraw { asset, amount },
                    },
                ));
            }
        }
        self.block(PACE, messages);
    }

    /// What an account has of each asset, if anything. Holdings of a debtor secure the debt.
    fn free(&self, account: AccountId) -> Vec<(AssetId, Amount)> {
        let ledger = self.state.ledger();
        let assets = if ledger.cash(account).is_negative() { 0 } else { 3 };
        let held = (0..assets)
            .map(AssetId)
            .map(|asset| (asset, ledger.balance(Holder::User(account), asset)));
        held.filter(|(_, amount)| amount.is_positive()).collect()
    }

    fn remains(&self, account: AccountId) -> Option<String> {
        let (asset, amount) = self.free(account).first().copied()?;
        let why = self.refusals(account);
        Some(format!("account {} cannot withdraw {amount} of asset {} ({why})", account.0, asset.0))
    }
}

/// The first expiry in which anybody has a position, and the place of its options.
fn next_expiry(state: &State) -> Option<(usize, Time)> {
    let chains = state.chains().iter().enumerate();
    let open = chains.flat_map(|(at, chain)| {
        let held = chain.series.iter().filter(|series| series.open_interest.is_positive());
        held.map(move |series| (series.contract.expiry, at))
    });
    open.min().map(|(expiry, at)| (at, expiry))
}

fn says(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::User(account), command }
}
