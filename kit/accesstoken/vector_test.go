package accesstoken

import (
	"strings"
	"testing"
)

// TestJWSVector checks the token of RFC 7515, appendix A.1, whose header is not one of
// this package.
func TestJWSVector(t *testing.T) {
	decode := func(s string) []byte {
		b, err := base64url.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := NewKey(HS256, "", decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
	if err != nil {
		t.Fatal(err)
	}
	const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" +
		"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	end := strings.LastIndexByte(token, '.')
	if !key.verify([]byte(token[:end]), decode(token[end+1:])) {
		t.Error("the signature is refused")
	}
	if key.verify([]byte(token[:end-1]), decode(token[end+1:])) {
		t.Error("the signature of another text is accepted")
	}
}
