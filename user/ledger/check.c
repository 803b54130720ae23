// SPDX-License-Identifier: GPL-2.0
/* Entries against each other; see check.h. */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "ledger/check_state.h"
#include "ledger/entry.h"

const char *em_check_wrong(struct em_check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return c->why;
}

struct em_check *em_check_new(void)
{
	return calloc(1, sizeof(struct em_check));
}

void em_check_free(struct em_check *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->n_loads; i++) {
		free(c->loads[i].gpus);
		free(c->loads[i].engines);
	}
	free(c->loads);
	tdestroy(c->tags, free);
	free(c);
}

const struct em_check_counts *em_check_counts(const struct em_check *c)
{
	return &c->counts;
}

void *em_check_grown(void *list, unsigned int *n, size_t size)
{
	char **array = list, *more = reallocarray(*array, *n + 1UL, size);

	if (!more)
		return NULL;
	*array = more;
	memset(more + *n * size, 0, size);
	return more + (*n)++ * size;
}

static struct load *load_of(struct em_check *c, const char *id)
{
	struct load *l;

	for (unsigned int i = c->n_loads; i--;) {
		if (!strcmp(c->loads[i].id, id))
			return &c->loads[i];
	}
	l = em_check_grown(&c->loads, &c->n_loads, sizeof(*l));
	if (l)
		snprintf(l->id, sizeof(l->id), "%s", id);
	return l;
}

/* --- tags --------------------------------------------------------------------------------- */

static int tag_order(const void *left, const void *right)
{
	const struct tag *a = left, *b = right;

	return a->load != b->load ? (a->load < b->load ? -1 : 1)
				  : (a->id > b->id) - (a->id < b->id);
}

static void tag_set(struct em_check *c, unsigned int load, __u32 id, unsigned int purpose,
		    unsigned int by)
{
	struct tag *tag = malloc(sizeof(*tag)), **found;

	if (!tag)
		return;
	*tag = (struct tag){ load, id, purpose, by };
	found = tsearch(tag, &c->tags, tag_order);
	if (!found || *found != tag) /* the first word stands, as in the index */
		free(tag);
}

void em_check_tag(const struct em_check *c, __u32 id, unsigned int *purpose, unsigned int *by)
{
	struct tag key = { .load = c->load, .id = id }, **found;

	*purpose = *by = 0;
	found = id ? tfind(&key, &c->tags, tag_order) : NULL;
	if (found) {
		*purpose = (*found)->purpose;
		*by = (*found)->tagged_by;
	}
}

/* --- the chain of headers ----------------------------------------------------------------- */

static const char *check_header(struct em_check *c, struct load *l, const char *hex)
{
	struct em_interval i = { 0 };
	__u8 none[EARMARK_HASH_LEN] = { 0 };
	char id[33];

	if (em_unhex(&i.header, sizeof(i.header), hex))
		return "a header is no header";
	if (strcmp(em_hex(id, i.header.load_id, 16), l->id))
		return "a header is of another load";
	if (i.header.number <= l->number)
		return em_check_wrong(c, "interval %" PRIu64 " of its load is there twice",
				      (uint64_t)i.header.number);
	if (i.header.number == l->number + 1) {
		if (memcmp(i.header.previous, l->number ? l->hash : none, EARMARK_HASH_LEN))
			return em_check_wrong(
				c, "interval %" PRIu64 " does not chain to the one before it",
				(uint64_t)i.header.number);
		if (l->number && i.header.start != l->end)
			return em_check_wrong(c,
					      "interval %" PRIu64
					      " does not start where the one before "
					      "it ended",
					      (uint64_t)i.header.number);
	} else {
		c->counts.missing += i.header.number - l->number - 1;
	}
	em_interval_hash(&i, l->hash);
	l->number = i.header.number;
	l->end = i.header.end;
	c->counts.intervals++;
	return NULL;
}

static const char *check_frame(const struct earmark_interval *first,
			       const struct earmark_interval *last, const json_t *e)
{
	if ((json_int_t)first->number != em_json_integer(e, "first") ||
	    (json_int_t)last->number != em_json_integer(e, "last") ||
	    (json_int_t)first->start != em_json_integer(e, "start") ||
	    (json_int_t)last->end != em_json_integer(e, "end") ||
	    (json_int_t)first->wall_start != em_json_integer(e, "wall_start") ||
	    (json_int_t)last->wall_end != em_json_integer(e, "wall_end"))
		return "it is not of the time that its headers say";
	if (strcmp(em_recorder_name(last->recorder), em_json_string(e, "recorder")))
		return "it is not by the recorder that its headers say";
	return NULL;
}

