package conformance

import (
	"encoding/json"
	"slices"

	"myauth.internal/kit"
)

const (
	copiedIn  = "the slices in a User are copied on the way in"
	copiedOut = "the slices in a User are copied on the way in and on the way out"
	noMemory  = "keeps and returns no memory that the other side can still change"
)

// scribbleUser overwrites what the slices of u hold.
func scribbleUser(u kit.User) {
	for i := range u.Roles {
		u.Roles[i] = "scribbled"
	}
	for i := range u.Settings {
		u.Settings[i] = '#'
	}
}

// scribbleToken overwrites what the slices of t hold.
func scribbleToken(t kit.Token) {
	for _, b := range [][]byte{t.SecretHash, t.PreviousHash, t.Salt} {
		for i := range b {
			b[i] = '#'
		}
	}
}

// roomyUser returns a copy of u whose slices have room to grow in place, as a
// caller's often have.
func roomyUser(u kit.User) kit.User {
	u.Roles = append(make([]string, 0, 32), u.Roles...)
	u.Settings = append(make(json.RawMessage, 0, 512), u.Settings...)
	return u
}

// roomyToken is the same for tokens.
func roomyToken(t kit.Token) kit.Token {
	for _, b := range []*[]byte{&t.SecretHash, &t.PreviousHash, &t.Salt} {
		*b = append(make([]byte, 0, 512), *b...)
	}
	return t
}

var userMemoryRules = []rule{
	{
		id:    "users/memory/create",
		quote: copiedIn,
		prove: func(p *probe) {
			for i, in := range []kit.User{newUser("exact"), roomyUser(newUser("roomy"))} {
				want := in.Clone()
				p.must(p.both()[i].Users.Create(p.ctx(), in), "Create")
				scribbleUser(in)
				p.checkUser(want, "after the caller overwrote what it had given to Create")
			}
		},
	},
	{
		id:    "users/memory/update",
		quote: copiedIn,
		prove: func(p *probe) {
			in := p.addUser(p.a, newUser("ann"))
			for i := range 2 {
				in = roomyUser(in)
				in.Roles, in.Settings = append(in.Roles, "more"), json.RawMessage(`{"changed":true}`)
				want := in.Clone()
				p.must(p.both()[i].Users.Update(p.ctx(), in), "Update")
				want.Version++
				scribbleUser(in)
				p.checkUser(want, "after the caller overwrote what it had given to Update")
				in = want.Clone()
			}
		},
	},
	{
		id:    "users/memory/by-id",
		quote: copiedOut,
		prove: func(p *probe) {
			want := p.addUser(p.a, newUser("ann"))
			for _, h := range p.both() {
				first, err := h.Users.ByID(p.ctx(), want.ID)
				p.wantUser(first, err, want, "ByID")
				second, err := h.Users.ByID(p.ctx(), want.ID)
				p.wantUser(second, err, want, "ByID again")
				scribbleUser(first)
				p.wantUser(second, nil, want, "a User read before another answer of ByID was overwritten")
				p.checkUser(want, "after the caller overwrote what ByID had returned")
			}
		},
	},
	{
		id:    "users/memory/by-email",
		quote: copiedOut,
		prove: func(p *probe) {
			want := p.addUser(p.a, newUser("ann"))
			for _, h := range p.both() {
				first, err := h.Users.ByEmail(p.ctx(), want.Email)
				p.wantUser(first, err, want, "ByEmail")
				second, err := h.Users.ByEmail(p.ctx(), want.Email)
				p.wantUser(second, err, want, "ByEmail again")
				scribbleUser(first)
				p.wantUser(second, nil, want, "a User read before another answer of ByEmail was overwritten")
				p.checkUser(want, "after the caller overwrote what ByEmail had returned")
			}
		},
	},
	{
		id:    "users/memory/arguments",
		quote: noMemory,
		prove: func(p *probe) {
			in := roomyUser(newUser("ann"))
			want := in.Clone()
			check := func(call string) {
				for _, d := range userDiff(in, want, 1) {
					p.failf("%s changed its argument: %s", call, d)
				}
				if !slices.Equal(in.Roles[:cap(in.Roles)][len(in.Roles):], make([]string, cap(in.Roles)-len(in.Roles))) {
					p.failf("%s wrote behind the end of its argument's Roles", call)
				}
			}
			p.must(p.a.Users.Create(p.ctx(), in), "Create")
			check("Create")
			p.must(p.a.Users.Update(p.ctx(), in), "Update")
			check("Update")
		},
	},
}

var tokenMemoryRules = []rule{
	{
		id:    "tokens/memory/create",
		quote: noMemory,
		prove: func(p *probe) {
			for i, in := range []kit.Token{newToken("exact", "ann"), roomyToken(newToken("roomy", "ann"))} {
				want := in.Clone()
				p.must(p.both()[i].Tokens.Create(p.ctx(), in), "Create")
				scribbleToken(in)
				p.checkToken(want, "after the caller overwrote what it had given to Create")
			}
		},
	},
	{
		id:    "tokens/memory/update",
		quote: noMemory,
		prove: func(p *probe) {
			in := p.addToken(p.a, newToken("one", "ann"))
			for i := range 2 {
				in = roomyToken(in)
				in.PreviousHash, in.SecretHash = in.SecretHash, hashOf(in.ID)
				want := in.Clone()
				p.must(p.both()[i].Tokens.Update(p.ctx(), in), "Update")
				want.Version++
				scribbleToken(in)
				p.checkToken(want, "after the caller overwrote what it had given to Update")
				in = want.Clone()
			}
		},
	},
	{
		id:    "tokens/memory/by-id",
		quote: noMemory,
		prove: func(p *probe) {
			want := p.addToken(p.a, newToken("one", "ann"))
			for _, h := range p.both() {
				first, err := h.Tokens.ByID(p.ctx(), want.ID)
				p.wantToken(first, err, want, "ByID")
				second, err := h.Tokens.ByID(p.ctx(), want.ID)
				p.wantToken(second, err, want, "ByID again")
				scribbleToken(first)
				p.wantToken(second, nil, want, "a Token read before another answer of ByID was overwritten")
				p.checkToken(want, "after the caller overwrote what ByID had returned")
			}
		},
	},
	{
		id:    "tokens/memory/by-user",
		quote: noMemory,
		prove: func(p *probe) {
			one, two := p.addToken(p.a, newToken("one", "ann")), p.addToken(p.a, newReset("two", "ann"))
			for _, h := range p.both() {
				for range 2 {
					list, err := h.Tokens.ByUser(p.ctx(), "ann", "", 10)
					p.must(err, "ByUser")
					for i := range list {
						scribbleToken(list[i])
						list[i] = kit.Token{}
					}
				}
				p.checkToken(one, "after the caller overwrote what ByUser had returned")
				p.checkToken(two, "after the caller overwrote what ByUser had returned")
			}
		},
	},
	{
		id:    "tokens/memory/arguments",
		quote: noMemory,
		prove: func(p *probe) {
			in := roomyToken(newToken("one", "ann"))
			want := in.Clone()
			check := func(call string) {
				for _, d := range tokenDiff(in, want, 1) {
					p.failf("%s changed its argument: %s", call, d)
				}
			}
			p.must(p.a.Tokens.Create(p.ctx(), in), "Create")
			check("Create")
			p.must(p.a.Tokens.Update(p.ctx(), in), "Update")
			check("Update")
		},
	},
}
