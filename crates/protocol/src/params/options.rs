//! Parameters of the options on one asset (sections V, K and S): each with its range (the tables in
//! `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Qty, Rate, Span};

use super::DesignError;
use crate::ids::AssetId;

/// European options on one asset's index, settled in cash: contract, listing, surface, margin and
/// liquidation. At most one for each asset.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OptionParams {
    /// The asset whose index settles the options.
    pub base: AssetId,
    /// Price step of a premium, in quote for each unit of base.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// Fee of the resting side, as a share of the index notional (2 bp).
    pub fee_maker: Rate,
    /// Fee of the aggressor, as a share of the index notional (3 bp).
    pub fee_taker: Rate,
    /// Largest fee as a share of the premium (12.5 %).
    pub fee_cap: Rate,
    /// Fee of settlement, as a share of the index notional (1.5 bp), with `fee_cap` of the payoff.
    pub fee_settlement: Rate,
    /// Largest |position| of one account in one series.
    pub position_max: Qty,
    /// Largest distance of a premium from its mark on the aggressive side, as a share of the index
    /// (5 %).
    pub price_band: Rate,
    /// Which series exist.
    pub listing: ListingParams,
    /// How they settle.
    pub settlement: SettlementParams,
    /// The surface.
    pub surface: SurfaceParams,
    /// Scenario margin.
    pub scan: ScanParams,
    /// Auction of the books of accounts under maintenance margin.
    pub auction: BookAuctionParams,
}

/// Which expiries and strikes are listed (section K). Expiries are at `hour` UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ListingParams {
    /// Time of the day of every expiry (8 h).
    pub hour: Span,
    /// Next days (3).
    pub dailies: u8,
    /// Next Fridays (3).
    pub weeklies: u8,
    /// Next last Fridays of a month (3).
    pub monthlies: u8,
    /// Strikes are this apart at most, as a share of the index, before they are brought to the
    /// coarser of 1, 2, 2.5 and 5 times a power of ten (2.5 %); four times as far apart
    /// beyond half the range.
    pub strike_step: Rate,
    /// Strikes lie within this of the index for an expiry in `reference` (50 %); within its share
    /// √(T/reference) for others, and never less than four steps on each side.
    pub strike_range: Rate,
    /// The time to expiry for which the range is given (30 days).
    pub reference: Span,
    /// Nothing new is listed in an expiry closer than this (1 h).
    pub closed_before: Span,
    /// Most live series of the asset (512).
    pub series_max: u32,
}

/// Settlement of an expiry (section K), as a future's (rule X-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementParams {
    /// The time before expiry over which the index is averaged (30 min).
    pub averaging: Span,
    /// How long after expiry settlement waits for an index at most (1 day).
    pub extension_max: Span,
}

/// The surface (section V).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SurfaceParams {
    /// Age beyond which a publisher's surface does not count (2 min).
    pub vote_age_max: Span,
    /// Age of the accepted surface up to which margin is not widened (2 min).
    pub age_fresh: Span,
    /// Age beyond which it serves no new risk and no liquidation (30 min).
    pub age_max: Span,
    /// What every volatility shock is multiplied with at `age_max`; linear from 1 at `age_fresh`
    /// (2).
    pub stale_factor: Rate,
    /// Largest step of the at-the-money volatility of an expiry from one accepted surface to the
    /// next, as a ratio (25 %); a larger one needs `confirmations` blocks that agree.
    pub jump_max: Rate,
    /// Blocks in a row whose choice lies beyond the step before it is believed (3).
    pub confirmations: u32,
    /// Largest |forward/index − 1| (50 %).
    pub basis_max: Rate,
}

/// Scenario margin (section S).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScanParams {
    /// The largest price move that counts in full (18 %); the others are 1/4, 1/2 and 3/4 of it.
    pub range: Rate,
    /// Volatility shock up for 30 days, as a ratio (50 %).
    pub volatility_up: Rate,
    /// Volatility shock down for 30 days (30 %).
    pub volatility_down: Rate,
    /// Least volatility after a shock up, annual (40 %).
    pub volatility_min: Rate,
    /// Initial margin over the worst scenario (125 %); maintenance is the worst scenario itself.
    pub initial: Rate,
    /// Charge on a net short option, as a share of the index notional, maintenance (1 %).
    pub short_maintenance: Rate,
    /// The same, initial (2 %).
    pub short_initial: Rate,
    /// Time before an expiry in which every strike of it within the range is a scenario (1 day).
    pub pin_window: Span,
}

