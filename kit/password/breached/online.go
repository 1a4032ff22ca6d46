package breached

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached/internal/hashes"
)

const (
	pwnedPasswords = "https://api.pwnedpasswords.com/range"
	userAgent      = "MyAuth (Go; kit/password/breached)" // the service asks for one
	maxWait        = time.Second
	// maxAnswer bounds an answer. One of Pwned Passwords has a thousand lines of 40 bytes, or a
	// few more.
	maxAnswer = 1 << 20
)

// Options are those of [Online].
type Options struct {
	// URL is where the ranges are; default https://api.pwnedpasswords.com/range. A slash and
	// the five digits are added to it. It must be https, or http to localhost or a loopback
	// address: otherwise others could read what is asked, and decide what is refused.
	URL string
	// Client sends the requests; default one with [http.DefaultTransport]. A copy of it is
	// used, which follows no redirect.
	Client *http.Client
	// OnError, which may be nil, hears why a password could not be looked up, and so was
	// accepted. The error has nothing of the password or its hash. OnError is called within
	// the request, so it should return soon.
	OnError func(context.Context, error)
}

// Online returns a policy that accepts what next accepts (nil means [password.Strict]), unless
// the service at Options.URL has a list with it. nil means default options. An error says
// which option is wrong.
//
// The service must have the range API of Pwned Passwords: it is asked for all hashes that begin
// with the same five digits, so it learns 20 bits of the SHA-1 of the password. It also learns
// the address of this server, and when somebody chooses a password. Answers are padded, so
// their length does not tell an observer which digits were asked for. Nothing is cached.
//
// A check takes one second at most, and at most half of the time until the deadline of its
// context. Whatever goes wrong, such as a timeout, another status than 200, and an answer
// that is too large (over 1 MiB) or malformed, the password is accepted and OnError called.
// A check returns an error only if next does or its context ends. A draft is not looked up: see
// [password.WithDraft].
func Online(next password.Policy, o *Options) (password.Policy, error) {
	if o == nil {
		o = &Options{}
	}
	where, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	s := &service{url: where, client: &http.Client{}}
	if o.Client != nil {
		*s.client = *o.Client
	}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return policy(next, s.lists, o.OnError), nil
}

// parseURL quotes nothing in its errors, since a URL may have a password in it.
func parseURL(text string) (*url.URL, error) {
	if text == "" {
		text = pwnedPasswords
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("breached: Options.URL must be a URL such as " + pwnedPasswords + ", without query and fragment")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errors.New("breached: Options.URL must be https, or http to this machine")
	}
	return u, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// service is one with the range API.
type service struct {
	url    *url.URL
	client *http.Client
}

// lists reports whether the service has the hash.
func (s *service) lists(ctx context.Context, sum hashes.Sum) (bool, error) {
	if password.IsDraft(ctx) {
		return false, nil
	}
	digits := fmt.Sprintf("%X", sum[:3])[:5]
	found, err := s.ask(ctx, digits, sum)
	if err != nil {
		// The errors of net/http quote the URL, and some what a server has sent.
		err = errors.New("breached: " + strings.ReplaceAll(err.Error(), digits, "…"))
	}
	return found, err
}

func (s *service) ask(ctx context.Context, digits string, sum hashes.Sum) (bool, error) {
	wait := maxWait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2) // the request must survive the outage
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.JoinPath(digits).String(), nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", userAgent)
	answer, err := s.client.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s answered with status %d", s.url.Host, answer.StatusCode)
	}
	found, err := find(answer.Body, digits, sum)
	if err != nil {
		return false, fmt.Errorf("the answer of %s: %w", s.url.Host, err)
	}
	return found, nil
}

// find reports whether a range has the hash. It reads all of it first, since nothing of an
// answer that is malformed somewhere counts.
func find(body io.Reader, digits string, sum hashes.Sum) (found bool, err error) {
	rest := &io.LimitedReader{R: body, N: maxAnswer + 1}
	lines := bufio.NewScanner(rest)
	n := 0
	for ; lines.Scan(); n++ {
		listed, count, ok := hashes.ParseLine(digits, lines.Bytes())
		if !ok && rest.N > 0 {
			return false, fmt.Errorf("line %d is no hash with a count", n+1)
		}
		found = found || count > 0 && listed == sum
	}
	switch {
	case rest.N <= 0:
		return false, fmt.Errorf("it has more than %d bytes", maxAnswer)
	case lines.Err() != nil:
		return false, lines.Err()
	case n == 0:
		return false, errors.New("it is empty")
	}
	return found, nil
}
