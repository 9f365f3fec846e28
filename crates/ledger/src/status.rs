//! Answers to events, in order of precedence: the first that applies is returned.
//!
//! Names and order are those of the `TigerBeetle` documentation (`create_accounts`,
//! `create_transfers`), with `asset` in the place of its `ledger` and `user_data` for its `user_data_128`.
//! Statuses that the event types make impossible are left out, as are those of imported events;
//! `overflows_asset_totals` and `ledger_is_full` are added.
//! The order of the variants is the order of the checks: do not sort them otherwise.

macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every status, in order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable name for programs.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The event is part of the ledger, by this call or an earlier one.
            pub const fn is_created_or_exists(self) -> bool {
                matches!(self, Self::Created | Self::Exists)
            }
        }
    };
}

statuses! {
    /// Answer to the creation of an account.
    CreateAccountStatus {
        /// The account was created.
        Created = "created",
        /// Another event of the chain failed, so nothing of the chain was created.
        LinkedEventFailed = "linked_event_failed",
        /// The last event of the batch is linked to nothing. Wins over a broken chain.
        LinkedEventChainOpen = "linked_event_chain_open",
        /// The id is taken by an account with another limit or link, or that differs in whether it
        /// keeps a history or was created closed.
        ExistsWithDifferentFlags = "exists_with_different_flags",
        /// The id is taken by an account with other user data of 128 bits.
        ExistsWithDifferentUserData = "exists_with_different_user_data",
        /// The id is taken by an account with other user data of 64 bits.
        ExistsWithDifferentUserData64 = "exists_with_different_user_data_64",
        /// The id is taken by an account with other user data of 32 bits.
        ExistsWithDifferentUserData32 = "exists_with_different_user_data_32",
        /// The id is taken by an account of another asset.
        ExistsWithDifferentAsset = "exists_with_different_asset",
        /// The id is taken by an account with another code.
        ExistsWithDifferentCode = "exists_with_different_code",
        /// The very same account was created before; treat it as created.
        Exists = "exists",
        /// A code is never zero.
        CodeMustNotBeZero = "code_must_not_be_zero",
        /// The ledger has as many assets or accounts as it can have.
        LedgerIsFull = "ledger_is_full",
    }
}

