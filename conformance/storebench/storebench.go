// Package storebench measures what a store costs beyond its database, and how the
// cost grows with the data.
//
// [Run] makes the calls of each use case of a [kit.Service], without the hash, the
// tokens and HTTP, and beside them the same statements issued directly on the same
// client:
//
//	func BenchmarkStore(b *testing.B) {
//		storebench.Run(b, func(b *testing.B) storebench.Subject {
//			store, db := open(b) // empty, and another one at each call
//			return storebench.Subject{
//				Stores: conformance.Stores{Users: store.Users(), Tokens: store.Tokens()},
//				Bare:   storebench.Bare{UserByID: func(ctx context.Context, id string) error { … }, …}, // on db
//			}
//		})
//	}
//
// For stores on package kit/sqlstore, [SQL] makes the bare statements. The use cases:
//
//	login     a user by address, a new session
//	refresh   a session, its user, the rotation of the session
//	me        a user by ID
//	register  a look at the address, a new user
//	purge     removal of a thousand expired sessions
//
// Each runs with 1 and with 16 callers, and over stores of several sizes.
// MYAUTH_BENCH_USERS lists the numbers of users, each with one session, that the
// stores hold meanwhile, in ascending order: 1000 unless told, and 1000,1000000 shows
// the growth. What is measured is taken in turns of some milliseconds, so that a
// machine which is faster or slower for a while is so for all of it. Of these turns
// the middle three quarters are reported. An operation has two seconds, as a call of a
// Service; what is slower fails the benchmark.
//
//	ns/op             a use case over the store
//	bare-ns/op        the bare statements
//	ratio             the second by the first: 1 when the store costs nothing
//	growth            ns/op by that of the smallest size
//	bare-growth       the same of the bare statements: what the database grows by
//
// Allocations are those of the store and of its client. Both sides hold the harness:
// a deadline for each operation and the making of names, half a microsecond and five
// allocations. That shows where a store is in memory.
package storebench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
)

// Subject is an empty store and what it is compared with.
type Subject struct {
	Stores conformance.Stores
	Bare   Bare
	// Fill adds many users and tokens faster than one by one, at most a few
	// thousand at a time and from one goroutine; nil: by Create. The last call gets
	// none: everything is there then, and the database may be told to take stock.
	Fill func(ctx context.Context, users []kit.User, tokens []kit.Token) error
}

// Bare are the statements that a store issues for its methods, on the same client
// and without the store. What they read they decode into plain variables. What is not
// done, because nothing was there, is an error; only UserByEmail says so otherwise.
type Bare struct {
	UserByID      func(ctx context.Context, id string) error
	UserByEmail   func(ctx context.Context, emailKey string) (found bool, err error)
	UserCreate    func(ctx context.Context, u kit.User) error
	TokenByID     func(ctx context.Context, id string) error
	TokenCreate   func(ctx context.Context, t kit.Token) error
	TokenUpdate   func(ctx context.Context, t kit.Token) error // of Version to Version+1
	DeleteExpired func(ctx context.Context, before time.Time, limit int) (int, error)
}

// Run runs the benchmarks. open is called once for each size.
func Run(b *testing.B, open func(b *testing.B) Subject) {
	sizes, err := parseSizes(os.Getenv("MYAUTH_BENCH_USERS"))
	if err != nil {
		b.Fatal(err)
	}
	var smallest *crowd
	for _, size := range sizes {
		c := &crowd{Subject: open(b), users: size}
		if err := c.fill(b.Context()); err != nil {
			b.Fatal(err)
		}
		if smallest == nil {
			smallest = c
		}
		b.Run(fmt.Sprintf("users=%d", size), func(b *testing.B) {
			for _, callers := range []int{1, mostCallers} {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { compare(b, c, smallest, callers) })
			}
		})
	}
}

const mostCallers = 16

// parseSizes reads MYAUTH_BENCH_USERS.
func parseSizes(text string) ([]int, error) {
	if text == "" {
		return []int{1000}, nil
	}
	var sizes []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < mostCallers {
			return nil, fmt.Errorf("MYAUTH_BENCH_USERS is %q: write numbers of at least %d with commas between them, such as 1000,1000000", text, mostCallers)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}

// compare measures every use case over c, and over the smallest crowd beside it.
func compare(b *testing.B, c, smallest *crowd, callers int) {
	for _, u := range uses {
		b.Run(u.name, func(b *testing.B) {
			sides := []*side{{crowd: c, use: u}, {crowd: c, use: u, bare: true}}
			if c != smallest {
				sides = append(sides, &side{crowd: smallest, use: u}, &side{crowd: smallest, use: u, bare: true})
			}
			measure(b, callers, sides)
			store, bare := sides[0], sides[1]
			b.ReportMetric(store.typical(), "ns/op")
			b.ReportMetric(bare.typical(), "bare-ns/op")
			b.ReportMetric(bare.typical()/store.typical(), "ratio")
			b.ReportMetric(float64(store.allocs)/float64(b.N), "allocs/op")
			b.ReportMetric(float64(store.bytes)/float64(b.N), "B/op")
			if c != smallest {
				b.ReportMetric(store.typical()/sides[2].typical(), "growth")
				b.ReportMetric(bare.typical()/sides[3].typical(), "bare-growth")
			}
		})
	}
}
