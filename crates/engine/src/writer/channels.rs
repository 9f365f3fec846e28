//! Commands about channels: decided, folded, answered.

use super::core::Core;
use crate::channel::ChannelCommand;
use crate::error::Unavailable;

impl Core {
    pub(super) fn channel(&mut self, command: ChannelCommand) {
        match command {
            ChannelCommand::Open(_, reply) => self.answer(reply, Err(Unavailable::Stopped.into())),
            ChannelCommand::Present(_, _, reply) => {
                self.answer(reply, Err(Unavailable::Stopped.into()));
            }
            ChannelCommand::TopUp(_, reply)
            | ChannelCommand::Accept(_, reply)
            | ChannelCommand::Claim(_, reply)
            | ChannelCommand::Spend(_, reply)
            | ChannelCommand::GiveUp(_, _, _, reply)
            | ChannelCommand::Await(_, _, _, _, reply)
            | ChannelCommand::Settle(_, reply)
            | ChannelCommand::Close(_, reply) => {
                self.answer(reply, Err(Unavailable::Stopped.into()));
            }
        }
    }
}
