package accesstoken

// IsRegisteredClaim reports whether name belongs to a claim that says something about a
// token itself, so that it is not free for [Claims.Extra]: those that this package writes, and
// those by which RFC 7519, 7800, 8693, 8417, 9068, 9396 and OpenID Connect Core 1.0 say
// for whom, by whom or for what a token is. Names that IANA has registered for what is said
// about a user, such as email, name and groups, are free.
func IsRegisteredClaim(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
		"client_id", "sid", "roles", "epoch", "auth_time", "amr",
		"scope", "acr", "azp", "nonce", "at_hash", "c_hash", "s_hash",
		"cnf", "act", "may_act", "events", "sub_id", "authorization_details":
		return true
	}
	return false
}
