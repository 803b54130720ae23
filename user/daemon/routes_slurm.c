// SPDX-License-Identifier: GPL-2.0
/* A job of Slurm's begins on this node: its tag, or what the site's rules make of it. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/cgroup.h"
#include "daemon/manager.h"
#include "daemon/routes_slurm.h"
#include "kernel/interval.h"

#define FACT_MAX 255

/* struct asked - the request; strings are the body's. @uid: -1 = not said */
struct asked {
	const char *cgroup, *purpose, *project, *ref, *account, *qos, *partition, *wckey;
	json_int_t uid;
};

static int parse(struct asked *a, json_t *body, char *err, size_t len)
{
	json_error_t why;

	*a = (struct asked){ .uid = -1 };
	if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s, s:s, s?s, s?s, s?I, s?s, s?s, s?s, s?s}",
			   "cgroup", &a->cgroup, "ref", &a->ref, "purpose", &a->purpose, "project",
			   &a->project, "uid", &a->uid, "account", &a->account, "qos", &a->qos,
			   "partition", &a->partition, "wckey", &a->wckey)) {
		snprintf(err, len,
			 "a job of Slurm's has cgroup, ref, and purpose and project or uid, "
			 "account, qos, partition and wckey: %s",
			 why.text);
		return -EINVAL;
	}
	if (!em_text_label(a->ref, EARMARK_REF_LEN - 1) ||
	    !em_text_label(a->project ?: "", EARMARK_PROJECT_LEN - 1)) {
		snprintf(err, len,
			 "\"ref\" and \"project\" must be at most %d bytes of printable "
			 "UTF-8",
			 EARMARK_REF_LEN - 1);
		return -EINVAL;
	}
	if (a->purpose && em_purpose_parse(a->purpose) < 0) {
		snprintf(err, len,
			 "purpose: alignment, capabilities, mixed, serving, "
			 "infrastructure or untagged");
		return -EINVAL;
	}
	return 0;
}

/* struct same - is it on that very cgroup already? Each step of a job says it again. */
struct same {
	__u64 job;
	const struct earmark_event *wanted;
	__u32 tag;
	bool found;
};

static int find_same(const struct earmark_job_info *job, void *arg)
{
	struct same *s = arg;

	if (job->job != s->job || job->tag_job != s->job)
		return 0;
	s->found = job->purpose == s->wanted->purpose && job->tagged_by == s->wanted->tagged_by &&
		   !strcmp(job->project, s->wanted->project) && !strcmp(job->ref, s->wanted->ref);
	s->tag = job->tag;
	return 0;
}

static int set_tag(struct em_manager *m, const struct em_cgroup *c, const struct em_peer *peer,
		   const struct asked *a, __u32 *tag)
{
	struct earmark_event e = {
		.type = EARMARK_EVENT_TAG,
		.purpose = (__u8)em_purpose_parse(a->purpose),
		.tagged_by = EARMARK_TAGGED_BY_SCHEDULER,
		.uid = peer->uid,
		.gid = peer->gid,
		.pid = (__u32)peer->pid,
		.comm = "slurmstepd",
	};
	struct same s = { .job = c->id, .wanted = &e };
	int r;

	snprintf(e.project, sizeof(e.project), "%s", a->project ?: "");
	snprintf(e.ref, sizeof(e.ref), "%s", a->ref);
	r = m->source->ops->jobs(m->source, find_same, &s);
	if (r || s.found) {
		*tag = s.tag;
		return r;
	}
	return m->source->ops->tag(m->source, c->fd, &e, tag);
}

static int add_fact(struct em_facts *f, enum em_rule_key key, const char *value)
{
	return value && *value && em_text_label(value, FACT_MAX) ? em_facts_add(f, key, value) : 0;
}

static int apply_rules(struct em_manager *m, const struct em_cgroup *c, const struct asked *a,
		       __u32 *tag)
{
	struct em_facts f = { 0 };
	int r = em_facts_cgroup(&f, c->path);

	if (!r && a->uid >= 0)
		r = em_facts_user(&f, &m->site.rules, (uid_t)a->uid);
	r = r ?: add_fact(&f, EM_RULE_ACCOUNT, a->account);
	r = r ?: add_fact(&f, EM_RULE_QOS, a->qos);
	r = r ?: add_fact(&f, EM_RULE_PARTITION, a->partition);
	r = r ?: add_fact(&f, EM_RULE_WCKEY, a->wckey);
	r = r ?: em_site_tell(m, c, &f, a->ref, tag);
	em_facts_clear(&f);
	return r;
}

int em_route_slurm(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		   size_t len)
{
	struct em_manager *m = arg;
	struct em_cgroup c = { .fd = -1 };
	struct asked a;
	char id[24];
	__u32 tag = 0;
	int r = parse(&a, body, err, len);

	if (!r && peer->uid) {
		snprintf(err, len, "only root may speak for Slurm");
		r = -EPERM;
	}
	if (!r && !m->source) {
		snprintf(err, len, "nothing is recorded on this node, so nothing can be tagged: %s",
			 m->why);
		r = -ENODEV;
	}
	r = r ?: em_cgroup_open(&c, peer, a.cgroup + strspn(a.cgroup, "/"), err, len);
	if (r)
		return r;
	r = a.purpose ? set_tag(m, &c, peer, &a, &tag) : apply_rules(m, &c, &a, &tag);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)c.id);
	if (r)
		snprintf(err, len, "%s", *m->source->error ? m->source->error : strerror(-r));
	else
		*answer = json_pack("{s:o,s:s,s:s}", "tag", tag ? json_integer(tag) : json_null(),
				    "job", id, "path", c.path);
	em_cgroup_close(&c);
	return r;
}
