# Two commands do all the set-up: `make demo` shows tars at work, `make test` runs every
# check. Both are free to be run again: what is up to date is left alone.

# The newest that is certain to be there first; `make PYTHON=… test` takes another one.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
	&& echo "$$each" && break; done)
# Through `python -m`, not the generated scripts: those break in a folder that was moved.
VENV := .venv/bin/python
PIP := $(VENV) -m pip --disable-pip-version-check install --quiet -c constraints.txt
# pip writes the path of Python into the first line of the command, where a space ends it.
# (\043 is a number sign, which would begin a comment here.)
MEND = case "$(CURDIR)" in *' '*) \
	printf '\043!/bin/sh\nexec "%s/.venv/bin/python" -m tars "$$@"\n' "$(CURDIR)" > .venv/bin/tars ;; esac
# Half of what a test takes it waits for others: each worker more than there are cores costs 2 %
# more of the CPU, and gives two cores something to do meanwhile.
# Thousands of tests with real processes, on a machine that others use too: in CI a test that
# fails is run once more. The summary names it (RERUN): it is a bug, to be found and mended.
PYTEST_ARGS ?= -n 4 $(if $(CI),--reruns 1 -rR)

# It doubles the start-up of everything that the latency checks measure.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test unit lint types types-and-compiled compiled agents bench kill systemd coverage docs site constraints clean

help:
	@echo 'make demo         show tars at work, in a throw-away home'
	@echo 'make test         run every check: lint, types, tests, the real agents'
	@echo 'make unit         run the tests, without the real agents'
	@echo 'make lint         check style and import borders'
	@echo 'make types        check types'
	@echo 'make coverage     run the tests and tell which branches they missed'
	@echo 'make bench        measure, and compare with other programs'
	@echo 'make kill         kill -9 at hundreds of random moments, on SQLite and PostgreSQL'
	@echo 'make systemd      try the service under a real systemd, in namespaces (as root, on Linux)'
	@echo 'make docs         print the generated parts of the documentation again'
	@echo 'make site         build the documentation as a site, in build/site'
	@echo 'make constraints  pin the newest releases of all dependencies'
	@echo 'make clean        remove everything that these commands made'

demo: .venv/.installed
	@sh examples/demo.sh

# In this order a slip is told within seconds; pytest's summary closes the run.
test: lint types-and-compiled agents
	$(VENV) -m pytest $(PYTEST_ARGS)

# A fresh checkout has nothing compiled, and each worker of the tests would compile all of it.
types-and-compiled: .venv/.tools
	@$(MAKE) --no-print-directory --jobs=2 types compiled

compiled: .venv/.tools
	@$(VENV) -m pytest --collect-only -qq > /dev/null 2>&1 || : "the tests will say why"

unit: .venv/.tools
	$(VENV) -m pytest $(PYTEST_ARGS) -m 'not real_agent'

lint: .venv/.tools
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

types: .venv/.tools
	$(VENV) -m mypy

coverage: .venv/.tools
	$(VENV) -m pytest $(PYTEST_ARGS) -m 'not real_agent' --cov --cov-report=term-missing:skip-covered

bench: .venv/.bench agents
	@if command -v node > /dev/null; then $(MAKE) --no-print-directory .cache/bench/.installed; fi
	$(VENV) -m benchmarks $(BENCH_ARGS)

# A seed of its own each time; KILL_SEED=… plays the rounds of another time again.
kill: .venv/.tools
	TARS_KILL_SEED=$${KILL_SEED:-$$(date +%s)} TARS_KILL_ROUNDS=200 TARS_KILL_DAEMON_ROUNDS=20 \
		$(VENV) -m pytest -s -q --timeout=3600 -p no:cacheprovider \
		tests/e2e/test_kill_rounds.py tests/e2e/test_kills.py

systemd: .venv/.tools
	TARS_SYSTEMD=1 $(VENV) -m pytest -q --timeout=300 tests/service/test_under_systemd.py

# pm2 and ccusage, which are compared with. No install scripts here either.
.cache/bench/.installed: benchmarks/package.json benchmarks/package-lock.json
	@echo 'Installing pm2 and ccusage into .cache/bench …'
	@mkdir -p .cache/bench
	@cp benchmarks/package.json benchmarks/package-lock.json .cache/bench/
	@cd .cache/bench && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

docs: .venv/.tools
	$(VENV) docs/generate.py

# Offline, and any warning fails. Its pictures are taken of the program as it is now.
site: .venv/.docs
	$(VENV) docs/publish.py

# Without Node.js the tests of the real agents are skipped; in CI that is a failure.
agents:
	@if node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2> /dev/null; then \
		$(MAKE) --no-print-directory --silent .cache/agents/.installed; \
	elif [ -n "$$CI" ]; then \
		echo 'CI has to have Node.js 20 or newer, to test the real agents' >&2; exit 1; \
	else \
		echo 'No Node.js 20 or newer: the tests of the real agents will be skipped'; \
	fi

.venv/.created:
	@test -n "$(PYTHON)" || { echo 'tars needs Python 3.11 or newer' >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }
	@# An old pip generates scripts that are slow to start.
	@$(PIP) --upgrade pip
	@touch $@

# No build isolation: the build tools are pinned like everything else.
.venv/.installed: .venv/.created pyproject.toml constraints.txt bin/tars src/tars/__init__.py
	@echo 'Installing tars into .venv …'
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --editable .
	@$(MEND)
	@touch $@

.venv/.tools: .venv/.installed
	@echo 'Installing the test tools into .venv …'
	@$(PIP) --no-build-isolation --editable '.[test]'
	@$(MEND)
	@touch $@

.venv/.docs: .venv/.installed
	@echo 'Installing what the site is built with into .venv …'
	@$(PIP) --no-build-isolation --editable '.[docs]'
	@$(MEND)
	@touch $@

.venv/.bench: .venv/.tools
	@$(PIP) --no-build-isolation --editable '.[bench]'
	@$(MEND)
	@touch $@

# No install scripts: the tests need none of the optional native parts.
.cache/agents/.installed: tests/real_agents/package.json tests/real_agents/package-lock.json
	@echo 'Installing the real agents into .cache/agents …'
	@mkdir -p .cache/agents
	@cp tests/real_agents/package.json tests/real_agents/package-lock.json .cache/agents/
	@cd .cache/agents && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Resolves everything anew in an environment of its own, so that nothing stale is pinned.
constraints: .venv/.created
	@"$(PYTHON)" -m venv --clear .cache/constraints
	@.cache/constraints/bin/python -m pip install --quiet --upgrade pip hatchling editables
	@.cache/constraints/bin/python -m pip install --quiet '.[test,bench,docs]'
	@{ echo '# Every package that `make` installs, at the release it was tested with.'; \
		echo '# Written by `make constraints`.'; \
		.cache/constraints/bin/python -m pip list --format=freeze \
			--exclude tars-supervisor --exclude setuptools; } > .cache/constraints.txt
	@mv .cache/constraints.txt constraints.txt
	@rm -rf .cache/constraints

clean:
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
