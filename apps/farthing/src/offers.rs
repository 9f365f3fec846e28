//! Offers of the registry, put on the shelves of the gateways beside the node.
//!
//! Invariant: an offer that was changed is in force with the next request after the change is durable and
//! this task has run; a document that makes no offer is left out and told, and takes no other with it.

use engine::{DocumentKind, Engine};
use gateway::{Offer, PublishedOffer, Shelf};
use tokio::sync::watch;

/// A gateway's name and its shelf.
pub(crate) type NamedShelf = (String, Shelf);

/// Puts the offers on their shelves, and again whenever they change, until `stop`.
pub(crate) async fn follow(
    engine: Engine,
    shelves: Vec<NamedShelf>,
    mut stop: watch::Receiver<bool>,
) {
    let mut version = engine.documents_version();
    loop {
        // Marked as seen before the documents are read, so no change between the two is missed.
        version.mark_unchanged();
        stock(&engine, &shelves);
        tokio::select! {
            changed = version.changed() => if changed.is_err() { return },
            stopped = stop.changed() => if stopped.is_err() || *stop.borrow() { return },
        }
    }
}

/// Puts the offers as they are now on their shelves.
pub(crate) fn stock(engine: &Engine, shelves: &[NamedShelf]) {
    let documents = engine.documents(DocumentKind::Offer);
    let read = |body: &[u8]| {
        let published = PublishedOffer::read(body)?;
        let offer = published.to_offer()?;
        Ok::<_, gateway::PublishedError>((published, offer))
    };
    let mut made: Vec<(PublishedOffer, Offer)> = Vec::new();
    for document in documents {
        match read(&document.body) {
            Ok(offer) => made.push(offer),
            Err(error) => tracing::warn!(offer = %document.id, %error, "an offer is not one"),
        }
    }
    // The newest first: of two for one path it is the one that its maker has in mind.
    made.sort_by_key(|(published, _)| std::cmp::Reverse(published.created_at_ms));
    for (name, shelf) in shelves {
        let of_site =
            made.iter().filter(|(published, _)| published.active && published.site == *name);
        if let Err(error) = shelf.replace(of_site.map(|(_, offer)| offer.clone()).collect()) {
            tracing::warn!(site = %name, %error, "the offers are left as they were");
        }
    }
}
