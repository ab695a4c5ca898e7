# Assent. `make run` starts it, `make test` checks it, `make help` lists the rest.
# Both set up what is missing first: tools/setup.sh says how.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The product needs no C: the same static binary everywhere. Only the race
# detector does, and its target says so.
export CGO_ENABLED := 0

CACHE  := .cache
STAMPS := $(CACHE)/stamps
TOOLS  := $(CACHE)/tools/bin
# The Go vulnerability database: a folder, or a URL such as https://vuln.go.dev.
VULNDB ?= $(wildcard $(abspath ../shared/vulndb))

web_sources := $(shell find web -name node_modules -prune -o -name dist -prune -o -name test-results -prune \
	-o -path web/e2e -prune -o -type f -print 2>/dev/null)

# Every workspace but the browser tests, which have a target of their own.
web_units := $(patsubst web/%/package.json,--workspace=%,\
	$(filter-out web/e2e/%,$(wildcard web/*/package.json web/sdk/*/package.json)))

# npm is silent about itself, also when it cannot find the script.
npm_run = cd web && npm run --silent $(1) || { echo "npm run $(1) failed in web/" >&2; exit 1; }

title = @echo "== $(1)"

.PHONY: help
help:
	@echo "make run     build Assent and start it on http://localhost:8420 (needs Go and Node.js)"
	@echo "make test    run every check: format, linters, known vulnerabilities, Go, web, browser"
	@echo "make build   build bin/assent"
	@echo "make bench   measure Assent against the floor; the tables go to bench/results/ (BENCH=-quick: seconds)"
	@echo "make bench-growth   the same for a small and a large database (1,000,000 people; needs 10 GB of disk)"
	@echo "make fuzz    run each fuzz target for a while (FUZZTIME=20s)"
	@echo "make fmt     format the Go and web sources"
	@echo "make clean   remove what make built (never ./data)"
	@echo
	@echo "Parts of make test: lint vuln test-go test-web test-browser"
	@echo "When tests prove other requirements: make conformance (writes docs/conformance.md)"

# --- run and build

.PHONY: run
run: build
	@exec bin/assent dev

.PHONY: build
build: need-build $(STAMPS)/web
	@mkdir -p bin
	@go build -trimpath $(if $(VERSION),-ldflags '-X main.version=$(VERSION)') -o bin/assent ./cmd/assent

$(STAMPS)/web: $(STAMPS)/npm $(web_sources)
	$(call title,build the web pages)
	@$(call npm_run,build)
	@mkdir -p $(@D) && touch $@

# Not npm ci: it refuses a lock file that lacks the optional packages of other
# platforms, and not every registry mirror carries those. With --no-save the
# lock file decides all the same and stays as it is. Removing node_modules is
# enough to have it made again.
$(STAMPS)/npm: web/package-lock.json $(wildcard web/node_modules/.package-lock.json)
	$(call title,install the web packages)
	@cd web && npm install --no-save --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && touch $@
ifeq ($(wildcard web/node_modules/.package-lock.json),)
.PHONY: $(STAMPS)/npm
endif

# --- checks

# Each check runs even when an earlier one failed, so that one run shows
# everything; the ones whose runners count tests come last.
.PHONY: test
test: need-test
	@$(MAKE) --keep-going checks

.PHONY: checks
checks: lint vuln check-web build test-fuzz test-go test-web test-browser

.PHONY: lint
lint: gofmt tidy vet golangci

.PHONY: gofmt
gofmt:
	$(call title,gofmt)
	@files=$$(find . \( -name node_modules -o -name '.?*' \) -prune -o -name '*.go' -print | xargs gofmt -l); \
	if [[ -n $$files ]]; then echo "run make fmt; not formatted:"; echo "$$files"; exit 1; fi

.PHONY: tidy
tidy: need-build
	$(call title,go.mod is tidy)
	@go mod tidy -diff

.PHONY: vet
vet: need-build
	$(call title,go vet)
	@go vet ./...

.PHONY: golangci
golangci: $(STAMPS)/tools
	$(call title,golangci-lint)
	@GOLANGCI_LINT_CACHE=$(abspath $(CACHE))/golangci $(TOOLS)/golangci-lint run --allow-serial-runners --concurrency 2 --timeout 20m --show-stats=false ./...

.PHONY: vuln
vuln: $(STAMPS)/tools
	$(call title,govulncheck)
ifeq ($(VULNDB),)
	@echo "SKIPPED: there is no vulnerability database at ../shared/vulndb; with a network: make vuln VULNDB=https://vuln.go.dev"
