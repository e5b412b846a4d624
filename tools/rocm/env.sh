# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by setup and shell: where the ROCm environment is, and what is in it.
#
# This is the one place that names the suite and the packages.

# Debian suite whose ROCm is used where the host has none of its own. forky
# carries HIP 6.4.3 and drifts less than sid; other suites may be tried by name.
ROCM_SUITE=${ROCM_SUITE:-forky}

# A host with its own ROCm uses that one.
ROCM_HOST=${ROCM_HOST:-/opt/rocm}

XSCHED_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ROCM_ROOT=$XSCHED_TOP/.rocm/$ROCM_SUITE

# What the project is built and tested with, in the root.
ROCM_PACKAGES="libamdhip64-6 libamdhip64-dev hipcc rocminfo
  g++ cmake ninja-build pkg-config python3 python3-yaml
  libgtest-dev libcli11-dev libfmt-dev nlohmann-json3-dev libspdlog-dev libtomlplusplus-dev libncurses-dev
  libclang-rt-dev strace procps tmux"

# A layer that only `make test` needs: large (280 MB to fetch, 4 GB on disk).
ROCBLAS_PACKAGES="librocblas-dev"

say() { printf 'xsched: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# True where hipcc and the HSA headers are at hand without a root of ours.
have_host_rocm() { [ -x "$ROCM_HOST/bin/hipcc" ] && [ -e "$ROCM_HOST/include/hsa/hsa.h" ]; }
