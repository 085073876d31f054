//! The numbers and letters IB has for the words of a request.

use super::table::Wire;
use crate::schema::{
    order::OrderType,
    request::order::{
        HedgeKind, OcaType, OpenClose, OrderOrigin, ReferencePrice, ShortSaleSlot, TriggerMethod, VolatilityPeriod,
    },
};

macro_rules! numbers {
    ($( $word:ident { $( $variant:ident = $number:literal, )* } )*) => { $(
        impl Wire<Option<i32>> for Option<$word> {
            fn put(&self) -> Option<i32> {
                self.map(|word| match word { $( $word::$variant => $number, )* })
            }

            fn take(wire: &Option<i32>) -> Self {
                match wire { $( Some($number) => Some($word::$variant), )* _ => None }
            }
        }
    )* };
}

macro_rules! letters {
    ($( $word:ident { $( $variant:ident = $letter:literal, )* } )*) => { $(
        impl Wire<Option<String>> for Option<$word> {
            fn put(&self) -> Option<String> {
                self.map(|word| match word { $( $word::$variant => $letter.to_owned(), )* })
            }

            fn take(wire: &Option<String>) -> Self {
                match wire.as_deref() { $( Some($letter) => Some($word::$variant), )* _ => None }
            }
        }
    )* };
}

numbers! {
    OcaType { CancelWithBlock = 1, ReduceWithBlock = 2, ReduceNonBlock = 3, }
    TriggerMethod {
        Default = 0, DoubleBidAsk = 1, Last = 2, DoubleLast = 3, BidAsk = 4, LastOrBidAsk = 7, MidPoint = 8,
    }
    ShortSaleSlot { Broker = 1, ThirdParty = 2, }
    OrderOrigin { Customer = 0, Firm = 1, }
    VolatilityPeriod { Daily = 1, Annual = 2, }
    ReferencePrice { Average = 1, BidOrAsk = 2, }
}

letters! {
    HedgeKind { Delta = "D", Beta = "B", Fx = "F", Pair = "P", }
    OpenClose { Open = "O", Close = "C", }
}

impl Wire<Option<String>> for Option<OrderType> {
    fn put(&self) -> Option<String> {
        self.map(|word| word.ib_text().to_owned())
    }

    fn take(wire: &Option<String>) -> Self {
        wire.as_deref().and_then(OrderType::of_ib_text)
    }
}
