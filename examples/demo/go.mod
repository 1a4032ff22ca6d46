module myauth.internal/examples/demo

go 1.26.0

require (
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace (
	myauth.internal/httpx => ../../httpx
	myauth.internal/kit => ../../kit
)
