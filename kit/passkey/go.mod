module myauth.internal/kit/passkey

go 1.26.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace myauth.internal/kit => ../
