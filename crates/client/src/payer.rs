//! The payer: asks, reads the price, signs one order, presents it.
//!
//! Invariants: the request is first made without payment; nothing is signed before limits and
//! approval agreed; one call of [`Payer::pay`] signs at most one order; a 402 is never handed on as
//! if it were the content.

use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use http402::Instrument;
use http402::x402::{Payment, Scheme, extensions};
use instrument::{Order, Signed, payer_account};
use money::{AccountId, Amount, NodeId, OrderId, PaymentId};
use serde_json::{Map, Value};

use crate::clock::now_ms;
use crate::error::{Error, Kind};
use crate::limits::{Limits, Proposed};
use crate::mandate::Chain;
use crate::node::{Mandate, NodeClient, PayerAccount, problem};
use crate::offer::{self, Offer};
use crate::present::{self, Presentation};
use crate::purchases::{Kept, Presentable, PurchaseName, Purchases};
use crate::receipt::Proof;
use crate::request::Request;
use crate::tab::{self, Tab};
use crate::transport::{Answer, Timeouts, Transport};
use crate::wallet::Wallet;

/// Largest body of an error answer that is read.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// How often the node is asked for a receipt of a payment that is still held.
const RECEIPT_TRIES: usize = 10;
const RECEIPT_WAIT_MS: u64 = 100;
/// How long after its expiry an order may still be under way at a gateway that took it in time.
const UNDER_WAY_MS_MAX: u64 = 15 * 60 * 1_000;

/// Pays for requests from one wallet.
#[derive(Debug, Clone)]
pub struct Payer {
    wallet: Wallet,
    transport: Transport,
    node: NodeClient,
    /// Set to pay from another payer's account.
    chain: Option<Chain>,
}

/// What came back without payment.
enum Asked {
    Free(Answer),
    Priced(Box<Offer>),
}

/// What a request costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The price.
    pub price: Amount,
    /// The payee.
    pub payee: AccountId,
    /// The seller's words.
    pub description: Option<String>,
    /// Name of the service.
    pub service_name: Option<String>,
    /// Media type of the answer.
    pub mime_type: Option<String>,
}

/// A request that was answered with success.
#[derive(Debug)]
pub struct Paid {
    /// The content, still on its way.
    pub answer: Answer,
    /// What was paid with one order; `None` if the request was free or is paid by the unit.
    pub settled: Option<Settled>,
    /// Set if the content is paid by the unit while it comes: finish it when the content has come.
    pub tab: Option<Tab>,
}

/// What was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The payment.
    pub payment: PaymentId,
    /// The payer account.
    pub payer: AccountId,
    /// The payee account.
    pub payee: AccountId,
    /// The price that was signed for; never more is charged.
    pub price: Amount,
    /// URL of the signed receipt, if the seller told it. Only the wallet's own node is asked.
    pub receipt_url: Option<String>,
    /// SHA-256 of the order.
    pub order_digest: [u8; 32],
}

impl Payer {
    /// A payer with the wallet's own node.
    pub fn new(wallet: Wallet, timeouts: Timeouts) -> Result<Self, Error> {
        let node = wallet.node_url().to_owned();
        Self::with_node(wallet, &node, timeouts)
    }

    /// A payer that reaches the wallet's node at another URL.
    pub fn with_node(wallet: Wallet, node_url: &str, timeouts: Timeouts) -> Result<Self, Error> {
        Ok(Self {
            transport: Transport::new(timeouts),
            node: NodeClient::new(node_url, timeouts)?,
            wallet,
            chain: None,
        })
    }

    /// Pays from the account of the payer that granted the chain, whose last delegate the wallet's
    /// key is.
    pub fn under(self, chain: Chain) -> Result<Self, Error> {
        let last = chain.last();
        if last.delegate != self.wallet.public_key() || last.node != self.network() {
            return Err(Error::argument("the mandate is for another key, or for another node"));
        }
        Ok(Self { chain: Some(chain), ..self })
    }

    /// The node.
    pub fn node(&self) -> &NodeClient {
        &self.node
    }

    /// The wallet's account; `None` if no money ever entered it.
    pub async fn account(&self) -> Result<Option<PayerAccount>, Error> {
        self.node.payer(self.wallet.key(), self.network()).await
    }

    /// The mandate under which it pays, with what is left of it; `None` if it pays from its own
    /// account.
    pub async fn mandate(&self) -> Result<Option<Mandate>, Error> {
        let Some(chain) = &self.chain else { return Ok(None) };
        let id = chain.last().id();
        if let Some(known) = self.node.mandate(self.wallet.key(), self.network(), id).await? {
            return Ok(Some(known));
        }
        // Nothing was bought under it yet.
        self.node.register(chain, "").await?;
        self.node.mandate(self.wallet.key(), self.network(), id).await
    }

