package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"myauth.internal/kit"
)

// register is one record seen as a number with a version, so that the rules of
// persistence and concurrency are written once for both contracts. Every field of
// the record that can change follows from the number, so a read that mixes two
// writes is found out.
type register struct {
	// create adds the record with Version 0.
	create func(h *handle, value int64) error
	// read and readAlso return value and version: ByID, and ByEmail or ByUser.
	read, readAlso func(h *handle) (value, version int64, err error)
	update         func(h *handle, value, version int64) error
	// delete returns kit.ErrNotFound when there was nothing to remove.
	delete func(h *handle) error
	// taken is what create returns when the record exists.
	taken error
	// readNames are the names of the two reads.
	readNames [2]string
}

func (r *register) reads() []func(h *handle) (int64, int64, error) {
	return []func(h *handle) (int64, int64, error){r.read, r.readAlso}
}

// perform makes the call of op and notes its answer.
func (r *register) perform(h *handle, op *operation) {
	switch op.what {
	case opRead, opReadAlso:
		op.value, op.version, op.answer = r.reads()[op.what](h)
	case opCreate:
		op.answer = r.create(h, op.value)
	case opUpdate:
		op.answer = r.update(h, op.value, op.version)
	case opDelete:
		op.answer = r.delete(h)
	}
}

func userRegister(p *probe, name string) *register {
	user := func(value, version int64) kit.User {
		u := newUser(name + "." + strconv.FormatInt(value, 10))
		u.ID, u.Email, u.Version, u.SessionEpoch = "user-"+name, name+"@example.com", version, value
		return u
	}
	judge := func(u kit.User, err error) (int64, int64, error) {
		if err != nil {
			return 0, 0, err
		}
		for _, d := range userDiff(u, user(u.SessionEpoch, u.Version), p.cfg.TimePrecision) {
			p.failf("a read of a user mixes two writes, or changes one: %s", d)
		}
		return u.SessionEpoch, u.Version, nil
	}
	return &register{

		taken:     kit.ErrUserExists,
		readNames: [2]string{"ByID", "ByEmail"},
		create:    func(h *handle, value int64) error { return h.Users.Create(p.ctx(), user(value, 0)) },
		update:    func(h *handle, value, version int64) error { return h.Users.Update(p.ctx(), user(value, version)) },
		delete:    func(h *handle) error { return h.Users.Delete(p.ctx(), "user-"+name) },
		read:      func(h *handle) (int64, int64, error) { return judge(h.Users.ByID(p.ctx(), "user-"+name)) },
		readAlso: func(h *handle) (int64, int64, error) {
			return judge(h.Users.ByEmail(p.ctx(), strings.ToUpper(name)+"@example.com"))
		},
	}
}

func tokenRegister(p *probe, name string) *register {
	id := tokenID(name)
	token := func(value, version int64) kit.Token {
		t := newToken(name+"."+strconv.FormatInt(value, 10), "owner of "+name)
		t.ID, t.Version, t.Epoch = id, version, value
		return t
	}
	judge := func(t kit.Token, err error) (int64, int64, error) {
		if err != nil {
			return 0, 0, err
		}
		for _, d := range tokenDiff(t, token(t.Epoch, t.Version), p.cfg.TimePrecision) {
			p.failf("a read of a token mixes two writes, or changes one: %s", d)
		}
		return t.Epoch, t.Version, nil
	}
	return &register{

		taken:     kit.ErrConflict,
		readNames: [2]string{"ByID", "ByUser"},
		create:    func(h *handle, value int64) error { return h.Tokens.Create(p.ctx(), token(value, 0)) },
		update: func(h *handle, value, version int64) error {
			return h.Tokens.Update(p.ctx(), token(value, version))
		},
		delete: func(h *handle) error {
			removed, err := h.Tokens.Delete(p.ctx(), id)
			if err == nil && !removed {
				return kit.ErrNotFound
			}
			return err
		},
		read: func(h *handle) (int64, int64, error) { return judge(h.Tokens.ByID(p.ctx(), id)) },
		readAlso: func(h *handle) (int64, int64, error) {
			list, err := h.Tokens.ByUser(p.ctx(), "owner of "+name, "", 10)
			if err == nil && len(list) > 1 {
				err = fmt.Errorf("ByUser lists one token %d times", len(list))
			}
			if err != nil {
				return 0, 0, err
			}
			if len(list) == 0 {
				return 0, 0, kit.ErrNotFound
			}
			return judge(list[0], nil)
		},
	}
}
