package webauthn

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func plain(t *testing.T) vector {
	i := slices.IndexFunc(vectors(t), func(v vector) bool { return v.Name == "none.ES256" })
	return vectors(t)[i]
}

// TestKeysRefused is claim 61: keys that no honest authenticator makes.
func TestKeysRefused(t *testing.T) {
	zeros, ones := strings.Repeat("00", 32), strings.Repeat("ff", 32)
	point := func(x, y string) string { return "a5 01 02 03 26 20 01 21 5820" + x + "22 5820" + y }
	ed := func(x string) string { return "a4 01 01 03 27 20 06 21 5820" + x }
	rsa := func(n, e string) string {
		return "a4 01 03 03 390100 20 59" + hex.EncodeToString([]byte{byte(len(n) / 2 >> 8), byte(len(n) / 2)}) + n + "21 4" + string('0'+rune(len(e)/2)) + e
	}
	good := plain(t).PublicKey.Cose
	for name, key := range map[string]struct{ text, want string }{
		"off P-256":            {point(zeros, zeros[:62]+"01"), "not a point"},
		"coordinate over p":    {point(ones, ones), "not a point"},
		"short coordinate":     {"a5 01 02 03 26 20 01 21 41 01 22 41 01", "32 bytes"},
		"compressed":           {"a5 01 02 03 26 20 01 21 5820" + zeros + "22 f5", "32 bytes"},
		"curve P-384":          {strings.Replace(point(zeros, zeros), "20 01", "20 02", 1), "P-256"},
		"no curve":             {"a3 01 02 03 26 21 41 01", "P-256"},
		"off Ed25519":          {ed("02" + zeros[2:]), "not a point"},
		"y over p":             {ed(ones), "not a point"},
		"Ed448":                {"a4 01 01 03 27 20 07 21 5820" + zeros, "Ed448"},
		"X25519":               {"a4 01 01 03 27 20 04 21 5820" + zeros, "Ed25519"},
		"RSA of 1024 bits":     {rsa(strings.Repeat("ff", 128), "010001"), "2048"},
		"RSA of 2047 bits":     {rsa("7f"+strings.Repeat("ff", 255), "010001"), "2048"},
		"RSA of 4104 bits":     {rsa(strings.Repeat("ff", 513), "010001"), "4096"},
		"even modulus":         {rsa(strings.Repeat("fe", 256), "010001"), "odd"},
		"exponent 1":           {rsa(strings.Repeat("ff", 256), "01"), "odd"},
		"exponent 2":           {rsa(strings.Repeat("ff", 256), "02"), "odd"},
		"exponent of 32 bits":  {rsa(strings.Repeat("ff", 256), "ffffffff"), "31"},
		"alg of another type":  {"a4 01 03 03 26 20 41 01 21 41 03", "do not go together"},
		"PS256":                {"a4 01 03 03 3824 20 41 01 21 41 03", "PS256 (-37)"},
		"unknown alg":          {"a2 01 02 03 39ffff", "unknown (-65536)|RS1"},
		"no alg":               {"a1 01 02", "unknown (0)"},
		"private part":         {"a6 01 02 03 26 20 01 21 5820" + zeros + "22 5820" + zeros + "23 5820" + zeros, "private"},
		"a label twice":        {"a6" + hex.EncodeToString(good[1:]) + "0326", "duplicate"},
		"an unknown one twice": {"a7" + hex.EncodeToString(good[1:]) + "1864 01 1864 02", "duplicate"},
		"something after":      {hex.EncodeToString(good) + "00", "extraneous"},
		"indefinite length":    {"bf" + hex.EncodeToString(good[1:]) + "ff", "indefinite"},
		"a tag":                {"c0" + hex.EncodeToString(good), "tag"},
		"a string for x":       {"a5 01 02 03 26 20 01 21 7820" + strings.Repeat("61", 32) + "22 5820" + zeros, "cannot unmarshal"},
		"nothing":              {"", "EOF"},
		"no map":               {"00", "cannot unmarshal"},
	} {
		err := checkKey(unhex(t, key.text))
		if err == nil || !slices.ContainsFunc(strings.Split(key.want, "|"), func(want string) bool { return strings.Contains(err.Error(), want) }) {
			t.Errorf("%s: got %v, want a refusal with %q", name, err, key.want)
		}
	}
}

