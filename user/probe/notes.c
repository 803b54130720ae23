// SPDX-License-Identifier: GPL-2.0
/* Notes as probes read them; see notes.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "probe/notes.h"

static const char *const hows[] = { "unsaid", "add", "displace" };

const char *em_how_name(enum em_how how)
{
	return hows[how];
}

/* --- fields -------------------------------------------------------------------------------- */

/* A string into @out; "" where there is none. -EINVAL: it is no string, or does not fit. */
static int text(const json_t *note, const char *key, char *out, size_t len)
{
	const json_t *value = json_object_get(note, key);
	const char *s = json_string_value(value);

	*out = '\0';
	if (!value || json_is_null(value))
		return 0;
	if (!s || strlen(s) >= len)
		return -EINVAL;
	strcpy(out, s);
	return 0;
}

/* An integer, a real or {num, den}; not negative. -EINVAL: none of them. Missing: 0. */
static int number(const json_t *note, const char *key, double *out)
{
	const json_t *value = json_object_get(note, key);
	double den;

	*out = 0;
	if (!value || json_is_null(value))
		return 0;
	if (json_is_number(value)) {
		*out = json_number_value(value);
	} else {
		den = json_number_value(json_object_get(value, "den"));
		if (!(den > 0) || !json_is_number(json_object_get(value, "num")))
			return -EINVAL;
		*out = json_number_value(json_object_get(value, "num")) / den;
	}
	return isfinite(*out) && *out >= 0 && *out < 1e12 ? 0 : -EINVAL;
}

static int share(const json_t *note, const char *key, double *out)
{
	return json_object_get(note, key) && !number(note, key, out) && *out <= 1 ? 0 : -EINVAL;
}

/* Its own time, else when it was written. */
static int when(const json_t *note, int64_t wall, int64_t *out)
{
	const json_t *at = json_object_get(note, "at");

	*out = wall;
	if (!at)
		return 0;
	return json_is_string(at) ? em_time_parse(json_string_value(at), wall, out) : -EINVAL;
}

static int how(const json_t *note, const char *key, enum em_how *out)
{
	char word[16];

	*out = EM_HOW_UNSAID;
	if (text(note, key, word, sizeof(word)))
		return -EINVAL;
	if (!*word)
		return 0;
	for (*out = EM_HOW_ADD; *out <= EM_HOW_DISPLACE; (*out)++) {
		if (!strcmp(hows[*out], word))
			return 0;
	}
	return -EINVAL;
}

static int part(const json_t *note, enum em_part_id *out)
{
	int purpose = em_purpose_parse(json_string_value(json_object_get(note, "purpose")) ?: "");

	*out = purpose < 0 ? EM_PART_U : em_part_of((unsigned int)purpose);
	return purpose < 0 ? -EINVAL : 0;
}

/* --- kinds --------------------------------------------------------------------------------- */

int em_order_parse(struct em_order *o, const json_t *note, int64_t wall)
{
	memset(o, 0, sizeof(*o));
	o->written = wall;
	o->control = json_is_true(json_object_get(note, "control"));
	return text(note, "name", o->name, sizeof(o->name)) || part(note, &o->part) ||
			       share(note, "from", &o->from) || share(note, "to", &o->to) ||
			       how(note, "arm", &o->arm) || when(note, wall, &o->at)
		       ? -EINVAL
		       : 0;
}

int em_event_parse(struct em_order *o, const json_t *note, int64_t wall)
{
	memset(o, 0, sizeof(*o));
	o->written = wall;
	o->event = true;
	return text(note, "name", o->name, sizeof(o->name)) || when(note, wall, &o->at) ? -EINVAL
											: 0;
}

int em_request_parse(struct em_request_note *r, const json_t *note, int64_t wall)
{
	static const char *const actions[] = { "open", "grant", "refuse" };
	char action[16];

	memset(r, 0, sizeof(*r));
	if (text(note, "id", r->id, sizeof(r->id)) || !*r->id ||
	    text(note, "action", action, sizeof(action)) || how(note, "how", &r->how) ||
	    number(note, "gpus", &r->gpus) || when(note, wall, &r->at))
		return -EINVAL;
	for (r->action = EM_ACTION_OPEN; r->action <= EM_ACTION_REFUSE; r->action++) {
		if (!strcmp(actions[r->action], action)) /* only who asks must say for what */
			return part(note, &r->part) && r->action == EM_ACTION_OPEN ? -EINVAL : 0;
	}
	return -EINVAL;
}

int em_approval_parse(struct em_approval *a, const json_t *note, int64_t wall)
{
	const json_t *signers = json_object_get(note, "signers"), *signer;
	double hours;
	size_t i;

	memset(a, 0, sizeof(*a));
	if (text(note, "id", a->id, sizeof(a->id)) ||
	    text(note, "project", a->project, sizeof(a->project)) ||
	    text(note, "ref", a->ref, sizeof(a->ref)) || number(note, "gpu_hours", &hours) ||
	    when(note, wall, &a->at))
		return -EINVAL;
	a->gpu_hours = (em_ns)(hours * 3600) * EM_NS_PER_S;
	json_array_foreach(signers, i, signer) {
		a->signers++;
		a->external += json_is_true(json_object_get(signer, "external"));
	}
	return *a->project || *a->ref ? 0 : -EINVAL;
}

