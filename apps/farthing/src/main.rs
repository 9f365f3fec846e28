//! `farthing`: one program for the payer, the payee and the operator.
//!
//! Each subcommand is one module; this one reads the command line, starts the runtime and turns
//! failures into text and exit codes.
//!
//! Invariants: standard output carries results, standard error everything else; the exit code says
//! what kind of failure it was; no secret is ever printed.

mod call;
mod cli;
mod clock_command;
mod code_command;
mod config;
mod data;
mod demo;
mod failure;
mod forget;
mod framing;
mod gateway;
mod health;
mod hosts;
mod keep;
mod keys;
mod listen;
mod listener;
mod log;
mod log_command;
mod logging;
mod mandate;
mod manual;
mod mcp;
mod mirror;
mod offer_command;
mod offers;
mod operator;
mod otel;
mod outbox;
mod patient;
mod pay;
mod payee;
mod seal_command;
mod secrets;
mod serve;
mod site;
mod sponsor_command;
mod stop_signal;
mod term;
mod test_clock;
mod tls;
mod top;
mod vault;
mod verify;
mod wallet;
mod webhooks;
mod witness;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::begin(cli.log_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::new(format!("the runtime cannot start: {error}")).show(),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.show(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Gateway(args) => gateway::run(args).await,
        Command::Pay(args) => pay::run(args).await,
        Command::Wallet(args) => wallet::run(args).await,
        Command::Mandate(args) => mandate::run(args).await,
        Command::Accounts(args) => operator::accounts(args).await,
        Command::Fund(args) => operator::fund(args).await,
        Command::Top(args) => top::run(args).await,
        Command::Clock(args) => clock_command::run(args).await,
        Command::Offer(args) => offer_command::run(args).await,
        Command::Code(args) => code_command::run(args).await,
        Command::Sponsor(args) => sponsor_command::run(args).await,
        Command::Refund(args) => payee::refund(args).await,
        Command::Statement(args) => payee::statement(args).await,
        Command::Payout(args) => payee::payout(args).await,
        Command::Health(args) => health::run(args).await,
        Command::Key(args) => keys::run(args).await,
        Command::Operator(args) => keys::operator(args).await,
        Command::Seal(args) => seal_command::run(args),
        Command::Fsck(args) => keep::fsck(args).await,
        Command::Backup(args) => keep::backup(args).await,
        Command::Restore(args) => keep::restore(args).await,
        Command::Listen(args) => listen::run(args).await,
        Command::Trigger(args) => webhooks::trigger(args).await,
        Command::Events(args) => webhooks::events(args).await,
        Command::Webhook(args) => webhooks::run(args).await,
        Command::Forget(args) => forget::run(args).await,
        Command::Log(args) => log_command::run(args).await,
        Command::Verify(args) => verify::run(&args),
        Command::Witness(args) => witness::run(args).await,
        Command::Openapi => openapi(),
        Command::Completions(args) => {
            manual::completions(&args);
            Ok(())
        }
        Command::Man(args) => manual::pages(&args),
        Command::Mcp(args) => mcp::run(args).await,
        Command::Demo(args) => match demo::run(args).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new("not everything went as it must")),
            Err(error) => Err(Failure::new(format!("{error:#}"))),
        },
    }
}

fn openapi() -> Result<(), Failure> {
    let document = api::openapi_json();
    let document = document.map_err(|error| Failure::new(format!("no document: {error}")))?;
    term::line(document.trim_end());
    Ok(())
}