static const char *check_headers(struct em_check *c, struct load *l, const json_t *e)
{
	const json_t *headers = json_object_get(e, "headers"), *hex;
	struct earmark_interval first, last;
	const char *why = NULL;
	size_t k, n = json_array_size(headers);

	if (!n)
		return em_json_integer(e, "part") == 1 ? "it has no headers" : NULL;
	json_array_foreach((json_t *)headers, k, hex) {
		why = why ?: check_header(c, l, json_string_value(hex) ?: "");
	}
	if (why)
		return why;
	em_unhex(&first, sizeof(first), json_string_value(json_array_get(headers, 0)));
	em_unhex(&last, sizeof(last), json_string_value(json_array_get(headers, n - 1)));
	/* headers of many parts: the frame is theirs together, and each has some of it */
	if (em_json_integer(e, "parts") == 1)
		return check_frame(&first, &last, e);
	return NULL;
}

/* --- events ------------------------------------------------------------------------------- */

struct gpu *em_check_gpu(struct load *l, __u32 id)
{
	struct gpu *g;

	for (unsigned int i = 0; i < l->n_gpus; i++) {
		if (l->gpus[i].id == id)
			return &l->gpus[i];
	}
	g = em_check_grown(&l->gpus, &l->n_gpus, sizeof(*g));
	if (g)
		g->id = id;
	return g;
}

static void take_event(struct em_check *c, struct load *l, const struct earmark_event *e)
{
	struct gpu *g;

	if (e->type == EARMARK_EVENT_TAG && e->tag)
		tag_set(c, c->load, e->tag, e->purpose, e->tagged_by);
	if (e->type == EARMARK_EVENT_GPU_RETIRED && (g = em_check_gpu(l, e->gpu)))
		g->retired = true;
}

/* Do the events of each interval have the digest that its header says? All are shown. */
static const char *check_digests(const json_t *e, const struct earmark_event *events, size_t n)
{
	const json_t *hex;
	size_t k, at = 0;

	json_array_foreach(json_object_get(e, "headers"), k, hex) {
		struct earmark_interval h;
		__u8 digest[EARMARK_HASH_LEN];

		if (em_unhex(&h, sizeof(h), json_string_value(hex) ?: "") || h.nr_events > n - at)
			return "it has fewer events than its headers say";
		crypto_hash_sha256(digest, (const unsigned char *)(events + at),
				   h.nr_events * sizeof(*events));
		if (memcmp(digest, h.events_hash, sizeof(digest)))
			return "its events are not those that its headers say";
		at += h.nr_events;
	}
	return at == n ? NULL : "it has more events than its headers say";
}

static const char *check_events(struct em_check *c, struct load *l, const json_t *e,
				const json_t *items)
{
	const json_t *list = json_object_get(e, "events"), *event;
	size_t k, n = json_array_size(list);
	_cleanup_free_ struct earmark_event *events = calloc(n ?: 1, sizeof(*events));
	bool shown = items && em_json_integer(e, "parts") == 1 && !json_object_get(e, "broken");

	json_array_foreach((json_t *)list, k, event) {
		if (!events || em_entry_event(event, items, &events[k]))
			return "an event in it is of a kind that there is not";
		take_event(c, l, &events[k]);
	}
	json_array_foreach((json_t *)items, k, event) {
		shown = shown && !json_is_null(event);
	}
	return shown || (!json_object_get(e, "private") && em_json_integer(e, "parts") == 1 &&
			 !json_object_get(e, "broken"))
		       ? check_digests(e, events, n)
		       : NULL;
}

/* --- entries ------------------------------------------------------------------------------ */

