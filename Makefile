# `make demo` and `make test` need only Python 3.11 or newer and make.
.PHONY: demo test fuzz test-large coverage lint format lock clean test-deploy benchmark-quality benchmark-api benchmark-deployment browser local dev help
.DEFAULT_GOAL := help

BIN := .venv/bin
INSTALL := requirements/install.sh
export PORT ?= 8000

help:
	@echo "make demo               the whole shop at http://127.0.0.1:$(PORT)/ (PORT= to change)"
	@echo "make test               lint and all tests"
	@echo "make fuzz               200 made-up requests for each operation of the API, valid and not"
	@echo "make test-large         that requests read no more rows of tables of 100,000 than of 1,000"
	@echo "make coverage           the same, and what share of the code the tests run"
	@echo "make lint               ruff, mypy, import-linter, Django's deployment check"
	@echo "make test-deploy        only the deployment to an emulated AWS"
	@echo "make benchmark-quality  how good the recommendations are, beside peers"
	@echo "make benchmark-api      how fast the API is: own cost, under load, deployed"
	@echo "make benchmark-deployment  sizes, cold starts and costs of a deployment, beside a hello-world"
	@echo "make format             format the code"
	@echo "make lock               renew requirements/*.txt from requirements/*.in"
	@echo "make clean              remove the environment and all caches; the demo's data stays"

local:
	@$(INSTALL) local

dev:
	@$(INSTALL) dev

browser: dev
	@requirements/browser.sh

demo: local
	@exec $(BIN)/python -m project.demo

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	@SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
		ALLOWED_HOSTS=example.com $(BIN)/python manage.py check --deploy --fail-level WARNING

# Four processes on two cores: most tests wait for an emulator or a browser.
test: lint browser
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# EXAMPLES= to look longer, or SEED= to look again as in an earlier run.
EXAMPLES ?= 200
fuzz: dev
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/test_fuzz.py -n 2 --dist load \
		$(if $(SEED),--hypothesis-seed=$(SEED)) $(PYTEST_ARGS)

# The emulator takes seconds to answer a query of so large a table.
test-large: dev
	GROWN_ROWS=100000 DYNAMODB_READ_TIMEOUT=120 $(BIN)/python -m pytest \
		tests/recommendations/test_bounded_reads.py $(PYTEST_ARGS)

# Apart from `make test`, which tracing every line would take beyond ten minutes.
coverage: dev
	$(MAKE) test PYTEST_ARGS="--cov --cov-report=term $(PYTEST_ARGS)"

test-deploy: dev
	$(BIN)/python -m pytest tests/e2e/test_deploy.py -m "thorough or not thorough"

benchmark-quality:
	@$(INSTALL) benchmark
	$(BIN)/python -m benchmarks.quality

benchmark-api:
	@$(INSTALL) benchmark
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.instructions
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.latency

benchmark-deployment:
	@$(INSTALL) benchmark
	$(BIN)/python -m benchmarks.costs
	$(BIN)/python -m benchmarks.deployment

format: dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The sets must agree on versions, so all follow the largest one.
lock: dev
	cd requirements && for name in benchmark dev local server jobs api; do \
		constraint="--constraint benchmark.txt"; \
		if [ $$name = benchmark ]; then constraint=""; fi; \
		../$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
			--python-version 3.11 $(UPGRADE) $$constraint $$name.in -o $$name.txt || exit 1; \
	done
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --no-deps --generate-hashes \
		--no-header --no-annotate --python-version 3.11 --constraint benchmark.txt lambda.in -o lambda.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		.coverage htmlcov staticfiles test-results
	find . -name __pycache__ -type d -not -path './.local/*' -prune -exec rm -rf {} +
