//! The programs under test: ours and those of the other stack, each a process of its own.
//!
//! Invariant: a program listens on 127.0.0.1 only and is gone when its value is dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::sale;

/// A program under callgrind needs seconds to start.
const START_MS_MAX: u64 = 60_000;
const POLL_MS: u64 = 20;

/// Where the other stack's channels are, by name alone: Base Sepolia and its play dollar. Nothing of
/// it is ever asked.
const PEER_NETWORK: &str = "eip155:84532";
const PEER_TOKEN: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const PEER_PAYEE: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

/// A running program; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        let mut server = Self { child, address };
        wait_for(address, || match server.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("`{name}` ended early with {status}"),
        })?;
        Ok(server)
    }

    /// The service behind our gateway.
    pub(crate) fn upstream() -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.arg("upstream").arg(address.to_string()), address)
    }

    /// Our node and gateway.
    pub(crate) fn ours(upstream: &Self, data: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.args(serve_words(address, upstream, data)), address)
    }

    /// The other stack's facilitator.
    pub(crate) fn facilitator() -> Result<Self> {
        let address = free_address()?;
        let network = http402::x402::network_name(sale::node());
        let mut command = node("facilitator.mjs");
        Self::start(command.arg(address.port().to_string()).arg(network), address)
    }

    /// The other stack's seller.
    pub(crate) fn seller(facilitator: &Self) -> Result<Self> {
        let address = free_address()?;
        let price = sale::price()?;
        let asset = price.asset();
        let words = [
            address.port().to_string(),
            facilitator.origin(),
            http402::x402::network_name(sale::node()),
            sale::payee()?.to_string(),
            price.units().to_string(),
            asset.code.as_str().to_owned(),
            asset.scale.to_string(),
            sale::ORDER_SECONDS.to_string(),
            sale::ARTICLE_BYTES.to_string(),
        ];
        Self::start(node("seller.mjs").args(words).env("NODE_ENV", "production"), address)
    }

    /// The other stack's seller to payers with channels.
    pub(crate) fn channel_seller() -> Result<Self> {
        let address = free_address()?;
        let words = [
            address.port().to_string(),
            PEER_NETWORK.to_owned(),
            PEER_PAYEE.to_owned(),
            sale::price()?.units().to_string(),
            PEER_TOKEN.to_owned(),
            sale::ORDER_SECONDS.to_string(),
            sale::ARTICLE_BYTES.to_string(),
        ];
        Self::start(node("channel-seller.mjs").args(words).env("NODE_ENV", "production"), address)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good as killed: both calls only report that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How this program is told to be our node and gateway.
pub(crate) fn serve_words(address: SocketAddr, upstream: &Server, data: &Path) -> [String; 4] {
    let data = data.display().to_string();
    ["serve".to_owned(), address.to_string(), upstream.origin(), data]
}

/// Waits until something listens at `address`; `check` fails when that is hopeless.
pub(crate) fn wait_for(address: SocketAddr, mut check: impl FnMut() -> Result<()>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_millis(START_MS_MAX);
    while TcpStream::connect(address).is_err() {
        check()?;
        if Instant::now() > deadline {
            bail!("nothing listens on {address} after {START_MS_MAX} ms");
        }
        std::thread::sleep(Duration::from_millis(POLL_MS));
    }
    Ok(())
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn peer_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peer")
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script).current_dir(peer_folder());
    command
}

/// Payments to the other stack's seller with channels, as headers, signed by its own client.
pub(crate) fn peer_payments(url: &str, channels: usize, count: usize) -> Result<Vec<String>> {
    let words = [url.to_owned(), channels.to_string(), count.to_string()];
    let output = node("channel-payer.mjs").args(words).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the payer of the other stack ended with {}", output.status);
    }
    let headers: Vec<String> =
        String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    if headers.len() != count {
        bail!("{} payments were signed instead of {count}", headers.len());
    }
    Ok(headers)
}

/// Installs the other stack unless it is there.
pub(crate) fn install_peer() -> Result<()> {
    let folder = peer_folder();
    if folder.join("node_modules/@x402/evm").is_dir() {
        return Ok(());
    }
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdout(std::io::stderr())
        .status()
        .context("cannot start `npm`")?;
    if !status.success() {
        bail!("`npm ci` in {} ended with {status}", folder.display());
    }
    Ok(())
}
