module myauth.internal/kit/provider

go 1.26.0

require (
	golang.org/x/oauth2 v0.38.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace myauth.internal/kit => ../
