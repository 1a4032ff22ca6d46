package main

import (
	"testing"

	"myauth.internal/examples/demo/routertest"
)

func TestRouter(t *testing.T) { routertest.Check(t, nil, router, "") }
