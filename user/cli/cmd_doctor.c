// SPDX-License-Identifier: GPL-2.0
/*
 * earmark doctor - what this node can measure, by whom, what is missing and how to get it. Needs
 * neither rights nor a daemon: what it could not look at, it says.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/cgroup.h"
#include "cli/cli.h"
#include "cli/module.h"
#include "cli/doctor.h"
#include "kernel/netlink.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

/*
 * OK; NOTE: worth knowing, nothing goes unmeasured for it; MISSING: something does; UNKNOWN: it
 * could not be found out.
 */
enum state { OK, NOTE, MISSING, UNKNOWN, STATES };

static const char *const state_names[] = { "ok", "note", "missing", "unknown" };

/**
 * struct findings - under way
 * @rows: {what, state, detail, advice}
 * @seen: how many rows of each state
 * @status: earmarkd's, NULL = it does not answer; @unanswered: why
 * @nl: the module, NULL = it does not answer; @no_module: why, an errno
 */
struct findings {
	struct em_args *args;
	json_t *rows, *status;
	unsigned int seen[STATES];
	char unanswered[512];
	struct em_netlink *nl;
	int no_module;
	struct earmark_status module;
};

static const struct em_column columns[] = {
	{ "state", "", EM_STATE },
	{ "what", "WHAT", EM_TEXT },
	{ "detail", "FOUND", EM_TEXT },
	{ "advice", "WHAT TO DO", EM_TEXT },
};

