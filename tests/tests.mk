# SPDX-License-Identifier: GPL-2.0
# Tests by altitude: style, unit (ASan, UBSan), fuzz, behaviour on this machine, behaviour on
# real kernels in guests. tests/check runs them and counts.

GUESTS := 6.12 6.1
# make's own view of which releases the guests run: those whose headers are installed
GUEST_RELEASES := $(filter 6.12% 6.1.%,$(RELEASES))
GUEST_MODULES = $(foreach r,$(GUEST_RELEASES),$(B)/$(r)/earmark.ko $(B)/$(r)/simgpu/simgpu.ko \
	$(B)/$(r)/simnv/simnv_dev.ko $(B)/$(r)/other/earmark.ko)

$(B)/%/simgpu/simgpu.ko: $(wildcard tests/simgpu/*.[ch] tests/simgpu/Kbuild tests/simgpu/Makefile)
	$(call say,KMOD,$@)
	$(Q)$(MAKE) -s -C tests/simgpu KDIR=$(call kdir,$*) OUT=$(abspath $(@D))

$(B)/%/simnv/simnv_dev.ko: $(wildcard tests/simnv/*.[ch] tests/simnv/Kbuild tests/simnv/Makefile)
	$(call say,KMOD,$@)
	$(Q)$(MAKE) -s -C tests/simnv KDIR=$(call kdir,$*) OUT=$(abspath $(@D))

# a module that speaks another version of the contract
$(B)/%/other/earmark.ko: $(B)/%/earmark.ko
	$(call say,KMOD,$@)
	$(Q)mkdir -p $(@D)/src && cp -r --parents $(KMOD_SRC) $(@D)/src
	$(Q)sed -i 's/^\(#define EARMARK_VERSION\) [0-9]* /\1 99 /' $(@D)/src/include/uapi/earmark.h
	$(Q)grep -q '^#define EARMARK_VERSION 99 ' $(@D)/src/include/uapi/earmark.h
	$(Q)$(MAKE) -s -C $(call kdir,$*) M=$(abspath $(@D)/src) modules $(if $(V),V=1)
	$(Q)cp $(@D)/src/earmark.ko $@

# --- unit: the library again, with sanitizers ------------------------------------------------
SAN := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*_test.c))
SAN_OBJ := $(LIB_OBJ:$(B)/%=$(B)/san/%) $(patsubst user/%.c,$(B)/san/user/%.o,$(wildcard user/cli/*.c))

$(B)/san/%.o: %.c | $(SKEL)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -c -o $@ $<
$(B)/san/libearmark.a: $(SAN_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/unit/%: tests/unit/%.c $(B)/san/libearmark.a
	$(call say,UNIT,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(SAN) -o $@ $< \
		$(B)/san/libearmark.a $(LIBS) -lcmocka
-include $(SAN_OBJ:.o=.d) $(wildcard $(B)/unit/*.d)

$(B)/fuzz/%: tests/fuzz/%.c $(B)/libearmark.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(B)/libearmark.a $(LIBS)
# fuzzers that run on this machine have the sanitizers; that of netlink runs in guests
$(B)/fuzz/ledger_fuzz: tests/fuzz/ledger_fuzz.c $(B)/san/libearmark.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -o $@ $< $(B)/san/libearmark.a $(LIBS)
$(B)/sys/%: tests/sys/%.c $(B)/libearmark.a
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(B)/libearmark.a $(LIBS)
SYS_TOOLS := $(patsubst tests/sys/%.c,$(B)/sys/%,$(wildcard tests/sys/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))

# doubles of NVIDIA's library: as it is now, an old one, one that measures nothing, one that is none
DOUBLES := $(patsubst %,$(B)/nvml/%/libnvidia-ml.so.1,new old bare alien)
$(B)/nvml/old/%: DOUBLE := -DDOUBLE_OLD
$(B)/nvml/bare/%: DOUBLE := -DDOUBLE_BARE
$(B)/nvml/alien/%: DOUBLE := -DDOUBLE_ALIEN
$(B)/nvml/%/libnvidia-ml.so.1: $(wildcard tests/nvml/double*)
	$(call say,DOUBLE,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(filter-out -MMD -MP,$(CFLAGS)) -Wno-unused-function $(DOUBLE) -D_GNU_SOURCE -fPIC -shared -o $@ $(filter %.c,$^)
$(B)/unit/nvidia_test $(B)/unit/nvidia_busy_test: | $(DOUBLES)

.PHONY: check-oracles bench-stats gpu-check
.PHONY: kdir-modules check check-all check-vm check-debug debug-kernel style demo bench fuzz unit guest-modules test-tools
unit: $(UNIT) $(B)/unit/ledger_fixture
kdir-modules: $(B)/$(KREL)/earmark.ko $(B)/$(KREL)/simgpu/simgpu.ko $(B)/$(KREL)/simnv/simnv_dev.ko \
	$(B)/$(KREL)/other/earmark.ko
guest-modules: $(GUEST_MODULES)
test-tools: all slurm $(DOUBLES) $(B)/gpu/work $(UNIT) $(B)/unit/ledger_fixture $(FUZZ) $(SYS_TOOLS) guest-modules

# style: checkpatch rules that apply, clang-format, shellcheck, sparse on kmod
style: bpf
	$(Q)tests/style
# check: every test: all kinds on 6.12, the behaviour scripts on 6.1 too
check: deps
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) test-tools
	$(Q)tests/check
# check-all: every test, everything on both kernels
check-all: deps
	$(Q)$(MAKE) --no-print-directory test-tools
	$(Q)tests/check --all
# check-vm: the guest tests alone
check-vm: test-tools
	$(Q)tests/check guests
# fuzz: the fuzzers that need no kernel, for longer
fuzz: test-tools
	$(Q)tests/check fuzz
# debug-kernel: builds a kernel with KASAN, lockdep, PROVE_RCU, kmemleak, failslab (cached)
debug-kernel: deps deps-debug
	$(Q)tests/vm/debug-kernel
# check-debug: the guest suite on the debug kernel, 1,000 load/unload loops, a kmemleak scan
check-debug: debug-kernel
	$(Q)$(MAKE) --no-print-directory test-tools
	$(Q)$(MAKE) --no-print-directory KDIR=$${EARMARK_CACHE:-$$HOME/.cache/earmark}/debug/build kdir-modules
	$(Q)tests/check --debug
# demo: the main job, as a newcomer would see it (NATIVE=1: on this node's own GPU)
demo: deps
	$(Q)$(MAKE) --no-print-directory all guest-modules
	$(Q)tests/demo $(if $(NATIVE),--native)
# gpu-check: accounts against CUDA's own events, on a real NVIDIA GPU; skipped where there is none
gpu-check: user $(B)/gpu/work
	$(Q)tests/gpu/check
$(B)/gpu/%: tests/gpu/%.c $(B)/libearmark.a
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(B)/libearmark.a $(LIBS)
# bench: figures beside their floor or peer from the same run
bench: deps
	$(Q)$(MAKE) --no-print-directory test-tools
	$(Q)tests/bench/run
	$(Q)tests/bench/ledger
	$(Q)tests/bench/alerts
	$(Q)tests/bench/replay
	$(Q)tests/bench/probes
# check-oracles: probes' statistics against R packages on the same series (SEED=1)
check-oracles: deps-oracles $(B)/oracles/numbers
	$(Q)$(B)/oracles/numbers $(or $(SEED),1) >$(B)/oracles/numbers.json
	$(Q)Rscript --vanilla tests/oracles/compare.R $(B)/oracles/numbers.json
$(B)/oracles/%: tests/oracles/%.c $(B)/libearmark.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< $(B)/libearmark.a $(LIBS)
# the planted truths of the unit tests without sanitizers, for hundreds of runs
$(B)/bench/%: tests/unit/%.c $(B)/libearmark.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -o $@ $< $(B)/libearmark.a $(LIBS) -lcmocka
# bench-stats: size and power of the probes on planted truth, as a table (EARMARK_RUNS=200)
bench-stats: $(patsubst %,$(B)/bench/%_test,probe probe_order probe_drift probe_relabel)
	$(Q)tests/bench/stats $^
