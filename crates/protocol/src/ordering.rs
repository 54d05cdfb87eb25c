//! The order in which the messages of a block are applied.
//!
//! Rule T-9, [`OrderingRule::CancelsFirst`]: votes, custodian, cancels, post-only orders, all else;
//! stable inside each class. A maker can take a quote back before a taker of the same block meets
//! it, and new quotes are in place before anybody takes, so what the proposer of a block could sell
//! is only the order among takers. Source: Hyperliquid puts cancels and post-only orders first.
//!
//! Only messages of different classes change places, also those of one sender. A cancel names an
//! order of an earlier block, so it cannot overtake the order that it cancels. `CancelAll` does: it
//! spares what its sender places in the same block. A withdrawal keeps its place among the takers.
//!
//! Always: the result is a permutation of the messages' positions.

use crate::command::{Command, Lifetime, Message, Sender};
pub use crate::params::OrderingRule;

/// Classes of rule T-9, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A publisher's message.
    Oracle,
    /// The custodian's: accounts, deposits, the insurance fund.
    Custodian,
    /// A user takes orders back.
    Cancel,
    /// A user's order that rests whole or not at all.
    PostOnly,
    /// A user's every other message.
    Other,
}

const CLASSES: usize = 5;

/// The class of a message; it depends on nothing but the message.
pub fn class(message: &Message) -> Class {
    let command = &message.command;
    match message.sender {
        Sender::Publisher(_) => Class::Oracle,
        Sender::Custodian => Class::Custodian,
        Sender::User(_) | Sender::Agent { .. } => {
            if is_cancel(command) {
                Class::Cancel
            } else if rests(command) {
                Class::PostOnly
            } else {
                Class::Other
            }
        }
    }
}

fn is_cancel(command: &Command) -> bool {
    let in_market = matches!(command, Command::Cancel { .. } | Command::CancelAll { .. });
    in_market || matches!(command, Command::CancelOption { .. } | Command::CancelAllOptions { .. })
}

fn rests(command: &Command) -> bool {
    let post_only = Lifetime::PostOnly;
    matches!(command, Command::Place(order) if order.lifetime == post_only)
        || matches!(command, Command::PlaceOption(order) if order.lifetime == post_only)
}

/// Writes the positions of the messages into `order`, in the order of applying; nothing is
/// allocated once the buffer has grown. Panics beyond 2³² messages, which no block holds.
pub fn arrange(messages: &[Message], rule: OrderingRule, order: &mut Vec<u32>) {
    let count = u32::try_from(messages.len()).expect("a block has fewer than 2^32 messages");
    order.clear();
    match rule {
        OrderingRule::Arrival => order.extend(0..count),
        OrderingRule::CancelsFirst => by_class(messages, count, order),
    }
}

/// Counts the classes, then puts each message at the next place of its class.
fn by_class(messages: &[Message], count: u32, order: &mut Vec<u32>) {
    let mut places = [0usize; CLASSES];
    for message in messages {
        let after = class(message) as usize + 1;
        if after < CLASSES {
            places[after] += 1;
        }
    }
    for at in 1..CLASSES {
        places[at] += places[at - 1];
    }
    order.resize(messages.len(), 0);
    for (position, message) in (0..count).zip(messages) {
        let place = &mut places[class(message) as usize];
        order[*place] = position;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{NewOrder, SelfTrade, Vote};
    use crate::ids::{AccountId, AssetId, ClientId, MarketId, OrderId, PublisherId, QUOTE, Side};
    use money::{Amount, Price, Qty, Time};
    use proptest::prelude::*;

    fn place(lifetime: Lifetime) -> Command {
        Command::Place(NewOrder {
            market: MarketId(0),
            side: Side::Buy,
            price: Price::ONE,
            qty: Qty::ONE,
            lifetime,
            reduce_only: false,
            self_trade: SelfTrade::CancelTaker,
            client: ClientId(0),
        })
    }

    /// Every kind of message that a block can hold.
    fn kinds() -> Vec<Message> {
        let amount = Amount::ONE;
        let commands = [
            place(Lifetime::Immediate),
            place(Lifetime::Resting),
            place(Lifetime::PostOnly),
            Command::CancelAll { market: None },
            Command::Cancel { market: MarketId(0), order: OrderId(7) },
            Command::Withdraw { asset: QUOTE, amount },
            Command::Deposit { account: AccountId(1), asset: QUOTE, amount },
            Command::FundInsurance { amount },
            Command::OpenAccount,
            Command::Publish(Vote {
                asset: AssetId(1),
                price: Price::ONE,
                confidence: Price::ZERO,
                time: Time::ZERO,
            }),
        ];
        let senders =
            [Sender::User(AccountId(3)), Sender::Custodian, Sender::Publisher(PublisherId(0))];
        let pairs = senders
            .iter()
            .flat_map(|&sender| commands.clone().map(|command| Message { sender, command }));
        pairs.collect()
    }

    fn arranged(messages: &[Message], rule: OrderingRule) -> Vec<u32> {
        let mut order = vec![99; 3];
        arrange(messages, rule, &mut order);
        order
    }

    #[test]
    fn t_9_votes_then_custodian_then_cancels_then_post_only_then_all_else() {
        let user = |command| Message { sender: Sender::User(AccountId(1)), command };
        let custodian = Message { sender: Sender::Custodian, command: Command::OpenAccount };
        let vote = Message { sender: Sender::Publisher(PublisherId(0)), ..custodian.clone() };
        let messages = [
            user(place(Lifetime::Immediate)),
            user(Command::Withdraw { asset: QUOTE, amount: Amount::ONE }),
            user(place(Lifetime::PostOnly)),
            custodian,
            user(Command::CancelAll { market: None }),
            vote,
            user(place(Lifetime::Resting)),
            user(Command::Cancel { market: MarketId(0), order: OrderId(7) }),
        ];
        assert_eq!(arranged(&messages, OrderingRule::CancelsFirst), [5, 3, 4, 7, 2, 0, 1, 6]);
        assert_eq!(arranged(&messages, OrderingRule::Arrival), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    proptest! {
        #[test]
        fn t_9_the_order_is_a_stable_permutation_sorted_by_class(
            picks in prop::collection::vec(0..kinds().len(), 0..80)
        ) {
            let kinds = kinds();
            let messages: Vec<Message> = picks.iter().map(|&pick| kinds[pick].clone()).collect();
            // The definition: a stable sort by class.
            let mut expected: Vec<u32> = (0u32..).take(messages.len()).collect();
            expected.sort_by_key(|&at| class(&messages[at as usize].clone()));
            let order = arranged(&messages, OrderingRule::CancelsFirst);
            prop_assert_eq!(&order, &expected);
            let is = |wanted: fn(&Command) -> bool| {
                order.iter().map(|&at| messages[at as usize].clone())
                    .map(|message| matches!(message.sender, Sender::User(_))
                        && wanted(&message.command))
                    .collect::<Vec<bool>>()
            };
            let cancels =
                is(|command| matches!(command, Command::Cancel { .. } | Command::CancelAll { .. }));
            let places = is(|command| matches!(command, Command::Place(_)));
            let last_cancel = cancels.iter().rposition(|&cancel| cancel);
            let first_place = places.iter().position(|&place| place);
            if let (Some(cancel), Some(place)) = (last_cancel, first_place) {
                prop_assert!(cancel < place);
            }
        }
    }
}
