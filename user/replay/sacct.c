// SPDX-License-Identifier: GPL-2.0
/* Slurm's accounting as "sacct -P" prints it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "replay/fields.h"
#include "replay/gather.h"

/* What sacct calls what; both kinds of TRES are looked at, what was allocated first. */
enum column { JOB_ID, USER, ACCOUNT, PARTITION, QOS, SUBMIT, START, END, ALLOC, REQ, COLUMNS };

static const struct {
	const char *name;
	bool required;
} columns[COLUMNS] = {
	[JOB_ID] = { "JobID", true },     [USER] = { "User", false },
	[ACCOUNT] = { "Account", false }, [PARTITION] = { "Partition", false },
	[QOS] = { "QOS", false },         [SUBMIT] = { "Submit", false },
	[START] = { "Start", true },      [END] = { "End", true },
	[ALLOC] = { "AllocTRES", false }, [REQ] = { "ReqTRES", false },
};

/* "gres/gpu=8" is all of them; "gres/gpu:a100=8" those of one type. */
const char *em_sacct_gpus(const char *tres, char *out, size_t len)
{
	unsigned long typed = 0;

	for (const char *p = tres; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		if (!strncmp(p, "gres/gpu=", 9)) {
			snprintf(out, len, "%.*s", (int)strcspn(p + 9, ","), p + 9);
			return out;
		}
		if (!strncmp(p, "gres/gpu:", 9) && strchr(p, '='))
			typed += strtoul(strchr(p, '=') + 1, NULL, 10);
	}
	snprintf(out, len, "%lu", typed);
	return out;
}

static int check_keys(struct em_gather *g, const int index[COLUMNS])
{
	int has[EM_RULE_KEY_COUNT];

	memset(has, -1, sizeof(has));
	has[EM_RULE_GROUP] = has[EM_RULE_ACCOUNT] = index[ACCOUNT];
	has[EM_RULE_USER] = index[USER];
	has[EM_RULE_JOB] = index[JOB_ID];
	has[EM_RULE_QOS] = index[QOS];
	has[EM_RULE_PARTITION] = index[PARTITION];
	return em_gather_check_keys(g, has);
}

static int read_header(struct em_gather *g, int index[COLUMNS], size_t *width)
{
	struct em_fields header;
	const char *why = NULL;
	char *line, path[256], list[300];
	size_t len;
	int ret = em_input_line(g->in, 0, '|', &line, &len, &why);

	em_text_safe(path, sizeof(path), g->in->path);
	if (ret < 0 && !why)
		return em_gather_fail(g, ret, "%s", g->in->err);
	if (ret > 0)
		why = em_fields_split(&header, line, '|', 0);
	if (ret <= 0 || why || header.n < 2)
		return em_gather_fail(g, -EINVAL,
				      "%s: %s; expected what sacct -P or sacct --json prints", path,
				      why   ? why
				      : ret ? "its header is not separated by \"|\""
					    : "it is empty");
	*width = header.n;
	for (size_t i = 0; i < COLUMNS; i++) {
		index[i] = em_fields_find(&header, columns[i].name);
		if (index[i] < 0 && columns[i].required)
			return em_gather_fail(g, -EINVAL,
					      "%s has no field %s, it has %s; ask sacct "
					      "for: -o JobID,User,Account,Partition,QOS,Submit,"
					      "Start,End,AllocTRES,ReqTRES",
					      path, columns[i].name,
					      em_fields_list(&header, list, sizeof(list)));
	}
	if (index[ALLOC] < 0 && index[REQ] < 0)
		return em_gather_fail(g, -EINVAL,
				      "%s has neither AllocTRES nor ReqTRES: it does not say how "
				      "many GPUs a job had",
				      path);
	return check_keys(g, index);
}

static int read_row(struct em_gather *g, const int index[COLUMNS], size_t width, char *line)
{
	struct em_fields fields;
	const char *f[COLUMNS], *why = em_fields_split(&fields, line, '|', 0);
	char gpus[64];
	bool started;

	if (!why && fields.n == width + 1 && !*fields.f[width])
		fields.n--; /* sacct -p ends each line in a separator */
	if (why)
		return em_gather_bad(g, "%s", why);
	if (fields.n != width)
		return em_gather_bad(g, "it has %zu fields, the header %zu", fields.n, width);
	for (size_t i = 0; i < COLUMNS; i++)
		f[i] = index[i] < 0 ? NULL : fields.f[index[i]];
	if (strchr(f[JOB_ID], '.')) {
		g->result->steps++; /* what a step has is a part of what its job has */
		return 0;
	}
	started = !em_unknown(f[START]);
	em_sacct_gpus(f[ALLOC] && (started || *f[ALLOC]) ? f[ALLOC] : f[REQ], gpus, sizeof(gpus));
	return em_gather_row(
		g, &(struct em_row){ .f = {
					     [EM_FIELD_GROUP] = f[ACCOUNT],
					     [EM_FIELD_USER] = f[USER],
					     [EM_FIELD_JOB] = f[JOB_ID],
					     [EM_FIELD_ACCOUNT] = f[ACCOUNT],
					     [EM_FIELD_QOS] = f[QOS],
					     [EM_FIELD_PARTITION] = f[PARTITION],
					     [EM_FIELD_SUBMIT] = f[SUBMIT],
					     [EM_FIELD_START] = f[START],
					     [EM_FIELD_END] = *f[END] ? f[END] : "Unknown",
					     [EM_FIELD_GPUS] = gpus,
				     } });
}

static int read_lines(struct em_gather *g)
{
	int index[COLUMNS], ret;
	size_t width = 0, len;

	ret = read_header(g, index, &width);
	while (!ret) {
		const char *why = NULL;
		char *line;
		int got = em_input_line(g->in, 0, '|', &line, &len, &why);

		if (got == 0)
			return 0;
		if (got == 1 && !*line)
			continue;
		if (got < 0 && !why)
			return em_gather_fail(g, got, "%s", g->in->err);
		ret = em_gather_tick(g);
		if (!ret)
			ret = why ? em_gather_bad(g, "%s", why) : read_row(g, index, width, line);
	}
	return ret;
}

int em_sacct_read(struct em_gather *g)
{
	const char *first;
	int ret = em_input_peek(g->in, &first);

	if (ret < 0)
		return em_gather_fail(g, ret, "%s", g->in->err);
	while (ret > 0 && isspace((unsigned char)*first)) {
		first++;
		ret--;
	}
	return ret > 0 && *first == '{' ? em_sacct_json_read(g) : read_lines(g);
}
