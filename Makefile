# SPDX-License-Identifier: GPL-2.0
# earmark - marks GPU jobs with a research purpose and accounts their GPU time.
#
# make            builds everything into build/, without root
# make demo       installs what is missing, builds, runs the main job in a guest, shows the report
# make check      installs what tests need and runs all of them; check-all: all on both kernels
# make slurm      the plugin for Slurm, build/slurm/earmark.so (needs libslurm-dev)
# make deb        Debian packages, into build/deb
# make help       the other targets
#
# V=1 shows commands; KDIR= is the kernel build tree for earmark.ko; DESTDIR= for install.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
B := build
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := 0.1.0
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
PREFIX ?= /usr

include tests/deps.mk

# --- user ----------------------------------------------------------------------------------
WARN := -Wall -Wextra -Werror -Wno-missing-field-initializers
CPPFLAGS += -D_GNU_SOURCE -DEARMARK_RELEASE='"$(VERSION)"' -Iuser -Iinclude/uapi -iquote kmod -I$(B)/bpf \
	$(shell pkg-config --cflags libnl-genl-3.0)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 $(WARN) -fstack-protector-strong -MMD -MP
LIBS := -Wl,--as-needed -lbpf -lelf -lz -lnl-genl-3 -lnl-3 -lsystemd -lsqlite3 -lsodium -lcyaml -lyaml -ljansson \
	-lmicrohttpd -lcurl -lsmartcols -lcap-ng -lseccomp -lyajl -lgsl -lgslcblas -lm -lpthread

CORE := account use tell seal
LIB_SRC := $(wildcard $(addprefix user/,$(addsuffix /*.c,base kernel ledger rule replay commit alert probe report api)))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(CORE:%=$(B)/kmod/%.o)
DAEMON_OBJ := $(patsubst %.c,$(B)/%.o,user/earmarkd.c $(wildcard user/daemon/*.c))
CLI_OBJ := $(patsubst %.c,$(B)/%.o,user/earmark.c $(wildcard user/cli/*.c))
SKEL := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))

.PHONY: all user bpf kmod
all: user kmod
user: $(B)/earmark $(B)/earmarkd
bpf: $(SKEL)

$(B)/earmark: $(CLI_OBJ) $(B)/libearmark.a
$(B)/earmarkd: $(DAEMON_OBJ) $(B)/libearmark.a
$(B)/earmark $(B)/earmarkd:
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/libearmark.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/%.o: %.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(B)/user/report/html_asset.o $(B)/san/user/report/html_asset.o: $(wildcard contrib/report/* third_party/uplot/*)
-include $(LIB_OBJ:.o=.d) $(DAEMON_OBJ:.o=.d) $(CLI_OBJ:.o=.d)

# --- bpf: one object for every kernel, relocated at load time -------------------------------
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/uapi/earmark.h
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -g -O2 -Wall -Werror \
		-Iinclude/uapi -Ibpf -c -o $@ $<
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@ 2> $@.log || { cat $@.log >&2; false; }

# --- kernel module: one copy of the sources per kernel release, so that several can be built -
RELEASES := $(patsubst /lib/modules/%/build,%,$(wildcard /lib/modules/*/build))
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(lastword $(sort $(wildcard /lib/modules/6.12*/build))) $(wildcard /lib/modules/*/build))
KREL := $(if $(KDIR),$(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null))
KMOD_SRC := $(wildcard kmod/*.[ch] kmod/*.sh) Kbuild include/uapi/earmark.h

kmod: $(B)/earmark.ko
$(B)/earmark.ko: $(B)/$(KREL)/earmark.ko
	$(if $(KREL),,$(error no kernel headers found: install linux-headers-amd64 or give KDIR=))
	$(Q)cp $< $@
# 6.1's headers cannot make a module's BTF: kmod/btf.sh makes it with 6.12's tools and says so.
$(B)/%/earmark.ko: $(KMOD_SRC)
	$(call say,KMOD,$@)
	$(Q)mkdir -p $(@D)/src && cp -r --parents --update $(KMOD_SRC) $(@D)/src
	$(Q)$(MAKE) -s -C $(call kdir,$*) M=$(abspath $(@D)/src) modules $(if $(V),V=1)
	$(Q)kmod/btf.sh $(call kdir,$*) $(@D)/src/earmark.ko
	$(Q)cp $(@D)/src/earmark.ko $@
kdir = $(if $(filter $(KREL),$(1)),$(KDIR),/lib/modules/$(1)/build)

# --- Slurm's plugin: what it needs is in it, but for libc and what Slurm's own programs have ----
SLURM_SRC := $(wildcard contrib/slurm/*.c) user/base/text.c user/base/file.c user/commit/near.c
SLURM_OBJ := $(SLURM_SRC:%.c=$(B)/slurm/%.o)
.PHONY: slurm
slurm: $(B)/slurm/earmark.so
$(B)/slurm/earmark.so: $(SLURM_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^
$(B)/slurm/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<
-include $(SLURM_OBJ:.o=.d)

include tests/tests.mk

# --- the machine ----------------------------------------------------------------------------
SLURM_PLUGINS ?= $(PREFIX)/lib/$(shell $(CC) -print-multiarch)/slurm-wlm
.PHONY: install dkms-install slurm-install deb clean help
install: user
	$(Q)contrib/install $(B) "$(DESTDIR)" $(PREFIX) $(VERSION)
dkms-install:
	$(Q)contrib/dkms-install $(VERSION)
slurm-install: slurm
	$(Q)contrib/slurm/install $(B) "$(DESTDIR)" $(SLURM_PLUGINS)
deb:
	$(Q)contrib/deb $(B) $(VERSION)
clean:
	$(Q)rm -rf $(B)
help:
	@sed -n '4,11p' Makefile; grep -hoE '^# [a-z -]+: .*' tests/tests.mk
