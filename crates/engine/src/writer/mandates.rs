//! Commands about mandates.

use super::core::Core;
use crate::decide;
use crate::handle::MandateCommand;

impl Core {
    pub(super) fn mandate(&mut self, command: MandateCommand) {
        let now_ms = self.now_ms();
        match command {
            MandateCommand::Grant(mandate, label, reply) => {
                let decision = decide::grant(&self.state, &mandate, &label, now_ms);
                let result = decision.map(|decision| self.carry_out(decision));
                self.answer(reply, result);
            }
            MandateCommand::GrantChain(chain, label, reply) => {
                let decision = decide::grant_chain(&self.state, &chain, &label, now_ms);
                let result = decision.map(|decision| self.carry_out_all(decision));
                self.answer(reply, result);
            }
            MandateCommand::Pause(pause, key, reply) => {
                let decision = decide::pause(&self.state, pause.get(), &key);
                let result = decision.map(|decision| self.carry_out(decision));
                self.answer(reply, result);
            }
            MandateCommand::Revoke(revocation, key, reply) => {
                let decision = decide::revoke(&self.state, revocation.get(), &key);
                let result = decision.map(|decision| self.carry_out(decision));
                self.answer(reply, result);
            }
        }
    }
}
