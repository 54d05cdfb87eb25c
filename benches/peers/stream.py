"""The stream of events on which back-testers are compared, in the layout of hftbacktest.

85 in 100 are updates of levels, 15 trades at the touch. A middle in ticks of 0.1 stays with
probability 0.98 and else moves by one; levels lie behind the touch by a geometric number of ticks
(mean 19), with quantities of mean one; a fifth of those behind the touch removes its level. Times
between events are exponential with a mean of 720 microseconds; receipt is 5 ms later. PCG64,
seed 5; the order of the draws is part of the definition.

    stream.py EVENTS OUT.npy
"""

import sys

import numpy as np

START = 1_700_000_000_000_000_000
DELAY = 5_000_000
BUY, SELL, BOTH_VIEWS = 1 << 29, 1 << 28, (1 << 31) | (1 << 30)
LEVEL, TRADE = 1, 2
LAYOUT = [("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
          ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")]


def stream(count):
    draw = np.random.default_rng(5)
    time = START + np.cumsum(draw.exponential(720_000, count)).astype(np.int64)
    middle = 600_000 + np.cumsum(draw.choice([-1, 0, 1], count, p=[0.01, 0.98, 0.01]))
    sells = draw.integers(0, 2, count)
    trades = draw.random(count) < 0.15
    behind = np.where(trades, 0, draw.geometric(0.05, count) - 1)
    # A level of bids lies below the middle; who buys trades above it.
    below = (sells == 0) ^ trades
    tick = middle + np.where(below, -1 - behind, 1 + behind)
    qty = np.round(draw.exponential(1.0, count) + 0.001, 3)
    removes = ~trades & (draw.random(count) < 0.2) & (behind > 0)
    events = np.zeros(count, np.dtype(LAYOUT, align=True))
    kind = np.where(trades, TRADE, LEVEL) | np.where(sells == 0, BUY, SELL) | BOTH_VIEWS
    events["ev"] = kind.astype(np.uint64)
    events["exch_ts"] = time
    events["local_ts"] = time + DELAY
    events["px"] = np.round(tick * 0.1, 1)
    events["qty"] = np.where(removes, 0.0, qty)
    return events


if __name__ == "__main__":
    np.save(sys.argv[2], stream(int(sys.argv[1])))
