//go:build wasip1

package main

// refusal is an answer in the shape of MyAuth's own routes (RFC 9457), to the byte:
// clients need not know where a token was checked.
type refusal struct {
	status    uint32
	challenge string
	body      string
}

var (
	missingToken = problem(401, "missing_token", "Missing token",
		"Send the access token in the header Authorization: Bearer TOKEN.", false)
	invalidToken   = problem(401, "invalid_token", "Invalid token", "The token is not valid.", true)
	expiredToken   = problem(401, "expired_token", "Expired token", "The token has expired.", true)
	claimsTooLarge = problem(431, "claims_too_large", "Claims too large", "The roles in the access token do not fit into a header.", false)
	manyHeaders    = problem(400, "malformed_request", "Malformed request", "Send only one Authorization header.", false)
)

func problem(status uint32, code, title, detail string, bearer bool) refusal {
	number := string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
	r := refusal{status: status, body: `{"type":"urn:myauth:error:` + code + `","title":"` + title + `","status":` + number +
		`,"detail":"` + detail + `","code":"` + code + `"}`}
	if status == 401 {
		r.challenge = `Bearer realm="MyAuth"`
		if bearer {
			r.challenge += `, error="invalid_token", error_description="` + detail + `"`
		}
	}
	return r
}

func (r *refusal) write() {
	setHeader(ofResponse, "Content-Type", "application/problem+json")
	setHeader(ofResponse, "Cache-Control", "no-store")
	setHeader(ofResponse, "X-Content-Type-Options", "nosniff")
	if r.challenge != "" {
		setHeader(ofResponse, "WWW-Authenticate", r.challenge)
	}
	hostSetStatus(r.status)
	hostWriteBody(ofResponse, pointer(r.body), uint32(len(r.body)))
}
