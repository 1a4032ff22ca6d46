module myauth.internal/kit/passkey

go 1.26.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0
	myauth.internal/kit v0.1.0
)

require github.com/x448/float16 v0.8.4 // indirect

replace myauth.internal/kit => ../
