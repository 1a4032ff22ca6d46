package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// maxIdentities is how many an account may have. It bounds what a list reads.
const maxIdentities = 20

// The refusals, beside those of kit.
var (
	errLinkRequired    = kit.NewProblem(409, "link_required", "Link required", "There is already an account with this email address. Sign in to it, and link this provider there.")
	errNoAddress       = kit.NewProblem(409, "link_required", "Link required", "The provider gives no email address that an account could have. Sign in to your account, and link this provider there.")
	errEmailUnverified = kit.NewProblem(403, "email_unverified", "Email unverified", "We sent a link to your email address. Follow it to finish.")
	errAlreadyLinked   = kit.NewProblem(409, "already_registered", "Already registered", "This account elsewhere is linked to another account.")
	errTooMany         = kit.NewProblem(409, "too_many_identities", "Too many identities", "An account has at most 20 identities. Remove one first.")
	errNotFound        = kit.NewProblem(404, "not_found", "Not found", "There is no such identity.")
)

// proof is what stands for the address of an assertion.
type proof int

const (
	// byProvider: at most the word of the provider.
	byProvider proof = iota
	// byMailbox: somebody has followed a link that was mailed to it. That need not be who
	// began: a stranger can begin with any address, and its owner follow the link.
	byMailbox
	// byBrowser: that was in the browser that began.
	byBrowser
)

// grounds are what a sign-in stands on.
type grounds struct {
	proof proof
	since time.Time // when the link was mailed
	// toLink: without linking the identity nothing is to be done.
	toLink bool
}

// step is what comes next for an assertion.
type step int

const (
	stepLogin  step = iota // to the account of the identity
	stepVisit              // to the account of the address; the identity stays unknown
	stepVerify             // the identity's account lacks nothing but the mark of its address
	stepCreate             // an account
	stepClaim              // one that nobody has verified
	stepAttach             // a new identity to the account
)

// outlook is what an assertion leads to.
type outlook struct {
	step     step
	user     kit.User
	identity identity // with stepLogin and stepVerify
}

// signIn returns the account that what a provider has said logs in to. In this order: the known
// identity's; one that is made for a free address; one of that address that nobody has verified,
// with nothing of whoever made it left. It writes what is missing. Errors: errLinkRequired,
// errEmailUnverified, what kit.Core.Register returns.
func (p *providers) signIn(ctx context.Context, c client, a assertion) (kit.User, error) {
	u, _, err := p.arrive(ctx, c, a, grounds{})
	return u, err
}

// foresee returns what signIn would, and writes nothing. The zero User stands for one that signIn
// would make, claim or mark.
func (p *providers) foresee(ctx context.Context, c client, a assertion) (kit.User, error) {
	o, err := p.look(ctx, c, a, grounds{})
	if err != nil || o.step != stepLogin && o.step != stepAttach {
		return kit.User{}, err
	}
	return o.user, nil
}

// look returns what an assertion leads to. Of an address that nobody has proved it says the same
// whoever has it, and does not even look.
func (p *providers) look(ctx context.Context, c client, a assertion, g grounds) (outlook, error) {
	for range rounds {
		k, err := p.find(ctx, a)
		if err == nil {
			o, err := p.known(ctx, a, k)
			if errors.Is(err, errLost) {
				continue
			}
			return o, err
		} else if !errors.Is(err, kit.ErrNotFound) {
			return outlook{}, err
		}
		email, ok := a.address()
		switch {
		case !ok:
			return outlook{}, errNoAddress
		case !a.Proved && g.proof == byProvider:
			return outlook{}, errEmailUnverified
		}
		u, err := p.core.UserByEmail(ctx, email)
		if errors.Is(err, kit.ErrUserNotFound) {
			if p.core.Service().Registration() != kit.RegistrationOpen {
				return outlook{}, kit.ErrRegistrationClosed
			}
			return outlook{step: stepCreate}, nil
		} else if err != nil {
			return outlook{}, err
		}
		if !u.Verified && u.Active {
			return outlook{step: stepClaim, user: u}, nil
		}
		// Another call may have made this account of the same identity a moment ago.
		if _, err := p.find(ctx, a); err == nil {
			continue
		} else if !errors.Is(err, kit.ErrNotFound) {
			return outlook{}, err
		}
		return p.taken(c, u, email, g)
	}
	return outlook{}, errContention
}

// known is look for a known identity. Its user is not judged: that is for kit.Core.Grant.
func (p *providers) known(ctx context.Context, a assertion, k identity) (outlook, error) {
	u, err := p.core.User(ctx, k.row.UserID)
	if errors.Is(err, kit.ErrUserNotFound) || err == nil && u.CredentialEpoch != k.row.Epoch {
		return outlook{}, errLost // since it was found
	}
	if err != nil {
		return outlook{}, err
	}
	if email, _ := a.address(); a.Proved && isBare(u) && kit.EmailKey(u.Email) == kit.EmailKey(email) {
		return outlook{stepVerify, u, k}, nil // it was made, and its maker interrupted
	}
	return outlook{stepLogin, u, k}, nil
}

// taken is look for an address that is another account's, whose owner has verified it.
func (p *providers) taken(c client, u kit.User, email string, g grounds) (outlook, error) {
	switch {
	case g.proof == byMailbox, !u.Active && g.proof == byBrowser:
		return outlook{step: stepVisit, user: u}, nil
	case u.Active && (g.proof == byBrowser || c.opens(email)):
		return outlook{step: stepAttach, user: u}, nil
	}
	return outlook{}, errLinkRequired
}

// opens reports whether the word of a provider opens the account of an address that it has proved.
func (c client) opens(email string) bool {
	_, domain, _ := strings.Cut(kit.EmailKey(email), "@")
	return slices.ContainsFunc(c.LinkDomains, func(d string) bool { return kit.EmailKey(d) == domain })
}

// isBare reports whether an account is as kit.Core.Register makes it: nobody has proved its
// address, and it has no password and no second factor.
func isBare(u kit.User) bool {
	return u.Active && !u.Verified && u.PasswordHash == "" && len(u.Factors) == 0
}

// errLost says that another call was first, so what was found no longer holds.
var errLost = errors.New("provider: another call was first")

// errContention: many calls change one account at once.
var errContention = fmt.Errorf("provider: too many sign-ins of one account at once: %w", kit.ErrUnavailable)

// rounds bounds how often a sign-in begins anew. Each time another call has changed the account.
const rounds = 40
