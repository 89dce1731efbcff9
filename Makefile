# Everything a person does here; `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Without it, each of the many processes that import MLflow or Airflow compiles them again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENVS := .local/venvs
ROLES := $(patsubst services/%/role.py,%,$(wildcard services/*/role.py))
INSTALLED := $(foreach name,$(ROLES) local,$(VENVS)/$(name)/.installed)
LOCAL = $(VENVS)/local/bin/python -m services.local
DEV = PATH="$(CURDIR)/$(VENVS)/dev/bin:$$PATH"

UV := $(shell command -v uv || echo $(VENVS)/uv/bin/uv)
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --custom-compile-command 'make lock' $(UPGRADE)

##@ The platform on one machine

.PHONY: up
up: preflight ## start every service, train and serve the first model; ports: `make up MLFLOW_PORT=15000`
	@$(MAKE) --jobs=2 install
	@$(LOCAL) up

.PHONY: down
down: $(VENVS)/local/.installed ## stop every service; data stays
	@$(LOCAL) down

.PHONY: status
status: $(VENVS)/local/.installed ## how each service is: state, health, memory, address
	@$(LOCAL) status

.PHONY: logs
logs: $(VENVS)/local/.installed ## follow the logs of all services, or of one: `make logs SERVICE=mlflow`
	@$(LOCAL) logs $(SERVICE)

.PHONY: env
env: $(VENVS)/local/.installed ## print addresses and passwords as exports: `eval "$$(make env)"`
	@$(LOCAL) env

.PHONY: reset
reset: $(VENVS)/local/.installed ## stop, and delete all data and passwords; asks first
	@$(LOCAL) reset $(if $(YES),--yes)

##@ Golden images

.PHONY: image
image: $(VENVS)/dev/.installed ## bake a role on Oracle Cloud: `make image ROLE=mlflow`; PKR_VAR_… say where
	@$(DEV) python -m packer.source $(ROLE)
	@packer init packer/oci.pkr.hcl
	@key=dist/images/$(ROLE)/key; rm -f $$key*; trap "rm -f $$key*" EXIT; ssh-keygen -q -t ed25519 -N '' -f $$key; \
	  $(DEV) packer build -var-file=dist/images/$(ROLE)/bake.pkrvars.json -var ssh_key=$$key packer/oci.pkr.hcl

.PHONY: image-local
image-local: $(VENVS)/dev/.installed ## bake a role on this machine (root, Packer, debootstrap): `make image-local ROLE=mlflow`
	@$(DEV) python -m packer.local $(ROLE)

.PHONY: images
images: ## bake every role on Oracle Cloud
	@for role in $(ROLES); do $(MAKE) image ROLE=$$role; done

.PHONY: images-local
images-local: ## bake every role on this machine
	@for role in $(ROLES); do $(MAKE) image-local ROLE=$$role; done

##@ The Oracle Cloud stack

.PHONY: stack
stack: preflight ## make dist/mlops-stack.zip, which Resource Manager takes
	@$(PYTHON) -m release.stack

.PHONY: publish
publish: preflight ## publish the zip and its checksum as the release of the tag that was pushed (gh)
	@$(PYTHON) -m release.publish

.PHONY: region
region: $(VENVS)/dev/.installed ## a region of our own, to try Terraform, Packer and `oci` against until Ctrl-C
	@$(DEV) python -m tests.region

##@ Development

.PHONY: lint
lint: preflight $(VENVS)/dev/.installed ## every check of the code that runs nothing: style, types, shell, HCL, YAML, secrets
	@$(DEV) pre-commit run --all-files --show-diff-on-failure

.PHONY: test
test: preflight browser ## every test that needs no root; a part: `make test TESTS=dags`; a minute: `make test FAST=1`
	@$(DEV) python -m pytest -m "not root$(if $(FAST), and not slow)" $(TESTS)

.PHONY: test-images
test-images: preflight images-local ## bake every role here, boot it in a region of our own, and test it there (root)
	@$(DEV) python -m pytest -m root --capture=no services packer tests/images

.PHONY: test-stack
test-stack: preflight images-local tools ## check the stack, apply it in a region of our own, use and destroy it (root)
	@$(DEV) python -m pytest --capture=no tests/region tests/stack

.PHONY: lock
lock: $(UV) ## compile the locks from pyproject.toml; `make lock UPGRADE=--upgrade` takes the newest versions
	@$(LOCK) pyproject.toml --group dev --output-file tests/requirements.lock
	@for group in $(ROLES) boot local; do \
	  $(LOCK) pyproject.toml --group "$$group" --constraint tests/requirements.lock --output-file "services/$$group/requirements.lock"; \
	done
	@$(LOCK) pyproject.toml --group uv --constraint tests/requirements.lock --output-file services/local/uv.lock
	@echo checkov==3.3.30 | $(LOCK) - --output-file tests/checkov.lock # whose pins clash with ours

.PHONY: docs
docs: $(VENVS)/dev/.installed ## write docs/settings.md from the settings
	@$(VENVS)/dev/bin/python -m services.documentation > docs/settings.md

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { gsub(/\$$\$$/, "$$"); sub(/:.*/, "", $$1); printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What the targets above stand on.

.PHONY: preflight
preflight:
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'PYTHON is $(PYTHON), which is not on PATH: expected Python 3.11 or newer.' \
	    'Remedy: install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make up PYTHON=python3.12' >&2; \
	  exit 1; }
	@$(PYTHON) services/local/preflight.py

