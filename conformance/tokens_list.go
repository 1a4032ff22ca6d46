package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// numerals are IDs that a column of numbers, or a client that guesses types, takes for
// one another or gives back in another form.
var numerals = []string{"7", "007", "+7", "7.0", "1e3", "1E3", "1000", "-0", "0", "0x10", "16", "12345678901234567890", "12345678901234567891", "1.5", "1.50", "true", "null", "NaN", "2024-02-29"}

// tokenListRules are about ByUser.
var tokenListRules = []rule{
	{id: "tokens/by-user/of-that-user", quote: byUser, prove: func(p *probe) {
		// Some begin alike, also up to what a joined key puts between user and token.
		users := append([]string{"ann", "ANN", "an", "anna", "a%", "a__", "bob", strings.Repeat("x", 64), "ann:", "ann:b", "ann-", "ann/b", "ann|b", "ann.b", "ann,b", "ann#b", "ann b", "ann~"}, numerals...)
		var tokens [][]*token
		for i, userID := range users {
			tokens = append(tokens, p.addTokens(i%2+1, userID))
		}
		for i, userID := range users {
			p.wantList(p.b, userID, "", 1000, tokens[i])
			p.wantList(p.a, userID, tokens[i][0].ID, 1000, tokens[i][1:])
		}
	}},
	{id: "tokens/by-user/every-type", quote: byUserEvery, prove: func(p *probe) {
		tokens := p.addEveryType()
		for _, h := range p.both() {
			p.wantList(h, "ann", "", 1000, tokens)
		}
	}},
	{id: "tokens/by-user/byte-order", quote: byUserOrder, prove: func(p *probe) {
		var tokens []*token
		for i, id := range similarIDs() {
			t := newToken(fmt.Sprint(i), "ann")
			t.ID, t.CreatedAt, t.ExpiresAt = id, epoch.Add(-time.Duration(i)*time.Second), epoch.Add(time.Duration(i*7%18)*time.Second)
			p.add(p.a, t)
			tokens = append(tokens, t)
		}
		sortByID(tokens)
		for _, h := range p.both() {
			for _, after := range []string{"", " ", "!"} {
				p.wantList(h, "ann", after, 1000, tokens)
			}
			p.wantList(h, "ann", "zzzzzzzzzzzzzzzzzzzzzz", 1000, nil)
			p.wantList(h, "ann", "~", 1000, nil)
			for i, t := range tokens {
				p.wantList(h, "ann", t.ID, 1000, tokens[i+1:])
				p.wantList(h, "ann", t.ID+" ", 1000, tokens[i+1:])
			}
		}
	}},
	{id: "tokens/by-user/limit", quote: byUserLimit, prove: func(p *probe) {
		tokens := p.addTokens(1001, "ann")
		p.addTokens(5, "bob")
		for i, limit := range []int{1, 12, 101, 999, 1000} {
			h := p.both()[i%2]
			p.wantList(h, "ann", "", limit, tokens[:limit])
			p.wantList(h, "ann", tokens[4].ID, limit, tokens[5:min(5+limit, len(tokens))])
			p.wantList(h, "ann", tokens[990].ID, limit, tokens[991:min(991+limit, len(tokens))])
		}
	}},
	{id: "tokens/by-user/after-removals", quote: byUserLimit, prove: func(p *probe) {
		// The first of each three expires, the second is deleted, the third stays.
		var tokens, left []*token
		for i := range 15 {
			t := newToken(fmt.Sprint(i), "ann")
			t.ID = fmt.Sprintf("tokens-in-order-%06d", i)
			if i%3 == 0 {
				t.ExpiresAt = epoch.Add(-time.Hour)
			}
			p.add(p.a, t)
			if tokens = append(tokens, t); i%3 == 2 {
				left = append(left, t)
			}
		}
		p.wantList(p.a, "ann", "", 15, tokens) // as a cache would see it
		p.wantPurged(p.a, epoch, 1000, 5)
		for i := 1; i < 15; i += 3 {
			p.must(tokens[i].delete(p.ctx(), p.b), "Delete")
		}
		for _, h := range p.both() {
			for limit := 1; limit <= 6; limit++ {
				p.wantList(h, "ann", "", limit, left[:min(limit, len(left))])
				p.wantList(h, "ann", tokens[0].ID, limit, left[:min(limit, len(left))])
			}
		}
	}},
	{id: "tokens/by-user/none", quote: byUserNone, prove: func(p *probe) {
		p.wantList(p.a, "ann", "", 10, nil)
		one := p.addTokens(1, "ann")[0]
		for _, userID := range []string{"bob", "", "an", "ANN", "%", "' OR ''='", one.ID} {
			p.wantList(p.b, userID, "", 10, nil)
		}
		p.wantList(p.b, "ann", one.ID, 10, nil)
		p.must(one.delete(p.ctx(), p.a), "Delete")
		p.wantList(p.b, "ann", "", 10, nil)
	}},
	keeps("tokens/values/no-user", fillsInNothing, func() []record { // such as a nonce, or a throttle's bucket
		t := newToken("one", "")
		t.SessionID, t.Type = "", "once"
		return []record{t}
	}),
	keeps("tokens/values/data", hashBytes, func() []record {
		var tokens []record
		for i, size := range []int{1, 255, 256, 2000, 4096, kit.MaxTokenData - 1, kit.MaxTokenData} {
			t := newToken(fmt.Sprint("n", i), "ann")
			t.Data = make([]byte, size)
			for at := range t.Data {
				t.Data[at] = byte(at + at>>8)
			}
			tokens = append(tokens, t)
		}
		for i, text := range append(settingsTexts, "\xdeadbeef", "null", " \n ", "\x00", "\xff\xfe", "e30=") {
			t := newToken(fmt.Sprint("text", i), "ann")
			t.Data = []byte(text)
			tokens = append(tokens, t)
		}
		return tokens
	}),
	keeps("tokens/values/bytes", hashBytes, func() []record {
		patterns := [][]byte{
			make([]byte, 32),
			slices.Repeat([]byte{0xff}, 32),
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
		var tokens []record
		for i, pattern := range patterns {
			for j := range 4 {
				t := newToken(fmt.Sprint("n", i, j), "ann")
				*[]*[]byte{&t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data}[j] = pattern
				tokens = append(tokens, t)
			}
		}
		return tokens
	}),
}
