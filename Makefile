# `make run` and `make test` are all the set-up there is: each installs what is missing first.
# `make test` checks style and types beside the tests and shows what they said at the end.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get

# What PyAudio is built from, and what the live path needs to reach a sound server.
SYSTEM := gcc g++ make python3-dev python3-venv portaudio19-dev libasound2-plugins
# A sound server, and receivers that are not ours, for the tests on real sound.
RIG := pulseaudio pulseaudio-utils liblo-tools qlcplus puredata-core ola iproute2
# A browser, a terminal and a proxy, for the tests of what is shown there.
VIEWS := chromium tmux nginx openssl

.PHONY: run test bench train lint clean

run: $(VENV)/run.done
	@echo "$(BIN)/streammood run --input auto $(ARGS)"
	@trap : INT; $(BIN)/streammood run --input auto $(ARGS) || [ $$? = 130 ]  # Ctrl-C is how it ends

test: $(VENV)/test.done
	@$(MAKE) --no-print-directory lint >$(VENV)/lint.log 2>&1 & lint=$$!; \
	$(BIN)/pytest; tests=$$?; \
	wait $$lint; lint=$$?; cat $(VENV)/lint.log; \
	exit $$((tests | lint))

lint: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/done && npx --no-install eslint streammood/web/page; \
	else echo "npm is not here: the scripts of the dashboard's pages are not checked"; fi

node_modules/done: package.json
	npm install --silent
	@touch $@

bench: $(VENV)/bench.done
	$(BIN)/python -m benchmarks $(ARGS)

train: $(VENV)/train.done
	$(BIN)/streammood train $(ARGS)

$(VENV)/run.done: pyproject.toml
	@command -v apt-get >/dev/null && { dpkg -s $(SYSTEM) >/dev/null 2>&1 || { $(APT) update && $(APT) install -y --no-install-recommends $(SYSTEM); }; } || true
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[views,link,lights]'
	@touch $@

$(VENV)/test.done: $(VENV)/run.done
	@command -v apt-get >/dev/null && { dpkg -s $(RIG) $(VIEWS) >/dev/null 2>&1 || { $(APT) update && $(APT) install -y --no-install-recommends $(RIG) $(VIEWS); }; } || true
	$(BIN)/python -m pip install --quiet --editable '.[test,views,link,lights]'
	@command -v npm >/dev/null && $(MAKE) --no-print-directory node_modules/done || true  # axe-core, for the tests of the pages
	@touch $@

$(VENV)/bench.done: $(VENV)/test.done
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/train.done: $(VENV)/run.done
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	@touch $@

clean:
	rm -rf $(VENV) .cache build dist node_modules
