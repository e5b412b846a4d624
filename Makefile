# SPDX-License-Identifier: Apache-2.0
#
# The front door. Each target prepares what it needs: on a machine without
# ROCm, the first one makes a root with it (tools/rocm/setup).

PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)

BUILD := build/release
SHELL_IN := tools/rocm/shell

.DEFAULT_GOAL := all
.PHONY: all build setup demo test test-kernel bench install uninstall deb test-deb dkms shell clean distclean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
	@echo
	@echo 'variables: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) JOBS=$(JOBS) ROCM_SUITE=… (tools/rocm/env.sh)'

all: build ## build everything into build/release

setup: ## prepare this machine: packages, and a ROCm root if the host has no ROCm
	@tools/rocm/setup

BUILD_IN = $(SHELL_IN) 'cmake -S . -B $(BUILD) -G Ninja -DCMAKE_INSTALL_PREFIX=$(PREFIX) --log-level=WARNING \
	  && cmake --build $(BUILD) -j $(JOBS) $(1)'

build: setup
	@$(call BUILD_IN)

demo: setup ## the main job on the simulated node; CHECK=1 fails if a bar is missed
	@$(call BUILD_IN,--target demo_parts)
	@$(SHELL_IN) 'tests/demo/demo $(if $(CHECK),--check) --output build/demo.json'

# The kernel's tests run on the host, the others in the ROCm environment; their
# results are added up there.
test: ## every test (units, sanitizers, simulated node, kernel); skips are listed at the end
	@tools/rocm/setup rocblas
	@$(MAKE) --no-print-directory build
	@rm -f build/kernel/results.json
	@tests/kselftest/run-kernel --results build/kernel/results.json $(KERNELS) || true
	@$(SHELL_IN) 'tests/run --jobs $(JOBS) --add build/kernel/results.json'

test-kernel: ## the module in QEMU on stock kernels; KERNELS='5.10 6.1 6.12 7.2'
	@tests/kselftest/check-style || [ $$? = 77 ]
	@tests/kselftest/run-kernel $(KERNELS)

bench: build ## speed, native beside ours; writes build/bench.json
	@$(SHELL_IN) 'tests/bench/bench --output build/bench.json'

install: build ## install into DESTDIR/PREFIX
	@$(SHELL_IN) 'DESTDIR=$(DESTDIR) tools/packaging/install $(BUILD) $(PREFIX)'

uninstall: setup ## remove what `make install` with the same DESTDIR and PREFIX put there
	@$(SHELL_IN) 'DESTDIR=$(DESTDIR) tools/packaging/uninstall $(PREFIX)'

deb: ## Debian packages xsched and xsched-dkms for Debian 12, in build/deb
	@JOBS=$(JOBS) tools/packaging/deb

test-deb: deb ## install them in a fresh Debian 12 root, use them, purge them; BOOT=1: under a booted systemd, too
	@tests/packaging/run-deb
	@$(if $(BOOT),tests/packaging/run-boot)

dkms: ## add, build and install the kernel module for the running kernel, or KVER='RELEASE...'
	kmod/dkms $(KVER)

shell: setup ## a shell in the ROCm environment; make shell CMD='hipcc --version' runs one command
	@$(SHELL_IN) $(if $(CMD),'$(subst ','\'',$(CMD))')

clean: ## remove what was built
	rm -rf build

distclean: clean ## ... and the ROCm root
	rm -rf --one-file-system .rocm
