# make deps   install what the lab needs, and only what is missing
# make build  bin/vipctl
# make demo   a real cluster on this machine: a switchover and a crash, seen by a client of the VIP (KEEP=1 leaves it up)
# make test   unit, kernel and end-to-end tests
# make test-faults  faults on the real cluster, with figures (build/faults.json); some of them: ONLY="TestFrozen|TestCable";
#             on a quiet machine PROMISE=1 fails where a figure is beyond its promise (20 ms), not only where a mechanism is missing
# make campaign  FAULTS=200 random faults, one or two at a time, on one real cluster; SEED=1 says which, ONLY=17 repeats one of them
# make figures  the faults three times, and what they measured into docs/failure-modes.md (on a quiet machine)
# make test-oracles  Patroni's own loader judges how patroni.yml is read, and foreign clients the fake of Hetzner's APIs
# make bench  what a claim and a tick cost, printed, never asserted
# make mutate check that some test fails for each flipped operator of the policy
# make lint   gofmt, go vet, staticcheck, go mod tidy

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
KEEP ?=
PROMISE ?=
ONLY ?=
PARALLEL ?= 16
SEED ?= 1
FAULTS ?= 200
FIGURES ?= build/faults.json

export GOFLAGS += -buildvcs=false

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v gcc >/dev/null && echo -race)
STATICCHECK := go tool -modfile=tools/go.mod staticcheck

.PHONY: all build deps demo test test-faults campaign figures test-oracles bench mutate lint

all: build

build:
	CGO_ENABLED=0 go build -trimpath -tags urfave_cli_no_docs,nethttpomithttp2 -ldflags '-s -w -X main.version=$(VERSION)' -o bin/vipctl ./cmd/vipctl

deps:
	@e2e/deps.sh

# The program is built, not `go run`: a signal must reach it, for it has a cluster to take away.
demo: deps build
	@go build -o bin/demo ./e2e/demo
	@bin/demo -vipctl bin/vipctl $(if $(KEEP),-keep)

test: deps build
	@e2e/recipes/deps.sh
	go test $(RACE) $$(go list ./... | grep -v /e2e)
	go test -count=1 -v -timeout 15m $$(go list ./e2e/... | grep -v /faults)

# Rows on different clusters run side by side, those that measure milliseconds alone. PARALLEL=1: each alone.
test-faults: deps
	go test -count=1 -v -timeout 40m -parallel $(PARALLEL) -skip '^TestCampaign$$' $(if $(ONLY),-run '^($(ONLY))$$') ./e2e/faults -args $(if $(PROMISE),-promise) -switchovers 10 -killed 20 -figures $(CURDIR)/$(FIGURES)

campaign: deps
	go test -count=1 -v -timeout 12h -run '^TestCampaign$$' ./e2e/faults -args -seed $(SEED) -campaign $(FAULTS) $(if $(ONLY),-only $(ONLY))

# A row that fails is in the table as one that failed, and fails this when all is written.
RUNS := $(foreach n,1 2 3,build/faults-$(n).json)

figures:
	@rm -f $(RUNS)
	@failed=0; for run in $(RUNS); do $(MAKE) test-faults PROMISE=1 FIGURES=$$run || failed=1; done; \
	go run ./e2e/figures docs/failure-modes.md $(RUNS) && exit $$failed

test-oracles:
	cd e2e/oracle && ./deps.sh && go vet ./... && go test -count=1 ./...

bench: build
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/minimal ./e2e/bench/minimal
	@go build -o bin/bench ./e2e/bench
	@bin/bench bin/vipctl bin/minimal

mutate:
	go run ./e2e/mutate

lint:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt -w these:"; echo "$$out"; exit 1; }
	go vet ./...
	go vet -tags labclock ./cmd/vipctl
	$(STATICCHECK) ./...
	go mod tidy -diff
