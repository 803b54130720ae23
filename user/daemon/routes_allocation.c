// SPDX-License-Identifier: GPL-2.0
/* GPUs given to jobs: told over the API, kept as notes, summed into entries; see allocation.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/cgroup.h"
#include "daemon/cgroup_view.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/routes_allocation.h"

static int name_gpu(const struct earmark_gpu_info *gpu, void *arg)
{
	struct em_manager *m = arg;

	return em_allocation_add_gpu(&m->allocations, gpu);
}

void em_allocations_look(struct em_manager *m)
{
	em_allocation_forget_gpus(&m->allocations);
	m->source->ops->gpus(m->source, name_gpu, m);
}

static int keep(struct em_manager *m, const struct em_given *given, const char *action,
		const char *const *gpus, unsigned int n, uint64_t when, uid_t uid)
{
	_cleanup_json_ json_t *note = NULL;
	_cleanup_free_ char *text = NULL;
	char boot[33];

	em_boot_id(boot);
	note = em_allocation_note(boot, given, action, gpus, n, when);
	json_object_set_new(note, "uid", json_integer(uid));
	text = json_dumps(note, JSON_COMPACT);
	return text ? em_ledger_note(m->ledger, "allocation", text) : -ENOMEM;
}

/* --- what is asked for -------------------------------------------------------------------- */

/* struct order - @gpus: the recorder's names; @path, @ref: of the body */
struct order {
	const char *cgroup, *ref;
	bool give;
	const char *gpus[EM_ALLOCATION_GPUS];
	unsigned int n;
	uint64_t when;
};

/* Wall time as the monotonic clock had it; not before the machine was started, nor ahead. */
static int parse_at(const char *at, uint64_t *when, char *err, size_t len)
{
	int64_t now = em_time_now(), wall = now, ago;

	if (at && em_time_parse(at, now, &wall)) {
		snprintf(err, len, "\"at\" must be a time such as 2026-11-24T09:00:00Z");
		return -EINVAL;
	}
	ago = now > wall ? now - wall : 0;
	if (wall > now + EM_NS_PER_S || (uint64_t)ago >= em_time_monotonic()) {
		snprintf(err, len, "\"at\" is %s",
			 ago ? "before this machine was started" : "in the future");
		return -EINVAL;
	}
	*when = em_time_monotonic() - (uint64_t)ago;
	return 0;
}

static int parse_gpus(struct order *a, const json_t *list, const struct em_allocations *known,
		      char *err, size_t len)
{
	const json_t *name;
	char safe[128];
	size_t i;

	if (!json_array_size(list) || json_array_size(list) > EM_ALLOCATION_GPUS) {
		snprintf(err, len, "\"gpus\" must be a list of 1 to %u GPUs", EM_ALLOCATION_GPUS);
		return -EINVAL;
	}
	json_array_foreach((json_t *)list, i, name) {
		const char *text = json_string_value(name) ?: "";

		a->gpus[a->n] = em_allocation_gpu(known, text);
		if (!a->gpus[a->n++]) {
			snprintf(err, len, "no GPU \"%s\" is here: earmark gpu list says which are",
				 em_text_safe(safe, sizeof(safe), text));
			return -EINVAL;
		}
	}
	return 0;
}

static int parse(struct order *a, json_t *body, const struct em_allocations *known, char *err,
		 size_t len)
{
	const char *action = NULL, *at = NULL;
	json_t *gpus = NULL;
	json_error_t why;

	*a = (struct order){ .ref = "" };
	if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s,s:s,s?s,s?o,s?s}", "cgroup", &a->cgroup,
			   "action", &action, "ref", &a->ref, "gpus", &gpus, "at", &at)) {
		snprintf(err, len,
			 "an allocation needs cgroup, action and gpus, and may have ref and at: %s",
			 why.text);
		return -EINVAL;
	}
	a->give = !strcmp(action, "give");
	if (!a->give && strcmp(action, "take")) {
		snprintf(err, len, "action: give or take");
		return -EINVAL;
	}
	if (!em_text_label(a->ref, EARMARK_REF_LEN - 1)) {
		snprintf(err, len, "\"ref\" must be at most %u bytes of printable UTF-8",
			 EARMARK_REF_LEN - 1);
		return -EINVAL;
	}
	if (parse_at(at, &a->when, err, len))
		return -EINVAL;
	return a->give || gpus ? parse_gpus(a, gpus, known, err, len) : 0;
}