/// Auction of the books of accounts under maintenance margin (section L, options).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BookAuctionParams {
    /// Share of the equity that the first bidder is paid (5 %).
    pub discount_start: Rate,
    /// Share at the end of the fast phase (30 %).
    pub discount_fast: Rate,
    /// Length of the fast phase (5 min).
    pub fast: Span,
    /// Length of the slow phase, at whose end the whole equity is paid (55 min).
    pub slow: Span,
    /// Without equity: the time in which what insurance adds grows from nothing to `insured_max`
    /// (10 min); then the book is deleveraged.
    pub insolvent: Span,
    /// Largest payment of insurance above the debt, as a share of the requirement (100 %).
    pub insured_max: Rate,
}

impl OptionParams {
    /// The defaults for an asset, with this tick and lot.
    pub fn new(base: AssetId, tick: Price, lot: Qty) -> OptionParams {
        OptionParams {
            base,
            tick,
            lot,
            fee_maker: Rate::from_bp(2),
            fee_taker: Rate::from_bp(3),
            fee_cap: Rate::from_bp(1_250),
            fee_settlement: Rate::from_bp(3)
                .times(Rate::from_bp(5_000), money::Round::Up)
                .expect("small"),
            position_max: Qty::from_raw(1_000_000_000_000),
            price_band: Rate::from_bp(500),
            listing: ListingParams::default(),
            settlement: SettlementParams::default(),
            surface: SurfaceParams::default(),
            scan: ScanParams::default(),
            auction: BookAuctionParams::default(),
        }
    }

    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let share = |rate: Rate, most: i64| Rate::ZERO <= rate && rate <= Rate::from_bp(most);
        let fees = share(self.fee_maker, 100)
            && share(self.fee_taker, 100)
            && share(self.fee_settlement, 100)
            && share(self.fee_cap, 5_000);
        let sizes = self.tick.is_positive()
            && self.lot.is_positive()
            && self.position_max.is_positive()
            && self.price_band.is_positive()
            && self.price_band <= Rate::ONE;
        if !fees || !sizes {
            let text = "options: tick, lot, position_max and price_band are above zero, fees 0 … \
                        1 %, fee_cap 0 … 50 %, price_band at most 100 %";
            return Err(DesignError(text.into()));
        }
        self.listing.check()?;
        self.settlement.check()?;
        self.surface.check()?;
        self.scan.check()?;
        self.auction.check()
    }
}

impl Default for ListingParams {
    fn default() -> ListingParams {
        ListingParams {
            hour: Span::HOUR.times(8),
            dailies: 3,
            weeklies: 3,
            monthlies: 3,
            strike_step: Rate::from_bp(250),
            strike_range: Rate::from_bp(5_000),
            reference: Span::DAY.times(30),
            closed_before: Span::HOUR,
            series_max: 512,
        }
    }
}

impl ListingParams {
    fn check(&self) -> Result<(), DesignError> {
        let sound = self.hour < Span::DAY
            && self.dailies <= 14
            && self.weeklies <= 13
            && self.monthlies <= 24
            && Rate::from_bp(10) <= self.strike_step
            && self.strike_step <= self.strike_range
            && self.strike_range <= Rate::from_bp(9_000)
            && Span::DAY <= self.reference
            && self.reference <= Span::DAY.times(366)
            && self.closed_before <= Span::DAY
            && (2..=4096).contains(&self.series_max);
        if sound {
            return Ok(());
        }
        let text = "options, listing: hour < 24 h; at most 14 dailies, 13 weeklies, 24 monthlies; \
                    0.1 % ≤ strike_step ≤ strike_range ≤ 90 %; 1 day ≤ reference ≤ 366 days; \
                    closed_before ≤ 1 day; 2 ≤ series_max ≤ 4096";
        Err(DesignError(text.into()))
    }
}

impl Default for SettlementParams {
    fn default() -> SettlementParams {
        SettlementParams { averaging: Span::MINUTE.times(30), extension_max: Span::DAY }
    }
}

impl SettlementParams {
    fn check(&self) -> Result<(), DesignError> {
        let sound = Span::SECOND <= self.averaging
            && self.averaging <= Span::HOUR.times(12)
            && Span::MINUTE <= self.extension_max
            && self.extension_max <= Span::DAY.times(30);
        if sound {
            return Ok(());
        }
        let text = "options, settlement: 1 s ≤ averaging ≤ 12 h; 1 min ≤ extension_max ≤ 30 days";
        Err(DesignError(text.into()))
    }
}

