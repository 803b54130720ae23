// SPDX-License-Identifier: GPL-2.0
/* The site's rules, applied; see rules.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/jobpath.h"
#include "daemon/rules.h"
#include "kernel/cgroup.h"

#define BURST (500 * EM_NS_PER_MS)

int em_site_load(struct em_site *s, const char *file)
{
	struct em_rules loaded;
	char err[sizeof(s->error)] = "";
	int r = em_rules_load_site(&loaded, file, err, sizeof(err));

	if (r && r != -ENOENT) {
		memcpy(s->error, err, sizeof(err));
		return r;
	}
	em_rules_clear(&s->rules);
	if (!r)
		s->rules = loaded;
	s->error[0] = '\0';
	s->nr_seen = 0;
	s->look = true;
	return 0;
}

void em_site_clear(struct em_site *s)
{
	em_rules_clear(&s->rules);
	free(s->seen);
	s->seen = NULL;
	s->nr_seen = 0;
}

static int compare_ids(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static bool was_seen(const struct em_site *s, __u64 job)
{
	return s->nr_seen && bsearch(&job, s->seen, s->nr_seen, sizeof(job), compare_ids);
}

/* struct pass - one look at all jobs: those that wait, and those of before that are still there */
struct pass {
	struct em_site *site;
	struct em_source *source;
	struct em_jobpaths waiting;
	__u64 *still;
	size_t nr_still, room;
	struct em_facts facts;
	uid_t uid;
};

