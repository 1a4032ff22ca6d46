package conformance_test

import (
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit/memstore"
)

func TestTrips(t *testing.T) { conformance.RunTrips(t, memstore.New().Stores(), nil, nil) }
