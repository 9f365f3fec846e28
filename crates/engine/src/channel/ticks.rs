//! Ticks that come several at a time.

use instrument::channel::Tick;
use money::ChannelId;

use super::{ChannelView, Proof};
use crate::error::ChannelError;
use crate::handle::Engine;

impl Engine {
    /// Takes ticks of one channel, in their order. The first one that does not fit is refused by its
    /// name; those before it count.
    pub async fn accept_ticks(
        &self,
        channel: ChannelId,
        ticks: Vec<Tick>,
    ) -> Result<ChannelView, ChannelError> {
        let mut last = Err(ChannelError::TickInvalid);
        for tick in ticks {
            last = Ok(self.accept(Proof::Tick { channel, tick }).await?);
        }
        last
    }
}
