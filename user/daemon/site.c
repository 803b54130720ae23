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

void em_site_read(struct em_manager *m)
{
	if (em_site_load(&m->site, m->config->rules))
		em_log(LOG_ERR, "%s", m->site.error);
	else
		record_text(m);
}

static void note_applied(const struct em_site_applied *a, void *arg)
{
	struct em_manager *m = arg;
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
				  em_hex(load, m->site.load_id, sizeof(m->site.load_id)), "tag",
				  (json_int_t)a->tag, "job", id, "number", (json_int_t)a->number,
				  "rule", rule->name, "cgroup", path, "purpose",
				  em_purpose_name(rule->purpose), "project", rule->project, "ref",
				  rule->ref));
}

void em_site_apply(struct em_manager *m)
{
	static bool failing;
	int r = m->source ? em_site_step(&m->site, m->source, note_applied, m) : 0;

	if (r == -ENOMEM && !failing)
		em_log(LOG_ERR, "the site's rules cannot be applied: out of memory");
	failing = r == -ENOMEM;
}
