//! What became of a request, in one word: for counting, never for deciding.

use axum::body::Body;
use http::{Response, StatusCode};

/// What became of a request at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered to who paid for it, now or before.
    Paid,
    /// Answered with the price.
    Asked,
    /// Answered without a price.
    Free,
    /// Refused: the request or its payment was not acceptable.
    Refused,
    /// The upstream or the node failed. Nobody is charged.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Paid, Self::Asked, Self::Free, Self::Refused, Self::Failed];

    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Asked => "asked",
            Self::Free => "free",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// Of an answer of a [`Paywall`](crate::Paywall).
    pub fn of(response: &Response<Body>) -> Self {
        let status = response.status();
        if status == StatusCode::PAYMENT_REQUIRED {
            Self::Asked
        } else if status.is_server_error() {
            Self::Failed
        } else if status.is_client_error() {
            Self::Refused
        } else if response.extensions().get::<Presented>().is_some() {
            Self::Paid
        } else {
            Self::Free
        }
    }
}

/// Marks an answer to a request with a payment.
#[derive(Debug, Clone, Copy)]
struct Presented;

/// Marks it.
pub(crate) fn presented(mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Presented);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_comes_before_the_mark() {
        let of = |status: u16, mark: bool| {
            let response = Response::builder().status(status).body(Body::empty()).unwrap();
            Outcome::of(&if mark { presented(response) } else { response })
        };
        assert_eq!((of(200, true), of(200, false)), (Outcome::Paid, Outcome::Free));
        assert_eq!((of(402, true), of(402, false)), (Outcome::Asked, Outcome::Asked));
        assert_eq!((of(409, true), of(502, true)), (Outcome::Refused, Outcome::Failed));
        assert_eq!(of(304, false), Outcome::Free);
    }
}