static void find(struct findings *f, const char *what, enum state state, const char *detail,
		 const char *advice)
{
	f->seen[state]++;
	json_array_append_new(f->rows, json_pack("{s:s,s:s,s:s,s:s}", "what", what, "state",
						 state_names[state], "detail", detail, "advice",
						 state == OK ? "" : advice));
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool recorded_by(const struct findings *f, enum earmark_recorder recorder)
{
	const char *by = text_of(f->status, "recorded_by");

	return by && !strcmp(by, em_recorder_name(recorder));
}

/* --- who records -------------------------------------------------------------------------- */

static void check_recorder(struct findings *f)
{
	char text[256];

	if (text_of(f->status, "recorded_by"))
		find(f, "recorded by", OK,
		     recorded_by(f, EARMARK_RECORDER_KERNEL)
			     ? "the module: nothing is lost while earmarkd is away"
			     : "earmarkd with BPF",
		     "");
	else if (f->status)
		find(f, "recorded by", MISSING,
		     em_show(text, sizeof(text), json_object_get(f->status, "why"), EM_TEXT),
		     "load the module, or give this kernel what BPF needs (below)");
	else if (f->nl)
		find(f, "recorded by", NOTE, "the module, and nobody stores it",
		     "start earmarkd: sealed intervals wait for it");
	else
		find(f, "recorded by", MISSING, "nobody", "load the module and start earmarkd");
}

static void check_daemon(struct findings *f)
{
	const json_t *ledger = json_object_get(f->status, "ledger");
	const json_t *commitments = json_object_get(f->status, "commitments");
	const json_t *rules = json_object_get(f->status, "rules");
	const json_t *pods = json_object_get(rules, "pods");
	char text[512];

	if (!f->status) {
		find(f, "earmarkd", MISSING, f->unanswered, "");
		return;
	}
	find(f, "earmarkd", OK,
	     em_show(text, sizeof(text), json_object_get(f->status, "version"), EM_TEXT), "");
	if (text_of(ledger, "error"))
		find(f, "storage", MISSING,
		     em_show(text, sizeof(text), json_object_get(ledger, "error"), EM_TEXT),
		     "free space or repair it: intervals wait meanwhile");
	if (text_of(rules, "error"))
		find(f, "rules", NOTE,
		     em_show(text, sizeof(text), json_object_get(rules, "error"), EM_TEXT),
		     "correct the file (earmark rule check), and reload: the rules before it hold");
	if (text_of(pods, "error"))
		find(f, "pods", NOTE,
		     em_show(text, sizeof(text), json_object_get(pods, "error"), EM_TEXT),
		     "no rule about pods matches: let the kubelet answer (readOnlyPort), or say "
		     "where (pods in earmarkd.yaml)");
	if (text_of(commitments, "error"))
		find(f, "commitments", NOTE,
		     em_show(text, sizeof(text), json_object_get(commitments, "error"), EM_TEXT),
		     "correct the file: nothing is judged by it");
}

/* Packages bring another build to the disk; the one that is loaded stays until it is exchanged. */
static void check_build(struct findings *f)
{
	char loaded[64], installed[64], detail[192];

	if (em_module_builds(loaded, installed, sizeof(loaded)) || !*loaded || !*installed ||
	    !strcmp(loaded, installed))
		return;
	snprintf(detail, sizeof(detail), "%s is loaded, %s is installed", loaded, installed);
	find(f, "module's build", NOTE, detail,
	     "earmark module upgrade: tags and open accounts are kept");
}

static void check_module(struct findings *f)
{
	enum state absent = recorded_by(f, EARMARK_RECORDER_DAEMON) ? NOTE : MISSING;

	if (f->nl) {
		char version[64];

		snprintf(version, sizeof(version), "loaded, contract version %u",
			 f->module.version);
		find(f, "module earmark", OK, version, "");
		check_build(f);
		find(f, "module's BTF", f->module.flags & EARMARK_STATUS_BTF ? OK : MISSING,
		     f->module.flags & EARMARK_STATUS_BTF ? "BPF can call it" : "none",
		     "build the module with pahole installed");
		if (f->module.flags & EARMARK_STATUS_STRETCHED)
			find(f, "intervals", NOTE, "the open one stretches: the keep is full",
			     "start earmarkd: sealed intervals wait to be stored");
	} else if (f->no_module == -EPROTO) {
		find(f, "module earmark", absent, "of another version than this program",
		     "install module and programs of one release");
	} else if (access("/proc/modules", R_OK)) {
		find(f, "module earmark", absent, "this kernel loads no modules",
		     "boot a kernel with modules; else BPF alone can record");
	} else {
		find(f, "module earmark", absent, "not loaded",
		     "modprobe earmark (make dkms-install builds it); else BPF alone can record");
	}
}

/* --- the kernel --------------------------------------------------------------------------- */

/* The mode in force is the one in brackets. */
static void check_lockdown(struct findings *f)
{
	char text[256];

	if (em_file_line(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return;
	if (strstr(text, "[integrity]"))
		find(f, "lockdown", NOTE, "integrity: only signed modules load",
		     "sign earmark.ko with a key that this kernel trusts; else BPF alone can "
		     "record");
	else if (strstr(text, "[confidentiality]"))
		find(f, "lockdown", NOTE,
		     "confidentiality: only signed modules load, and BPF may not read the kernel",
		     "boot with lockdown=integrity: without BPF nothing sees who holds a GPU");
}

static void check_kernel(struct findings *f)
{
	bool btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	struct utsname u;

	uname(&u);
	find(f, "kernel", OK, u.release, "");
	find(f, "kernel's BTF", btf ? OK : MISSING, btf ? "/sys/kernel/btf/vmlinux" : "none",
	     "use a kernel with CONFIG_DEBUG_INFO_BTF, as distributions' are");
	check_lockdown(f);
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',') {
		if (strcspn(list, ",") == n && !strncmp(list, word, n))
			return true;
	}
	return false;
}

static void check_lsm(struct findings *f)
{
	char list[256], advice[320];
	int r = em_file_line(AT_FDCWD, "/sys/kernel/security/lsm", list, sizeof(list));

	if (r < 0) {
		bool mounted = !access("/sys/kernel/security/integrity", F_OK) ||
			       !access("/sys/kernel/security/lockdown", F_OK);

		find(f, "BPF LSM", mounted || r == -ENOENT ? MISSING : UNKNOWN,
		     r == -ENOENT ? "no list of LSMs in /sys/kernel/security" : strerror(-r),
		     "mount -t securityfs securityfs /sys/kernel/security; if there is no list "
		     "then, boot a kernel with CONFIG_BPF_LSM");
		return;
	}
	snprintf(advice, sizeof(advice), "boot with lsm=%s,bpf (needs CONFIG_BPF_LSM)", list);
	find(f, "BPF LSM", has_word(list, "bpf") ? OK : MISSING, list, advice);
}

static void check_scheduler(struct findings *f)
{
	bool there = f->module.flags & EARMARK_STATUS_GPU_SCHED ||
		     !access("/sys/module/gpu_sched", F_OK) ||
		     !access("/sys/kernel/btf/gpu_sched", F_OK);

	find(f, "gpu_sched", there ? OK : NOTE, there ? "loaded" : "not loaded",
	     "it comes with the driver of a GPU that can be metered: load that");
}

static void check_cgroup(struct findings *f)
{
	char dir[256];
	bool there = !em_cli_cgroup_mount(dir, sizeof(dir));

	find(f, "cgroup v2", there ? OK : MISSING, there ? dir : "not mounted",
	     "boot with systemd.unified_cgroup_hierarchy, or mount -t cgroup2 none /sys/fs/cgroup");
}

/* --- sensors and GPUs --------------------------------------------------------------------- */

static void check_sensors(struct findings *f)
{
	json_t *sensor;
	size_t i;

	json_array_foreach(json_object_get(f->status, "sensors"), i, sensor) {
		bool on = json_is_true(json_object_get(sensor, "attached"));
		bool polled = json_is_true(json_object_get(sensor, "polled"));
		char what[64], why[512];

		snprintf(what, sizeof(what), "sensor %s", text_of(sensor, "name") ?: "?");
		find(f, what, on ? OK : MISSING,
		     on ? "attached"
		     : polled
			     ? "polled: what changes between two walks over the open files is unobserved"
			     : "not attached",
		     em_show(why, sizeof(why), json_object_get(sensor, "why"), EM_TEXT));
	}
}

static const char *blind_advice(unsigned int blind)
{
	static const char *const advice[] = {
		[EARMARK_BLIND_BIT_METER] = "its driver does not use gpu_sched, or that is not "
					    "probed: load the module or the drm sensor; if "
					    "fdinfo shows its work, name it in told_drivers",
		[EARMARK_BLIND_BIT_HOLD] = "the hold sensor must be attached and seeded: see the "
					   "sensors",
		[EARMARK_BLIND_BIT_ABSENT] = "load its driver, or: earmark gpu retire",
		[EARMARK_BLIND_BIT_FILE] = "a file that was open before may hold it: it explains "
					   "itself when it works or closes",
		[EARMARK_BLIND_BIT_LOST] = "an edge was lost: healed at the next seed, within an "
					   "interval",
	};

	for (unsigned int i = 0; i < EARMARK_BLIND_BIT_COUNT; i++) {
		if (blind & 1U << i)
			return advice[i];
	}
	return "";
}

static void find_gpu(struct findings *f, const char *name, unsigned int blind)
{
	char what[128], reasons[128] = "";

	snprintf(what, sizeof(what), "GPU %s", name);
	for (unsigned int i = 0; i < EARMARK_BLIND_BIT_COUNT; i++) {
		if (blind & 1U << i)
			snprintf(reasons + strlen(reasons), sizeof(reasons) - strlen(reasons),
				 "%s%s", *reasons ? ", " : "unobserved: ", em_blind_name(i));
	}
	find(f, what, blind ? MISSING : OK, blind ? reasons : "observed", blind_advice(blind));
}

static int module_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	find_gpu(arg, gpu->name, gpu->blind);
	return 0;
}

static unsigned int daemon_gpus(struct findings *f)
{
	json_t *gpu, *names = json_object_get(f->status, "gpus"), *name;
	size_t i, j;

	json_array_foreach(names, i, gpu) {
		unsigned int blind = 0;
		char text[128];

		json_array_foreach(json_object_get(gpu, "blind"), j, name) {
			for (unsigned int bit = 0; bit < EARMARK_BLIND_BIT_COUNT; bit++) {
				if (!strcmp(json_string_value(name) ?: "", em_blind_name(bit)))
					blind |= 1U << bit;
			}
		}
		find_gpu(f, em_show(text, sizeof(text), json_object_get(gpu, "name"), EM_TEXT),
			 blind);
	}
	return (unsigned int)json_array_size(names);
}

static unsigned int count(const char *path, const char *prefix)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	unsigned int n = 0;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.' && !strncmp(e->d_name, prefix, strlen(prefix));
	return n;
}

