package main

import (
	"testing"

	"myauth.internal/examples/routers/routertest"
)

func TestRouter(t *testing.T) { routertest.Check(t, nil, router, "") }
