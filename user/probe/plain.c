// SPDX-License-Identifier: GPL-2.0
/*
 * Requests as schedulers write them, without a tree of JSON for each: a year has hundreds of
 * thousands. What is not plain (an escape, a number that is not whole, something inside something)
 * is left to the parser of JSON, which says the same of what is.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "probe/notes.h"

#define VALUE_LEN EM_NOTE_NAME

enum { ACTION, AT, GPUS, HOW, ID, PURPOSE, KEYS };

static const char *const keys[KEYS] = { "action", "at", "gpus", "how", "id", "purpose" };

/* struct plain - the values; *@text "" where there is none, @number of GPUs */
struct plain {
	char text[KEYS][VALUE_LEN];
	long long number;
};

/* Past a string that begins at @p, copied into @out; NULL: it is not plain. */
static const char *string(const char *p, char *out)
{
	size_t n = 0;

	if (*p++ != '"')
		return NULL;
	while (p[n] > 0x1f && p[n] < 0x7f && p[n] != '"' && p[n] != '\\' && n < VALUE_LEN)
		n++;
	if (p[n] != '"' || n == VALUE_LEN)
		return NULL;
	memcpy(out, p, n);
	out[n] = '\0';
	return p + n + 1;
}

/* Past a whole number without a sign, of at most nine digits. */
static const char *whole(const char *p, long long *out)
{
	const char *start = p;

	*out = 0;
	while (*p >= '0' && *p <= '9' && p < start + 9)
		*out = 10 * *out + (*p++ - '0');
	return p > start && (*start != '0' || p == start + 1) ? p : NULL;
}

static const char *value(const char *p, const char *key, struct plain *out)
{
	char other[VALUE_LEN];
	long long number;
	int k = 0;

	while (k < KEYS && strcmp(keys[k], key))
		k++;
	if (*p == '"') /* an empty time is bad, which no time is not */
		return k == GPUS || (k == AT && p[1] == '"')
			       ? NULL
			       : string(p, k < KEYS ? out->text[k] : other);
	if (k < KEYS && k != GPUS)
		return NULL;
	return whole(p, k == GPUS ? &out->number : &number);
}

static bool read_plain(const char *p, struct plain *out)
{
	char key[VALUE_LEN];

	if (*p++ != '{')
		return false;
	for (;; p++) {
		p = string(p, key);
		if (!p || *p++ != ':')
			return false;
		p = value(p, key, out);
		if (!p)
			return false;
		if (*p != ',')
			return p[0] == '}' && !p[1];
	}
}

static int index_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

int em_request_plain(struct em_request_note *r, const char *json, int64_t wall)
{
	static const char *const actions[] = { "open", "grant", "refuse" };
	static const char *const hows[] = { "", "add", "displace" };
	struct plain p = { 0 };
	int action, how, purpose;

	if (!read_plain(json, &p))
		return -EAGAIN;
	action = index_of(actions, ARRAY_SIZE(actions), p.text[ACTION]);
	how = index_of(hows, ARRAY_SIZE(hows), p.text[HOW]);
	purpose = em_purpose_parse(p.text[PURPOSE]);
	memset(r, 0, sizeof(*r));
	if (action < 0 || how < 0 || !*p.text[ID] || (purpose < 0 && action == EM_ACTION_OPEN))
		return -EAGAIN;
	r->at = wall;
	if (*p.text[AT] && em_time_parse(p.text[AT], wall, &r->at))
		return -EAGAIN;
	strcpy(r->id, p.text[ID]);
	r->action = (enum em_action)action;
	r->how = (enum em_how)how;
	r->part = purpose < 0 ? EM_PART_U : em_part_of((unsigned int)purpose);
	r->gpus = (double)p.number;
	return 0;
}
