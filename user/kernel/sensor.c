// SPDX-License-Identifier: GPL-2.0
/*
 * Loading, attaching and pinning the families of hooks; see sensor.h.
 *
 * A family is attached whole or not at all. Once pinned, nothing here stays open: removing
 * the pins detaches, even under a running daemon, which then does not attach again by itself.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/sensor.h"
#include "kernel/sensor_family.h"
#include "kernel/sensor_map.h"
#include "kernel/sensor_pin.h"
#include "cgroup.skel.h"
#include "drm.skel.h"
#include "hold.skel.h"

EM_CLEANUP(struct btf *, btf__free);
EM_CLEANUP(struct bpf_object *, bpf_object__close);

static const struct hook hold_hooks[] = { { "hold_free", "bpf_lsm_file_free_security", 1 },
					  { "hold_ioctl", "bpf_lsm_file_ioctl", 2 },
					  { "hold_ioctl_compat", "bpf_lsm_file_ioctl_compat", 0 },
					  { "hold_seed", NULL, 3 },
					  { "hold_challenge", NULL,
					    0 }, /* with the module only, see hook_wanted() */
					  {} };
static const struct hook drm_hooks[] = { { "drm_queue_old", "btf_trace_drm_sched_job", 1 },
					 { "drm_queue_new", "btf_trace_drm_sched_job_queue", 1 },
					 { "drm_run_old", "btf_trace_drm_run_job", 3 },
					 { "drm_run_new", "btf_trace_drm_sched_job_run", 3 },
					 { "drm_done_old", "btf_trace_drm_sched_process_job", 2 },
					 { "drm_done_new", "btf_trace_drm_sched_job_done", 2 },
					 {} };
static const struct hook cgroup_hooks[] = { { "cgroup_populated",
					      "btf_trace_cgroup_notify_populated", 1 },
					    { "cgroup_attach", "btf_trace_cgroup_attach_task", 2 },
					    {} };

const struct family em_families[EM_FAMILY_COUNT] = {
	[EM_FAMILY_HOLD] = { "hold", hold_hooks, NULL, hold_bpf__elf_bytes, true },
	[EM_FAMILY_DRM] = { "drm", drm_hooks, "gpu_sched", drm_bpf__elf_bytes, false },
	[EM_FAMILY_CGROUP] = { "cgroup", cgroup_hooks, NULL, cgroup_bpf__elf_bytes, false },
};

static char log_line[160]; /* the first complaint of libbpf since it was cleared */

static int log_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !log_line[0])
		vsnprintf(log_line, sizeof(log_line), format, args);
	log_line[strcspn(log_line, "\n")] = '\0';
	return 0;
}

__attribute__((format(printf, 2, 3))) static int because(struct em_sensor_state *st,
							 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(st->why, sizeof(st->why), format, args);
	va_end(args);
	return -ENOTSUP;
}

static bool lsm_active(struct em_sensor_state *st)
{
	_cleanup_free_ char *list = NULL;
	char *name, *rest;

	if (em_file_read(-1, "/sys/kernel/security/lsm", 4096, &list) < 0) {
		because(st, "cannot read /sys/kernel/security/lsm to see whether BPF is among the "
			    "security modules: mount -t securityfs none /sys/kernel/security, or "
			    "this kernel has none");
		return false;
	}
	for (name = strtok_r(list, ",\n", &rest); name; name = strtok_r(NULL, ",\n", &rest)) {
		if (!strcmp(name, "bpf"))
			return true;
	}
	because(st, "\"bpf\" is not among the active security modules "
		    "(/sys/kernel/security/lsm): add it to the lsm= boot parameter");
	return false;
}

/* Return: could this family be attached, as far as files tell? Else the sentence is set. */
static bool family_possible(struct em_sensor *s, int f)
{
	struct em_sensor_state *st = &s->states[f];

	if (s->unusable[0]) {
		because(st, "%s", s->unusable);
		return false;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		because(st, "this kernel has no type information (/sys/kernel/btf/vmlinux): "
			    "it needs CONFIG_DEBUG_INFO_BTF");
		return false;
	}
	if (f == EM_FAMILY_HOLD && s->mode == EM_SENSOR_MODULE &&
	    access("/sys/kernel/btf/earmark", R_OK)) {
		because(st, "the module earmark was built without BTF, so that its kfuncs cannot "
			    "be called: build it with pahole installed");
		return false;
	}
	if (f != EM_FAMILY_HOLD)
		return true;
	s->walks_only = !lsm_active(st);
	return true;
}

/* The BTF that a family's hooks are looked up in; NULL with the sentence set. */
static struct btf *family_btf(struct em_sensor *s, int f, struct btf *vmlinux)
{
	struct em_sensor_state *st = &s->states[f];
	struct btf *btf;

