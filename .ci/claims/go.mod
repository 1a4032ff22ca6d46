module myauth.internal/ci/claims

go 1.26.0
