# make deps   install what the lab needs, and only what is missing
# make build  bin/vipctl
# make demo   a real cluster on this machine: a switchover and a crash, seen by a client of the VIP (KEEP=1 leaves it up)
# make test   unit, kernel and end-to-end tests
# make test-faults  faults on the real cluster, with figures (build/faults.json); some of them: ONLY="TestFrozen|TestCable";
#             on a quiet machine PROMISE=1 fails where a figure is beyond its promise (20 ms), not only where a mechanism is missing;
#             PATRONI=4 runs Patroni 4 where Patroni 3 is installed
# make test-faults-4  the ten faults that differ most on Patroni 4
# make campaign  FAULTS=200 random faults, one or two at a time, on one real cluster; SEED=1 says which, ONLY=17 repeats one of them
# make figures  the faults three times on Patroni 3 and on 4, and what they measured into docs/failure-modes.md (on a quiet machine)
# make test-oracles  Patroni's own loader judges how patroni.yml is read, and foreign clients the fake of Hetzner's APIs
# make bench  what a claim and a tick cost, printed, never asserted
# make mutate check that some test fails for each flipped operator of the policy
# make sim    clusters in simulated time, SEEDS=1000 of them, or as many as WITHIN=2m allows; FIRST=123 SEEDS=1 STORY=1 tells one
# make sim-relapses  check that the simulator finds each fault that vipctl has had
# make fuzz   every fuzz target for FUZZTIME (20s, or a number of executions: FUZZTIME=1000000x); fails where one fails
# make lint   gofmt, go vet, staticcheck, go mod tidy

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
KEEP ?=
PROMISE ?=
ONLY ?=
PATRONI ?=
PARALLEL ?= 16
SEEDS ?= 1000
FIRST ?= 1
WITHIN ?= 0
STORY ?=
SEED ?= 1
FAULTS ?= 200
FIGURES ?= build/faults.json
FUZZTIME ?= 20s

export GOFLAGS += -buildvcs=false

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v gcc >/dev/null && echo -race)
STATICCHECK := go tool -modfile=tools/go.mod staticcheck

.PHONY: all build deps demo test test-faults figures test-oracles bench mutate sim sim-relapses fuzz test-faults-4 campaign lint

all: build

build:
	CGO_ENABLED=0 go build -trimpath -tags urfave_cli_no_docs,nethttpomithttp2 -ldflags '-s -w -X main.version=$(VERSION)' -o bin/vipctl ./cmd/vipctl

deps:
	@e2e/deps.sh $(PATRONI)

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
	go test -count=1 -v -timeout 40m -parallel $(PARALLEL) -skip '^TestCampaign$$' $(if $(ONLY),-run '^($(ONLY))$$') ./e2e/faults -args $(if $(PATRONI),-patroni $(PATRONI)) $(if $(PROMISE),-promise) -switchovers 10 -killed 20 -figures $(CURDIR)/$(FIGURES)

campaign: deps
	go test -count=1 -v -timeout 12h -run '^TestCampaign$$' ./e2e/faults -args -seed $(SEED) -campaign $(FAULTS) $(if $(ONLY),-only $(ONLY))

# The ten that differ most between Patroni 3.0.2 and 4.0.7, by what has changed in Patroni:
# - In a stop the lock is given away when a replica has the last checkpoint, and a second later (3.2.1, 3.3.0): TestSwitchover,
#   TestSwitchoverSlowArchiver, TestPatroniStopped.
# - Nobody takes the lock from another that has it (3.0.3): TestFrozen, TestCable.
# - before_stop is a setting (3.0.3): TestSlowStop.
# - A crashed primary is started as one, without a promotion (3.0.4): TestPostmasterKilled.
# - on_start comes before Patroni has looked at the lock (3.2.0): TestPatroniStartedBesideExPrimary, TestPausePostgresRestarted.
# - Failsafe mode does not miss that etcd is gone (4.0.7): TestEtcdLostFailsafe.
# In all of them a primary is called primary in replies and callbacks, and no longer master (4.0.0).
DIFFERENT := TestSwitchover|TestSwitchoverSlowArchiver|TestPatroniStopped|TestFrozen|TestCable|TestSlowStop|TestPostmasterKilled|TestPatroniStartedBesideExPrimary|TestPausePostgresRestarted|TestEtcdLostFailsafe

test-faults-4:
	$(MAKE) test-faults PATRONI=4 ONLY='$(DIFFERENT)' FIGURES=build/faults-4.json

# Each run is PATRONI-NUMBER. A row that fails is in the table as one that failed, and fails this when all is written.
RUNS := 3-1 3-2 3-3 4-1 4-2 4-3
MEASURED := $(RUNS:%=build/faults-%.json)

figures:
	@rm -f $(MEASURED)
	@failed=0; for run in $(RUNS); do \
	  $(MAKE) test-faults PROMISE=1 PATRONI=$${run%-*} FIGURES=build/faults-$$run.json || failed=1; \
	done; go run ./e2e/figures docs/failure-modes.md $(MEASURED) && exit $$failed

test-oracles:
	cd e2e/oracle && ./deps.sh && go vet ./... && go test -count=1 ./...

bench: build
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/minimal ./e2e/bench/minimal
	@go build -o bin/bench ./e2e/bench
	@bin/bench bin/vipctl bin/minimal

mutate:
	go run ./e2e/mutate

sim:
	go test -count=1 -timeout 0 ./e2e/sim -run '^TestSeeds$$' -v -args -seeds $(SEEDS) -first $(FIRST) -within $(WITHIN) $(if $(STORY),-story)

sim-relapses:
	go run ./e2e/sim/relapses

# Go fuzzes one target at a time. They are found in the sources: package, colon, name. To make inputs small takes up all the time
# unless it is bounded. Go may call the end of the time a failure ("context deadline exceeded"), so that what fails is tried a
# second time: an input that fails is kept, and fails again.
fuzz:
	@failed=; \
	for target in $$(grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's|/[^/]*:func |:|' | sort); do \
	  run() { go test -run "^$${target#*:}\$$" -fuzz "^$${target#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$${target%:*}"; }; \
	  echo "== $$target"; run || run || failed="$$failed $$target"; \
	done; \
	[ -z "$$failed" ] || { echo "these failed:$$failed"; exit 1; }

lint:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "gofmt -w these:"; echo "$$out"; exit 1; }
	go vet ./...
	go vet -tags labclock ./cmd/vipctl
	$(STATICCHECK) ./...
	go mod tidy -diff
