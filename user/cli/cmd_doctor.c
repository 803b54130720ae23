// SPDX-License-Identifier: GPL-2.0
/* earmark doctor - what this node can measure, what is missing, and how to get it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/cgroup.h"
#include "cli/cli.h"
#include "kernel/netlink.h"

EM_CLEANUP(struct em_netlink *, em_netlink_close);
EM_CLEANUP(struct em_ledger *, em_ledger_close);

/**
 * struct findings - under way
 * @rows: {what, state, detail, advice}
 * @module: it is loaded and answers
 * @blind: something cannot be measured
 */
struct findings {
	json_t *rows;
	bool module, blind;
};

static const struct em_column columns[] = {
	{ "state", "", EM_TEXT },
	{ "what", "WHAT", EM_TEXT },
	{ "detail", "FOUND", EM_TEXT },
	{ "advice", "WHAT TO DO", EM_TEXT },
};

/* @state: "ok", "missing" (something is not measured for want of it) or "note". */
static void find(struct findings *f, const char *what, const char *state, const char *detail,
		 const char *advice)
{
	f->blind |= !strcmp(state, "missing");
	json_array_append_new(f->rows,
			      json_pack("{s:s,s:s,s:s,s:s}", "what", what, "state", state, "detail",
					detail, "advice", strcmp(state, "ok") ? advice : ""));
}

static bool read_line(const char *path, char *out, size_t len)
{
	if (em_file_line(AT_FDCWD, path, out, len) < 0) {
		*out = 0;
		return false;
	}
	return true;
}

static void check_kernel(struct findings *f)
{
	struct utsname u;
	char text[256];

	uname(&u);
	find(f, "kernel", "ok", u.release, "");
	find(f, "kernel BTF", access("/sys/kernel/btf/vmlinux", R_OK) ? "missing" : "ok",
	     access("/sys/kernel/btf/vmlinux", R_OK) ? "none" : "/sys/kernel/btf/vmlinux",
	     "use a kernel with CONFIG_DEBUG_INFO_BTF, as distributions' are");
	if (read_line("/sys/kernel/security/lockdown", text, sizeof(text)) &&
	    !strstr(text, "[none]"))
		find(f, "lockdown", "note", text, "only signed modules load under lockdown");
}

static void check_lsm(struct findings *f)
{
	char text[256];
	bool known = read_line("/sys/kernel/security/lsm", text, sizeof(text));

	find(f, "BPF LSM", known && strstr(text, "bpf") ? "ok" : "missing",
	     known ? text : "no LSM list: this kernel has no securityfs mounted, or none at all",
	     "boot with lsm=…,bpf (the list shown, with bpf at its end); CONFIG_BPF_LSM is needed");
}

static void check_module(struct findings *f)
{
	_cleanup_(em_netlink_closep) struct em_netlink *nl = NULL;
	struct earmark_status s;
	int ret = em_netlink_open(&nl);

	if (!ret && !em_netlink_status(nl, &s)) {
		f->module = true;
		find(f, "module earmark", "ok", "loaded; it keeps the accounts", "");
		find(f, "module BTF", s.flags & EARMARK_STATUS_BTF ? "ok" : "missing",
		     s.flags & EARMARK_STATUS_BTF ? "its functions can be called by BPF" : "none",
		     "build the module with pahole installed; see kmod/btf.sh");
		if (s.flags & EARMARK_STATUS_STRETCHED)
			find(f, "intervals", "note", "the open interval is stretched",
			     "start earmarkd: sealed intervals wait to be stored");
		return;
	}
	if (ret == -EPROTO)
		find(f, "module earmark", "missing", "another version than this program",
		     "install the module and the programs of one release");
	else if (access("/proc/modules", R_OK))
		find(f, "module earmark", "missing", "this kernel loads no modules",
		     "BPF alone can record, where there are LSM and tracing programs");
	else
		find(f, "module earmark", "missing", "not loaded",
		     "modprobe earmark (make dkms-install builds it); else BPF alone records");
}

static void check_scheduler(struct findings *f)
{
	bool there = !access("/sys/module/gpu_sched", F_OK);

	find(f, "gpu_sched", there ? "ok" : "missing", there ? "loaded" : "not loaded",
	     "no GPU driver that can be metered is loaded: load the GPU's driver");
}

