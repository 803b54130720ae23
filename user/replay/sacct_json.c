// SPDX-License-Identifier: GPL-2.0
/* Slurm's accounting as "sacct --json" prints it: parsed as it comes, one job at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "replay/gather.h"

#define DEPTH_MAX 16
#define JOB_DEPTH 3 /* root, "jobs", the job */
#define KEY_LEN 32
#define VALUE_LEN 256

/*
 * What is kept of a job, by where it stands in it. Newer versions write some numbers as
 * {"set": …, "number": …}: where nothing was set, the number means nothing.
 */
#define SLOTS(X)                                     \
	X(JOB_ID, "job_id")                          \
	X(ARRAY_JOB, "array.job_id")                 \
	X(ARRAY_TASK, "array.task_id")               \
	X(ARRAY_TASK_SET, "array.task_id.set")       \
	X(ARRAY_TASK_NUMBER, "array.task_id.number") \
	X(USER, "user")                              \
	X(ACCOUNT, "account")                        \
	X(PARTITION, "partition")                    \
	X(QOS, "qos")                                \
	X(SUBMIT, "time.submission")                 \
	X(SUBMIT_NUMBER, "time.submission.number")   \
	X(START, "time.start")                       \
	X(START_NUMBER, "time.start.number")         \
	X(END, "time.end")                           \
	X(END_NUMBER, "time.end.number")             \
	X(ALLOC_TYPE, "tres.allocated.[].type")      \
	X(ALLOC_NAME, "tres.allocated.[].name")      \
	X(ALLOC_COUNT, "tres.allocated.[].count")    \
	X(REQ_TYPE, "tres.requested.[].type")        \
	X(REQ_NAME, "tres.requested.[].name")        \
	X(REQ_COUNT, "tres.requested.[].count")

#define SLOT_ENUM(id, path) SLOT_##id,
#define SLOT_PATH(id, path) path,

enum slot { SLOTS(SLOT_ENUM) SLOT_COUNT };

static const char *const paths[] = { SLOTS(SLOT_PATH) };

/* struct gpus - of one list of TRES: of all types, and of single ones */
struct gpus {
	unsigned long long all, typed;
};

/**
 * struct parse - where the parser is
 * @depth: of containers around it; @key: what each of them is called in the one around it
 * @value: of the job, by slot; "" = not there
 */
struct parse {
	struct em_gather *g;
	unsigned int depth;
	char key[DEPTH_MAX + 1][KEY_LEN];
	char value[SLOT_COUNT][VALUE_LEN];
	struct gpus allocated, requested;
	bool jobs;
	int ret;
};

/* --- a job -------------------------------------------------------------------------------- */

static const char *number_of(struct parse *p, enum slot plain, enum slot number)
{
	const char *s = *p->value[plain] ? p->value[plain] : p->value[number];

	return strcmp(s, "0") ? s : ""; /* 1970 stands for "not known" */
}

static void job_id(struct parse *p, char *out, size_t len)
{
	const char *task = *p->value[SLOT_ARRAY_TASK] ? p->value[SLOT_ARRAY_TASK]
						      : p->value[SLOT_ARRAY_TASK_NUMBER];
	const char *array = p->value[SLOT_ARRAY_JOB];

	if (*array && strcmp(array, "0") && *task && strcmp(p->value[SLOT_ARRAY_TASK_SET], "false"))
		snprintf(out, len, "%s_%s", array, task);
	else
		snprintf(out, len, "%s", p->value[SLOT_JOB_ID]);
}

static int job_end(struct parse *p)
{
	const char *start = number_of(p, SLOT_START, SLOT_START_NUMBER);
	const char *end = number_of(p, SLOT_END, SLOT_END_NUMBER);
	struct gpus *gpus = *start ? &p->allocated : &p->requested;
	char id[2 * VALUE_LEN], count[32];
	struct em_row row = { .f = {
				      [EM_FIELD_GROUP] = p->value[SLOT_ACCOUNT],
				      [EM_FIELD_USER] = p->value[SLOT_USER],
				      [EM_FIELD_JOB] = id,
				      [EM_FIELD_ACCOUNT] = p->value[SLOT_ACCOUNT],
				      [EM_FIELD_QOS] = p->value[SLOT_QOS],
				      [EM_FIELD_PARTITION] = p->value[SLOT_PARTITION],
				      [EM_FIELD_SUBMIT] =
					      number_of(p, SLOT_SUBMIT, SLOT_SUBMIT_NUMBER),
				      [EM_FIELD_START] = start,
				      [EM_FIELD_END] = *end ? end : "Unknown",
				      [EM_FIELD_GPUS] = count,
			      } };

	job_id(p, id, sizeof(id));
	snprintf(count, sizeof(count), "%llu", gpus->all ? gpus->all : gpus->typed);
	p->g->row++;
	p->ret = em_gather_tick(p->g);
	if (!p->ret)
		p->ret = em_gather_row(p->g, &row);
	memset(p->value, 0, sizeof(p->value));
	p->allocated = p->requested = (struct gpus){ 0 };
	return !p->ret;
}

/* An entry of a list of TRES is over. */
static void tres_end(struct parse *p, enum slot type, enum slot name, enum slot count,
		     struct gpus *gpus)
{
	unsigned long long n = strtoull(p->value[count], NULL, 10);

