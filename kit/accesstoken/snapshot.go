package accesstoken

import (
	"encoding/base64"
	"errors"
	"fmt"

	"myauth.internal/kit/ijson"
)

// snapshot is one state of a keyring. It never changes.
type snapshot struct {
	keys     []*entry
	signing  *entry // nil: it cannot sign
	byID     map[string]*entry
	byHeader map[string]*entry // by the encoded header of our access tokens
	jwks     []byte
	noSign   error // why signing is nil
}

// entry is a key and what is prepared for it.
type entry struct {
	*material
	key          *Key
	accessHeader string // the encoded header of an access token
}

func newSnapshot(signing *Key, keys []*Key) (*snapshot, error) {
	s := &snapshot{
		byID:     make(map[string]*entry, len(keys)),
		byHeader: make(map[string]*entry, len(keys)),
		noSign:   errors.New("accesstoken: the keyring has no key that can sign"),
	}
	for _, key := range keys {
		if key == nil || key.open == nil {
			return nil, errors.New("accesstoken: a keyring takes no nil key")
		}
		if s.byID[key.ID()] != nil {
			return nil, fmt.Errorf("accesstoken: two keys have the key id %q", key.ID())
		}
		s.add(key, key == signing)
	}
	s.jwks = keySet(s.keys)
	return s, nil
}

func (s *snapshot) add(key *Key, signing bool) {
	m := key.open()
	e := &entry{m, key, m.header(accessType)}
	s.keys = append(s.keys, e)
	s.byID[m.kid] = e
	s.byHeader[e.accessHeader] = e
	if signing {
		s.signing = e
	}
}

// list returns the keys, in a slice of the caller's own.
func (s *snapshot) list() []*Key {
	keys := make([]*Key, len(s.keys))
	for i, e := range s.keys {
		keys[i] = e.key
	}
	return keys
}

func (s *snapshot) signingKey() *Key {
	if s.signing == nil {
		return nil
	}
	return s.signing.key
}

// header returns the encoded header of a token of that typ: alg, typ and kid.
func (m *material) header(typ string) string {
	b := make([]byte, 0, 64+len(m.kid))
	b = append(b, `{"alg":"`...)
	b = append(b, m.alg...)
	b = append(b, `","typ":`...)
	b = ijson.AppendString(b, typ)
	b = append(b, `,"kid":`...)
	b = ijson.AppendString(b, m.kid)
	return base64.RawURLEncoding.EncodeToString(append(b, '}'))
}
