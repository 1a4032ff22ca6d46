//go:build nosqlite

package main

var openSQLite openStore
