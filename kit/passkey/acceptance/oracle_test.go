package acceptance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"myauth.internal/kit/passkey/internal/authenticator"
	"myauth.internal/kit/passkey/internal/webauthn"
)

// oracle is go-webauthn, which checks what package webauthn checks.
type oracle struct{ rp webauthn.RP }

var parameters = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

func (o oracle) register(message []byte, challenge string) ([]byte, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(message)
	if err != nil {
		return nil, err
	}
	_, err = parsed.Verify(challenge, o.rp.ID, o.rp.Origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false, false, true, nil, parameters, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	return parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey, err
}

func (o oracle) login(message []byte, challenge string, key []byte) error {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(message)
	if err != nil {
		return err
	}
	return parsed.Verify(challenge, o.rp.ID, "", o.rp.Origins, nil, nil, protocol.TopOriginExplicitVerificationMode, false, false, true, key, protocol.SignaturePolicy{})
}

func (o oracle) ourRegister(message []byte, challenge string) ([]byte, error) {
	r, err := webauthn.ParseRegistration(message)
	if err != nil {
		return nil, err
	}
	c, err := o.rp.VerifyRegistration(r, decode(challenge))
	return c.PublicKey, err
}

func (o oracle) ourLogin(message []byte, challenge string, key []byte) error {
	a, err := webauthn.ParseAssertion(message)
	if err == nil {
		_, _, err = o.rp.VerifyAssertion(a, decode(challenge), key)
	}
	return err
}

func decode(text string) []byte {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// mangle changes one bit of one binary member of a response.
func mangle(random *rand.Rand, message []byte) ([]byte, string) {
	var m struct {
		ID                      string          `json:"id"`
		RawID                   string          `json:"rawId"`
		Type                    string          `json:"type"`
		AuthenticatorAttachment string          `json:"authenticatorAttachment"`
		ClientExtensionResults  json.RawMessage `json:"clientExtensionResults"`
		Response                map[string]any  `json:"response"`
	}
	if err := json.Unmarshal(message, &m); err != nil {
		panic(err)
	}
	var names []string
	for _, name := range []string{"clientDataJSON", "attestationObject", "authenticatorData", "signature"} {
		if m.Response[name] != nil {
			names = append(names, name)
		}
	}
	name := names[random.IntN(len(names))]
	data := decode(m.Response[name].(string))
	bit := random.IntN(len(data) * 8)
	data[bit/8] ^= 1 << (bit % 8)
	m.Response[name] = base64.RawURLEncoding.EncodeToString(data)
	return raw(m), fmt.Sprintf("bit %d of %s", bit, name)
}

// stricter are our refusals of what go-webauthn accepts.
var stricter = []string{
	"webauthn: the client data:",          // another case of a member's name, or a name twice
	"is missing",                          // the same
	"the origin",                          // in another case, which no browser writes
	"must have fmt, attStmt and authData", // another case again
	"webauthn: the attestation object:",   // strict CBOR
	"webauthn: the public key",            // points, and members that go-webauthn looks at later
	"the algorithm", "curve", "coordinates", "RSA key",
}

// TestOracle compares package webauthn with go-webauthn over random credentials, honest ones and
// ones with a bit changed: what go-webauthn refuses we refuse, and what we refuse beyond that has a
// reason.
func TestOracle(t *testing.T) {
	const credentials = 1200
	o := oracle{webauthn.RP{ID: "example.com", Origins: []string{origin}}}
	random := rand.New(rand.NewPCG(1, 2))
	var rsa []*authenticator.Passkey
	for range 4 { // which take long to make
		rsa = append(rsa, authenticator.New(-257, origin))
	}
	agreed, refused, strict := 0, 0, map[string]int{}
	verdict := func(what string, ours, theirs error) {
		t.Helper()
		switch {
		case ours == nil && theirs == nil:
			agreed++
		case ours != nil && theirs != nil:
			refused++
		case ours == nil && theirs.Error() == protocol.ErrAttestationFormat.Error():
			strict["theirs: the format of an attestation, which we ignore"]++
		case ours == nil:
			t.Errorf("%s: we accept what go-webauthn refuses: %v", what, theirs)
		default:
			for _, reason := range stricter {
				if strings.Contains(ours.Error(), reason) {
					strict[reason]++
					return
				}
			}
			t.Errorf("%s: we refuse what go-webauthn accepts: %v", what, ours)
		}
	}
	for i := range credentials {
		p := authenticator.New([]int{-7, -8}[i%2], origin)
		if i%10 == 0 {
			p = rsa[i/10%len(rsa)]
		}
		p.Flags = authenticator.UP
		for _, flags := range []byte{authenticator.UV, authenticator.BE, authenticator.BE | authenticator.BS} {
			if random.IntN(2) == 0 {
				p.Flags |= flags
			}
		}
		p.SignCount = random.Uint32()
		challenge := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%032d", i))
		creation := p.Create(raw(members{"rp": members{"id": "example.com"}, "user": members{"id": "QQ"}, "challenge": challenge}))
		key, err1 := o.ourRegister(creation, challenge)
		theirKey, err2 := o.register(creation, challenge)
		verdict("a registration", err1, err2)
		if err1 != nil || string(key) != string(theirKey) {
			t.Fatalf("credential %d: an honest registration: %v, %v", i, err1, err2)
		}
		login := p.Get(raw(members{"challenge": challenge}))
		ours, theirs := o.ourLogin(login, challenge, key), o.login(login, challenge, key)
		verdict("a login", ours, theirs)
		if ours != nil {
			t.Fatalf("credential %d: an honest login: %v", i, ours)
		}
		for range 3 {
			broken, what := mangle(random, creation)
			_, err1 := o.ourRegister(broken, challenge)
			_, err2 := o.register(broken, challenge)
			verdict("a registration with "+what, err1, err2)
			broken, what = mangle(random, login)
			verdict("a login with "+what, o.ourLogin(broken, challenge, key), o.login(broken, challenge, key))
		}
	}
	if agreed < 2*credentials || refused < 3*credentials {
		t.Errorf("both accepted %d and refused %d of %d", agreed, refused, 8*credentials)
	}
	t.Logf("both accepted %d, both refused %d, we alone refused %v", agreed, refused, strict)
}
