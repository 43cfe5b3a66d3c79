//! From the log's errors to the protocol's.

use airis_protocol::error::ErrorCode;
use airis_storage::AppendError;

use super::Partition;
use crate::scarce;

/// The code that a client gets.
fn code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::InvalidTxnState(_) => ErrorCode::InvalidTxnState,
        AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::TooLarge { .. } => ErrorCode::RecordListTooLarge,
        AppendError::InvalidRecord(_) => ErrorCode::InvalidRecord,
        AppendError::Corrupt(_) => ErrorCode::CorruptMessage,
        AppendError::OldEpoch { .. } => ErrorCode::NotLeaderOrFollower,
        AppendError::UnexpectedOffset { .. } => ErrorCode::UnknownServerError,
        AppendError::Storage(_) => ErrorCode::KafkaStorageError,
    }
}

/// As [`code`]; what is the node's own trouble is logged.
pub(super) fn log(partition: &Partition, error: AppendError) -> ErrorCode {
    let (topic, index) = (&partition.topic, partition.index);
    match &error {
        AppendError::Storage(e) if scarce::tell_storage(e) => {}
        AppendError::Storage(e) => {
            tracing::error!(%topic, partition = %index, "append failed, nothing of it was kept: {e}");
        }
        AppendError::Corrupt(_) | AppendError::UnexpectedOffset { .. } => {
            tracing::error!(%topic, partition = %index, "append refused: {error}");
        }
        _ => tracing::debug!(%topic, partition = %index, "append refused: {error}"),
    }
    code(&error)
}
