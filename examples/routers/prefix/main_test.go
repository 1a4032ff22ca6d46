package main

import (
	"testing"

	"myauth.internal/examples/demo/routertest"
)

func TestRouter(t *testing.T) { routertest.Check(t, cut, router, "/api/v1") }

func TestWhole(t *testing.T) { routertest.Check(t, whole, wholeRouter, "/api/v1") }
