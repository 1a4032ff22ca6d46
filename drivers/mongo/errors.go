package mongo

import (
	"context"
	"errors"
	"fmt"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/kit"
)

// do runs a call and turns its error into one of the store contract; taken is what
// a key that exists means to it. What is certain goes before what the context says,
// since it is an answer.
func (s *Store) do(ctx context.Context, op string, taken error, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mongo: %s: %w", op, err)
	}
	if s.closed.Load() {
		return fmt.Errorf("mongo: %s: %w: the store is closed", op, kit.ErrUnavailable)
	}
	// Without the caller's session: in its transaction a write would be taken back with
	// it, long after it was acknowledged.
	err := call(driver.NewSessionContext(ctx, nil))
	var broken *damaged
	switch {
	case err == nil, errors.Is(err, kit.ErrNotFound), errors.Is(err, kit.ErrConflict):
		return err
	case errors.Is(err, driver.ErrNoDocuments):
		return kit.ErrNotFound
	case taken != nil && driver.IsDuplicateKeyError(err) && !failedToReplicate(err):
		return taken
	case errors.As(err, &broken):
		return fmt.Errorf("mongo: %s: %w", op, broken.error)
	case ctx.Err() != nil:
		return fmt.Errorf("mongo: %s: %w", op, ctx.Err())
	}
	advice, unavailable := judge(err)
	err = withoutValues(err)
	if advice != "" {
		err = fmt.Errorf("%w: %s", err, advice)
	}
	if unavailable {
		return fmt.Errorf("mongo: %s: %w: %w", op, kit.ErrUnavailable, err)
	}
	return fmt.Errorf("mongo: %s: %w", op, err)
}

// failedToReplicate reports whether the answer may yet be rolled back.
func failedToReplicate(err error) bool {
	var write driver.WriteException
	return errors.As(err, &write) && write.WriteConcernError != nil
}

// withoutValues leaves of what the server refuses only its codes: in its text it
// quotes what was asked for or was to be stored, the key that exists or the field that
// a schema validator refuses.
func withoutValues(err error) error {
	var command driver.CommandError
	if errors.As(err, &command) && command.Code != 0 {
		return fmt.Errorf("command error %d %s", command.Code, command.Name)
	}
	var write driver.WriteException
	if !errors.As(err, &write) {
		return err
	}
	text := "write exception"
	if c := write.WriteConcernError; c != nil {
		text += fmt.Sprintf(": write concern error %d %s", c.Code, c.Name)
	}
	for _, e := range write.WriteErrors {
		text += fmt.Sprintf(": write error %d", e.Code)
	}
	return errors.New(text)
}

// judge says whether an error is an outage, and what a person can do about it. An
// error that is not the server's is one of the way to it.
func judge(err error) (advice string, unavailable bool) {
	var server driver.ServerError
	if !errors.As(err, &server) {
		return "", true
	}
	if failedToReplicate(err) {
		return "the write was not confirmed by a majority", true
	}
	for _, code := range outages {
		if server.HasErrorCode(code.code) {
			return code.advice, true
		}
	}
	for _, label := range []string{"NetworkError", "RetryableWriteError", "TransientTransactionError", "SystemOverloadedError", "RetryableError"} {
		if server.HasErrorLabel(label) {
			return "", true
		}
	}
	return "", false
}

// outages are the codes of errors that pass, or that an administrator mends
// (https://www.mongodb.com/docs/manual/reference/error-codes/).
var outages = []struct {
	code   int
	advice string
}{
	{6, ""}, // HostUnreachable
	{7, ""}, // HostNotFound
	{13, "let this user read and write the database, and make indexes"}, // Unauthorized
	{18, "check user, password and authSource"},                         // AuthenticationFailed
	{8000, "check user and password"},                                   // AtlasError
	{24, "somebody else keeps the collection locked"},                   // LockTimeout
	{46, "somebody else keeps the collection locked"},                   // LockBusy
	{50, "the server took too long"},                                    // MaxTimeMSExpired
	{262, "the server took too long"},                                   // ExceededTimeLimit
	{64, "the write was not confirmed by a majority"},                   // WriteConcernFailed
	{100, "too few members of the replica set keep data"},               // UnsatisfiableWriteConcern
	{89, ""},           // NetworkTimeout
	{91, ""},           // ShutdownInProgress
	{112, "try again"}, // WriteConflict
	{117, ""},          // ConflictingOperationInProgress
	{133, "no member of the replica set suits the read preference"}, // FailedToSatisfyReadPreference
	{134, "the majority of the replica set lags behind"},            // ReadConcernMajorityNotAvailableYet
	{148, "start the servers with majority reads enabled"},          // ReadConcernMajorityNotEnabled
	{175, "the collection or an index of it was dropped meanwhile"}, // QueryPlanKilled
	{189, ""},                         // PrimarySteppedDown
	{202, ""},                         // NetworkInterfaceExceededTimeLimit
	{217, ""},                         // IncompleteTransactionHistory
	{225, ""},                         // TransactionTooOld
	{237, ""},                         // CursorKilled
	{246, ""},                         // SnapshotUnavailable
	{279, ""},                         // ClientDisconnect
	{290, "the server took too long"}, // TransactionExceededLifetimeLimitSeconds
	{365, ""},                         // TemporarilyUnavailable
	{9001, ""},                        // SocketException
	{10107, ""},                       // NotWritablePrimary
	{11600, ""},                       // InterruptedAtShutdown
	{11601, ""},                       // Interrupted
	{11602, ""},                       // InterruptedDueToReplStateChange
	{13388, ""},                       // StaleConfig
	{13435, ""},                       // NotPrimaryNoSecondaryOk
	{13436, ""},                       // NotPrimaryOrSecondary
	{14031, "the disk of the server is full"}, // OutOfDiskSpace
}