    /// The node on whose network the wallet pays.
    pub fn network(&self) -> NodeId {
        self.wallet.network()
    }

    /// Asks for the price without paying; `None` if the request is free.
    pub async fn quote(&self, request: &Request) -> Result<Option<Quote>, Error> {
        let answer = self.transport.send(request, &HeaderMap::new()).await?;
        if answer.status() != StatusCode::PAYMENT_REQUIRED {
            return success(answer).await.map(|_| None);
        }
        let offers = self.payable(answer, request).await?;
        let first = offers.into_iter().next();
        Ok(first.map(|Offer { terms, resource, .. }| Quote {
            price: terms.amount,
            payee: terms.pay_to,
            description: resource.description,
            service_name: resource.service_name,
            mime_type: resource.mime_type,
        }))
    }

    /// Makes the request, and pays for it if it has a price within the limits.
    pub async fn pay(&self, request: &Request, limits: &Limits) -> Result<Paid, Error> {
        let offer = match self.ask(request, limits, |_| true).await? {
            Asked::Free(answer) => return Ok(free(answer)),
            Asked::Priced(offer) => *offer,
        };
        if offer.terms.scheme == Scheme::BatchSettlement {
            if let Some(chain) = &self.chain {
                self.node.register(chain, "").await?;
            }
            let last = self.chain.as_ref().map(Chain::last);
            let payer = (&self.wallet, last);
            let opened = tab::open(payer, &self.node, &self.transport, request, offer, limits);
            let (answer, tab) = opened.await?;
            return Ok(Paid { answer, settled: None, tab: Some(tab) });
        }
        self.present(request, self.sign(&offer)?).await
    }

    /// As [`Payer::pay`], but a purchase that has a name: whoever calls again with the same name and
    /// request, also after a crash, in another process or at the same time, presents the same order,
    /// which is charged once, and gets what was bought. What is paid by the unit cannot be named.
    ///
    /// A new order takes the place of an expired one only if the node says that it never took it.
    pub async fn pay_once(
        &self,
        request: &Request,
        limits: &Limits,
        book: &Purchases,
        name: &PurchaseName,
    ) -> Result<Paid, Error> {
        let found = book.find(name, request)?;
        if let Some(kept) = &found
            && !self.is_ruled_out(kept).await?
        {
            return self.present(request, presentable(kept)?).await;
        }
        // A channel has no order that could be presented again under the name.
        let is_order = |offer: &Offer| offer.terms.scheme != Scheme::BatchSettlement;
        let offer = match self.ask(request, limits, is_order).await? {
            Asked::Free(answer) => return Ok(free(answer)),
            Asked::Priced(offer) => *offer,
        };
        let kept = Kept::new(name, request, &self.sign(&offer)?);
        let kept = book.keep(name, request, kept, found.as_ref())?;
        self.present(request, presentable(&kept)?).await
    }

    /// Whether an order can never be charged any more: it has long expired by the node's clock, and
    /// the node does not know it.
    async fn is_ruled_out(&self, kept: &Kept) -> Result<bool, Error> {
        if now_ms() <= kept.expires_at_ms {
            return Ok(false);
        }
        let now_ms = self.node.facts().await?.now_ms;
        let ended = now_ms > kept.expires_at_ms.saturating_add(UNDER_WAY_MS_MAX);
        Ok(ended && self.node.receipt(kept.payment).await?.is_none())
    }

