# Everything there is to do with respite. `make help` tells what.
# A fresh machine needs Node.js 20 or newer, make, and (once, to install redis-server) root or sudo.

.DEFAULT_GOAL := help
.PHONY: help run test build lint typecheck format check fuzz bench profile soak up down clean clean-dist redis-server
MAKEFLAGS += --no-print-directory

# Flags for respite: make run ARGS="--redis redis://localhost:6379 --port 7000"
ARGS ?=

COMPOSE = docker compose -f docker/docker-compose.yml
TS_NODE = node -r ts-node/register/transpile-only
INSTALLED = node_modules/.package-lock.json
BUILT = dist/main.js

help: ## tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(BUILT) ## start respite with a Redis of its own; flags by ARGS="--redis redis://host:6379 --port 7000"
	@$(if $(findstring --redis,$(ARGS))$(REDIS_URL)$(RESPITE_REDIS),,docker/install-redis-server.sh)
	@exec node $(BUILT) $(ARGS)

test: redis-server lint typecheck $(BUILT) ## lint, check the types, build, and run all tests; some of them by ARGS="tests/unit/resp"
	npx jest $(ARGS)

build: $(BUILT) ## compile src to dist

lint: $(INSTALLED) ## look for mistakes and for what is not formatted
	npx biome check --error-on-warnings .

typecheck: $(INSTALLED) ## check the types of sources and tests
	npx tsc -p tsconfig.json

format: $(INSTALLED) ## format everything
	npx biome check --write .

check: redis-server $(BUILT) ## hold what readers see against what writers wrote: the consistency contract
	$(TS_NODE) tests/bench/check.ts $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: redis-server $(BUILT) ## send bytes that nobody should to respite and to Redis: SECONDS=600 long, beginning at SEED=7
	FUZZ_SECONDS=$(or $(SECONDS),60) FUZZ_SEED=$(or $(SEED),1) npx jest --selectProjects system --testPathPatterns system/fuzz

bench: $(BUILT) ## measure against redis-server, twemproxy and webdis, in one table; one part by ONLY=hits
	$(TS_NODE) tests/bench/bench.ts $(if $(ONLY),--only $(ONLY)) $(ARGS)

profile: $(BUILT) ## where the time of a hit, a miss and a SET goes; ARGS="--load hits --depth 16"
	$(TS_NODE) tests/bench/profile.ts $(ARGS)

soak: redis-server $(BUILT) ## a crowd of CLIENTS=10000, ACTIVE=1000 of them, a tenth misbehaving, for SECONDS=120; ARGS=--tls
	$(TS_NODE) tests/bench/soak.ts $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(ACTIVE),--active $(ACTIVE)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

up: ## start Redis and respite in containers, on the ports 6380 and 8380 of this machine
	$(COMPOSE) up --build --detach --wait

down: ## stop those containers and remove them
	$(COMPOSE) down

clean: clean-dist ## remove all that was installed, built or measured
	rm -rf node_modules coverage tests/bench/out

clean-dist:
	rm -rf dist

redis-server:
	@docker/install-redis-server.sh

# npm leaves this file when it has installed everything.
$(INSTALLED): package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' \
		|| { echo "respite needs Node.js 20 or newer: https://nodejs.org" >&2; exit 1; }
	npm ci
	@touch $@

# All of src, folders too: their time changes when a file is removed.
$(BUILT): $(INSTALLED) tsconfig.json tsconfig.build.json $(shell find src)
	npm run --silent build
	@chmod +x $@ && touch $@
