module myauth.internal/examples/routers/echo

go 1.26.0

require (
	github.com/labstack/echo/v5 v5.4.4
	myauth.internal/examples/demo v0.1.0
	myauth.internal/httpx v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	myauth.internal/kit v0.1.0 // indirect
)

replace (
	myauth.internal/examples/demo => ../../demo
	myauth.internal/httpx => ../../../httpx
	myauth.internal/kit => ../../../kit
)