	if (!em_families[f].module)
		return vmlinux;
	if (!access("/sys/kernel/btf/gpu_sched", R_OK)) {
		btf = btf__load_module_btf(em_families[f].module, vmlinux);
		if (!btf)
			because(st, "cannot read the type information of gpu_sched: %s",
				strerror(errno));
		return btf;
	}
	if (btf__find_by_name_kind(vmlinux, "drm_gpu_scheduler", BTF_KIND_STRUCT) > 0)
		return vmlinux; /* built in */
	if (access("/sys/module/gpu_sched", F_OK))
		because(st, "gpu_sched is not loaded: no driver that schedules with it is here "
			    "(attached to when one comes)");
	else
		because(st, "gpu_sched is loaded without type information: its package or the "
			    "kernel needs CONFIG_DEBUG_INFO_BTF_MODULES");
	return NULL;
}

static bool edge_of_hold(const struct hook *h)
{
	return h->type && !strncmp(h->type, "bpf_lsm_", strlen("bpf_lsm_"));
}

static bool hook_wanted(struct em_sensor *s, const struct hook *h, const struct btf *btf)
{
	if (!strcmp(h->program, "hold_challenge"))
		return s->mode == EM_SENSOR_MODULE && !s->walks_only;
	if (s->walks_only && edge_of_hold(h))
		return false;
	if (!h->type)
		return true;
	return btf__find_by_name_kind(btf, h->type, BTF_KIND_FUNC) > 0 ||
	       btf__find_by_name_kind(btf, h->type, BTF_KIND_TYPEDEF) > 0;
}

/* Are all hooks there that a family cannot do without? */
static bool hooks_complete(struct em_sensor *s, int f, const struct btf *btf)
{
	const struct hook *h, *other;
	bool found;

	for (h = em_families[f].hooks; h->program; h++) {
		found = !h->group || (s->walks_only && edge_of_hold(h));
		for (other = em_families[f].hooks; other->program; other++)
			found |= other->group == h->group && hook_wanted(s, other, btf);
		if (found)
			continue;
		because(&s->states[f], "this kernel has no hook \"%s\"", h->type);
		return false;
	}
	return true;
}

static bool family_pinned(struct em_sensor *s, int f, const struct btf *btf)
{
	const struct hook *h;

	for (h = em_families[f].hooks; h->program; h++) {
		if (hook_wanted(s, h, btf) && !em_pin_exists("link_", h->program))
			return false;
	}
	return true;
}

static void family_unpin(int f)
{
	const struct hook *h;

	for (h = em_families[f].hooks; h->program; h++)
		em_pin_remove("link_", h->program);
}

static struct bpf_object *family_open(struct em_sensor *s, int f)
{
	size_t size;
	const void *elf = em_families[f].elf(&size);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = em_families[f].name);
	struct bpf_object *obj = bpf_object__open_mem(elf, size, &opts);
	struct em_hold_mode mode = { .kmod = s->mode == EM_SENSOR_MODULE, .walks = s->walks_only };
	struct bpf_map *map;
	char path[128];

	if (!obj)
		return NULL;
	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__is_internal(map)) {
			size_t n;

			if (strstr(bpf_map__name(map), ".rodata") &&
			    bpf_map__initial_value(map, &n) && n == sizeof(mode))
				bpf_map__set_initial_value(map, &mode, n);
			continue;
		}
		/* With the module no map is used: the verifier drops that branch. */
		if (s->mode == EM_SENSOR_MODULE)
			bpf_map__set_autocreate(map, false);
		else if (!em_pin_path(path, sizeof(path), "", bpf_map__name(map)))
			bpf_map__set_pin_path(map, path);
	}
	return obj;
}

static int hook_attach(struct bpf_object *obj, const struct hook *h)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, h->program);
	struct bpf_link *link;
	char path[128];
	int r;

	if (!prog || !bpf_program__autoload(prog))
		return 0;
	link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	em_pin_path(path, sizeof(path), "link_", h->program);
	r = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return r;
}

/* From now on something is watched that was not before: the recorder starts its holds anew. */
static void gap_note(void)
{
	_cleanup_close_ int fd = em_map_open("control");
	struct em_control *c;

	if (fd < 0)
		return;
	c = em_map_mmap(fd, 0, sizeof(*c), true);
	if (!c)
		return;
	c->layout = EM_LAYOUT;
	__atomic_fetch_add(&c->gaps, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&c->free_gen, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&c->use_gen, 1, __ATOMIC_SEQ_CST);
	munmap(c, sizeof(*c));
}

static int load_failed(struct em_sensor_state *st, int r)
{
	if (r == -EPERM)
		return because(st, "the kernel does not let its programs load (EPERM): it is "
				   "locked down, was built without them, or earmarkd lacks "
				   "CAP_BPF, CAP_PERFMON or CAP_SYS_ADMIN");
	return because(st, "its programs do not load: %s (%s)", strerror(-r), log_line);
}

