# kmsconsole: two commands. `make run` serves, `make test` tests; both set up what they
# need in .venv, on a fresh Debian 12 with Python 3.11+, make and git, as root or not.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PIP_OPTIONS := --quiet --disable-pip-version-check --require-hashes

# What the environment says to an installation must not reach tests and checks.
AMBIENT := $(filter KMS_% PKCS11_% DATABASE_URL% CELERY_% EMAIL_URL% SOFTHSM2_% DJANGO_%,$(.VARIABLES))
CLEAN := env $(foreach name,$(AMBIENT),-u $(name))
CHECK_HOME := $(CURDIR)/$(VENV)/check-home
CHECKED := kmsconsole keys accessctl tests examples benchmarks manage.py

.PHONY: run test test-services check format messages audit bench faults screenshots lock fuzz clean

run: $(VENV)/.runtime
	@exec $(BIN)/python manage.py runall

# ARGS="-k name" and the like reach pytest.
test: $(VENV)/.dev
	@$(CLEAN) $(BIN)/python -m kmsconsole.softhsm --home $(CHECK_HOME) --ensure >/dev/null
	@$(BROWSER)
	@$(NODE_CLIENT)
	@$(FAKETIME)
	@$(CLEAN) PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

# The tests marked `services` again, on PostgreSQL with Redis and with RabbitMQ, which are
# started and thrown away. ARGS="--only redis" takes one of the two; the rest is pytest's.
test-services: $(VENV)/.dev
	@$(CLEAN) $(BIN)/python -m kmsconsole.softhsm --home $(CHECK_HOME) --ensure >/dev/null
	@$(SERVERS)
	@$(CLEAN) $(BIN)/python -m tests.services $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(CLEAN) KMS_HOME=$(CHECK_HOME) $(BIN)/mypy
	$(CLEAN) $(BIN)/lint-imports --no-logo
	$(BIN)/djlint --quiet --check --lint templates
	$(CLEAN) KMS_HOME=$(CHECK_HOME) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CLEAN) KMS_HOME=$(CHECK_HOME) KMS_PUBLIC_URL=https://kms.example.com \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djlint --quiet --reformat templates

# Texts into the Chinese catalogue, and the catalogue into what Django reads (docs/languages.md).
# Also after a merge that left the compiled file in conflict: it is made from the other.
CATALOGUE := kmsconsole/locale/zh_Hans/LC_MESSAGES/django
messages: $(VENV)/.runtime
	@$(GETTEXT)
	@$(CLEAN) KMS_HOME=$(CHECK_HOME) $(BIN)/python manage.py makemessages --locale zh_Hans \
		--no-location --no-obsolete --no-wrap --ignore '.*' --ignore var --ignore tests --ignore docs \
		--ignore benchmarks --ignore examples
	@msgfmt --check-format --statistics -o $(CATALOGUE).mo $(CATALOGUE).po

# Known vulnerabilities in what is locked; asks a service on the internet, so not in `check`.
audit: $(VENV)/.dev
	@for lock in requirements.lock requirements-dev.lock; do \
		said=$$($(BIN)/pip-audit --disable-pip --progress-spinner off -r $$lock 2>&1); code=$$?; \
		echo "$$said" | grep -v "could not be audited"; \
		unknown=$$(echo "$$said" | grep -c "could not be audited"); \
		if [ "$$unknown" -gt 0 ]; then echo "$$lock: of $$unknown packages nothing could be learned"; fi; \
		if [ $$code -ne 0 ]; then exit $$code; fi; \
	done

# What strangers send, to the parsers that read it: SECONDS=60 for each of them.
SECONDS ?= 60
ATHERIS := atheris==3.0.0
fuzz: $(VENV)/.dev
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check $(ATHERIS)
	@$(CLEAN) SECONDS_EACH=$(SECONDS) $(BIN)/python tests/fuzz/run.py

bench: $(VENV)/.dev $(BENCH)/.ready
	@$(CLEAN) $(BIN)/python -m benchmarks.run $(ARGS)