/* --- doing it ----------------------------------------------------------------------------- */

/* The ids of the cgroup at @path and those above it; the root carries no tag. */
static int chain_of(struct em_given *g, const char *path)
{
	const char *mount = em_cgroup_mount();
	_cleanup_free_ char *full = NULL;
	size_t root = mount ? strlen(mount) : 0;
	struct stat st;

	if (!mount || asprintf(&full, "%s%s", mount, path) < 0)
		return -ENOMEM;
	while (strlen(full) > root + 1 && g->n_chain < EM_ALLOCATION_DEPTH) {
		if (stat(full, &st))
			return -errno;
		g->chain[g->n_chain++] = st.st_ino;
		*strrchr(full, '/') = '\0';
	}
	return 0;
}

/* "/…" of the contract is below the root of the hierarchy; a path as the caller sees it will do. */
static int open_cgroup(struct em_cgroup *c, const struct em_peer *peer, const char *name, char *err,
		       size_t len)
{
	const char *mount = em_cgroup_mount() ?: "/sys/fs/cgroup";

	if (*name == '/' && !em_cgroup_below(name, mount))
		name += strspn(name, "/");
	return em_cgroup_open(c, peer, *name ? name : ".", err, len);
}

/*
 * struct meeting - with the tags that stand from @when on: those of cgroups in which nobody is
 * given anything are not followed
 */
struct meeting {
	struct em_manager *m;
	uint64_t when;
};

static int meet_job(const struct earmark_job_info *job, void *arg)
{
	struct meeting *meeting = arg;
	struct em_own_tag tag = { .job = job->job,
				  .when = meeting->when,
				  .tag = job->own_tag,
				  .purpose = job->own_purpose,
				  .tagged_by = job->own_tagged_by };

	return em_allocation_stands(&meeting->m->allocations, &tag);
}

static void meet_jobs(struct em_manager *m, uint64_t when)
{
	struct meeting meeting = { m, when };

	m->source->ops->jobs(m->source, meet_job, &meeting);
}

static int give(struct em_manager *m, const struct order *a, const struct em_cgroup *c, uid_t uid,
		char *err, size_t len)
{
	struct em_given given = { .job = c->id, .path = c->path };
	int r = chain_of(&given, c->path);

	if (r) {
		snprintf(err, len, "cgroup %s: %s", c->path, strerror(-r));
		return r;
	}
	snprintf(given.ref, sizeof(given.ref), "%s", a->ref);
	/* the record first: what it does not say would be forgotten with the daemon */
	r = keep(m, &given, "give", a->gpus, a->n, a->when, uid);
	if (r) {
		snprintf(err, len, "%s", em_ledger_error(m->ledger));
		return r;
	}
	r = em_allocation_give(&m->allocations, &given, a->gpus, a->n, a->when);
	if (r < 0)
		snprintf(err, len, "too many GPUs are given to jobs: %s", strerror(-r));
	else
		meet_jobs(m, a->when);
	return r < 0 ? r : 0;
}

static int take(struct em_manager *m, const struct em_given *given, const struct order *a,
		uid_t uid)
{
	const char *all[EM_ALLOCATION_GPUS];
	unsigned int n = a->n;
	int r;

	memcpy(all, a->gpus, sizeof(all));
	for (unsigned int i = 0; !a->n && i < m->allocations.n && n < EM_ALLOCATION_GPUS; i++) {
		const struct em_given *g = &m->allocations.list[i];

		if (g->job == given->job && !g->to)
			all[n++] = g->gpu;
	}
	r = n ? keep(m, given, "take", all, n, a->when, uid) : 0;
	for (unsigned int i = 0; !r && i < n; i++)
		em_allocation_take(&m->allocations, given->job, all[i], a->when);
	return r;
}

/* By path, of a cgroup that is gone. */
static const struct em_given *given_by_path(const struct em_allocations *a, const char *path)
{
	for (unsigned int i = a->n; i--;) {
		if (!strcmp(a->list[i].path, path) && !a->list[i].to)
			return &a->list[i];
	}
	return NULL;
}