static void find_named(void *arg, const char *what, const char *state, const char *detail,
		       const char *advice)
{
	unsigned int s = 0;

	while (s + 1 < STATES && strcmp(state_names[s], state))
		s++;
	find(arg, what, (enum state)s, detail, advice);
}

static void check_gpus(struct findings *f)
{
	unsigned int nodes = count("/sys/class/drm", "renderD"), known = 0;
	unsigned int nvidia = count("/proc/driver/nvidia/gpus", "");
	char text[64];

	if (f->status)
		known = daemon_gpus(f);
	else if (f->nl && !em_netlink_gpus(f->nl, module_gpu, f))
		known = nodes;
	if (!known && nodes) {
		snprintf(text, sizeof(text), "%u, none in the inventory", nodes);
		find(f, "GPUs", MISSING, text, "start earmarkd: it registers them");
	} else if (!known && !nvidia) {
		find(f, "GPUs", NOTE, "none", "load the driver of a GPU, if there is one");
	}
	em_doctor_nvidia(f->status, nvidia, find_named, f);
}

static void check_ledger(struct findings *f)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;
	const char *dir = f->args->ledger;
	int r = em_ledger_open(&l, dir, EM_LEDGER_READ);

	find(f, "ledger",
	     !r                            ? OK
	     : r == -EACCES || r == -EPERM ? UNKNOWN
					   : MISSING,
	     r ? em_ledger_error(NULL) ?: strerror(-r) : dir,
	     r == -EACCES ? "ask to be let read it, or name another with --ledger DIR"
			  : "earmarkd makes it; --ledger DIR names another");
}

