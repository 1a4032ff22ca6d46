package stores

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"myauth.internal/kit"
)

// store is one of those that are compared, empty at first.
type store struct {
	users  kit.UserStore
	tokens kit.TokenStore
	pages  kit.UserLister // of benchPages, which needs no other
	// fill adds up to 2000 users and tokens faster than one by one; nil: by Create.
	// The last call gets none: the database may be told to take stock.
	fill func(ctx context.Context, users []kit.User, tokens []kit.Token) error
}

// mostCallers is the greater of the two numbers of callers.
const mostCallers = 16

// bench compares a driver's store with a minimal one. Open is called once for each size.
func bench(b *testing.B, open func(b *testing.B) (driver, bare store)) {
	sizes, err := parseSizes(os.Getenv("MYAUTH_BENCH_USERS"))
	if err != nil {
		b.Fatal(err)
	}
	var smallest []*crowd
	for _, size := range sizes {
		driver, bare := open(b)
		crowds := []*crowd{{store: driver, size: size}, {store: bare, size: size}}
		for _, c := range crowds {
			if err := c.populate(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		sides := crowds
		if smallest == nil {
			smallest = crowds
		} else {
			sides = append(sides, smallest...)
		}
		b.Run(fmt.Sprintf("users=%d", size), func(b *testing.B) {
			for _, callers := range []int{1, mostCallers} {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { compare(b, callers, sides, uses) })
			}
		})
	}
}

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

// compare measures each of the use cases over the driver's crowd, the minimal store's, and those
// of the smallest size, if these are others.
func compare(b *testing.B, callers int, crowds []*crowd, uses []use) {
	for _, u := range uses {
		b.Run(u.name, func(b *testing.B) {
			var sides []*side
			for _, c := range crowds {
				sides = append(sides, &side{crowd: c, use: u})
			}
			measure(b, callers, sides)
			driver, bare := sides[0], sides[1]
			b.ReportMetric(driver.typical(), "ns/op")
			b.ReportMetric(bare.typical(), "bare-ns/op")
			b.ReportMetric(bare.typical()/driver.typical(), "ratio")
			b.ReportMetric(float64(driver.allocs)/float64(b.N), "allocs/op")
			b.ReportMetric(float64(driver.bytes)/float64(b.N), "B/op")
			if len(sides) > 2 {
				b.ReportMetric(driver.typical()/sides[2].typical(), "growth")
				b.ReportMetric(bare.typical()/sides[3].typical(), "bare-growth")
			}
		})
	}
}

// crowd is a store with its users, each of whom has a session.
type crowd struct {
	store
	size    int
	next    atomic.Int64 // numbers what is added
	changes atomic.Int64 // numbers those of sessions
}

// another returns a number that no user and no token has.
func (c *crowd) another() int { return int(c.next.Add(1)) }

// populate adds the users with a session each.
func (c *crowd) populate(ctx context.Context) error {
	c.next.Store(int64(c.size))
	if c.fill == nil {
		return inParallel(c.size, func(i int) error {
			return errors.Join(c.users.Create(ctx, newUser(i)), c.tokens.Create(ctx, newToken(i, i)))
		})
	}
	const batch = 2000
	for first := 0; first < c.size; first += batch {
		var users []kit.User
		var tokens []kit.Token
		for i := first; i < min(first+batch, c.size); i++ {
			users, tokens = append(users, newUser(i)), append(tokens, newToken(i, i))
		}
		if err := c.fill(ctx, users, tokens); err != nil {
			return err
		}
	}
	return c.fill(ctx, nil, nil)
}

// inParallel calls f with each number below n, from many goroutines.
func inParallel(n int, f func(i int) error) error {
	errs := make([]error, mostCallers)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += mostCallers {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
