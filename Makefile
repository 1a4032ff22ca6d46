# The commands of the project. CONTRIBUTING.md says what each is for; the work is
# done by the scripts that they name, which find what is set on the command line (ONLY=kit) in their
# environment, as make hands it on.

.PHONY: test lint bench fuzz release wasm mutants proof

# Every module's tests, with the race detector. ARGS goes to go test: make test ARGS='-run Refresh'.
# ONLY chooses one module: make test ONLY=drivers/redis
test:
	@bash .ci/scripts/test $(ARGS)

# Formatting, linters, tidy modules, dependency lists, what production links. ONLY chooses one module: make lint ONLY=kit
lint:
	@bash .ci/scripts/lint

# The benchmarks, and at the end one table of what they measured: see .ci/bench/README.md. ARGS goes to go test, and ONLY chooses one module: make bench ONLY=examples/server ARGS='-bench Refresh'
# USERS are the numbers of accounts in the stores: make bench USERS=1000,1000000
bench:
	@bash .ci/scripts/bench $(ARGS)

# The tests of what runs as WebAssembly, under Node and wazero, and builds for the other systems.
wasm:
	@bash .ci/scripts/wasm

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 10s
fuzz:
	@FUZZTIME=$(FUZZTIME) bash .ci/scripts/fuzz

# A static module proxy tree: make release VERSION=v0.1.0 OUT=dist. MODULE=github.com/acme/myauth gives the modules another path.
release:
	@bash .ci/scripts/release

# Breaks the code in many ways, and requires the test that each names to fail. WORD chooses some: make mutants WORD=reset
mutants:
	@bash .ci/scripts/mutants

# What takes hours and is run before a release: a thousand crashes, purges of a million rows, long
# statistics of time, long fuzzing, every mutant.
proof:
	@bash .ci/scripts/proof
