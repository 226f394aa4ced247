# SPDX-License-Identifier: Apache-2.0
# The commands of this project.  Each installs what it needs and may be run
# again at any time; "make help" lists them.

# The distribution's interpreter, unless it is too old: distributions build it
# with profile-guided optimisation, others mostly without (a thousand joins cost
# volt a sixth more CPU under a pyenv build of the same version).
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; \
	print(sys.executable if sys.version_info >= (3, 11) else "python3")' \
	2>/dev/null || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# A tree without .git (an unpacked archive) cannot tell pbr its version.
ifeq ($(wildcard .git),)
export PBR_VERSION ?= 0.4.0
endif
# The one tool that is Python.
PARTS := tools/test-parts
# What runs in the lab's nodes: these see the checkout read-only, and each would
# compile it again in its own memory.
PROGRAMS := virtman volt voltclient virtmanclient vmthunder
# What DevStack's bash reads: by their names no scripts, hence -i E005.
PLUGIN := $(addprefix devstack/,plugin.sh settings override-defaults lib/*)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install system sql broker keystone nova cinder test unit lint check
.PHONY: labtest lab lab-stock soak demo openstack
.PHONY: debian13 unit13 labtest13
.PHONY: bench-volt samples clean

help:  ## list the commands
	@sed -n 's/^\([a-z0-9-]*\):.*##/\1 \t/p' $(MAKEFILE_LIST) | expand -t 12

install: $(STAMP)  ## the Python side, into .venv

$(STAMP): setup.cfg requirements.txt test-requirements.txt Makefile
	@PYTHON=$(PYTHON) tools/system-packages python
	@echo "installing Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q -r requirements.txt -r test-requirements.txt
	@$(BIN)/pip install -q --no-deps -e .
	@touch $@

system: $(STAMP)  ## the Debian packages that lab and demo need (root)
	@tools/system-packages lab
	@$(BIN)/python -m lab prepare
	@$(BIN)/python -m compileall -q $(PROGRAMS)

sql: $(STAMP)  ## the database servers that the tests start (root)
	@tools/system-packages sql

broker: $(STAMP)  ## the message broker that the tests start (root)
	@tools/system-packages broker

# One after another, the fast ones first: on two cores the labs beside the unit
# tests had a database's lock run out of time, and were no sooner done.
# MACHINE=qemu: without user-mode Linux.
test: system sql broker keystone nova cinder  ## everything, on real kernels too (root)
	@$(BIN)/python $(PARTS) lint unit lab lab-stock

lint: install  ## ruff, mypy; shellcheck, bashate
	$(BIN)/ruff check . $(PARTS)
	$(BIN)/ruff format --check . $(PARTS)
	$(BIN)/mypy
	$(BIN)/mypy $(PARTS)
	$(BIN)/shellcheck -x $(PLUGIN) $(filter-out $(PARTS),$(wildcard tools/*))
	$(BIN)/bashate -i E005 $(PLUGIN)

# What .pre-commit-config.yaml runs, on the whole tree.
check: lint  ## lint, then scripts, samples and pages
	$(BIN)/pytest -q tests/unit/test_scripts.py tests/unit/test_samples.py \
		tests/unit/test_documents.py

keystone:  ## a keystone to test against, into build/keystone
	@tools/keystone-venv

nova:  ## a Nova to test our driver in, into build/nova
	@tools/nova-venv

cinder:  ## a Cinder to test our driver in, into build/cinder
	@tools/cinder-venv

unit: system sql broker keystone nova cinder  ## the fast tests
	$(BIN)/pytest -n 2 --dist loadfile --durations 15 tests/unit tests/functional

STOCK := tests/lab/test_gate.py tests/lab/test_tree.py

# ROOT=FOLDER: on another release's kernels and tools (tools/debian-root).
labtest: lab lab-stock  ## the tests on real kernels (root)

# Nearly all, on two clusters of user-mode Linux; where that does not run, or
# with MACHINE=qemu, on emulated machines without what takes too long there.
lab: system
	$(BIN)/pytest tests/lab --machine $(or $(MACHINE),auto) --brief -n 2 \
		--dist loadfile --no-loadscope-reorder --timeout 2700 --durations 10 \
		$(STOCK:%=--ignore %) $(ROOT:%=--root %)

# What counts bytes or speed, on the stock kernel.
lab-stock: system
	$(BIN)/pytest $(STOCK) --timeout 900 --durations 5 $(ROOT:%=--root %)

# Half an hour and more.
soak: system  ## what kills and cuts, then a random thrash (root)
	$(BIN)/pytest tests/lab/test_recovery.py tests/lab/test_parent_fails.py \
		tests/lab/test_engine_fails.py tests/lab/test_thrash.py \
		--machine auto --soak --timeout 3000 --durations 10

# What the pages say of Debian 13 is seen by these; not part of "make test".
debian13: install  ## a root of Debian 13, into build/roots/trixie (root)
	@tools/debian-root trixie

unit13: debian13  ## the unit tests on Debian 13's Python (root)
	@tools/debian-root trixie -- .venv/bin/pytest -n 2 tests/unit

labtest13: debian13  ## the tests on Debian 13's kernels and tools (root)
	@$(MAKE) labtest ROOT=build/roots/trixie

demo: system  ## six VM disks through a tree of caches, shown (root)
	$(BIN)/python -m demo $(if $(MACHINE),--machine $(MACHINE))

# Half an hour; the first time ten minutes more, for OpenStack itself.
openstack: system sql broker  ## servers on a real OpenStack, shown (root)
	@tools/system-packages openstack
	@tools/openstack-venvs
	$(BIN)/python -m cloud

bench-volt: install  ## what volt costs: build/bench-volt.json
	$(BIN)/python -m bench.volt

samples: install  ## write the configuration samples anew
	$(BIN)/oslo-config-generator --config-file etc/volt/volt-config-generator.conf
	$(BIN)/oslo-config-generator --config-file etc/virtman/virtman-config-generator.conf
	$(BIN)/oslopolicy-sample-generator --namespace volt --output-file etc/volt/policy.yaml.sample

clean:  ## remove .venv and build
	rm -rf $(VENV) build