# Crashes, races and clocks at their full size (docs/faults.md); `test` runs a sample.
# FAULTS_SEED, FAULTS_SEQUENCES and the like set single figures.
faults: $(VENV)/.dev
	@$(CLEAN) $(BIN)/python -m kmsconsole.softhsm --home $(CHECK_HOME) --ensure >/dev/null
	@$(FAKETIME)
	@$(CLEAN) FAULTS=full $(BIN)/python -m pytest -q -s -p no:randomly tests/faults \
		tests/services/test_many_nodes.py tests/services/test_side_by_side.py $(ARGS)

screenshots: $(VENV)/.dev
	@$(BROWSER)
	@$(CLEAN) $(BIN)/python docs/screenshots.py $(ARGS)

# Resolve anew what pyproject.toml asks for; the files name no index and no path.
LOCK := .venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock:
	@test -x .venv-lock/bin/uv || ($(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv)
	$(LOCK) pyproject.toml --extra postgres --extra redis -o requirements.lock
	$(LOCK) pyproject.toml --extra postgres --extra redis --extra dev -c requirements.lock \
		-o requirements-dev.lock
	printf 'moto[server]>=5\npy-spy>=0.4\n' | $(LOCK) - -o requirements-bench.lock

# The data folder var/ holds keys and is never removed by a rule.
clean:
	rm -rf $(VENV) $(BENCH) .venv-lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.runtime: requirements.lock
	@$(call environment,$(VENV))
	@echo "Installing what requirements.lock names into $(VENV)"
	@$(BIN)/pip install $(PIP_OPTIONS) --only-binary :all: -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what requirements-dev.lock names into $(VENV)"
	@$(BIN)/pip install $(PIP_OPTIONS) -r requirements-dev.lock
	@touch $@

$(BENCH)/.ready: requirements-bench.lock
	@$(call environment,$(BENCH))
	@echo "Installing what requirements-bench.lock names into $(BENCH)"
	@$(BENCH)/bin/pip install $(PIP_OPTIONS) -r requirements-bench.lock
	@touch $@

# $(call environment,FOLDER): a virtual environment, with Debian's missing part installed.
define environment
if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	echo "kmsconsole needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; \
fi; \
if ! $(PYTHON) -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing python3-venv"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null; \
	else \
		echo "Python's venv module is missing: sudo apt-get install python3-venv" >&2; exit 1; \
	fi; \
fi; \
$(1)/bin/python -m pip --version >/dev/null 2>&1 || \
	{ echo "Making $(1)"; $(PYTHON) -m venv --clear $(1); }
endef

# GNU gettext from Debian; nothing but `messages` needs it.
define GETTEXT
if ! command -v xgettext >/dev/null; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing gettext"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends gettext >/dev/null; \
	else \
		echo "GNU gettext is missing: sudo apt-get install gettext" >&2; exit 1; \
	fi; \
fi
endef

# The official Node SDK for the tests of clients, which say so where it can't be had.
define NODE_CLIENT
cd tests/clients/node && if command -v npm >/dev/null; then \
	if [ ! -d node_modules ] || [ package-lock.json -nt node_modules ]; then \
		echo "Installing the Node SDK that the tests use"; \
		npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules || \
			echo "Tests of the Node SDK are left out: npm ci failed" >&2; \
	fi; \
else \
	echo "Tests of the Node SDK are left out: npm is missing" >&2; \
fi
endef

# libfaketime from Debian for the tests that travel in time, left out where it can't be had.
define FAKETIME
if ! command -v faketime >/dev/null; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing faketime for the tests that travel in time"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends faketime >/dev/null; \
	else \
		echo "Tests that travel in time are left out: sudo apt-get install faketime" >&2; \
	fi; \
fi
endef

# Chromium and fonts from Debian for the browser tests, which are left out where it can't be had.
define BROWSER
if ! command -v chromium >/dev/null; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends \
			chromium fonts-dejavu-core fonts-noto-cjk >/dev/null; \
	else \
		echo "Browser tests are left out: sudo apt-get install chromium" >&2; \
	fi; \
fi
endef

# Servers from Debian for `test-services`. None is started on its own: RUNLEVEL=1 says
# that this is no moment for it.
define SERVERS
missing=$$($(BIN)/python -m tests.services --missing); \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing $$missing"; \
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends $$missing >/dev/null; \
	else \
		echo "Missing: sudo apt-get install $$missing" >&2; exit 1; \
	fi; \
fi
endef
