package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	case errors.Is(err, kit.ErrNewerRecord):
		return fmt.Errorf("mongo: %s: %w", op, err)
	case errors.Is(err, driver.ErrNoDocuments):
		return kit.ErrNotFound
	case taken != nil && driver.IsDuplicateKeyError(err) && !failedToReplicate(err):
		return taken
	case errors.As(err, &broken):
		return fmt.Errorf("mongo: %s: %w", op, broken.error)
	case ctx.Err() != nil:
		return fmt.Errorf("mongo: %s: %w", op, ctx.Err())
	}
	advice, unavailable := classify(err)
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

// classify reports whether an error is an outage, and what a person can do about it. An
// error that is not the server's is one of the way to it.
func classify(err error) (advice string, unavailable bool) {
	var server driver.ServerError
	if !errors.As(err, &server) {
		return "", true
	}
	if failedToReplicate(err) {
		return "the write was not confirmed by a majority", true
	}
	for _, o := range outages {
		if slices.ContainsFunc(o.codes, server.HasErrorCode) {
			return o.advice, true
		}
	}
	labels := []string{"NetworkError", "RetryableWriteError", "TransientTransactionError", "SystemOverloadedError", "RetryableError"}
	return "", slices.ContainsFunc(labels, server.HasErrorLabel)
}

// outages are the codes of errors that pass, or that an administrator mends
// (https://www.mongodb.com/docs/manual/reference/error-codes/).
var outages = []struct {
	advice string
	codes  []int
}{
	{"let this user read and write the database, and make indexes", []int{13}}, // Unauthorized
	{"check user, password and authSource", []int{18, 8000}},                   // AuthenticationFailed, AtlasError
	{"another program keeps the collection locked", []int{24, 46}},             // LockTimeout, LockBusy
	{"the server took too long", []int{50, 262, 290}},                          // MaxTimeMSExpired, ExceededTimeLimit, TransactionExceededLifetimeLimitSeconds
	{"the write was not confirmed by a majority", []int{64}},                   // WriteConcernFailed
	{"too few members of the replica set keep data", []int{100}},               // UnsatisfiableWriteConcern
	{"try again", []int{112}},                                                  // WriteConflict
	{"no member of the replica set suits the read preference", []int{133}},     // FailedToSatisfyReadPreference
	{"the majority of the replica set lags behind", []int{134}},                // ReadConcernMajorityNotAvailableYet
	{"start the servers with majority reads enabled", []int{148}},              // ReadConcernMajorityNotEnabled
	{"the collection or an index of it was dropped meanwhile", []int{175}},     // QueryPlanKilled
	{"the disk of the server is full", []int{14031}},                           // OutOfDiskSpace
	// HostUnreachable, HostNotFound, NetworkTimeout, NetworkInterfaceExceededTimeLimit, ClientDisconnect, SocketException
	{"", []int{6, 7, 89, 202, 279, 9001}},
	// ShutdownInProgress, PrimarySteppedDown, NotWritablePrimary, InterruptedAtShutdown, Interrupted, InterruptedDueToReplStateChange,
	// NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
	{"", []int{91, 189, 10107, 11600, 11601, 11602, 13435, 13436}},
	// ConflictingOperationInProgress, IncompleteTransactionHistory, TransactionTooOld, CursorKilled, SnapshotUnavailable,
	// TemporarilyUnavailable, StaleConfig
	{"", []int{117, 217, 225, 237, 246, 365, 13388}},
}