else
	@$(TOOLS)/govulncheck -db $(if $(findstring ://,$(VULNDB)),,file://)$(VULNDB) ./...
endif

.PHONY: check-web
check-web: $(STAMPS)/web
	$(call title,web lint and types)
	@$(call npm_run,check)

# What strangers send first: each target for FUZZTIME, beyond its seeds. Now and
# then the fuzzer itself loses a worker on a busy machine; an input that really
# fails is kept as a seed, and fails again.
FUZZTIME ?= 20s
fuzzed := internal/edge/oauthhttp:FuzzAuthorize internal/edge/oauthhttp:FuzzPushedRequest internal/edge/oauthhttp:FuzzTokenForm \
	internal/edge/oauthhttp:FuzzBackchannelForm internal/edge/oauthhttp:FuzzRegistration internal/edge/oauthhttp:FuzzClientAssertion \
	internal/edge/oauthhttp:FuzzRequestObject internal/service/oauth:FuzzDPoPProof internal/service/application:FuzzDocument \
	internal/edge/embedded:FuzzEmbeddedBodies
.PHONY: test-fuzz
test-fuzz: need-build $(STAMPS)/web
	$(call title,fuzz the engine's endpoints for $(FUZZTIME) each)
	@mkdir -p $(CACHE); \
	fuzz() { go test -run xxx -fuzz "^$${1#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$${1%%:*}" >$(CACHE)/fuzz.log 2>&1; }; \
	for each in $(fuzzed); do \
		echo "$$each"; \
		fuzz "$$each" || { cat $(CACHE)/fuzz.log; echo "once more: what failed is a seed now"; fuzz "$$each"; } || \
			{ cat $(CACHE)/fuzz.log; exit 1; }; \
		tail -n 2 $(CACHE)/fuzz.log; \
	done

.PHONY: test-go
test-go: need-test $(STAMPS)/web
	$(call title,go test -race on SQLite and PostgreSQL)
	@CGO_ENABLED=1 tools/with-postgres.sh go test -race -timeout 20m ./...

.PHONY: test-web
test-web: $(STAMPS)/web
	$(call title,web unit tests)
	@mkdir -p $(CACHE); log=$(CACHE)/test-web.log; \
	( $(call npm_run,test --if-present $(web_units)) ) >$$log 2>&1 || { cat $$log; exit 1; }; \
	grep -E '^(#|ℹ) (tests|pass|fail|cancelled|skipped|todo) ' $$log

.PHONY: test-browser
test-browser: need-test build
	$(call title,browser tests)
	@$(call npm_run,test:e2e)

# --- the rest

.PHONY: bench
bench: need-bench build
	$(call title,benchmarks)
	@go run ./bench $(BENCH)

.PHONY: bench-growth
bench-growth: need-bench build
	$(call title,benchmarks on a database with a million people)
	@go run ./bench -growth $(BENCH)

# Every fuzz target for FUZZTIME; make test does so for those of the engine's
# endpoints, and runs the seeds of all.
.PHONY: fuzz
fuzz: need-build $(STAMPS)/web
	@grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | sort | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "== $$name ($${file#./})"; \
			go test -run xxx -fuzz "^$$name$$" -fuzztime $(FUZZTIME) "./$$(dirname "$${file#./}")"; \
		done; done

# The table of requirements and the tests that prove them.
.PHONY: conformance
conformance: need-build
	@go test ./internal/rules -run ConformancePageIsUpToDate -update

.PHONY: fmt
fmt: $(STAMPS)/npm
	@find . \( -name node_modules -o -name '.?*' \) -prune -o -name '*.go' -print | xargs gofmt -w
	@$(call npm_run,format)

.PHONY: clean
clean:
	@rm -rf bin $(CACHE) web/node_modules web/e2e/test-results web/e2e/playwright-report
	@find internal/edge/assets/dist -type f ! -name '.git*' -delete

# --- what this machine must have

.PHONY: need-build need-test need-bench
need-build:
	@tools/setup.sh go node
need-test:
	@tools/setup.sh go node cc postgres chromium
need-bench:
	@tools/setup.sh go node postgres

# The linters are programs of their own with their own dependencies; building
# them takes minutes, so it happens once for each tools/go.sum.
$(STAMPS)/tools: tools/go.mod tools/go.sum
	$(call title,build the linters (once))
	@mkdir -p $(TOOLS) $(@D)
	@cd tools && go build -trimpath -o ../$(TOOLS)/ $$(go list -f '{{.ImportPath}}' tool)
	@touch $@
