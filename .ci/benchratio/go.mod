module myauth.internal/ci/benchratio

go 1.26.0
