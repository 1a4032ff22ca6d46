module myauth.internal/kit

go 1.26.0

require (
	golang.org/x/crypto v0.58.0
	github.com/lestrrat-go/jwx/v3 v3.3.0
)