int em_profile_parse(struct em_profile *p, const json_t *note, int64_t wall)
{
	const json_t *job = json_object_get(note, "job");
	unsigned char bytes[32];

	memset(p, 0, sizeof(*p));
	if (json_is_null(json_object_get(note, "fingerprint")) && json_object_get(note, "job"))
		return -ENODATA;
	if (text(note, "boot_id", p->boot_id, sizeof(p->boot_id)) || !json_is_integer(job) ||
	    json_integer_value(job) < 0 ||
	    text(note, "fingerprint", p->fingerprint, sizeof(p->fingerprint)) ||
	    em_unhex(bytes, sizeof(bytes), p->fingerprint) || when(note, wall, &p->at))
		return -EINVAL;
	p->job = (uint64_t)json_integer_value(job);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------- */

/*
 * struct reader - what turns a note into an element of @size, and where its time is
 * @plain: does so from its text, where it can; NULL = never
 */
struct reader {
	struct em_notes *notes;
	size_t size, at;
	int (*parse)(void *element, const json_t *note, int64_t wall);
	struct em_range window;
	int (*plain)(struct em_request_note *r, const char *json, int64_t wall);
};

static int grow(struct em_notes *n, size_t size)
{
	size_t room = n->room ? 2 * n->room : 64;
	void *more = n->n < n->room ? n->list : reallocarray(n->list, room, size);

	if (!more)
		return -ENOMEM;
	n->room = n->n < n->room ? n->room : room;
	n->list = more;
	return 0;
}

/* 0; -EINVAL: bad; -ENODATA: it says nothing. */
static int read_note(const struct reader *r, void *element, const char *json, int64_t wall)
{
	_cleanup_json_ json_t *note = NULL;

	if (r->plain && !r->plain(element, json, wall))
		return 0;
	note = json_loads(json, 0, NULL);
	return json_is_object(note) ? r->parse(element, note, wall) : -EINVAL;
}

static int add(int64_t wall, const char *kind, const char *json, void *arg)
{
	struct reader *r = arg;
	struct em_notes *n = r->notes;
	char *element;
	int64_t at;
	int ret = grow(n, r->size);

	(void)kind;
	if (ret)
		return ret;
	element = (char *)n->list + n->n * r->size;
	ret = read_note(r, element, json, wall);
	if (ret) {
		n->bad += ret != -ENODATA;
		return 0;
	}
	memcpy(&at, element + r->at, sizeof(at));
	n->n += at >= r->window.start && at < r->window.end;
	return 0;
}

/* A note may be written long before or after the time that it speaks of. */
static int read_kind(struct reader *r, struct em_ledger *l, const char *kind)
{
	return em_ledger_notes(l, 0, INT64_MAX, kind, add, r);
}

static int order_note(void *o, const json_t *note, int64_t wall)
{
	return em_order_parse(o, note, wall);
}

static int event_note(void *o, const json_t *note, int64_t wall)
{
	return em_event_parse(o, note, wall);
}

static int request_note(void *r, const json_t *note, int64_t wall)
{
	return em_request_parse(r, note, wall);
}

static int approval_note(void *a, const json_t *note, int64_t wall)
{
	return em_approval_parse(a, note, wall);
}

static int profile_note(void *p, const json_t *note, int64_t wall)
{
	return em_profile_parse(p, note, wall);
}

static int by_time(const void *a, const void *b, void *offset)
{
	int64_t x, y;

	memcpy(&x, (const char *)a + *(size_t *)offset, sizeof(x));
	memcpy(&y, (const char *)b + *(size_t *)offset, sizeof(y));
	return (x > y) - (x < y);
}

static int sorted(struct reader *r, int ret)
{
	if (r->notes->n)
		qsort_r(r->notes->list, r->notes->n, r->size, by_time, &r->at);
	return ret;
}

int em_notes_orders(struct em_notes *n, struct em_ledger *l, struct em_range window)
{
	struct reader r = { n, sizeof(struct em_order), offsetof(struct em_order, at), order_note,
			    window };
	int ret;

	*n = (struct em_notes){ 0 };
	ret = read_kind(&r, l, "order");
	r.parse = event_note;
	return sorted(&r, ret ? ret : read_kind(&r, l, "event"));
}

int em_notes_requests(struct em_notes *n, struct em_ledger *l, struct em_range window)
{
	struct reader r = { n,
			    sizeof(struct em_request_note),
			    offsetof(struct em_request_note, at),
			    request_note,
			    window,
			    em_request_plain };

	*n = (struct em_notes){ 0 };
	return sorted(&r, read_kind(&r, l, "request"));
}

int em_notes_approvals(struct em_notes *n, struct em_ledger *l, struct em_range window)
{
	struct reader r = { n, sizeof(struct em_approval), offsetof(struct em_approval, at),
			    approval_note, window };

	*n = (struct em_notes){ 0 };
	return sorted(&r, read_kind(&r, l, "approval"));
}

int em_notes_profiles(struct em_notes *n, struct em_ledger *l, struct em_range window)
{
	struct reader r = { n, sizeof(struct em_profile), offsetof(struct em_profile, at),
			    profile_note, window };

	*n = (struct em_notes){ 0 };
	return sorted(&r, read_kind(&r, l, "job-profile"));
}

void em_notes_clear(struct em_notes *n)
{
	free(n->list);
	*n = (struct em_notes){ 0 };
}