static int keep(struct pass *p, __u64 job)
{
	if (p->nr_still == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		__u64 *grown = reallocarray(p->still, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->still = grown;
		p->room = room;
	}
	p->still[p->nr_still++] = job;
	return 0;
}

static int each_job(const struct earmark_job_info *job, void *arg)
{
	struct pass *p = arg;

	if (was_seen(p->site, job->job))
		return keep(p, job->job);
	if (job->tagged_by >= EARMARK_TAGGED_BY_RULE)
		return 0;
	return em_jobpaths_add(&p->waiting, job->job, job->uid, job->path);
}

/* What is known of the job's user stays known for the next job, which is often the same user's. */
static int learn(struct pass *p, const struct em_jobpath *job, int fd)
{
	const struct em_rules *rules = &p->site->rules;
	struct em_facts *f = &p->facts;
	int r = 0;

	em_facts_forget(f, EM_RULE_CGROUP);
	em_facts_forget(f, EM_RULE_UNIT);
	em_facts_forget(f, EM_RULE_EXECUTABLE);
	if (!f->n[EM_RULE_UID] || p->uid != job->uid) {
		em_facts_clear(f);
		p->uid = job->uid;
		r = em_facts_user(f, rules, job->uid);
	}
	r = r ?: em_facts_cgroup(f, job->path);
	if (!r && em_rules_ask(rules, EM_RULE_EXECUTABLE))
		r = em_facts_executables(f, fd, p->site->proc ?: "/proc");
	return r;
}

/*
 * What is known of the pod that it is part of. -EAGAIN: it is being asked for. Where nobody
 * answers, no rule about pods matches; who is left without a tag then is looked at again when
 * somebody does.
 */
static int learn_pod(struct pass *p, const struct em_jobpath *job, bool *again)
{
	static const enum em_rule_key keys[] = { EM_RULE_POD, EM_RULE_NAMESPACE, EM_RULE_LABEL,
						 EM_RULE_ANNOTATION };
	char uid[EM_POD_UID_LEN];
	int r;

	*again = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		em_facts_forget(&p->facts, keys[i]);
	if (!p->site->pods || !em_rules_ask_pods(&p->site->rules) ||
	    !em_pod_of_cgroup(job->path, uid))
		return 0;
	r = em_pods_find(p->site->pods, uid, &p->facts);
	*again = r == -EHOSTUNREACH;
	return r == -ENOENT || r == -EHOSTUNREACH ? 0 : r;
}

int em_site_set(struct em_source *source, const struct em_rule *rule, const char *ref, int fd,
		__u32 *tag)
{
	struct earmark_event e = {
		.type = EARMARK_EVENT_TAG,
		.purpose = (__u8)rule->purpose,
		.tagged_by = EARMARK_TAGGED_BY_RULE,
		.uid = getuid(),
		.gid = getgid(),
		.pid = (__u32)getpid(),
		.comm = "earmarkd",
	};

	snprintf(e.project, sizeof(e.project), "%s", rule->project ?: "");
	snprintf(e.ref, sizeof(e.ref), "%s", rule->ref ?: ref);
	return source->ops->tag(source, fd, &e, tag);
}

/* Return: 1 if it was tagged, 0 if not, or -errno; -EAGAIN: it has not had its turn. */
static int consider(struct pass *p, const struct em_jobpath *job, em_site_told *told, void *arg)
{
	struct em_site_applied a = { .job = job->job, .path = job->path };
	_cleanup_close_ int fd = em_jobpath_open(job, p->site->root ?: em_cgroup_root());
	bool again = false;
	int i, r;

	if (fd < 0) /* it is over already */
		return 0;
	r = learn(p, job, fd);
	r = r ?: learn_pod(p, job, &again);
	if (r)
		return r;
	i = em_rules_match(&p->site->rules, &p->facts);
	/* "untagged" is an answer too: no rule after it is asked */
	if (i < 0 || p->site->rules.list[i].purpose == EARMARK_PURPOSE_UNTAGGED)
		return again ? -EAGAIN : 0;
	a.rule = &p->site->rules.list[i];
	a.number = (unsigned int)i + 1;
	a.error = em_site_set(p->source, a.rule, "", fd, &a.tag);
	told(&a, arg);
	return !a.error;
}

static int consider_all(struct pass *p, em_site_told *told, void *arg)
{
	uint64_t until = em_time_monotonic() + BURST;
	int set = 0;

	for (size_t i = 0; i < p->waiting.n; i++) {
		int r;

		if (em_time_monotonic() >= until) {
			p->site->look = true;
			break;
		}
		r = consider(p, &p->waiting.list[i], told, arg);
		if (r == -EAGAIN)
			continue;
		r = r < 0 ? r : (keep(p, p->waiting.list[i].job) ?: r);
		if (r < 0)
			return r;
		set += r;
	}
	return set;
}

static int look(struct pass *p, em_site_told *told, void *arg)
{
	struct em_site *s = p->site;
	int r = p->source->ops->jobs(p->source, each_job, p);

	if (!r)
		r = em_jobpaths_resolve(&p->waiting, s->root ?: em_cgroup_root());
	if (r)
		return r;
	s->look = false;
	s->churn = p->waiting.n || p->nr_still != s->nr_seen;
	r = consider_all(p, told, arg);
	free(s->seen);
	s->seen = TAKE_PTR(p->still);
	s->nr_seen = p->nr_still;
	if (s->nr_seen)
		qsort(s->seen, s->nr_seen, sizeof(*s->seen), compare_ids);
	return r;
}

int em_site_step(struct em_site *s, struct em_source *source, em_site_told *told, void *arg)
{
	struct pass p = { .site = s, .source = source };
	struct earmark_status status;
	int r;

	if (!s->rules.n)
		return 0;
	r = source->ops->status(source, &status);
	if (r)
		return r;
	if (memcmp(s->load_id, status.load_id, sizeof(s->load_id))) {
		memcpy(s->load_id, status.load_id, sizeof(s->load_id));
		s->nr_seen = 0;
		s->look = true;
	}
	if (s->pods && s->pods_read != em_pods_read(s->pods)) {
		s->pods_read = em_pods_read(s->pods);
		s->look = true;
	}
	if (!s->look && !s->churn && s->jobs == status.jobs)
		return 0;
	s->jobs = status.jobs; /* as it was before the list: what comes meanwhile is seen next */
	r = look(&p, told, arg);
	s->look = s->look || r < 0;
	em_jobpaths_clear(&p.waiting);
	em_facts_clear(&p.facts);
	free(p.still);
	return r;
}
