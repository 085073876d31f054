//! Looks at everything a bridge needs: before it is started (`ibnats check`), or while it runs (`bridge.doctor`).

pub mod disk;
pub mod gateway;
pub mod nats;
pub mod probe;
mod running;
