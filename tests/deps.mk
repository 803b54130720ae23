# SPDX-License-Identifier: GPL-2.0
# What Debian 12 packages the project is built and tested with.
DEPS_BUILD := build-essential clang llvm pahole bpftool linux-headers-amd64 linux-headers-6.12-amd64 \
	libbpf-dev libelf-dev zlib1g-dev libnl-3-dev libnl-genl-3-dev libsystemd-dev libsqlite3-dev \
	libsodium-dev libcyaml-dev libyaml-dev libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev \
	libsmartcols-dev libcap-ng-dev libseccomp-dev libyajl-dev libgsl-dev libslurm-dev pkg-config kmod rsync
DEPS_TEST := qemu-system-x86 busybox-static cpio jq libcmocka-dev libdrm-dev shellcheck clang-format \
	sparse mandoc curl python3 bc xz-utils util-linux iproute2 bpftrace libasan8 sqlite3 linux-source-6.12 dpkg \
	golang-go golang-golang-x-mod-dev debhelper dh-dkms lintian fakeroot dkms mmdebstrap qemu-utils \
	chromium fonts-dejavu-core \
	prometheus prometheus-alertmanager \
	slurmctld slurmd slurm-client munge
DEPS_ORACLES := r-base-core r-cran-strucchange r-cran-sandwich r-cran-survival r-cran-spc r-cran-boot \
	r-cran-jsonlite
DEPS_DEBUG := flex bison libssl-dev libelf-dev

.PHONY: deps deps-debug deps-oracles
# deps: installs the packages that building, the demo and the tests need, and says which
deps:
	$(Q)tests/deps.sh $(DEPS_BUILD) $(DEPS_TEST)
deps-debug:
	$(Q)tests/deps.sh $(DEPS_DEBUG)
deps-oracles:
	$(Q)tests/deps.sh $(DEPS_ORACLES)
