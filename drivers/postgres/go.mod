module myauth.internal/drivers/postgres

go 1.26.0

require (
	github.com/lib/pq v1.12.3
	myauth.internal/conformance v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