static void check_cgroup(struct findings *f)
{
	char dir[256];
	bool there = !em_cli_cgroup_mount(dir, sizeof(dir));

	find(f, "cgroup v2", there ? "ok" : "missing", there ? dir : "not mounted",
	     "mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy");
}

static void check_gpus(struct findings *f, const json_t *status)
{
	json_t *gpu, *blind;
	char what[128], text[256];
	size_t i;

	json_array_foreach(json_object_get(status, "gpus"), i, gpu) {
		blind = json_object_get(gpu, "blind");
		snprintf(what, sizeof(what), "GPU %s",
			 em_show(text, sizeof(text), json_object_get(gpu, "name"), EM_TEXT));
		if (json_array_size(blind))
			find(f, what, "missing", em_show(text, sizeof(text), blind, EM_TEXT),
			     "meter: its driver does not use gpu_sched; hold: see the sensors; absent: "
			     "no driver; file: not yet explained; lost: healed at the next seed");
		else
			find(f, what, "ok", "observed", "");
	}
}

static void check_daemon(struct findings *f, struct em_args *a)
{
	char err[512], text[256], what[64];
	_cleanup_json_ json_t *status = em_ask(a, "GET", "/v1/status", NULL, err, sizeof(err));
	json_t *sensor;
	size_t i;

	if (!status) {
		find(f, "earmarkd", "missing", err, "systemctl start earmarkd");
		return;
	}
	if (json_is_string(json_object_get(status, "recorded_by")))
		find(f, "recorder", "ok",
		     em_show(text, sizeof(text), json_object_get(status, "recorded_by"), EM_TEXT),
		     "");
	else
		find(f, "recorder", "missing",
		     em_show(text, sizeof(text), json_object_get(status, "why"), EM_TEXT),
		     "load the module, or give this kernel what BPF needs (above)");
	json_array_foreach(json_object_get(status, "sensors"), i, sensor) {
		bool on = json_is_true(json_object_get(sensor, "attached"));

		snprintf(what, sizeof(what), "sensor %s",
			 json_string_value(json_object_get(sensor, "name")));
		find(f, what, on ? "ok" : "missing", on ? "attached" : "not attached",
		     em_show(text, sizeof(text), json_object_get(sensor, "why"), EM_TEXT));
	}
	check_gpus(f, status);
	if (json_is_string(json_object_get(json_object_get(status, "ledger"), "error")))
		find(f, "ledger's storage", "missing",
		     em_show(text, sizeof(text),
			     json_object_get(json_object_get(status, "ledger"), "error"), EM_TEXT),
		     "free space or repair it: intervals wait in memory meanwhile");
}

static void check_ledger(struct findings *f, struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	int ret = em_ledger_open(&l, a->ledger, EM_LEDGER_READ);

	find(f, "ledger", ret ? "missing" : "ok",
	     ret ? em_ledger_error(NULL) ?: strerror(-ret) : a->ledger,
	     "earmarkd makes it; --ledger DIR names another");
}

static int doctor(struct em_args *a)
{
	struct findings f = { .rows = json_array() };
	int code;

	check_kernel(&f);
	check_lsm(&f);
	check_module(&f);
	check_scheduler(&f);
	check_cgroup(&f);
	check_daemon(&f, a);
	check_ledger(&f, a);
	code = f.blind ? EM_NOT_SO : EM_FINE;
	if (a->json)
		return em_json_out(json_pack("{s:s,s:b,s:o}", "schema", "earmark-doctor-1", "ok",
					     !f.blind, "findings", f.rows),
				   code);
	em_table(columns, ARRAY_SIZE(columns), f.rows, "");
	puts(f.blind ? "Something cannot be measured here; its time is reported as unobserved."
		     : "Everything that earmark can measure is measured here.");
	json_decref(f.rows);
	return code;
}

static const struct em_verb verbs[] = {
	{ "", "",
	  "looks at kernel, module, sensors, GPUs, daemon and ledger; status 1 if something\n"
	  "      cannot be measured",
	  0, 0, false, doctor, NULL },
	{},
};

const struct em_object em_doctor = { "doctor", "what can be measured, and what is missing", verbs };
