package conformance

import (
	"encoding/json"
	"slices"
	"strings"

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

// wantUntouched wants the room behind the end of a caller's slice to be as roomyUser
// and roomyToken left it: an append to the slice writes there.
func wantUntouched[T comparable](p *probe, call, field string, slice []T) {
	var zero T
	for _, v := range slice[len(slice):cap(slice)] {
		if v != zero {
			p.failf("%s wrote behind the end of its argument's %s", call, field)
			return
		}
	}
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
				wantUntouched(p, call, "Roles", in.Roles)
				wantUntouched(p, call, "Settings", in.Settings)
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
			others := []kit.Token{p.addToken(p.a, newToken("three", "bob")), p.addToken(p.a, newToken("four", "bob"))}
			for _, h := range p.both() {
				kept, err := h.Tokens.ByUser(p.ctx(), "bob", "", 10)
				p.must(err, "ByUser")
				for range 2 {
					list, err := h.Tokens.ByUser(p.ctx(), "ann", "", 10)
					p.must(err, "ByUser")
					for i := range list {
						scribbleToken(list[i])
						list[i] = kit.Token{}
					}
				}
				if len(kept) != len(others) {
					p.fatalf("ByUser of a user with %d tokens: got %d", len(others), len(kept))
				}
				slices.SortFunc(others, func(a, b kit.Token) int { return strings.Compare(a.ID, b.ID) })
				for i, want := range others {
					p.wantToken(kept[i], nil, want, "token %d of a list, after ByUser of another user and after the caller overwrote what that had returned", i)
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
				wantUntouched(p, call, "SecretHash", in.SecretHash)
				wantUntouched(p, call, "PreviousHash", in.PreviousHash)
				wantUntouched(p, call, "Salt", in.Salt)
			}
			p.must(p.a.Tokens.Create(p.ctx(), in), "Create")
			check("Create")
			p.must(p.a.Tokens.Update(p.ctx(), in), "Update")
			check("Update")
		},
	},
}
