module myauth.internal/ci/release

go 1.26.0

require golang.org/x/mod v0.43.0

require myauth.internal/conformance v0.1.0

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
