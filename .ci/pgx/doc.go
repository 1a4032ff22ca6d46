// Package pgx tests drivers/postgres over a pool of pgx. It is a module of its own, so
// that no user of the driver downloads pgx for its tests.
package pgx
