package conformance

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"myauth.internal/kit"
)

const hashesQuote = "SecretHash, PreviousHash and Salt come back byte for byte"

// storeTokens creates each token, and checks it; then updates another to the
// same fields, and checks that.
func (p *probe) storeTokens(tokens []kit.Token) {
	for i, t := range tokens {
		t.ID, t.Version = tokenID(fmt.Sprintf("created %d", i)), 1
		if err := p.a.Tokens.Create(p.ctx(), t.Clone()); err != nil {
			p.failf("Create of token %d of the table, %v, session %s: got error %v, want none", i, t, brief(t.SessionID), err)
			continue
		}
		p.checkToken(t, "after Create")

		before := newToken(fmt.Sprintf("updated %d", i), t.UserID)
		before.Type = t.Type
		p.addToken(p.b, before)
		t.ID = before.ID
		if err := p.b.Tokens.Update(p.ctx(), t.Clone()); err != nil {
			p.failf("Update to token %d of the table, %v, session %s: got error %v, want none", i, t, brief(t.SessionID), err)
			continue
		}
		t.Version++
		p.checkToken(t, "after Update")
	}
}

// eachToken returns n tokens of users of their own, altered by change.
func eachToken(n int, change func(i int, t *kit.Token)) []kit.Token {
	tokens := make([]kit.Token, n)
	for i := range tokens {
		tokens[i] = newToken(fmt.Sprint("n", i), fmt.Sprint("user-", i))
		change(i, &tokens[i])
	}
	return tokens
}

var tokenValueRules = []rule{
	{
		id:    "tokens/values/every-field",
		quote: "and so does what it says of values",
		prove: func(p *probe) {
			p.storeTokens([]kit.Token{newToken("session", "ann"), newReset("reset", "bob")})
		},
	},
	{
		id:    "tokens/values/fills-in-nothing",
		quote: "reads no clock and fills in nothing: what was stored is what comes back",
		prove: func(p *probe) {
			t := kit.Token{ID: tokenID("bare"), Type: kit.RefreshToken, UserID: "ann"}
			p.addToken(p.a, t)
			p.checkToken(t, "after Create with no other field")
			p.must(p.b.Tokens.Update(p.ctx(), t), "Update with no other field")
			t.Version++
			p.checkToken(t, "after Update with no other field")
		},
	},
	{
		id:    "tokens/values/unicode",
		quote: everyString,
		prove: func(p *probe) {
			p.storeTokens(eachToken(len(texts), func(i int, t *kit.Token) { t.SessionID = texts[i] }))
		},
	},
	{
		id:    "tokens/values/bytes",
		quote: hashesQuote,
		prove: func(p *probe) {
			patterns := [][]byte{
				make([]byte, 32),
				bytes.Repeat([]byte{0xff}, 32),
				append(make([]byte, 31), 1),
				append([]byte{1}, make([]byte, 31)...),
				[]byte("\\x00112233\\000\r\n'\"\xc3\xa9\xff\xfe\xc3         "),
			}
			for first := 0; first < 256; first += 32 {
				pattern := make([]byte, 32)
				for i := range pattern {
					pattern[i] = byte(first + i)
				}
				patterns = append(patterns, pattern)
			}
			p.storeTokens(eachToken(3*len(patterns), func(i int, t *kit.Token) {
				pattern := patterns[i/3]
				switch i % 3 {
				case 0:
					t.SecretHash = pattern
				case 1:
					t.PreviousHash = pattern
				case 2:
					t.Salt = pattern
				}
			}))
		},
	},
	{
		id:    "tokens/values/empty-slices",
		quote: "An empty and a nil slice are the same, either may come back for the other.",
		prove: func(p *probe) {
			p.storeTokens(eachToken(6, func(i int, t *kit.Token) {
				empty := [][]byte{nil, {}}[i%2]
				switch i / 2 {
				case 0:
					t.SecretHash, t.PreviousHash, t.Salt = empty, empty, empty
				case 1:
					t.PreviousHash = empty
				case 2:
					t.Salt = empty
				}
			}))
		},
	},
	{
		id:    "tokens/values/integers",
		quote: everyInteger,
		prove: func(p *probe) {
			for i, n := range integers {
				t := newToken(fmt.Sprint("n", i), "ann")
				t.Epoch, t.Version = n, n
				p.addToken(p.a, t)
				p.checkToken(t, "after Create")
				if n == math.MaxInt64 {
					continue // there is no Version after this one
				}
				p.wantErr(p.b.Tokens.Update(p.ctx(), t), nil, "Update at Version %d", n)
				t.Version++
				p.checkToken(t, "after Update")
			}
		},
	},
	{
		id:    "tokens/values/neighbouring-versions",
		quote: "but only while the stored Version is t.Version",
		prove: func(p *probe) {
			for i, n := range []int64{1<<53 + 1, 1<<53 - 1, -(1<<53 + 1), math.MaxInt64 - 1, math.MaxInt32 + 1} {
				t := newToken(fmt.Sprint("n", i), "ann")
				t.Version = n
				p.addToken(p.a, t)
				for _, other := range []int64{n - 1, n + 1, int64(int32(n))} {
					stale := t
					stale.Version = other
					p.wantErr(p.a.Tokens.Update(p.ctx(), stale), kit.ErrConflict, "Update with Version %d of a token at %d", other, n)
				}
			}
		},
	},
}

// timeFields reach each time of a token.
var timeFields = []struct {
	name string
	of   func(*kit.Token) *time.Time
}{
	{"CreatedAt", func(t *kit.Token) *time.Time { return &t.CreatedAt }},
	{"RotatedAt", func(t *kit.Token) *time.Time { return &t.RotatedAt }},
	{"ExpiresAt", func(t *kit.Token) *time.Time { return &t.ExpiresAt }},
	{"RevokedAt", func(t *kit.Token) *time.Time { return &t.RevokedAt }},
}
