//! The peer's side: hftbacktest 0.9.4 with the same latencies, fill and queue model.

use std::fmt::Debug;

use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::data::{Data, DataSource};
use hftbacktest::backtest::models::{
    CommonFees, ConstantLatency, PowerProbQueueFunc3, ProbQueueModel, TradingValueFeeModel,
};
use hftbacktest::backtest::{Backtest, ExchangeKind, L2AssetBuilder};
use hftbacktest::depth::L2MarketDepth;
use hftbacktest::prelude::*;

use crate::outcome::{LATENCY, LOOK, Outcome, Strategy};
use crate::stream::{LOTS, TICK};

/// Replays a stream under a strategy, with a book of the caller's choice.
pub fn run<B>(events: &Data<Event>, strategy: Strategy, book: impl Fn() -> B + 'static) -> Outcome
where
    B: MarketDepth + L2MarketDepth + 'static,
{
    let latency = LATENCY.cast_signed();
    let asset = L2AssetBuilder::new()
        .data(vec![DataSource::Data(events.clone())])
        .latency_model(ConstantLatency::new(latency, latency))
        .asset_type(LinearAsset::new(1.0))
        .fee_model(TradingValueFeeModel::new(CommonFees::new(0.0002, 0.0007)))
        .exchange(ExchangeKind::NoPartialFillExchange)
        .queue_model(ProbQueueModel::new(PowerProbQueueFunc3::new(2.0)))
        .depth(book)
        .build()
        .expect("all parts are given");
    let mut replay = Backtest::builder().add_asset(asset).build().expect("one asset");
    looks(&mut replay, strategy)
}

fn looks<B: MarketDepth>(replay: &mut Backtest<B>, strategy: Strategy) -> Outcome
where
    Backtest<B>: Bot<B>,
    <Backtest<B> as Bot<B>>::Error: Debug,
{
    let mut outcome = Outcome::default();
    let mut maker = Maker::default();
    while replay.elapse(LOOK.cast_signed()).expect("the data are sound") == ElapseResult::Ok {
        replay.clear_inactive_orders(Some(0));
        let (bid, ask) = (replay.depth(0).best_bid_tick(), replay.depth(0).best_ask_tick());
        if strategy == Strategy::Maker {
            maker.look(replay, [bid, ask]);
            outcome.orders = maker.orders;
        }
        let position = (replay.position(0) * LOTS).round() as i64;
        outcome.look(replay.current_timestamp().cast_unsigned(), bid, ask, position);
    }
    let state = replay.state_values(0);
    Outcome {
        fills: state.num_trades.cast_unsigned(),
        position: (state.position * LOTS).round() as i64,
        ..outcome
    }
}

/// Two quotes at the touch.
#[derive(Default)]
struct Maker {
    orders: u64,
    quotes: [Option<(u64, i64)>; 2],
}

impl Maker {
    fn look<B: MarketDepth>(&mut self, replay: &mut Backtest<B>, touch: [i64; 2])
    where
        Backtest<B>: Bot<B>,
        <Backtest<B> as Bot<B>>::Error: Debug,
    {
        for (side, &touch) in touch.iter().enumerate() {
            let Some((id, at)) = self.quotes[side] else { continue };
            let free = replay.orders(0).get(&id).map(|order| order.cancellable());
            let stale = free == Some(true) && touch != at;
            if stale {
                replay.cancel(0, id, false).expect("it is free");
            }
            if stale || free.is_none() {
                self.quotes[side] = None;
            }
        }
        for (side, &touch) in touch.iter().enumerate() {
            if self.quotes[side].is_none() {
                self.orders += 1;
                let (id, price) = (self.orders, touch as f64 * TICK);
                let (kind, life) = (OrdType::Limit, TimeInForce::GTX);
                let sent = match side {
                    0 => replay.submit_buy_order(0, id, price, 0.1, life, kind, false),
                    _ => replay.submit_sell_order(0, id, price, 0.1, life, kind, false),
                };
                sent.expect("the number is new");
                self.quotes[side] = Some((id, touch));
            }
        }
    }
}
