package webauthn

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The fuzz targets begin with the vectors of the specification. None may panic, and whatever
// they accept is within the bounds.

func FuzzAuthData(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Authentication.AuthenticatorData))
		if a, err := parseAttestation(v.Registration.AttestationObject); err == nil {
			f.Add(bytes.Join([][]byte{a.rpIDHash, {byte(a.flags)}, {0, 0, 0, 0}, a.aaguid[:], {0, byte(len(a.credentialID))}, a.credentialID, a.publicKey}, nil))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseAuthData(data)
		if err != nil {
			return
		}
		if len(a.rpIDHash) != 32 || len(a.credentialID) > maxCredentialID || (len(a.credentialID) > 0) != (a.flags&flagAT != 0) {
			t.Errorf("accepted: %+v", a)
		}
		if a.flags&(flagAT|flagED) == 0 && len(data) != authDataHeader {
			t.Errorf("%d bytes are not looked at", len(data)-authDataHeader)
		}
	})
}

func FuzzAttestationObject(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Registration.AttestationObject))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseAttestation(data)
		if err == nil && !bytes.Contains(data, a.rpIDHash) {
			t.Errorf("the RP ID hash %x comes from nowhere", a.rpIDHash)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.PublicKey.Cose))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKey(data)
		if err != nil {
			return
		}
		switch {
		case k.ec != nil:
			if _, err := k.ec.ECDH(); err != nil { // which checks the point again
				t.Errorf("a point off the curve: %v", err)
			}
		case k.rsa != nil:
			if n := k.rsa.N.BitLen(); n < minRSABits || n > maxRSABits {
				t.Errorf("a key of %d bits", n)
			}
		case k.ed == nil:
			t.Error("a key without a key")
		}
		if err := k.verify(data, data); err == nil {
			t.Error("a signature by nobody")
		}
	})
}

func FuzzClientData(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Authentication.ClientDataJSON))
		f.Add([]byte(v.Registration.ClientDataJSON))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseClientData(data)
		if err != nil {
			return
		}
		// Another reader sees the same.
		var other struct {
			Type, Challenge, Origin, TopOrigin string
			CrossOrigin                        bool
		}
		var exact map[string]json.RawMessage
		if err := json.Unmarshal(data, &exact); err != nil {
			t.Fatalf("accepted, and encoding/json says %v", err)
		}
		for name, target := range map[string]any{"type": &other.Type, "challenge": &other.Challenge, "origin": &other.Origin, "topOrigin": &other.TopOrigin, "crossOrigin": &other.CrossOrigin} {
			if exact[name] != nil {
				if err := json.Unmarshal(exact[name], target); err != nil {
					t.Fatal(err)
				}
			}
		}
		if c != (clientData{other.Type, other.Challenge, other.Origin, other.CrossOrigin, other.TopOrigin}) {
			t.Errorf("got %+v, encoding/json has %+v", c, other)
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","transports":["usb","internal"]},"clientExtensionResults":{}}`))
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"oA","signature":"oA","userHandle":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRegistration(data); err == nil && (len(r.ID) == 0 || len(r.ID) > maxCredentialID || len(r.Transports) > maxTransports || len(r.ClientData) > maxClientData) {
			t.Errorf("accepted: %+v", r)
		}
		if a, err := ParseAssertion(data); err == nil && (len(a.ID) == 0 || len(a.Signature) > maxSignature || len(a.UserHandle) > maxUserHandle) {
			t.Errorf("accepted: %+v", a)
		}
	})
}
