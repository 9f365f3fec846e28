//! A meter that ticks: a device pays for electricity, one watt-hour at a time, with 23 bytes each.
//!
//! Device and socket speak by datagrams alone, as they would by radio. The device opens a channel
//! whose terms anchor a hash chain; each tick reveals the next link. The socket checks a tick with
//! one hash, and claims at the node every few ticks with the newest of them.
//!
//! Invariant: the socket is never owed more than it has claimed and [`CLAIM_EVERY_TICKS`] more; a
//! lost or repeated datagram changes nothing, because a tick stands for all ticks below it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use client::{Channel, NodeClient, Opening, Timeouts, Wallet};
use engine::{Closing, Proof};
use gateway::Node;
use instrument::channel::{ChannelTerms, Tick, TickChain, TickCursor};
use money::{AccountId, Amount, Asset, ChannelId};
use tokio::net::UdpSocket;

/// Time in which the device uses one watt-hour.
const WATT_HOUR_MS: u64 = 500;

/// Price of a watt-hour, base units of a currency with nine decimals.
const WATT_HOUR_UNITS: u128 = 200;

/// Ticks of one channel: half an hour.
const TICKS: u32 = 3_600;

/// The socket claims with every so many ticks.
const CLAIM_EVERY_TICKS: u32 = 4;

const CLOSE_DELAY_SECONDS: u32 = 600;
const LIFETIME_SECONDS: u32 = 3_600;

/// What the meter needs to know.
pub(super) struct Place {
    /// URL of the node.
    pub node_url: String,
    /// The grid's side of the node.
    pub node: Node,
    /// Who sells the electricity.
    pub grid: AccountId,
    pub asset: Asset,
}

/// Runs device and socket until the task is dropped.
pub(super) async fn run(place: Place, wallet: Wallet) -> Result<()> {
    loop {
        let (channel, chain) = open(&place, &wallet).await?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let selling = sell(&socket, &place.node, channel.terms());
        tokio::select! {
            sold = selling => sold?,
            used = use_up(chain, address) => used?,
        }
        // The socket agrees to the end, so what was not used comes back at once.
        place.node.close_channel(Closing::ByPayee(channel.id())).await?;
    }
}

/// The device opens a channel; everything else goes by ticks.
async fn open(place: &Place, wallet: &Wallet) -> Result<(Channel, TickChain)> {
    let opening = Opening {
        node: wallet.network(),
        payee: place.grid,
        deposit: Amount::new(WATT_HOUR_UNITS * u128::from(TICKS), place.asset),
        close_delay_seconds: CLOSE_DELAY_SECONDS,
        lifetime_seconds: LIFETIME_SECONDS,
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| anyhow::anyhow!("no randomness for the chain"))?;
    let mut chain = None;
    let channel = Channel::prepare_with(wallet.key(), &opening, |terms| {
        if let Ok(made) = TickChain::new(&seed, &terms.salt, TICKS) {
            terms.tick_root = made.newest().link;
            terms.tick_units = WATT_HOUR_UNITS;
            terms.tick_count = TICKS;
            chain = Some(made);
        }
    })?;
    let node = NodeClient::new(&place.node_url, Timeouts::default())?;
    let opened = node.open_channel(&channel.signed_terms(), "electricity by the watt-hour").await;
    opened.context("the meter's channel")?;
    Ok((channel, chain.context("the meter's chain")?))
}

/// The device: a tick for each watt-hour, before it is used.
async fn use_up(mut chain: TickChain, socket: SocketAddr) -> Result<()> {
    let radio = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    while let Some(tick) = chain.reveal() {
        radio.send_to(&tick.to_bytes(), socket).await?;
        tokio::time::sleep(Duration::from_millis(WATT_HOUR_MS)).await;
    }
    Ok(())
}

/// The socket: current flows as far as ticks have come.
async fn sell(radio: &UdpSocket, node: &Node, terms: &ChannelTerms) -> Result<()> {
    let (channel, mut cursor) = (terms.channel(), TickCursor::new(terms));
    let mut claimed = 0;
    let mut datagram = [0; Tick::BYTES + 1];
    loop {
        let length = radio.recv(&mut datagram).await?;
        // Noise on the air is nobody's tick.
        let Ok(tick) = Tick::from_bytes(&datagram[..length]) else { continue };
        if cursor.advance(tick).is_err() {
            continue;
        }
        if tick.index >= claimed + CLAIM_EVERY_TICKS {
            claim(node, channel, tick).await?;
            claimed = tick.index;
        }
    }
}

async fn claim(node: &Node, channel: ChannelId, tick: Tick) -> Result<()> {
    node.claim(Proof::Tick { channel, tick }).await.context("the grid's claim")?;
    Ok(())
}
