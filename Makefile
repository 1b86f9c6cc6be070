# make report   brings what it needs and writes the FP-versus-INT report to out/report
# make test     brings what it needs and runs lint, types and the quick tests
# make test-slow  all the long checks: exhaustive sweeps and whole-network runs
# make lock     renews requirements.lock from pyproject.toml
#
# Both first targets work from a bare Debian 12 with Python 3.11, git and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out/report
# Photographs with ImageNet labels, if you have some: make report PHOTOS=photos.zip
PHOTOS ?=
PYTEST_FLAGS ?=

.PHONY: report test test-slow lint types simulator lock clean

report: $(VENV)/.package $(VENV)/.torch simulator
	$(BIN)/hwmodel report -o $(OUT) $(if $(PHOTOS),--photos $(PHOTOS))

test: $(VENV)/.package $(VENV)/.torch simulator lint types
	$(BIN)/python -m pytest -n 2 -m "not slow" $(PYTEST_FLAGS)

test-slow: $(VENV)/.package $(VENV)/.torch simulator
	$(BIN)/python -m pytest -m slow $(PYTEST_FLAGS)

lint: $(VENV)/.package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy does not follow setuptools' package-dir table, so it is shown the tree as it is installed.
types: $(VENV)/.package
	rm -rf build/types && mkdir -p build/types
	cp -r hwmodel build/types/hwmodel
	cp -r rtl sim reports build/types/hwmodel/
	cd build/types && $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) -p hwmodel

$(VENV)/.package: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# PyTorch: a local wheel where pip is configured to look for one, else the CPU build from PyTorch's
# own index, else PyPI's. Each is checked against the hashes of requirements-torch.lock.
TORCH := $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes
$(VENV)/.torch: requirements-torch.lock | $(VENV)/.package
	@echo "PyTorch (CPU), 190 MB: looking for a wheel on this machine, then on PyTorch's index"
	@$(TORCH) --no-deps --no-index -r requirements-torch.lock 2>/dev/null \
	  || $(TORCH) --no-deps --index-url https://download.pytorch.org/whl/cpu \
	       -r requirements-torch.lock 2>/dev/null \
	  || { echo "neither has it: taking PyPI's build, about 3 GB with the libraries it wants"; \
	       $(BIN)/python -m pip install -q --disable-pip-version-check torch==2.13.0; }
	touch $@

# Icarus Verilog, and Python as a shared library, which cocotb loads into it and Debian's python3
# does not bring.
simulator: $(VENV)/.package
	@command -v iverilog >/dev/null && $(BIN)/python -m find_libpython | grep -q . || { \
	  packages="iverilog libpython$$($(BIN)/python -c \
	    'import sys; print("%d.%d" % sys.version_info[:2])')"; \
	  echo "installing the simulator and what it loads (Debian packages $$packages)"; \
	  as_root=""; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
	  { $$as_root apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends \
	      $$packages >/dev/null; } || { \
	    echo "make: Icarus Verilog or the shared library of Python is missing and could not be" \
	      "installed; install them with your system's packages (Debian: apt-get install" \
	      "$$packages) and run make again" >&2; exit 1; }; }

# pip-tools is needed for this alone, so it lives in an environment of its own. PyTorch is left
# out: its builds have different files under one version (requirements-torch.lock). What its CPU
# build wants stands in its place.
lock:
	mkdir -p build/lock && touch build/lock/README.md
	sed 's/"torch==.*/"filelock", "fsspec", "networkx", "sympy",/' pyproject.toml \
	  > build/lock/pyproject.toml
	$(PYTHON) -m venv build/lock/venv
	build/lock/venv/bin/python -m pip install -q pip-tools==7.6.2
	cd build/lock && venv/bin/python -m piptools compile -q --generate-hashes --allow-unsafe \
	  --strip-extras --extra accuracy --extra fpga --extra test --no-emit-index-url --no-emit-find-links \
	  --no-header -o $(abspath requirements.lock) pyproject.toml

clean:
	rm -rf build out .pytest_cache .mypy_cache .ruff_cache
