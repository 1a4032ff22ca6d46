module myauth.internal/httpx

go 1.26.0

require (
	myauth.internal/kit v0.1.0
)

replace myauth.internal/kit => ../kit