// TestBombs: what is small and would become large is refused.
func TestBombs(t *testing.T) {
	nested := bytes.Repeat([]byte{0x81}, 5000)
	for name, data := range map[string][]byte{
		"nesting":               slices.Concat([]byte{0xa1, 0x63, 'f', 'm', 't'}, nested, []byte{0}),
		"array of 2^32":         unhex(t, "9bffffffffffffffff"),
		"map of 2^32":           unhex(t, "bb00000000ffffffff"),
		"string of 2^63":        unhex(t, "5b7fffffffffffffff"),
		"17 elements":           slices.Concat([]byte{0xa1, 0x67}, []byte("attStmt"), []byte{0x91}, make([]byte, 17)),
		"over 32 KiB":           slices.Concat([]byte{0x59, 0xff, 0xff}, make([]byte, 0xffff)),
		"indefinite":            unhex(t, "bfff"),
		"not UTF-8":             unhex(t, "a1 63 666d74 61 ff"),
		"no authenticator data": unhex(t, "a2 63 666d74 64 6e6f6e65 67 61747453746d74 a0"),
		"nothing":               nil,
	} {
		if _, err := parseAttestation(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAuthDataIsReadToTheEnd: each cut and each byte more is refused.
func TestAuthDataIsReadToTheEnd(t *testing.T) {
	var object attestationObject
	if err := strictCBOR.Unmarshal(plain(t).Registration.AttestationObject, &object); err != nil {
		t.Fatal(err)
	}
	whole := object.AuthData
	if _, err := parseAuthData(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := parseAuthData(whole[:n]); err == nil {
			t.Errorf("accepted when cut to %d bytes", n)
		}
	}
	if _, err := parseAuthData(append(slices.Clone(whole), 0)); err == nil {
		t.Error("accepted with a byte more")
	}
	extended := append(slices.Clone(whole), 0xa1, 0x61, 'x', 0xf5)
	extended[32] |= byte(flagED)
	if _, err := parseAuthData(extended); err != nil {
		t.Errorf("with an extension: %v", err)
	}
	if _, err := parseAuthData(append(extended, 0)); err == nil {
		t.Error("accepted with a byte after the extensions")
	}
	long := slices.Concat(whole[:53], []byte{0x04, 0x00}, make([]byte, 1024), whole[55+32:]) // a credential ID of 1024 bytes
	if _, err := parseAuthData(long); err == nil {
		t.Error("accepted with a credential ID of 1024 bytes")
	}
}

// TestFlags: BS without BE and a missing UP are refused, in both ceremonies.
func TestFlags(t *testing.T) {
	v := plain(t)
	var object attestationObject
	if err := strictCBOR.Unmarshal(v.Registration.AttestationObject, &object); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags Flags
		want  string
	}{
		"nobody":                        {flagUV | flagBE, "UP"},
		"backed up without eligibility": {flagUP | flagBS, "BS"},
	} {
		a, err := parseAuthData(object.AuthData)
		if err != nil {
			t.Fatal(err)
		}
		a.flags = c.flags
		if err := v.rp().checkAuthData(a); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestClientDataRefused: what is said twice, wrongly or of another kind.
func TestClientDataRefused(t *testing.T) {
	v := plain(t)
	rp, challenge := v.rp(), []byte("a challenge")
	good := `{"type":"webauthn.get","challenge":"` + base64URL.EncodeToString(challenge) + `","origin":"` + v.Origin + `","crossOrigin":false}`
	if err := rp.checkClientData([]byte(good), typeGet, challenge); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"the other ceremony":   strings.Replace(good, "webauthn.get", "webauthn.create", 1),
		"an origin below":      strings.Replace(good, "https://", "https://a.", 1),
		"http":                 strings.Replace(good, "https://", "http://", 1),
		"a port":               strings.Replace(good, `org"`, `org:443"`, 1),
		"an origin of case":    strings.Replace(good, "https", "HTTPS", 1),
		"padding":              strings.Replace(good, `","origin`, `=","origin`, 1),
		"a member twice":       strings.Replace(good, `{`, `{"type":"webauthn.get",`, 1),
		"Type":                 strings.Replace(good, `"type"`, `"Type"`, 1),
		"crossOrigin a string": strings.Replace(good, "false", `"false"`, 1),
		"crossOrigin null":     strings.Replace(good, "false", `null`, 1),
		"topOrigin alone":      strings.Replace(good, "false", `false,"topOrigin":"https://example.com"`, 1),
		"something after":      good + "{}",
		"an array":             "[" + good + "]",
		"nothing":              "",
		"9 KiB":                strings.Replace(good, `{`, `{"x":"`+strings.Repeat("x", 9<<10)+`",`, 1),
	} {
		if err := rp.checkClientData([]byte(text), typeGet, challenge); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := rp.checkClientData([]byte(strings.Replace(good, base64URL.EncodeToString(challenge), "", 1)), typeGet, nil); err == nil {
		t.Error("an empty challenge: accepted")
	}
}

// TestMessages: what browsers send is read, and what differs is refused.
func TestMessages(t *testing.T) {
	registration := `{"id":"AQ","rawId":"AQ","type":"public-key","authenticatorAttachment":"platform","response":{"clientDataJSON":"e30","attestationObject":"oA","transports":["usb","usb","Not A Token"],"publicKey":"AA","publicKeyAlgorithm":-7,"authenticatorData":"AA"},"clientExtensionResults":{"credProps":{"rk":true}}}`
	r, err := ParseRegistration([]byte(registration))
	if err != nil || !slices.Equal(r.Transports, []string{"usb"}) || !bytes.Equal(r.ID, []byte{1}) {
		t.Errorf("got %+v, %v", r, err)
	}
	login := `{"id":"AQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"oA","signature":"oA","userHandle":"AQ"}}`
	for _, text := range []string{login, strings.Replace(login, `"userHandle":"AQ"`, `"userHandle":null`, 1), strings.Replace(login, `,"userHandle":"AQ"`, ``, 1)} {
		if _, err := ParseAssertion([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, replace := range map[string][2]string{
		"padding":         {`"id":"AQ"`, `"id":"AQ=="`},
		"loose bits":      {`"id":"AQ"`, `"id":"AR"`},
		"a line":          {`"id":"AQ"`, `"id":"A\nQ"`},
		"no id":           {`"id":"AQ",`, ``},
		"empty id":        {`"id":"AQ"`, `"id":""`},
		"another rawId":   {`"type"`, `"rawId":"Ag","type"`},
		"type":            {`public-key`, `password`},
		"no signature":    {`"signature":"oA",`, ``},
		"a number":        {`"signature":"oA"`, `"signature":1`},
		"a long handle":   {`"userHandle":"AQ"`, `"userHandle":"` + strings.Repeat("A", 88) + `"`},
		"response a list": {`"response":{`, `"response":[],"x":{`},
		"twice":           {`"type"`, `"id":"AQ","type"`},
	} {
		text := strings.Replace(login, replace[0], replace[1], 1)
		if text == login {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := ParseAssertion([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
