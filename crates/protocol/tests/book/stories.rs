//! What a book does, as stories.

use expect_test::expect;

use crate::story::check;

const DEPTH: &str = "
    ask 103 5 a
    ask 101 4 b
    ask 101 6 c
    bid 99 3 a
    bid 99 2 b
    bid 98 7 c
";

fn after(lines: &str) -> String {
    format!("{DEPTH}{lines}")
}

#[test]
fn better_price_then_older_order_comes_first() {
    check(
        &after("book\nlevels"),
        expect![[r#"
        ask 103  #0 a:5
        ask 101  #1 b:4  #2 c:6
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
        asks: 10x101 5x103
        bids: 5x99 7x98
    "#]],
    );
}

#[test]
fn taker_trades_at_the_makers_price_in_priority_order() {
    check(
        &after("buy 110 12 d\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        #2 trades 6 at 101, 0 left
        #0 trades 2 at 103, 3 left
        taker has 0 left
        ask 103  #0 a:3
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
    check(
        &after("sell 1 6 d\nbook"),
        expect![[r#"
        #3 trades 3 at 99, 0 left
        #4 trades 2 at 99, 0 left
        #5 trades 1 at 98, 6 left
        taker has 0 left
        ask 103  #0 a:5
        ask 101  #1 b:4  #2 c:6
        --------
        bid 98  #5 c:6
    "#]],
    );
}

#[test]
fn taker_never_trades_through_its_limit() {
    check(
        &after("buy 101 100 d\nsell 99 100 d\nbuy 102 1 d\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        #2 trades 6 at 101, 0 left
        taker has 90 left
        #3 trades 3 at 99, 0 left
        #4 trades 2 at 99, 0 left
        taker has 95 left
        taker has 1 left
        ask 103  #0 a:5
        --------
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn partly_filled_maker_keeps_its_place() {
    check(
        &after("buy 101 1 d\nask 101 9 d\nbuy 101 4 d\nbook"),
        expect![[r#"
        #1 trades 1 at 101, 3 left
        taker has 0 left
        #1 trades 3 at 101, 0 left
        #2 trades 1 at 101, 5 left
        taker has 0 left
        ask 103  #0 a:5
        ask 101  #2 c:5  #6 d:9
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn taker_can_sweep_a_side_empty() {
    check(
        &after("sell 1 100 d\nbuy 4294967295 100 d\nbook\nlevels"),
        expect![[r#"
        #3 trades 3 at 99, 0 left
        #4 trades 2 at 99, 0 left
        #5 trades 7 at 98, 0 left
        taker has 88 left
        #1 trades 4 at 101, 0 left
        #2 trades 6 at 101, 0 left
        #0 trades 5 at 103, 0 left
        taker has 85 left
        --------
        asks:
        bids:
    "#]],
    );
}

#[test]
fn only_a_price_that_reaches_the_other_side_would_trade() {
    let posts = "
        post bid 100
        post bid 101
        post ask 100
        post ask 99
    ";
    check(
        &after(posts),
        expect![[r#"
        post bid 100: rests
        post bid 101: would trade
        post ask 100: rests
        post ask 99: would trade
    "#]],
    );
    check(
        posts,
        expect![[r#"
        post bid 100: rests
        post bid 101: rests
        post ask 100: rests
        post ask 99: rests
    "#]],
    );
}

#[test]
fn cancel_works_at_head_middle_and_tail_of_a_level() {
    let level = "
        bid 50 1 a
        bid 50 2 b
        bid 50 3 c
        bid 50 4 d
        bid 50 5 e
    ";
    let cancels = "
        cancel #2
        book
        cancel #0
        book
        cancel #4
        book
        cancel #1
        cancel #3
        book
    ";
    check(
        &format!("{level}{cancels}"),
        expect![[r#"
        cancel #2: #2 c:3
        --------
        bid 50  #0 a:1  #1 b:2  #3 d:4  #4 e:5
        cancel #0: #0 a:1
        --------
        bid 50  #1 b:2  #3 d:4  #4 e:5
        cancel #4: #4 e:5
        --------
        bid 50  #1 b:2  #3 d:4
        cancel #1: #1 b:2
        cancel #3: #3 d:4
        --------
    "#]],
    );
}

#[test]
fn best_price_moves_to_the_next_level_after_the_last_cancel() {
    check(
        &after("cancel #1\ncancel #2\ncancel #3\ncancel #4\nlevels"),
        expect![[r#"
        cancel #1: #1 b:4
        cancel #2: #2 c:6
        cancel #3: #3 a:3
        cancel #4: #4 b:2
        asks: 5x103
        bids: 7x98
    "#]],
    );
}

#[test]
fn stale_handle_is_never_found() {
    let reuse = "
        cancel #1
        cancel #1
        ask 104 8 d
        cancel #1
        buy 101 6 d
        cancel #2
        ask 105 1 d
        cancel #2
        book
    ";
    check(
        &after(reuse),
        expect![[r#"
        cancel #1: #1 b:4
        cancel #1: no such order
        cancel #1: no such order
        #2 trades 6 at 101, 0 left
        taker has 0 left
        cancel #2: no such order
        cancel #2: no such order
        ask 105  #7 d:1
        ask 104  #6 d:8
        ask 103  #0 a:5
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn own_order_stops_the_taker() {
    check(
        &after("buy 110 12 c taker\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        taker has 8 left, stopped at its own order
        ask 103  #0 a:5
        ask 101  #2 c:6
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn own_order_is_removed_and_the_taker_goes_on() {
    check(
        &after("buy 110 12 c maker\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        #2 loses 6 at 101, 0 left
        #0 trades 5 at 103, 0 left
        taker has 3 left
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn own_order_and_taker_shrink_by_the_smaller_of_the_two() {
    check(
        &after("buy 110 12 c both\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        #2 loses 6 at 101, 0 left
        #0 trades 2 at 103, 3 left
        taker has 0 left
        ask 103  #0 a:3
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
    check(
        &after("buy 110 7 c both\nbook"),
        expect![[r#"
        #1 trades 4 at 101, 0 left
        #2 loses 3 at 101, 3 left
        taker has 0 left
        ask 103  #0 a:5
        ask 101  #2 c:3
        --------
        bid 99  #3 a:3  #4 b:2
        bid 98  #5 c:7
    "#]],
    );
}

#[test]
fn level_total_is_the_sum_of_its_orders() {
    let large = "
        bid 5 18446744073709551615 a
        bid 5 1 a
        bid 4 1 a
        bid 4 2 a
        levels
    ";
    check(
        large,
        expect![[r#"
        asks:
        bids: 18446744073709551615x5 3x4
    "#]],
    );
}

#[test]
fn prices_at_both_ends_of_the_range_trade() {
    let ends = "
        bid 1 5 a
        ask 4294967295 5 b
        post bid 4294967294
        post bid 4294967295
        post ask 2
        post ask 1
        book
        buy 4294967295 2 c
        sell 1 3 c
        ask 2 4 d
        bid 1 1 d
        book
        sell 1 3 c
        cancel #2
        levels
    ";
    check(
        ends,
        expect![[r#"
        post bid 4294967294: rests
        post bid 4294967295: would trade
        post ask 2: rests
        post ask 1: would trade
        ask 4294967295  #1 b:5
        --------
        bid 1  #0 a:5
        #1 trades 2 at 4294967295, 3 left
        taker has 0 left
        #0 trades 3 at 1, 2 left
        taker has 0 left
        ask 4294967295  #1 b:3
        ask 2  #2 d:4
        --------
        bid 1  #0 a:2  #3 d:1
        #0 trades 2 at 1, 0 left
        #3 trades 1 at 1, 0 left
        taker has 0 left
        cancel #2: #2 d:4
        asks: 3x4294967295
        bids:
    "#]],
    );
}
