# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by deb and tests/packaging/run-deb: Debian roots and commands in them.
. "$(dirname "${BASH_SOURCE[0]}")/../rocm/env.sh"

# The oldest suite that the packages are for: what is built there runs on later
# ones, not the other way round.
DEB_SUITE=${DEB_SUITE:-bookworm}
DEB_BUILD_ROOT=$XSCHED_TOP/.rocm/deb-$DEB_SUITE
DEB_BUILD_PACKAGES="build-essential cmake debhelper dh-dkms libcli11-dev libdrm-dev
  libncurses-dev libtomlplusplus-dev lintian ninja-build nlohmann-json3-dev pkg-config"

# make_root ROOT PACKAGES...: a minimal root with these, made once. One at a
# time; a half-made one is of no use and made again. In a mount namespace of its
# own: what mmdebstrap mounts must not outlive it.
make_root() {
  local root=$1 log=$1.log
  shift
  [ "$(id -u)" = 0 ] || die "making $root needs root (uid is $(id -u))"
  mkdir -p "${root%/*}"
  exec 8>"$root.lock"
  flock 8
  if [ "$(cat "$root/.xsched-packages" 2>/dev/null)" != "$*" ]; then
    if ! command -v mmdebstrap >/dev/null; then
      { apt-get update && apt-get install -y --no-install-recommends mmdebstrap; } >"$log" 2>&1 ||
        die "mmdebstrap cannot be installed; the log is $log"
    fi
    say "making a Debian $DEB_SUITE root in ${root#"$XSCHED_TOP"/}"
    rm -rf --one-file-system "$root" "$root.new"
    unshare --mount --propagation private \
      mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
      --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io ${1:+--include="$(echo "$@" | tr ' ' ',')"} \
      "$DEB_SUITE" "$root.new" >"$log" 2>&1 || die "the root cannot be made; the log is $log"
    echo "$*" >"$root.new/.xsched-packages"
    mv "$root.new" "$root"
  fi
  exec 8>&-
}

# in_root ROOT FOLDER COMMAND: runs COMMAND (for bash) in ROOT, in its /xsched,
# which is FOLDER; in a mount namespace of its own, so that nothing stays mounted.
in_root() {
  mkdir -p "$1/xsched"
  # shellcheck disable=SC2016
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive \
    unshare --mount --propagation private bash -euc '
      for d in proc sys dev; do mount --rbind "/$d" "$1/$d"; done
      mount -t tmpfs tmpfs "$1/run"
      mount --bind "$2" "$1/xsched"
      exec chroot "$1" bash -euo pipefail -c "cd /xsched && $3"' in_root "$1" "$2" "$3"
}
