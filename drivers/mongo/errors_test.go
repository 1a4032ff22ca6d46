package mongo

import (
	"context"
	"errors"
	"strings"
	"testing"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"myauth.internal/kit"
)

// What a server says that FerretDB never does.
func TestErrorsOfTheServer(t *testing.T) {
	duplicate := driver.WriteErrors{{Code: 11000, Message: `E11000 duplicate key error: { email_key: "ann@example.com" }`}}
	unconfirmed := &driver.WriteConcernError{Name: "WriteConcernFailed", Code: 64, Message: "waiting for replication timed out"}
	for _, c := range []struct {
		name string
		err  error
		want error // nil: none of the contract's
	}{
		{"duplicate", driver.WriteException{WriteErrors: duplicate}, kit.ErrUserExists},
		{"duplicate that may be rolled back", driver.WriteException{WriteErrors: duplicate, WriteConcernError: unconfirmed}, kit.ErrUnavailable},
		{"not confirmed by a majority", driver.WriteException{WriteConcernError: unconfirmed}, kit.ErrUnavailable},
		{"stepped down", driver.CommandError{Code: 189, Name: "PrimarySteppedDown"}, kit.ErrUnavailable},
		{"not primary", driver.CommandError{Code: 10107, Name: "NotWritablePrimary"}, kit.ErrUnavailable},
		{"network", driver.CommandError{Labels: []string{"NetworkError"}}, kit.ErrUnavailable},
		{"not allowed", driver.CommandError{Code: 13, Name: "Unauthorized"}, kit.ErrUnavailable},
		{"lock timeout", driver.CommandError{Code: 24, Name: "LockTimeout"}, kit.ErrUnavailable},
		{"lock busy", driver.CommandError{Code: 46, Name: "LockBusy"}, kit.ErrUnavailable},
		{"read preference", driver.CommandError{Code: 133, Name: "FailedToSatisfyReadPreference"}, kit.ErrUnavailable},
		{"majority lags", driver.CommandError{Code: 134, Name: "ReadConcernMajorityNotAvailableYet"}, kit.ErrUnavailable},
		{"plan killed", driver.CommandError{Code: 175, Name: "QueryPlanKilled"}, kit.ErrUnavailable},
		{"time limit of the network", driver.CommandError{Code: 202, Name: "NetworkInterfaceExceededTimeLimit"}, kit.ErrUnavailable},
		{"for now", driver.CommandError{Code: 365, Name: "TemporarilyUnavailable"}, kit.ErrUnavailable},
		{"disconnected", driver.ErrClientDisconnected, kit.ErrUnavailable},
		{"a bug", driver.CommandError{Code: 9, Name: "FailedToParse"}, nil},
		{"validation", driver.WriteException{WriteErrors: driver.WriteErrors{{Code: 121, Message: "Document failed validation", Details: []byte(validation)}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&Store{}).do(context.Background(), "create user", kit.ErrUserExists, func(context.Context) error { return c.err })
			for _, known := range []error{kit.ErrUserExists, kit.ErrUnavailable, kit.ErrNotFound, kit.ErrConflict} {
				if got := errors.Is(err, known); got != (known == c.want) {
					t.Errorf("%v: errors.Is %v is %t", err, known, got)
				}
			}
			if text := err.Error(); strings.Contains(text, "ann@example.com") || strings.Contains(text, "$2a$") {
				t.Errorf("a value is in the error: %v", text)
			}
		})
	}
}

// validation is {"consideredValue": "$2a$"}, as a schema validator quotes it.
const validation = "\x1f\x00\x00\x00\x02consideredValue\x00\x05\x00\x00\x00$2a$\x00\x00"
