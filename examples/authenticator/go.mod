module myauth.internal/examples/authenticator

go 1.26.0

require (
	myauth.internal/kit v0.1.0
	rsc.io/qr v0.2.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace myauth.internal/kit => ../../kit
