// SPDX-License-Identifier: GPL-2.0
/* Tables of jobs as CSV, whatever their columns are called. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commit/near.h"
#include "replay/fields.h"
#include "replay/gather.h"

#define NAME(id, name) name,
#define BOM "\xef\xbb\xbf"

static const char *const field_names[] = { EM_FIELDS(NAME) NULL };

/* struct columns - @name: what the header calls a field, NULL = not said; @index: where it is */
struct columns {
	char *spec;
	const char *name[EM_FIELD_COUNT];
	int index[EM_FIELD_COUNT];
};

static void columns_free(struct columns *c)
{
	free(c->spec);
}

static int unknown_name(struct em_gather *g, const char *name)
{
	char safe[64];

	return em_gather_fail(g, -EINVAL, "--columns: there is no \"%s\"; did you mean %s?",
			      em_text_safe(safe, sizeof(safe), name), em_near(field_names, name));
}

static int parse_pair(struct em_gather *g, struct columns *c, char *pair)
{
	char *equals = strchr(pair, '=');
	size_t i = 0;

	if (!equals || !equals[1])
		return em_gather_fail(g, -EINVAL,
				      "--columns: expected OURS=THEIRS,…, such as "
				      "start=begin_time,gpus=num_gpus");
	*equals = '\0';
	while (field_names[i] && strcmp(field_names[i], pair))
		i++;
	if (!field_names[i])
		return unknown_name(g, pair);
	if (c->name[i])
		return em_gather_fail(g, -EINVAL, "--columns: %s is given twice", pair);
	c->name[i] = equals + 1;
	return 0;
}

static int columns_parse(struct em_gather *g, struct columns *c)
{
	char *rest, *pair;

	c->spec = strdup(g->options->columns ?: "");
	if (!c->spec)
		return -ENOMEM;
	for (rest = c->spec; (pair = strsep(&rest, ","));) {
		int ret = *pair ? parse_pair(g, c, pair) : 0;

		if (ret)
			return ret;
	}
	if (c->name[EM_FIELD_END] && c->name[EM_FIELD_DURATION])
		return em_gather_fail(g, -EINVAL,
				      "--columns: give end or duration, not both: one follows from "
				      "the other");
	return 0;
}

/* --- the header --------------------------------------------------------------------------- */

static int missing(struct em_gather *g, const struct em_fields *header, const char *ours,
		   const char *theirs)
{
	char path[256], list[300], safe[64];

	if (strchr(header->f[0], '|') && header->n == 1)
		return em_gather_fail(g, -EINVAL,
				      "%s is separated by \"|\": is it of sacct -P? then say "
				      "--format sacct",
				      em_text_safe(path, sizeof(path), g->in->path));
	return em_gather_fail(g, -EINVAL,
			      "%s has no column \"%s\" for %s; name it by --columns "
			      "%s=THEIRS: it has %s",
			      em_text_safe(path, sizeof(path), g->in->path),
			      em_text_safe(safe, sizeof(safe), theirs), ours, ours,
			      em_fields_list(header, list, sizeof(list)));
}

static int find_column(struct em_gather *g, const struct em_fields *header, struct columns *c,
		       size_t i)
{
	const char *theirs = c->name[i] ?: field_names[i];
	char path[256], safe[64];

	c->index[i] = em_fields_find(header, theirs);
	if (c->index[i] == -2)
		return em_gather_fail(g, -EINVAL, "%s has more than one column \"%s\"",
				      em_text_safe(path, sizeof(path), g->in->path),
				      em_text_safe(safe, sizeof(safe), theirs));
	return c->index[i] < 0 && c->name[i] ? missing(g, header, field_names[i], theirs) : 0;
}

static int find_columns(struct em_gather *g, const struct em_fields *header, struct columns *c)
{
	int *index = c->index, ret;

	for (size_t i = 0; i < EM_FIELD_COUNT; i++) {
		ret = find_column(g, header, c, i);
		if (ret)
			return ret;
	}
	if (index[EM_FIELD_START] < 0)
		return missing(g, header, "start", "start");
	if (index[EM_FIELD_GPUS] < 0)
		return missing(g, header, "gpus", "gpus");
	/* of both, the one that was asked for, else the end */
	if (index[EM_FIELD_END] >= 0 && !c->name[EM_FIELD_DURATION])
		index[EM_FIELD_DURATION] = -1;
	else if (index[EM_FIELD_DURATION] >= 0)
		index[EM_FIELD_END] = -1;
	else
		return missing(g, header, "end", "end");
	return em_gather_check_keys(g, index);
}

static int read_header(struct em_gather *g, struct columns *c, size_t *width)
{
	struct em_fields header;
	const char *why = NULL;
	char *line, path[256];
	size_t len;
	int ret = em_input_line(g->in, '"', ',', &line, &len, &why);

	em_text_safe(path, sizeof(path), g->in->path);
	if (ret < 0)
		return why ? em_gather_fail(g, ret, "%s: its header cannot be used: %s", path, why)
			   : em_gather_fail(g, ret, "%s", g->in->err);
	if (!ret || !*line)
		return em_gather_fail(g, -ENODATA,
				      "%s is empty: the first line must name its columns", path);
	if (!strncmp(line, BOM, strlen(BOM)))
		line += strlen(BOM);
	why = em_fields_split(&header, line, ',', '"');
	if (why)
		return em_gather_fail(g, -EBADMSG, "%s: its header cannot be used: %s", path, why);
	*width = header.n;
	return find_columns(g, &header, c);
}

/* --- rows --------------------------------------------------------------------------------- */

static int read_row(struct em_gather *g, const struct columns *c, size_t width, char *line)
{
	struct em_fields fields;
	struct em_row row = { 0 };
	const char *why = em_fields_split(&fields, line, ',', '"');

	if (why)
		return em_gather_bad(g, "%s", why);
	if (fields.n != width)
		return em_gather_bad(g, "it has %zu fields, the header %zu", fields.n, width);
	for (size_t i = 0; i < EM_FIELD_COUNT; i++) {
		if (c->index[i] >= 0)
			row.f[i] = fields.f[c->index[i]];
	}
	return em_gather_row(g, &row);
}

int em_table_read(struct em_gather *g)
{
	_cleanup_(columns_free) struct columns c = { 0 };
	size_t width = 0, len;
	int ret = columns_parse(g, &c);

	if (!ret)
		ret = read_header(g, &c, &width);
	while (!ret) {
		const char *why = NULL;
		char *line;
		int got = em_input_line(g->in, '"', ',', &line, &len, &why);

		if (got == 0)
			return 0;
		if (got == 1 && !*line)
			continue; /* an empty line is no row */
		if (got < 0 && !why)
			return em_gather_fail(g, got, "%s", g->in->err);
		ret = em_gather_tick(g);
		if (!ret)
			ret = why ? em_gather_bad(g, "%s", why) : read_row(g, &c, width, line);
	}
	return ret;
}
