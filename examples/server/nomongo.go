//go:build nomongo

package main

var openMongo openStore