static const char *check_part(struct em_check *c, uint64_t index, const json_t *e)
{
	json_int_t part = em_json_integer(e, "part"), parts = em_json_integer(e, "parts");

	if (part < 1 || part > parts)
		return "it is no part of a whole";
	if (part != c->part + 1 && !(part == 1 && c->part == c->parts))
		return "it is not the part that was to follow";
	if (part > 1 && (parts != c->parts || em_json_integer(e, "last") != c->last))
		return "it is a part of another interval than the one before it";
	if (part == 1)
		c->first = index;
	c->part = part;
	c->parts = parts;
	c->last = em_json_integer(e, "last");
	return NULL;
}

static const char *check_usage(struct em_check *c, uint64_t index, const json_t *e,
			       const json_t *items)
{
	const char *why = check_part(c, index, e);
	struct load *l = load_of(c, em_json_string(e, "load"));

	if (why || !l)
		return why ?: "out of memory";
	c->load = (unsigned int)(l - c->loads);
	if (!c->counts.start)
		c->counts.start = em_json_integer(e, "wall_start");
	c->counts.end = em_json_integer(e, "wall_end");
	c->counts.usage += c->part == 1;
	why = check_headers(c, l, e);
	why = why ?: check_events(c, l, e, items);
	why = why ?: em_check_gpus(c, l, e);
	why = why ?: em_check_engines(c, l, e);
	if (!why && c->part == c->parts)
		why = em_check_inventory(c, l);
	if (!why && json_object_get(e, "private") && !items)
		c->counts.rows_hidden++;
	return why ?: items ? em_check_rows(c, e, items) : NULL;
}

static void take_learned(struct em_check *c, const json_t *data)
{
	int purpose = em_purpose_parse(em_json_string(data, "purpose"));
	int by = em_tagged_by_parse(em_json_string(data, "tagged_by"));
	struct load *l = load_of(c, em_json_string(data, "load_id"));

	if (l && em_json_integer(data, "tag") && purpose >= 0 && by >= 0)
		tag_set(c, (unsigned int)(l - c->loads), (__u32)em_json_integer(data, "tag"),
			(unsigned int)purpose, (unsigned int)by);
}

static const char *check_note(struct em_check *c, const json_t *e, const json_t *items)
{
	const char *kind = em_json_string(e, "kind");
	const json_t *data = json_object_get(e, "data");

	c->counts.notes++;
	data = data ?: json_object_get(json_array_get(items, 0), "note");
	if (!strcmp(kind, "learned") && data)
		take_learned(c, data);
	if (!strcmp(kind, "gpu-retired") &&
	    (!*em_json_string(data, "reason") || !json_object_get(data, "uid")))
		return "it retires a GPU without author and reason";
	return *kind ? NULL : "it is a note of no kind";
}

const char *em_check_entry(struct em_check *c, uint64_t index, const json_t *entry,
			   const json_t *items, const char *trouble)
{
	const char *type = em_json_string(entry, "type");

	c->counts.entries++;
	if (trouble)
		return trouble;
	c->counts.openings += items ? 1 : 0;
	if (!index != !strcmp(type, "log"))
		return index ? "it begins a log in the middle of one"
			     : "it is the first and does not begin a log";
	if (strcmp(type, "usage") && c->part != c->parts)
		return "the rest of the interval before it is missing";
	if (!strcmp(type, "usage"))
		return check_usage(c, index, entry, items);
	if (!strcmp(type, "note"))
		return check_note(c, entry, items);
	return !strcmp(type, "log") || !strcmp(type, "key") ? NULL
							    : "it is of a type that there is not";
}

const char *em_check_end(struct em_check *c)
{
	return c->part == c->parts ? NULL : "the rest of the last interval is missing";
}

/* What both keys have signed: the entry without their signatures. */
int em_check_turn(const json_t *entry, struct em_key *old, struct em_key *next)
{
	_cleanup_json_ json_t *bare = json_copy((json_t *)entry);
	_cleanup_free_ char *text = NULL;

	json_object_del(bare, "by_new");
	json_object_del(bare, "by_old");
	text = em_canonical(bare);
	if (!text || em_key_parse(old, em_json_string(entry, "old")) ||
	    em_key_parse(next, em_json_string(entry, "new")) || next->private || old->private ||
	    strcmp(next->name, old->name) ||
	    !em_verify_bytes(old, text, strlen(text), em_json_string(entry, "by_old")) ||
	    !em_verify_bytes(next, text, strlen(text), em_json_string(entry, "by_new")))
		return -EBADMSG;
	return 0;
}
