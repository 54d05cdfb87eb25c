//! Where an account's profit came from, in its currency, to the last unit.

use money::Amount;

/// A cause of profit or loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Fills at better prices than the middle of the market at that moment.
    Spread,
    /// Moves of the middle, and of the prices of assets held.
    PriceMoves,
    /// Fees of resting orders.
    MakerFees,
    /// Fees of aggressors and of delivery.
    TakerFees,
    /// Rebates.
    Rebates,
    /// Funding.
    Funding,
    /// Interest on what was borrowed.
    Borrow,
    /// Penalties of liquidations, and the distance from middle to mark at which they close.
    Liquidation,
    /// What own earlier trades had moved the market against own fills.
    Impact,
}

impl Cause {
    /// Every cause, in the order of reports.
    pub const ALL: [Cause; 9] = [
        Cause::Spread,
        Cause::PriceMoves,
        Cause::MakerFees,
        Cause::TakerFees,
        Cause::Rebates,
        Cause::Funding,
        Cause::Borrow,
        Cause::Liquidation,
        Cause::Impact,
    ];
}

/// Profit by cause, losses negative; the causes are all there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger([Amount; 9]);

impl Ledger {
    /// What came of one cause.
    pub const fn of(&self, cause: Cause) -> Amount {
        self.0[cause as usize]
    }

    /// The profit.
    pub fn total(&self) -> Amount {
        self.0.iter().copied().sum()
    }

    #[inline]
    pub(super) fn add(&mut self, cause: Cause, change: Amount) {
        self.0[cause as usize] += change;
    }
}