    /// Asks without payment, and chooses what to pay among the offers that suit.
    async fn ask(
        &self,
        request: &Request,
        limits: &Limits,
        suits: impl Fn(&Offer) -> bool,
    ) -> Result<Asked, Error> {
        let answer = self.transport.send(request, &HeaderMap::new()).await?;
        if answer.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(Asked::Free(success(answer).await?));
        }
        let mut offers = self.payable(answer, request).await?;
        offers.retain(suits);
        if offers.is_empty() {
            let why = "what is paid by the unit cannot be bought under a name";
            return Err(Error::new(Kind::NoOffer(why.to_owned()))
                .with_hint("pay for it with `farthing pay`, which keeps a tab"));
        }
        let offer = offer::choose(offers, limits)?;
        limits.approve(&Proposed {
            url: request.url(),
            price: offer.terms.amount,
            payee: offer.terms.pay_to,
            description: offer.resource.description.clone(),
        })?;
        Ok(Asked::Priced(Box::new(offer)))
    }

    async fn present(&self, request: &Request, order: Presentable) -> Result<Paid, Error> {
        let Presentable { dialect, header, payment, payer, payee, price, order_digest, .. } = order;
        let presentation = Presentation {
            transport: &self.transport,
            node: &self.node,
            request,
            dialect,
            header,
            payment,
        };
        let answer = match (presentation.run().await, &self.chain) {
            // The node has not heard of the mandate yet. Nothing was charged, and the order is good.
            (Err(why), Some(chain)) if why.code() == "mandate_unknown" => {
                self.node.register(chain, "").await?;
                presentation.run().await?
            }
            (answer, _) => answer?,
        };
        let settlement = present::settlement(&answer, dialect, payment);
        let receipt_url = settlement.map(|settlement| settlement.receipt);
        let settled = Settled { payment, payer, payee, price, receipt_url, order_digest };
        Ok(Paid { answer, settled: Some(settled), tab: None })
    }

    /// The node's signed receipt of what was paid, once it is settled; `None` if the node has none
    /// or it does not prove this payment. The amount in it may be below the price if less arrived.
    pub async fn prove(&self, settled: &Settled) -> Option<Proof> {
        for _ in 0..RECEIPT_TRIES {
            let document = self.node.receipt(settled.payment).await.ok()??;
            if document.state != "held" {
                let proof = document.prove(self.network())?;
                return Some(proof).filter(|proof| proves(proof, settled));
            }
            tokio::time::sleep(Duration::from_millis(RECEIPT_WAIT_MS)).await;
        }
        None
    }

    async fn payable(&self, answer: Answer, request: &Request) -> Result<Vec<Offer>, Error> {
        offer::payable(offer::read(answer).await?, self.network(), request)
    }

    fn sign(&self, offer: &Offer) -> Result<Presentable, Error> {
        let (terms, key) = (&offer.terms, self.wallet.key());
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Error::new(Kind::Random))?;
        let lifetime_ms = u64::from(terms.max_timeout_seconds) * 1_000;
        let order = Order {
            node: terms.network,
            id: OrderId::from_be_bytes(id).map_err(|_| Error::new(Kind::Random))?,
            payer: self.chain.as_ref().map_or_else(
                || payer_account(&key.public(), terms.amount.asset()),
                |chain| chain.last().payer,
            ),
            signer: key.public(),
            payee: terms.pay_to,
            amount: terms.amount,
            purchase: terms.purchase,
            expires_at_ms: now_ms().saturating_add(lifetime_ms),
            mandate: self.chain.as_ref().map(|chain| chain.last().id()),
        };
        let payment = order.payment_id();
        let extensions = name_payment(offer.extensions.clone(), payment);
        let up_to = terms.scheme == Scheme::Upto;
        let message = Payment {
            dialect: offer.dialect,
            accepted: terms,
            instrument: &Instrument::Order { order: Signed::sign(order, key), up_to },
            resource_url: Some(&offer.resource.url),
            extensions: (!extensions.is_empty()).then_some(&extensions),
        };
        Ok(Presentable {
            dialect: offer.dialect,
            header: message.encode_header().map_err(|why| Error::answer(why.to_string()))?,
            payment,
            payer: order.payer,
            payee: terms.pay_to,
            price: terms.amount,
            order_digest: order.digest(),
            expires_at_ms: order.expires_at_ms,
        })
    }
}

fn free(answer: Answer) -> Paid {
    Paid { answer, settled: None, tab: None }
}

fn presentable(kept: &Kept) -> Result<Presentable, Error> {
    kept.presentable().ok_or_else(|| Error::file("the purchase was changed by hand"))
}

fn proves(proof: &Proof, settled: &Settled) -> bool {
    let statement = &proof.statement;
    statement.payment == settled.payment
        && statement.payee == settled.payee
        && statement.order_digest == settled.order_digest
        && statement.amount.asset() == settled.price.asset()
        && statement.amount.units() <= settled.price.units()
}

/// Where the seller takes identifiers, the payment names itself: then even a seller that forgot
/// the order recognises it.
fn name_payment(mut declared: Map<String, Value>, payment: PaymentId) -> Map<String, Value> {
    if let Some(info) = declared
        .get_mut(extensions::PAYMENT_IDENTIFIER)
        .and_then(|extension| extension.get_mut("info"))
        .and_then(Value::as_object_mut)
    {
        info.insert("id".to_owned(), payment.to_string().into());
    }
    declared
}

/// The answer if it is a success.
async fn success(answer: Answer) -> Result<Answer, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let target = answer.header(LOCATION).to_owned();
    let body = answer.into_bytes(ERROR_BODY_BYTES_MAX).await;
    let error = problem(status.as_u16(), &body.unwrap_or_default());
    Err(if status.is_redirection() {
        error.with_hint(format!("ask for {target} itself: redirects are not followed"))
    } else {
        error
    })
}