impl Default for SurfaceParams {
    fn default() -> SurfaceParams {
        SurfaceParams {
            vote_age_max: Span::MINUTE.times(2),
            age_fresh: Span::MINUTE.times(2),
            age_max: Span::MINUTE.times(30),
            stale_factor: Rate::from_bp(20_000),
            jump_max: Rate::from_bp(2_500),
            confirmations: 3,
            basis_max: Rate::from_bp(5_000),
        }
    }
}

impl SurfaceParams {
    fn check(&self) -> Result<(), DesignError> {
        let sound = Span::SECOND <= self.vote_age_max
            && self.vote_age_max <= Span::DAY
            && Span::SECOND <= self.age_fresh
            && self.age_fresh < self.age_max
            && self.age_max <= Span::DAY
            && Rate::ONE <= self.stale_factor
            && self.stale_factor <= Rate::from_bp(100_000)
            && self.jump_max.is_positive()
            && self.jump_max <= Rate::from_bp(100_000)
            && (1..=1000).contains(&self.confirmations)
            && self.basis_max.is_positive()
            && self.basis_max <= Rate::from_bp(9_000);
        if sound {
            return Ok(());
        }
        let text = "options, surface: 1 s ≤ vote_age_max ≤ 1 day; 1 s ≤ age_fresh < age_max ≤ 1 \
                    day; 1 ≤ stale_factor ≤ 10; 0 < jump_max ≤ 10; 1 ≤ confirmations ≤ 1000; \
                    0 < basis_max ≤ 90 %";
        Err(DesignError(text.into()))
    }
}

impl Default for ScanParams {
    fn default() -> ScanParams {
        ScanParams {
            range: Rate::from_bp(1_800),
            volatility_up: Rate::from_bp(5_000),
            volatility_down: Rate::from_bp(3_000),
            volatility_min: Rate::from_bp(4_000),
            initial: Rate::from_bp(12_500),
            short_maintenance: Rate::from_bp(100),
            short_initial: Rate::from_bp(200),
            pin_window: Span::DAY,
        }
    }
}

impl ScanParams {
    fn check(&self) -> Result<(), DesignError> {
        let sound = Rate::from_bp(100) <= self.range
            && self.range <= Rate::from_bp(6_000)
            && self.volatility_up.is_positive()
            && self.volatility_up <= Rate::from_bp(30_000)
            && self.volatility_down.is_positive()
            && self.volatility_down < Rate::ONE
            && Rate::ZERO <= self.volatility_min
            && self.volatility_min <= Rate::from_bp(20_000)
            && Rate::ONE <= self.initial
            && self.initial <= Rate::from_bp(30_000)
            && Rate::ZERO <= self.short_maintenance
            && self.short_maintenance <= self.short_initial
            && self.short_initial <= Rate::from_bp(2_000)
            && self.pin_window <= Span::DAY.times(7);
        if sound {
            return Ok(());
        }
        let text = "options, scan: 1 % ≤ range ≤ 60 %; 0 < volatility_up ≤ 300 %; \
                    0 < volatility_down < 100 %; 0 ≤ volatility_min ≤ 200 %; 1 ≤ initial ≤ 3; \
                    0 ≤ short_maintenance ≤ short_initial ≤ 20 %; pin_window ≤ 7 days";
        Err(DesignError(text.into()))
    }
}

impl Default for BookAuctionParams {
    fn default() -> BookAuctionParams {
        BookAuctionParams {
            discount_start: Rate::from_bp(500),
            discount_fast: Rate::from_bp(3_000),
            fast: Span::MINUTE.times(5),
            slow: Span::MINUTE.times(55),
            insolvent: Span::MINUTE.times(10),
            insured_max: Rate::ONE,
        }
    }
}

impl BookAuctionParams {
    fn check(&self) -> Result<(), DesignError> {
        let time = |span: Span| Span::SECOND <= span && span <= Span::DAY;
        let sound = Rate::ZERO <= self.discount_start
            && self.discount_start <= self.discount_fast
            && self.discount_fast <= Rate::ONE
            && time(self.fast)
            && time(self.slow)
            && time(self.insolvent)
            && Rate::ZERO <= self.insured_max
            && self.insured_max <= Rate::from_bp(100_000);
        if sound {
            return Ok(());
        }
        let text = "options, auction: 0 ≤ discount_start ≤ discount_fast ≤ 1; fast, slow and \
                    insolvent 1 s … 1 day; 0 ≤ insured_max ≤ 10";
        Err(DesignError(text.into()))
    }
}