	if (!strcmp(p->value[type], "gres") && !strcmp(p->value[name], "gpu"))
		gpus->all += n;
	else if (!strcmp(p->value[type], "gres") && !strncmp(p->value[name], "gpu:", 4))
		gpus->typed += n;
	*p->value[type] = *p->value[name] = *p->value[count] = '\0';
}

/* --- the parser's calls; they return 1 to go on -------------------------------------------- */

/* Where the present value stands in its job, as "time.start". */
static bool path_here(const struct parse *p, char *out, size_t len)
{
	size_t n = 0;

	if (p->depth < JOB_DEPTH || p->depth > DEPTH_MAX || strcmp(p->key[1], "jobs"))
		return false;
	for (unsigned int d = JOB_DEPTH; d <= p->depth; d++) {
		n += (size_t)snprintf(out + n, len - n, "%s%s", n ? "." : "", p->key[d]);
		if (n >= len)
			return false;
	}
	return true;
}

static int on_scalar(struct parse *p, const char *s, size_t n)
{
	char path[128];

	if (!path_here(p, path, sizeof(path)))
		return 1;
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		if (strcmp(paths[i], path))
			continue;
		if (n >= VALUE_LEN || memchr(s, '\0', n)) {
			s = "?";
			n = 1;
		}
		memcpy(p->value[i], s, n);
		p->value[i][n] = '\0';
	}
	return 1;
}

static int on_text(void *arg, const unsigned char *s, size_t n)
{
	return on_scalar(arg, (const char *)s, n);
}

static int on_number(void *arg, const char *s, size_t n)
{
	return on_scalar(arg, s, n);
}

static int on_boolean(void *arg, int b)
{
	return on_scalar(arg, b ? "true" : "false", b ? 4 : 5);
}

static int on_key(void *arg, const unsigned char *s, size_t n)
{
	struct parse *p = arg;

	if (p->depth <= DEPTH_MAX)
		snprintf(p->key[p->depth], KEY_LEN, "%.*s", (int)(n < KEY_LEN ? n : 0), s);
	return 1;
}

static int on_open(void *arg)
{
	struct parse *p = arg;

	p->jobs |= p->depth == 1 && !strcmp(p->key[1], "jobs");
	if (++p->depth <= DEPTH_MAX)
		strcpy(p->key[p->depth], "[]");
	return 1;
}

static int on_array_end(void *arg)
{
	((struct parse *)arg)->depth--;
	return 1;
}

static int on_map_end(void *arg)
{
	struct parse *p = arg;
	char path[128];

	p->depth--;
	if (p->depth == JOB_DEPTH - 1 && !strcmp(p->key[1], "jobs"))
		return job_end(p);
	if (!path_here(p, path, sizeof(path)))
		return 1;
	if (!strcmp(path, "tres.allocated.[]"))
		tres_end(p, SLOT_ALLOC_TYPE, SLOT_ALLOC_NAME, SLOT_ALLOC_COUNT, &p->allocated);
	else if (!strcmp(path, "tres.requested.[]"))
		tres_end(p, SLOT_REQ_TYPE, SLOT_REQ_NAME, SLOT_REQ_COUNT, &p->requested);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_text,
	.yajl_start_map = on_open,
	.yajl_map_key = on_key,
	.yajl_end_map = on_map_end,
	.yajl_start_array = on_open,
	.yajl_end_array = on_array_end,
};

/* --- the file ------------------------------------------------------------------------------ */

EM_CLEANUP(yajl_handle, yajl_free);

static int refuse(struct parse *p, yajl_handle yajl, const char *text, size_t n)
{
	char path[256], safe[256];
	unsigned char *why;

	if (p->ret)
		return p->ret; /* one of the calls stopped it */
	why = yajl_get_error(yajl, 0, (const unsigned char *)text, n);
	em_gather_fail(p->g, -EBADMSG, "%s is not what sacct --json prints, after job %llu: %s",
		       em_text_safe(path, sizeof(path), p->g->in->path),
		       (unsigned long long)p->g->row,
		       em_text_safe(safe, sizeof(safe), why ? (const char *)why : "?"));
	yajl_free_error(yajl, why);
	return -EBADMSG;
}

int em_sacct_json_read(struct em_gather *g)
{
	struct parse p = { .g = g };
	_cleanup_(yajl_freep) yajl_handle yajl = yajl_alloc(&callbacks, NULL, &p);
	const char *bytes;
	char path[256];
	long n;

	if (!yajl)
		return -ENOMEM;
	while ((n = em_input_bytes(g->in, &bytes)) > 0) {
		if (yajl_parse(yajl, (const unsigned char *)bytes, (size_t)n) != yajl_status_ok)
			return refuse(&p, yajl, bytes, (size_t)n);
	}
	if (n < 0)
		return em_gather_fail(g, (int)n, "%s", g->in->err);
	if (yajl_complete_parse(yajl) != yajl_status_ok)
		return refuse(&p, yajl, "", 0);
	if (!p.jobs)
		return em_gather_fail(g, -EBADMSG,
				      "%s has no \"jobs\": it is not what sacct --json prints",
				      em_text_safe(path, sizeof(path), g->in->path));
	return 0;
}
