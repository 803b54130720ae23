// SPDX-License-Identifier: GPL-2.0
/* Giving up what the daemon does not need; see privilege.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <cap-ng.h>
#include <seccomp.h>

#include "base/cleanup.h"
#include "daemon/privilege.h"

static const unsigned int kept[] = {
	CAP_SYS_ADMIN,       CAP_BPF,          CAP_PERFMON, CAP_SYS_PTRACE,
	CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, CAP_CHOWN,
};

/* What changes the machine, other processes or the clock, and what the daemon never does. */
static const int denied[] = {
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(move_mount),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(fsconfig),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(vhangup),
	SCMP_SYS(syslog),
	SCMP_SYS(lookup_dcookie),
};

static int fail(char *err, size_t len, const char *what, int e)
{
	snprintf(err, len, "%s cannot be given up: %s", what, strerror(e));
	return -e;
}

/*
 * Who is nobody special has nothing to give up. Inside a container root may lack some of these
 * already: what is not there is not asked for. What was ambient, from the unit, ends here: it is
 * given up with the inheritable set, and a program that is run then gets nothing.
 */
static int capabilities_drop(char *err, size_t len)
{
	bool had[ARRAY_SIZE(kept)], bounding;

	if (capng_get_caps_process())
		return fail(err, len, "capabilities", errno);
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return 0;
	bounding = capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		had[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (had[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     kept[i]);
	}
	/* a program run by root then gets no capabilities for being root */
	if (bounding && capng_lock())
		return fail(err, len, "root's special rights", EPERM);
	if (capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS))
		return fail(err, len, "capabilities", EPERM);
	return 0;
}

static int calls_deny(char *err, size_t len)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < ARRAY_SIZE(denied); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r ? fail(err, len, "system calls", -r) : 0;
}

int em_privilege_drop(char *err, size_t len)
{
	int r = capabilities_drop(err, len);

	if (r)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(err, len, "new privileges", errno);
	return calls_deny(err, len);
}