static int carry_out(struct em_manager *m, const struct order *a, const struct em_peer *peer,
		     json_t **answer, char *err, size_t len)
{
	struct em_cgroup c = { .fd = -1 };
	int r = open_cgroup(&c, peer, a->cgroup, err, len);
	struct em_given given = { .job = c.id, .path = c.path };
	const struct em_given *gone =
		r == -ENOENT && !a->give ? given_by_path(&m->allocations, a->cgroup) : NULL;

	if (r == -ENOENT && !a->give) { /* it has given back what it had, or does so now */
		r = gone ? take(m,
				&(struct em_given){ .job = gone->job, .path = (char *)a->cgroup },
				a, peer->uid)
			 : 0;
		*answer = r ? NULL : json_object();
		return r;
	}
	if (!r) {
		r = a->give ? give(m, a, &c, peer->uid, err, len) : take(m, &given, a, peer->uid);
		if (r && !*err)
			snprintf(err, len, "%s", em_ledger_error(m->ledger));
	}
	if (!r) {
		char id[24];

		snprintf(id, sizeof(id), "%llu", (unsigned long long)c.id);
		*answer = json_pack("{s:s,s:s}", "job", id, "path", c.path);
	}
	em_cgroup_close(&c);
	return r;
}

int em_route_allocations(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
			 char *err, size_t len)
{
	struct em_manager *m = arg;
	struct order a;
	int r;

	if (peer->uid) {
		snprintf(err, len, "only root may say which GPUs a job was given");
		return -EPERM;
	}
	if (!m->source) {
		snprintf(err, len, "nothing is recorded on this node, so nothing can be given: %s",
			 m->why);
		return -ENODEV;
	}
	err[0] = '\0';
	em_allocations_look(m);
	r = parse(&a, body, &m->allocations, err, len);
	return r ?: carry_out(m, &a, peer, answer, err, len);
}

/* --- beside the intake -------------------------------------------------------------------- */

static int read_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	struct em_manager *m = arg;
	char boot[33];

	(void)wall;
	(void)kind;
	em_boot_id(boot);
	return em_allocation_read(&m->allocations, boot, note);
}

void em_allocations_open(struct em_manager *m)
{
	if (em_ledger_notes(m->ledger, 0, INT64_MAX, "allocation", read_note, m))
		em_log(LOG_ERR, "which GPUs jobs were given cannot be read: %s",
		       em_ledger_error(m->ledger));
}

void em_allocations_meet(struct em_manager *m)
{
	em_allocation_forget_tags(&m->allocations);
	meet_jobs(m, 0);
}

/* A job ended: its note is durable before the interval that says so. */
static int tell(struct em_manager *m)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < m->allocations.n; i++) {
		struct em_given *g = &m->allocations.list[i];
		const char *gpu = g->gpu;

		if (g->untold)
			r = keep(m, g, "take", &gpu, 1, g->to, 0);
		g->untold = g->untold && r;
	}
	return r;
}

int em_allocations_of(struct em_manager *m, const struct em_interval *i, struct em_allocated **rows)
{
	int n = em_allocation_of(&m->allocations, i, rows);

	if (tell(m))
		em_log(LOG_ERR, "that a job gave its GPUs back is not recorded yet: %s",
		       em_ledger_error(m->ledger));
	return n;
}

static bool is_gone(const struct em_given *g)
{
	const char *mount = em_cgroup_mount();
	_cleanup_free_ char *full = NULL;
	struct stat st;

	if (!mount || asprintf(&full, "%s%s", mount, g->path) < 0)
		return false;
	return stat(full, &st) ? errno == ENOENT : st.st_ino != g->job;
}

void em_allocations_sweep(struct em_manager *m)
{
	uint64_t now = em_time_monotonic();

	for (unsigned int i = 0; i < m->allocations.n; i++) {
		struct em_given given = m->allocations.list[i];
		struct order all = { .when = now };

		if (given.to || !is_gone(&given))
			continue;
		if (take(m, &given, &all, 0))
			em_log(LOG_ERR, "%s", em_ledger_error(m->ledger));
		em_allocation_take(&m->allocations, given.job, NULL, now);
	}
}
