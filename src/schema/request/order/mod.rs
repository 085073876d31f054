//! `order.*`: what callers ask about orders and what they are told.

mod cancel;
mod check;
mod condition;
mod group;
mod lookup;
mod modify;
mod parts;
mod place;
mod settle;
mod words;

pub use cancel::{CancelAll, CancelAllAnswer, CancelOrder, CancelScope};
pub use check::{Margin, OrderCheck};
pub use condition::{Condition, Conditions, Join};
pub use group::{Bracket, Oca, OrderAnswers, StopLoss, TakeProfit};
pub use lookup::{GetOrder, ListOrders, OrderDetails, OrderFilter, Orders};
pub use modify::{Modification, ModifyOrder};
pub use parts::{
    Adjusted, Advisor, Algo, Attached, AttachedOrder, Clearing, DeltaNeutral, Hedge, Mifid, Pegged, Scale, ShortSale,
    SoftDollar, Volatility,
};
pub use place::{OrderAnswer, PlaceOrder, WaitFor};
pub use settle::{SettleOrder, SettledState};
pub use words::{
    HedgeKind, LongShortSale, OcaType, OpenClose, OrderOrigin, ReferencePrice, ShortSaleSlot, TriggerMethod,
    VolatilityPeriod,
};
