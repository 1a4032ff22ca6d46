//go:build noredis

package main

var openRedis openStore
