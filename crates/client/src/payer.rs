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
use crate::node::{NodeClient, problem};
use crate::offer::{self, Offer};
use crate::present::{self, Presentation};
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

/// Pays for requests from one wallet.
#[derive(Debug, Clone)]
pub struct Payer {
    wallet: Wallet,
    transport: Transport,
    node: NodeClient,
    /// Set to pay from another payer's account.
    chain: Option<Chain>,
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
        let answer = self.transport.send(request, &HeaderMap::new()).await?;
        if answer.status() != StatusCode::PAYMENT_REQUIRED {
            let answer = success(answer).await?;
            return Ok(Paid { answer, settled: None, tab: None });
        }
        let offer = offer::choose(self.payable(answer, request).await?, limits)?;
        limits.approve(&Proposed {
            url: request.url(),
            price: offer.terms.amount,
            payee: offer.terms.pay_to,
            description: offer.resource.description.clone(),
        })?;
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
        let order = self.sign(&offer)?;
        let payment = order.unverified().payment_id();
        let extensions = name_payment(offer.extensions, payment);
        let message = Payment {
            dialect: offer.dialect,
            accepted: &offer.terms,
            instrument: &Instrument::Order { order, up_to: offer.terms.scheme == Scheme::Upto },
            resource_url: Some(&offer.resource.url),
            extensions: (!extensions.is_empty()).then_some(&extensions),
        };
        let header = message.encode_header().map_err(|why| Error::answer(why.to_string()))?;
        let presentation = Presentation {
            transport: &self.transport,
            node: &self.node,
            request,
            dialect: offer.dialect,
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
        let settlement = present::settlement(&answer, offer.dialect, payment);
        let settled = Settled {
            payment,
            payer: order.unverified().payer,
            payee: offer.terms.pay_to,
            price: offer.terms.amount,
            receipt_url: settlement.map(|settlement| settlement.receipt),
            order_digest: order.unverified().digest(),
        };
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

    fn network(&self) -> NodeId {
        self.wallet.network()
    }

    async fn payable(&self, answer: Answer, request: &Request) -> Result<Vec<Offer>, Error> {
        offer::payable(offer::read(answer).await?, self.network(), request)
    }

    fn sign(&self, offer: &Offer) -> Result<Signed<Order>, Error> {
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
        Ok(Signed::sign(order, key))
    }
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
