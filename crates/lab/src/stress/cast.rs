//! Who takes part: the groups of the incident, the rest of each market, and its maker.
//!
//! Accounts are numbered in that order. The rest of a market stands against what the groups of one
//! side hold more than those of the other, with three times its position as deposit.

use std::ops::Range;

use money::Round;
use pricing::convert;
use protocol::command::{Command, Message, Sender};
use protocol::ids::{AccountId, AssetId, MarketId, QUOTE};
use protocol::state::State;

use super::incident::{Group, Incident, Stance, Terms};
use super::rules::usd;

/// Accounts of the rest of a market.
const REST: u32 = 20;
/// Deposit of the rest and of a maker, over what they hold and show.
const REST_COVER: f64 = 3.0;
const MAKER_COVER: f64 = 20.0;
/// What an account is given for fees, as a share of its position.
const FEES: f64 = 0.002;

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Player {
    pub account: AccountId,
    pub market: MarketId,
    pub stance: Stance,
    /// The position that the file says.
    pub notional_usd: f64,
    /// The position that it tries to open.
    pub wanted_usd: f64,
    pub deposit_usd: f64,
    /// What it may owe.
    pub credit_usd: f64,
    /// Flat, and no part of what happens.
    pub is_bystander: bool,
    /// What of its position it still tries to open in one order.
    pub attempt_usd: f64,
}

/// All accounts.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// All but the makers, by account number.
    pub players: Vec<Player>,
    /// The places of each group's accounts.
    pub groups: Vec<Range<usize>>,
    /// The maker of each market.
    pub makers: Vec<AccountId>,
    /// What is deposited in the vault.
    pub vault_usd: f64,
}

impl Cast {
    /// The accounts of an incident.
    pub fn of(incident: &Incident, terms: &Terms) -> Cast {
        let vault_usd = terms.vault_usd;
        let (players, groups, makers) = (Vec::new(), Vec::new(), Vec::new());
        let mut cast = Cast { players, groups, makers, vault_usd };
        for (at, group) in incident.groups.iter().enumerate() {
            let from = cast.players.len();
            let acts = incident.moves.iter().any(|action| action.involves(at));
            let bystander = group.stance == Stance::Flat && !acts;
            let credit = if terms.lends { group.credit_usd } else { 0.0 };
            (0..group.count).for_each(|_| cast.join(group, credit, bystander));
            cast.groups.push(from..cast.players.len());
        }
        for (at, _) in incident.assets.iter().enumerate() {
            let left: f64 = incident.groups.iter().filter(|g| g.asset == at).map(signed).sum();
            let stance = if left > 0.0 { Stance::Short } else { Stance::Long };
            let notional_usd = left.abs() / f64::from(REST);
            let deposit_usd = notional_usd * REST_COVER;
            let rest = Group {
                name: "the rest".into(),
                stance,
                asset: at,
                count: REST,
                notional_usd,
                deposit_usd,
                credit_usd: 0.0,
            };
            if notional_usd >= 1.0 {
                (0..REST).for_each(|_| cast.join(&rest, 0.0, false));
            }
        }
        let first = cast.players.len();
        cast.makers = (first..first + incident.assets.len()).map(account).collect();
        cast
    }

    fn join(&mut self, group: &Group, credit_usd: f64, is_bystander: bool) {
        self.players.push(Player {
            account: account(self.players.len()),
            market: MarketId(u16::try_from(group.asset).expect("an incident has few assets")),
            stance: group.stance,
            notional_usd: group.notional_usd,
            wanted_usd: group.notional_usd,
            deposit_usd: group.deposit_usd,
            credit_usd,
            is_bystander,
            attempt_usd: group.notional_usd,
        });
    }

    /// Number of accounts that are opened before the vault's; the last one deposits in the vault.
    pub fn len(&self) -> u32 {
        u32::try_from(self.players.len() + self.makers.len() + 1).expect("groups are bounded")
    }

    /// What opens the accounts and fills them.
    pub fn enter(&self, incident: &Incident, terms: &Terms) -> Vec<Message> {
        let mut commands: Vec<Command> = (0..self.len()).map(|_| Command::OpenAccount).collect();
        if terms.insurance_usd > 0.0 {
            commands.push(Command::FundInsurance { amount: usd(terms.insurance_usd) });
        }
        for player in &self.players {
            let amount = usd(player.deposit_usd + player.credit_usd + player.notional_usd * FEES);
            commands.push(Command::Deposit { account: player.account, asset: QUOTE, amount });
            if player.stance == Stance::Hedged && terms.coin_collateral {
                let price = incident.assets[player.market.index()].price_usd;
                let coins = convert::qty(player.notional_usd / price, Round::Down);
                let amount = coins.expect("a position fits").as_amount();
                let asset = AssetId(player.market.0 + 1);
                commands.push(Command::Deposit { account: player.account, asset, amount });
            }
        }
        for (maker, asset) in self.makers.iter().zip(&incident.assets) {
            let interest: f64 = self.players.iter().map(|player| player.notional_usd).sum();
            let deepest = asset.depth.iter().map(|(_, depth)| *depth).fold(0.0, f64::max);
            let amount = usd(MAKER_COVER * deepest + interest);
            commands.push(Command::Deposit { account: *maker, asset: QUOTE, amount });
        }
        let custodian = |command| Message { sender: Sender::Custodian, command };
        let vault = self.fill_vault();
        commands.into_iter().map(custodian).chain(vault).collect()
    }

    /// Opens the backstop vault, and an account that is no part of what happens fills it.
    fn fill_vault(&self) -> Vec<Message> {
        let amount = usd(self.vault_usd);
        if !amount.is_positive() {
            return Vec::new();
        }
        let account = AccountId(self.len() - 1);
        let deposit = Command::Deposit { account, asset: QUOTE, amount };
        vec![
            Message { sender: Sender::Custodian, command: Command::OpenBackstop },
            Message { sender: Sender::Custodian, command: deposit },
            Message { sender: Sender::User(account), command: Command::BackstopDeposit { amount } },
        ]
    }

    /// From now on everybody wants what is open in this state, at these prices.
    pub fn want_what_is_open(&mut self, state: &State, prices: &[f64]) {
        for player in &mut self.players {
            let position = state.market(player.market).entry(player.account).position.abs();
            player.wanted_usd = convert::qty_f64(position) * prices[player.market.index()];
            player.attempt_usd = player.wanted_usd;
        }
    }
}

fn account(at: usize) -> AccountId {
    AccountId(u32::try_from(at).expect("groups are bounded"))
}

fn signed(group: &Group) -> f64 {
    let notional = group.notional_usd * f64::from(group.count);
    match group.stance {
        Stance::Long => notional,
        Stance::Short | Stance::Hedged => -notional,
        Stance::Flat => 0.0,
    }
}
