module myauth.internal/examples/server

go 1.26.0

require (
	myauth.internal/kit v0.1.0
	myauth.internal/httpx v0.1.0
	myauth.internal/mailx v0.1.0
	myauth.internal/drivers/sqlite v0.1.0
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/drivers/sqlite => ../../drivers/sqlite
	myauth.internal/httpx => ../../httpx
	myauth.internal/kit => ../../kit
	myauth.internal/mailx => ../../mailx
)
