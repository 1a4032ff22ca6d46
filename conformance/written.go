package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// userIs reads the user at that ID through handle b, by each way there is, and
// reports whether it is in its state after the write; nil stands for absence.
func (p *probe) userIs(at kit.User, before, after *kit.User) bool {
	return after == agreed(p,
		func() *kit.User { return p.userState(at, before, after) },
		func(state *kit.User) string { return p.byEmailProblem(at, state) })
}

// tokenIs is the same for tokens.
func (p *probe) tokenIs(at kit.Token, before, after *kit.Token) bool {
	return after == agreed(p,
		func() *kit.Token { return p.tokenState(at, before, after) },
		func(state *kit.Token) string { return p.byUserProblem(at, state) })
}

// agreed returns the state of a record that ByID shows, and reports when the other
// look-up disagrees.
func agreed[T any](p *probe, byID func() *T, otherwise func(*T) string) *T {
	state := byID()
	problem := otherwise(state)
	if problem != "" {
		// A write that its caller gave up may still land, once: between the two
		// look-ups, which then saw different moments. A second look tells.
		if again := byID(); again != state {
			state, problem = again, otherwise(again)
		}
	}
	if problem != "" {
		p.failf("%s", problem)
	}
	return state
}

// userState returns the one of the two that the user at that ID is in.
func (p *probe) userState(at kit.User, before, after *kit.User) *kit.User {
	got, err := p.b.Users.ByID(p.ctx(), at.ID)
	for _, state := range []*kit.User{before, after} {
		switch {
		case state == nil && errors.Is(err, kit.ErrNotFound):
			return nil
		case state != nil && err == nil && len(userDiff(got, *state, p.cfg.TimePrecision)) == 0:
			return state
		}
	}
	p.failf("ByID of %s, after the call: got %s, want it as before the call (%s) or as after it (%s)", brief(at.ID), gave(err), p.userDistance(got, err, before), p.userDistance(got, err, after))
	return before
}

// tokenState is the same for tokens.
func (p *probe) tokenState(at kit.Token, before, after *kit.Token) *kit.Token {
	got, err := p.b.Tokens.ByID(p.ctx(), at.ID)
	for _, state := range []*kit.Token{before, after} {
		switch {
		case state == nil && errors.Is(err, kit.ErrNotFound):
			return nil
		case state != nil && err == nil && len(tokenDiff(got, *state, p.cfg.TimePrecision)) == 0:
			return state
		}
	}
	p.failf("ByID of %s, after the call: got %s, want it as before the call (%s) or as after it (%s)", brief(at.ID), gave(err), p.tokenDistance(got, err, before), p.tokenDistance(got, err, after))
	return before
}

// byEmailProblem says how ByEmail disagrees with what ByID has found.
func (p *probe) byEmailProblem(at kit.User, state *kit.User) string {
	if state == nil {
		_, err := p.b.Users.ByEmail(p.ctx(), at.Email)
		if problem := errProblem(err, kit.ErrNotFound); problem != "" {
			return "ByEmail of a user that ByID does not find: " + problem
		}
		return ""
	}
	got, err := p.b.Users.ByEmail(p.ctx(), state.Email)
	if problem := errProblem(err, nil); problem != "" {
		return "ByEmail of a user that ByID finds: " + problem
	}
	if diff := userDiff(got, *state, p.cfg.TimePrecision); len(diff) > 0 {
		return "ByEmail, which has to agree with ByID: " + strings.Join(diff, "; ")
	}
	return ""
}

// byUserProblem says how ByUser disagrees with what ByID has found.
func (p *probe) byUserProblem(at kit.Token, state *kit.Token) string {
	list, err := p.b.Tokens.ByUser(p.ctx(), at.UserID, "", 1000)
	if problem := errProblem(err, nil); problem != "" {
		return "ByUser: " + problem
	}
	i := slices.IndexFunc(list, func(t kit.Token) bool { return t.ID == at.ID })
	switch {
	case state == nil && i >= 0:
		return "ByUser lists a token that ByID does not find"
	case state != nil && i < 0:
		return "ByUser does not list a token that ByID finds"
	case state != nil:
		if diff := tokenDiff(list[i], *state, p.cfg.TimePrecision); len(diff) > 0 {
			return "ByUser, which has to agree with ByID: " + strings.Join(diff, "; ")
		}
	}
	return ""
}

// gave says in a word what a read gave.
func gave(err error) string {
	if err != nil {
		return fmt.Sprintf("error %v", err)
	}
	return "a record that is neither"
}

// userDistance says how what was read differs from a state of the user; nil stands for
// absence.
func (p *probe) userDistance(got kit.User, err error, state *kit.User) string {
	switch {
	case state == nil:
		return "absent"
	case err != nil:
		return "present"
	}
	return strings.Join(userDiff(got, *state, p.cfg.TimePrecision), "; ")
}

// tokenDistance is the same for tokens.
func (p *probe) tokenDistance(got kit.Token, err error, state *kit.Token) string {
	switch {
	case state == nil:
		return "absent"
	case err != nil:
		return "present"
	}
	return strings.Join(tokenDiff(got, *state, p.cfg.TimePrecision), "; ")
}