/* Who drifts unheard of: what could not be told, and how much of it waits. */
static void check_deliveries(struct findings *f)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(f->status, "deliveries"), i, d) {
		bool failing = json_is_false(json_object_get(d, "ok"));
		char what[64], detail[384], error[256];

		if (!failing && !strcmp(text_of(d, "name") ?: "", "journal"))
			continue;
		snprintf(what, sizeof(what), "alerts by %s", text_of(d, "name") ?: "?");
		snprintf(detail, sizeof(detail), "%lld told, %lld waiting%s%s",
			 json_integer_value(json_object_get(d, "delivered")),
			 json_integer_value(json_object_get(d, "queued")), failing ? ": " : "",
			 failing ? em_show(error, sizeof(error), json_object_get(d, "error"),
					   EM_TEXT)
				 : "");
		find(f, what, failing ? NOTE : OK, detail,
		     "they are told once it works; try it with: earmark alert test");
	}
}

/* What is asked of the record once a day. Too short a record is worth knowing, and no fault. */
static void find_daily(struct findings *f, const char *what, const char *key)
{
	const json_t *found = json_object_get(json_object_get(f->status, "daily"), key);
	const char *sight = text_of(found, "sight") ?: "";
	char text[512];

	if (!f->status)
		return;
	find(f, what, strcmp(sight, "bad") ? OK : NOTE, /* a young ledger lacks nothing */
	     found ? em_show(text, sizeof(text), json_object_get(found, "summary"), EM_TEXT)
		   : "not asked yet",
	     !found                      ? "it is asked a quarter of an hour after midnight, UTC"
	     : !strcmp(sight, "bad")     ? "it is a ticket: earmark alert show, earmark probe"
	     : !strcmp(sight, "nothing") ? "it comes with time, or with what the sentence asks for"
					 : "");
}

static void look(struct findings *f)
{
	check_recorder(f);
	check_daemon(f);
	check_kernel(f);
	check_module(f);
	check_lsm(f);
	check_scheduler(f);
	check_cgroup(f);
	check_sensors(f);
	em_doctor_sampling(f->status, find_named, f);
	check_gpus(f);
	check_ledger(f);
	check_deliveries(f);
	find_daily(f, "drift of alignment's share", "drift");
	find_daily(f, "renamed work", "relabel");
}

static const char *conclusion(const struct findings *f)
{
	if (f->seen[MISSING])
		return "Something cannot be measured here; its time is reported as unobserved.";
	return f->seen[UNKNOWN] ? "Not everything could be looked at."
				: "Everything that earmark can measure is measured here.";
}

static int doctor(struct em_args *a)
{
	struct findings f = { .args = a, .rows = json_array() };
	int code;

	f.status = em_ask(a, "GET", "/v1/status", NULL, f.unanswered, sizeof(f.unanswered));
	f.no_module = em_netlink_open(&f.nl);
	if (!f.no_module && em_netlink_status(f.nl, &f.module)) {
		em_netlink_close(f.nl);
		f.nl = NULL;
	}
	look(&f);
	code = f.seen[MISSING] ? EM_NOT_SO : f.seen[UNKNOWN] ? EM_NO_ANSWER : EM_FINE;
	if (f.nl)
		em_netlink_close(f.nl);
	json_decref(f.status);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:b,s:o}", "schema", "earmark-doctor-1", "ok",
					     code == EM_FINE, "findings", f.rows),
				   code);
	em_table(columns, ARRAY_SIZE(columns), f.rows, "");
	puts(conclusion(&f));
	json_decref(f.rows);
	return code;
}

static const struct em_verb verbs[] = {
	{ "", "",
	  "looks at kernel, module, sensors, GPUs, daemon and ledger; status 1 if something\n"
	  "      cannot be measured, 2 if that could not be found out",
	  0, 0, false, doctor, NULL },
	{},
};

const struct em_object em_doctor = { "doctor", "what can be measured, and what is missing", verbs };