# The tests take Chromium from PATH, else Playwright's own.
.PHONY: browser
browser: $(VENVS)/dev/.installed
	@command -v chromium >/dev/null || $(VENVS)/dev/bin/playwright install chromium || { \
	  echo 'chromium is not on PATH, and Playwright cannot download its own: the tests of pages expect one of the two.' \
	    'Remedy: install it (Debian: apt-get install chromium).' >&2; \
	  exit 1; }

# What the stack's tests check it with. A tool that is nowhere and cannot be had is no error here: the tests
# that need it say so and are skipped.
.PHONY: tools
tools: $(VENVS)/dev/.installed
	@$(DEV) python -c 'from tests.region.terraform import terraform; raise SystemExit(not terraform())' \
	  || $(MAKE) --silent .local/terraform/bin/terraform || true
	@for tool in tflint actionlint; do command -v $$tool >/dev/null || $(MAKE) --silent .local/tools/bin/$$tool || true; done
	@$(MAKE) --silent $(VENVS)/checkov/.installed || true

.local/terraform/bin/terraform: MODULE = github.com/hashicorp/terraform@v1.5.7
.local/tools/bin/tflint: MODULE = github.com/terraform-linters/tflint@v0.64.0
.local/tools/bin/actionlint: MODULE = github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
.local/terraform/bin/terraform .local/tools/bin/tflint .local/tools/bin/actionlint:
	@command -v go >/dev/null || { \
	  echo '$(@F) is not here: Go is expected on PATH, to build it. Remedy: install either (Debian: golang-go).' >&2; exit 1; }
	@echo "building $(@F) from $(MODULE)" >&2
	@GOBIN=$(CURDIR)/$(@D) go install $(MODULE)

.PHONY: install
install: $(INSTALLED)

$(VENVS)/dev/.installed: tests/requirements.lock
$(VENVS)/checkov/.installed: tests/checkov.lock
$(foreach name,$(ROLES) local,$(eval $(VENVS)/$(name)/.installed: services/$(name)/requirements.lock))

# Of two makes at once, one installs an environment: the other waits (where flock is), and finds it done.
ALONE = mkdir -p $(VENVS); exec 9> $(VENVS)/.installing-$(1); command -v flock >/dev/null && flock 9; \
	[[ $@ -nt $< ]] && exit

$(VENVS)/%/.installed: | $(UV)
	@$(call ALONE,$*); \
	  echo "installing $* from $<" >&2; \
	  $(UV) venv --quiet --clear --python $(PYTHON) $(@D); \
	  $(UV) pip install --quiet --python $(@D)/bin/python --require-hashes --only-binary :all: --requirement $<; \
	  touch $@

# Where uv is not on PATH, it is installed for this checkout alone.
$(VENVS)/uv/bin/uv: services/local/uv.lock
	@$(call ALONE,uv); \
	  $(PYTHON) -m venv --clear $(VENVS)/uv; \
	  $(VENVS)/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement $<; \
	  touch $@