statuses! {
    /// Answer to the creation of a transfer.
    CreateTransferStatus {
        /// The transfer was created.
        Created = "created",
        /// Another event of the chain failed, so nothing of the chain was created.
        LinkedEventFailed = "linked_event_failed",
        /// The last event of the batch is linked to nothing. Wins over a broken chain.
        LinkedEventChainOpen = "linked_event_chain_open",
        /// The id is taken by a transfer of another kind or link, or with other balancing or
        /// closing sides.
        ExistsWithDifferentFlags = "exists_with_different_flags",
        /// The id is taken by a post or void of another pending transfer.
        ExistsWithDifferentPendingId = "exists_with_different_pending_id",
        /// The id is taken by a pending transfer with another timeout.
        ExistsWithDifferentTimeout = "exists_with_different_timeout",
        /// The id is taken by a transfer with another debit account.
        ExistsWithDifferentDebitAccountId = "exists_with_different_debit_account_id",
        /// The id is taken by a transfer with another credit account.
        ExistsWithDifferentCreditAccountId = "exists_with_different_credit_account_id",
        /// The id is taken by a transfer of another amount; if it balances, of a larger one.
        ExistsWithDifferentAmount = "exists_with_different_amount",
        /// The id is taken by a transfer with other user data of 128 bits.
        ExistsWithDifferentUserData = "exists_with_different_user_data",
        /// The id is taken by a transfer with other user data of 64 bits.
        ExistsWithDifferentUserData64 = "exists_with_different_user_data_64",
        /// The id is taken by a transfer with other user data of 32 bits.
        ExistsWithDifferentUserData32 = "exists_with_different_user_data_32",
        /// The id is taken by a transfer of another asset.
        ExistsWithDifferentAsset = "exists_with_different_asset",
        /// The id is taken by a transfer with another code.
        ExistsWithDifferentCode = "exists_with_different_code",
        /// The very same transfer was created before; treat it as created.
        Exists = "exists",
        /// The id was used by an attempt that failed transiently. A new attempt needs a new id.
        IdAlreadyFailed = "id_already_failed",
        /// Debit and credit account are the same.
        AccountsMustBeDifferent = "accounts_must_be_different",
        /// A post or void names itself as the pending transfer.
        PendingIdMustBeDifferent = "pending_id_must_be_different",
        /// A code is never zero.
        CodeMustNotBeZero = "code_must_not_be_zero",
        /// No such debit account. Transient.
        DebitAccountNotFound = "debit_account_not_found",
        /// No such credit account. Transient.
        CreditAccountNotFound = "credit_account_not_found",
        /// The two accounts hold different assets.
        AccountsMustHaveTheSameAsset = "accounts_must_have_the_same_asset",
        /// The transfer's asset is not that of the accounts.
        TransferMustHaveTheSameAssetAsAccounts = "transfer_must_have_the_same_asset_as_accounts",
        /// No transfer has the pending id. Transient.
        PendingTransferNotFound = "pending_transfer_not_found",
        /// The transfer with the pending id is not of the pending kind.
        PendingTransferNotPending = "pending_transfer_not_pending",
        /// The debit account is not that of the pending transfer.
        PendingTransferHasDifferentDebitAccountId =
            "pending_transfer_has_different_debit_account_id",
        /// The credit account is not that of the pending transfer.
        PendingTransferHasDifferentCreditAccountId =
            "pending_transfer_has_different_credit_account_id",
        /// The asset is not that of the pending transfer.
        PendingTransferHasDifferentAsset = "pending_transfer_has_different_asset",
        /// The code is not that of the pending transfer.
        PendingTransferHasDifferentCode = "pending_transfer_has_different_code",
        /// More than is pending.
        ExceedsPendingTransferAmount = "exceeds_pending_transfer_amount",
        /// A void of less than is pending.
        PendingTransferHasDifferentAmount = "pending_transfer_has_different_amount",
        /// The pending transfer has been posted.
        PendingTransferAlreadyPosted = "pending_transfer_already_posted",
        /// The pending transfer has been voided.
        PendingTransferAlreadyVoided = "pending_transfer_already_voided",
        /// The pending transfer is at or past its end, whether or not it has been released yet.
        PendingTransferExpired = "pending_transfer_expired",
        /// The debit account is closed, and this is no void. Transient.
        DebitAccountAlreadyClosed = "debit_account_already_closed",
        /// The credit account is closed, and this is no void. Transient.
        CreditAccountAlreadyClosed = "credit_account_already_closed",
        /// The debit account's pending debits would pass 2^128-1.
        OverflowsDebitsPending = "overflows_debits_pending",
        /// The credit account's pending credits would pass 2^128-1.
        OverflowsCreditsPending = "overflows_credits_pending",
        /// The debit account's posted debits would pass 2^128-1.
        OverflowsDebitsPosted = "overflows_debits_posted",
        /// The credit account's posted credits would pass 2^128-1.
        OverflowsCreditsPosted = "overflows_credits_posted",
        /// The debit account's debits, pending and posted, would pass 2^128-1.
        OverflowsDebits = "overflows_debits",
        /// The credit account's credits, pending and posted, would pass 2^128-1.
        OverflowsCredits = "overflows_credits",
        /// The sum of all that was ever moved of the asset would pass 2^128-1.
        OverflowsAssetTotals = "overflows_asset_totals",
        /// The hold would end after the last timestamp.
        OverflowsTimeout = "overflows_timeout",
        /// The debit account's limit: debits would exceed credits. Transient.
        ExceedsCredits = "exceeds_credits",
        /// The credit account's limit: credits would exceed debits. Transient.
        ExceedsDebits = "exceeds_debits",
    }
}

impl CreateTransferStatus {
    /// Depends on the state of the ledger, so the same event might succeed later. To keep a retry
    /// from turning a refusal into a payment, such a failure burns the id: every further event
    /// with it is `id_already_failed`.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::DebitAccountNotFound
                | Self::CreditAccountNotFound
                | Self::PendingTransferNotFound
                | Self::DebitAccountAlreadyClosed
                | Self::CreditAccountAlreadyClosed
                | Self::ExceedsCredits
                | Self::ExceedsDebits
        )
    }
}
