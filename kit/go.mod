module myauth.internal/kit

go 1.26.0

require (
	github.com/lestrrat-go/dsig v1.4.0
	golang.org/x/crypto v0.58.0
)