static int family_load(struct em_sensor *s, int f, const struct btf *btf)
{
	struct em_sensor_state *st = &s->states[f];
	_cleanup_(bpf_object__closep) struct bpf_object *obj = NULL;
	const struct hook *h;
	int r;

	log_line[0] = '\0';
	obj = family_open(s, f);
	if (!obj)
		return load_failed(st, -errno);
	for (h = em_families[f].hooks; h->program; h++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(obj, h->program),
					  hook_wanted(s, h, btf));
	r = bpf_object__load(obj);
	if (r)
		return load_failed(st, r);
	family_unpin(f);
	for (h = em_families[f].hooks; h->program && !r; h++)
		r = hook_attach(obj, h);
	if (r) {
		family_unpin(f);
		return because(st, "%s cannot be attached: %s (%s)", h[-1].program, strerror(-r),
			       log_line);
	}
	if (s->mode == EM_SENSOR_ALONE)
		gap_note();
	return 0;
}

/* Return: 1 attached anew, 0 adopted, negative: the sentence says why not. */
static int family_attach(struct em_sensor *s, int f, struct btf *vmlinux)
{
	struct em_sensor_state *st = &s->states[f];
	struct btf *btf;
	int r = 1;

	if (!vmlinux)
		return because(st, "cannot read the kernel's type information: %s",
			       strerror(errno));
	btf = family_btf(s, f, vmlinux);
	if (!btf)
		return -ENOTSUP;
	if (!hooks_complete(s, f, btf))
		r = -ENOTSUP;
	else if (family_pinned(s, f, btf))
		r = 0;
	else if (family_load(s, f, btf))
		r = -ENOTSUP;
	if (btf != vmlinux)
		btf__free(btf);
	if (r >= 0) {
		st->polled = f == EM_FAMILY_HOLD && s->walks_only;
		st->attached = !st->polled;
		if (st->attached)
			st->why[0] = '\0';
		s->tried[f] = 0;
	}
	return r;
}

static void check_by_hand(struct em_sensor *s, int f)
{
	struct em_sensor_state *st = &s->states[f];
	const struct hook *h;

	for (h = em_families[f].hooks; h->program && !(h->group && (!st->polled || !h->type)); h++)
		;
	if (f == EM_FAMILY_DRM
		    ? em_pin_exists("link_", h[0].program) || em_pin_exists("link_", h[1].program)
		    : em_pin_exists("link_", h->program))
		return;
	st->attached = st->polled = false;
	s->by_hand[f] = true;
	because(st, "its pins were removed (earmark sensor unpin): restart earmarkd to attach it");
}

/* What failed is tried again only with another gpu_sched: reading types takes long. */
static bool worth_trying(struct em_sensor *s, int f)
{
	struct stat st = {};
	ino_t now = 1;

	if (em_families[f].module && !access("/sys/module/gpu_sched", F_OK))
		now = stat("/sys/kernel/btf/gpu_sched", &st) ? 2 : st.st_ino;
	if (s->tried[f] == now)
		return false;
	s->tried[f] = now;
	return true;
}

int em_sensor_retry(struct em_sensor *s)
{
	_cleanup_(btf__freep) struct btf *vmlinux = NULL;
	int f, r = 0;

	for (f = 0; f < EM_FAMILY_COUNT; f++) {
		if (s->mode == EM_SENSOR_MODULE && !em_families[f].with_module)
			continue;
		if (s->states[f].attached || s->states[f].polled)
			check_by_hand(s, f);
		if (s->states[f].attached || s->states[f].polled || s->by_hand[f] ||
		    !family_possible(s, f) || !worth_trying(s, f))
			continue;
		if (!vmlinux)
			vmlinux = btf__load_vmlinux_btf();
		r |= family_attach(s, f, vmlinux) > 0;
	}
	return r;
}

static int build_of_this(struct em_pin_build *build, enum em_sensor_mode mode)
{
	crypto_hash_sha256_state hash;
	const void *elf;
	size_t size;
	int f;

	memset(build, 0, sizeof(*build));
	crypto_hash_sha256_init(&hash);
	for (f = 0; f < EM_FAMILY_COUNT; f++) {
		elf = em_families[f].elf(&size);
		crypto_hash_sha256_update(&hash, elf, size);
	}
	crypto_hash_sha256_final(&hash, build->programs);
	build->mode = mode;
	build->layout = EM_LAYOUT;
	return 0;
}

int em_sensor_open(struct em_sensor **ret, enum em_sensor_mode mode)
{
	struct em_sensor *s = calloc(1, sizeof(*s));
	struct em_pin_build build;
	int f, r;

	if (!s)
		return -ENOMEM;
	s->mode = mode;
	libbpf_set_print(log_keep);
	for (f = 0; f < EM_FAMILY_COUNT; f++)
		s->states[f].name = em_families[f].name;
	build_of_this(&build, mode);
	r = em_pin_dir(s->unusable, sizeof(s->unusable));
	if (!r)
		r = em_pin_claim(&build);
	s->relaid = r > 0;
	if (r < 0 && !s->unusable[0])
		snprintf(s->unusable, sizeof(s->unusable), "cannot pin in %s: %s", em_pin_root(),
			 strerror(-r));
	em_sensor_retry(s);
	*ret = s;
	return 0;
}

bool em_sensor_relaid(const struct em_sensor *s)
{
	return s->relaid;
}

void em_sensor_close(struct em_sensor *s)
{
	free(s);
}
