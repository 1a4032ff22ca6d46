package conformance

import (
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

const repeatQuote = "Repeating a call that failed so is safe, whatever became of it."

// serviceNetworkRules run the use cases of a Service while one exchange with the
// server is lost, each exchange in turn: whatever the caller is told, trying once
// more ends well.
func serviceNetworkRules() []rule {
	lost := func(id string, lose func(*Network, int) func() bool) rule {
		return rule{
			id:    id,
			quote: repeatQuote,
			needs: []Ability{Networking},
			prove: func(p *probe) {
				s := p.instancesOf(10 * time.Second)
				defer s.close()
				for i, use := range s.useCases() {
					nth := 1
					for s.loses(use, fmt.Sprintf("u%dx%d@example.com", i, nth), nth, lose) {
						if nth++; nth > exchanges {
							s.fatalf(tooManyExchanges, use.name, exchanges)
						}
					}
				}
			},
		}
	}
	return []rule{
		lost("service/network/lost-request", (*Network).LoseRequest),
		lost("service/network/lost-answer", (*Network).LoseAnswer),
	}
}

// useCase is one operation of a Service and what must hold once it succeeded.
type useCase struct {
	name string
	// prepare makes an account at the address and returns the operation and
	// what has to hold after it.
	prepare func(email string) (operation func() error, check func())
	// already is what the operation may say when it is tried again.
	already error
}

// loses tries the operation with its nth exchange lost, and reports whether there
// was one.
func (s *instances) loses(use useCase, email string, nth int, lose func(*Network, int) func() bool) bool {
	operation, check := use.prepare(email)
	stop := lose(s.network, nth)
	err := operation()
	if !stop() {
		s.must(err, "%s over a network that works", use.name)
		return false
	}
	s.settle(userKind, "after one connection was reset")
	s.settle(tokenKind, "after one connection was reset")
	if err != nil {
		s.wantErr(err, kit.ErrUnavailable, "%s while exchange %d with the server is lost", use.name, nth)
		if again := operation(); again != nil && (use.already == nil || !errors.Is(again, use.already)) {
			s.fatalf("%s once more, after exchange %d with the server was lost: got error %v, want none", use.name, nth, again)
		}
	}
	check()
	return true
}
