package conformance

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Racers and rounds of the cases in which callers meet. The handles take turns.
const (
	racers = 16
	rounds = 6
)

// race calls f n times at once, each call on a goroutine of its own and through
// one of the two handles in turn, and returns what each call said.
func (p *probe) race(n int, f func(i int, h *handle) error) []error {
	return atOnce(n, func(i int) (err error) {
		err = errNoReturn // no caller's win
		defer p.recoverPanic()
		return f(i, p.both()[i%2])
	})
}

// atOnce calls f n times at once, each call on a goroutine of its own.
func atOnce(n int, f func(i int) error) []error {
	answers := make([]error, n)
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			answers[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return answers
}

// wantOneWinner wants exactly one nil among the answers, and the loser's error everywhere
// else. It returns who won, or -1.
func (p *probe) wantOneWinner(answers []error, what string, loser error) int {
	winner, wins, others := -1, 0, map[string]int{}
	for i, err := range answers {
		if err == nil {
			winner, wins = i, wins+1
		} else if errProblem(err, loser) != "" {
			others[err.Error()]++
		}
	}
	if wins != 1 {
		p.failf("%s, %d at once: %d succeeded, want exactly 1", what, len(answers), wins)
		winner = -1
	}
	for message, n := range others {
		p.failf("%s, %d at once: %d of those that did not succeed got error %q, want %s", what, len(answers), n, message, nameOf(loser))
	}
	return winner
}

// wantOnly reports answers that are neither nil nor one of the allowed errors.
func (p *probe) wantOnly(answers []error, what string, allowed ...error) {
	for i, err := range answers {
		p.wantNoneBut(err, fmt.Sprintf(what, i), allowed...)
	}
}

// wantNoneBut wants no error, or one of those that are allowed.
func (p *probe) wantNoneBut(err error, what string, allowed ...error) {
	if err != nil && !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
		p.failf("%s: got error %v, want none of that kind", what, err)
	}
}
