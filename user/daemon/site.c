// SPDX-License-Identifier: GPL-2.0
/* The site's rules in the daemon: read, applied, and entered into the record; see manager.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define STATE_KEY "rules"
#define FILE_MAX (1u << 20)

/* What can move a figure is in the record: the text, whenever it is another than before. */
static void record_text(struct em_manager *m)
{
	_cleanup_free_ char *text = NULL, *before = NULL, *now = NULL;
	json_t *entry;

	if (em_file_read(AT_FDCWD, m->config->rules, FILE_MAX, &text) < 0)
		text = strdup("");
	entry = text ? json_pack("{s:s, s:o}", "file", m->config->rules, "text", em_json_text(text))
		     : NULL;
	now = entry ? json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	em_ledger_state_get(m->ledger, STATE_KEY, &before);
	if (!now || (before ? !strcmp(before, now) : !*text)) {
		json_decref(entry);
		return;
	}
	em_manager_note(m, "rules", entry);
	em_ledger_state_set(m->ledger, STATE_KEY, now);
}

/* Nobody asks a kubelet of whom no rule speaks. */
static void know_pods(struct em_manager *m)
{
	int r;

	em_pods_close(m->site.pods);
	m->site.pods = NULL;
	if (!*m->config->pods || !em_rules_ask_pods(&m->site.rules))
		return;
	r = em_pods_open(&m->site.pods, m->config->pods);
	if (r)
		em_log(LOG_ERR, "rules about pods cannot be applied: %s", strerror(-r));
}

json_t *em_site_pods_json(const struct em_manager *m)
{
	char error[256];

	if (!m->site.pods)
		return json_null();
	em_pods_error(m->site.pods, error, sizeof(error));
	return json_pack("{s:s,s:I,s:o}", "url", m->config->pods, "read",
			 (json_int_t)em_pods_read(m->site.pods), "error",
			 *error ? json_string(error) : json_null());
}

void em_site_read(struct em_manager *m)
{
	if (em_site_load(&m->site, m->config->rules))
		em_log(LOG_ERR, "%s", m->site.error);
	else
		record_text(m);
	know_pods(m);
}

static void note_applied(struct em_manager *m, const __u8 load_id[16],
			 const struct em_site_applied *a, const char *ref)
{
	const struct em_rule *rule = a->rule;
	char load[33], id[24], path[4096];

	em_text_safe(path, sizeof(path), a->path);
	if (a->error) {
		em_log(LOG_WARNING, "rule %u could not be applied to %s: %s", a->number, path,
		       *m->source->error ? m->source->error : strerror(-a->error));
		return;
	}
	snprintf(id, sizeof(id), "%llu", (unsigned long long)a->job);
	em_manager_note(m, "rule-applied",
			json_pack("{s:s, s:I, s:s, s:I, s:s?, s:s, s:s, s:s?, s:s?}", "load_id",
				  em_hex(load, load_id, 16), "tag", (json_int_t)a->tag, "job", id,
				  "number", (json_int_t)a->number, "rule", rule->name, "cgroup",
				  path, "purpose", em_purpose_name(rule->purpose), "project",
				  rule->project, "ref", rule->ref ?: ref));
}

static void told(const struct em_site_applied *a, void *arg)
{
	struct em_manager *m = arg;

	note_applied(m, m->site.load_id, a, NULL);
}

/* struct tagged - has somebody said so of that very cgroup, whom a rule does not go over? */
struct tagged {
	__u64 job;
	__u32 tag;
};

static int find_tagged(const struct earmark_job_info *job, void *arg)
{
	struct tagged *t = arg;

	if (job->job == t->job && job->own_tagged_by >= EARMARK_TAGGED_BY_RULE)
		t->tag = job->own_tag;
	return 0;
}

int em_site_tell(struct em_manager *m, const struct em_cgroup *c, const struct em_facts *facts,
		 const char *ref, __u32 *tag)
{
	struct em_site_applied a = { .job = c->id, .path = c->path };
	struct tagged t = { .job = c->id };
	int i = em_rules_match(&m->site.rules, facts);
	int r = m->source->ops->jobs(m->source, find_tagged, &t);

	*tag = t.tag;
	if (r || t.tag || i < 0 || m->site.rules.list[i].purpose == EARMARK_PURPOSE_UNTAGGED)
		return r;
	a.rule = &m->site.rules.list[i];
	a.number = (unsigned int)i + 1;
	a.error = em_site_set(m->source, a.rule, ref, c->fd, &a.tag);
	note_applied(m, m->load_id, &a, ref);
	*tag = a.tag;
	return a.error;
}

void em_site_apply(struct em_manager *m)
{
	static bool failing;
	int r = m->source ? em_site_step(&m->site, m->source, told, m) : 0;

	if (r == -ENOMEM && !failing)
		em_log(LOG_ERR, "the site's rules cannot be applied: out of memory");
	failing = r == -ENOMEM;
}
