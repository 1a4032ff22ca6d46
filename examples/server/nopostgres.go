//go:build nopostgres

package main

var openPostgres openStore
