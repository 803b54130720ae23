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
#include "base/text.h"
#include "ledger/check.h"
#include "ledger/entry.h"

/* struct gpu - of a load; @row: the entry that last spoke of it; @retired: it may be silent */
struct gpu {
	__u32 id;
	uint64_t row;
	bool retired;
};

struct engine {
	__u32 gpu, id;
	__u64 total, first;
};

/**
 * struct load - what is known of a load so far
 * @row: its last usage entry, by the log's number of its first part
 */
struct load {
	char id[33];
	__u64 number, end;
	__u8 hash[EARMARK_HASH_LEN];
	uint64_t row;
	struct gpu *gpus;
	struct engine *engines;
	unsigned int n_gpus, n_engines;
};

struct tag {
	unsigned int load;
	__u32 id;
	unsigned int purpose, tagged_by;
};

/**
 * struct em_check - @tags: a tree of struct tag; @part, @parts: of the usage entry under way
 * @first: the log's number of its first part
 */
struct em_check {
	struct em_check_counts counts;
	struct load *loads;
	unsigned int n_loads;
	void *tags;
	json_int_t part, parts, last;
	uint64_t first;
	unsigned int load;
	char why[256];
};

static const char *wrong(struct em_check *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *wrong(struct em_check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return c->why;
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
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

/* One more element, zeroed; NULL: no memory. */
static void *grown(void *list, unsigned int *n, size_t size)
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
	l = grown(&c->loads, &c->n_loads, sizeof(*l));
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

static void tag_get(const struct em_check *c, __u32 id, unsigned int *purpose, unsigned int *by)
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
		return wrong(c, "interval %" PRIu64 " of its load is there twice",
			     (uint64_t)i.header.number);
	if (i.header.number == l->number + 1) {
		if (memcmp(i.header.previous, l->number ? l->hash : none, EARMARK_HASH_LEN))
			return wrong(c, "interval %" PRIu64 " does not chain to the one before it",
				     (uint64_t)i.header.number);
		if (l->number && i.header.start != l->end)
			return wrong(c,
				     "interval %" PRIu64 " does not start where the one before "
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
	if ((json_int_t)first->number != number(e, "first") ||
	    (json_int_t)last->number != number(e, "last") ||
	    (json_int_t)first->start != number(e, "start") ||
	    (json_int_t)last->end != number(e, "end") ||
	    (json_int_t)first->wall_start != number(e, "wall_start") ||
	    (json_int_t)last->wall_end != number(e, "wall_end"))
		return "it is not of the time that its headers say";
	if (strcmp(em_recorder_name(last->recorder), string(e, "recorder")))
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
		return number(e, "part") == 1 ? "it has no headers" : NULL;
	json_array_foreach((json_t *)headers, k, hex) {
		why = why ?: check_header(c, l, json_string_value(hex) ?: "");
	}
	if (why)
		return why;
	em_unhex(&first, sizeof(first), json_string_value(json_array_get(headers, 0)));
	em_unhex(&last, sizeof(last), json_string_value(json_array_get(headers, n - 1)));
	/* headers of many parts: the frame is theirs together, and each has some of it */
	if (number(e, "parts") == 1)
		return check_frame(&first, &last, e);
	return NULL;
}

/* --- events ------------------------------------------------------------------------------- */

static struct gpu *gpu_of(struct load *l, __u32 id)
{
	struct gpu *g;

	for (unsigned int i = 0; i < l->n_gpus; i++) {
		if (l->gpus[i].id == id)
			return &l->gpus[i];
	}
	g = grown(&l->gpus, &l->n_gpus, sizeof(*g));
	if (g)
		g->id = id;
	return g;
}

static void take_event(struct em_check *c, struct load *l, const struct earmark_event *e)
{
	struct gpu *g;

	if (e->type == EARMARK_EVENT_TAG && e->tag)
		tag_set(c, c->load, e->tag, e->purpose, e->tagged_by);
	if (e->type == EARMARK_EVENT_GPU_RETIRED && (g = gpu_of(l, e->gpu)))
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
	bool shown = items && number(e, "parts") == 1 && !json_object_get(e, "broken");

	json_array_foreach((json_t *)list, k, event) {
		if (!events || em_entry_event(event, items, &events[k]))
			return "an event in it is of a kind that there is not";
		take_event(c, l, &events[k]);
	}
	json_array_foreach((json_t *)items, k, event) {
		shown = shown && !json_is_null(event);
	}
	return shown || (!json_object_get(e, "private") && number(e, "parts") == 1 &&
			 !json_object_get(e, "broken"))
		       ? check_digests(e, events, n)
		       : NULL;
}

/* --- sums --------------------------------------------------------------------------------- */

static const char *check_conservation(struct em_check *c, const json_t *e, const json_t *gpu)
{
	unsigned __int128 sum = (unsigned __int128)number(gpu, "idle") +
				(unsigned __int128)number(gpu, "unobserved");
	const json_t *total;
	size_t k;

	json_array_foreach(json_object_get(e, "totals"), k, total) {
		if (number(total, "gpu") == number(gpu, "gpu"))
			sum += (unsigned __int128)number(total, "gpu_time");
	}
	if (sum == (unsigned __int128)number(gpu, "wall"))
		return NULL;
	return wrong(c, "GPU %lld: gpu-time + idle + unobserved is not its wall time",
		     (long long)number(gpu, "gpu"));
}

static const char *check_gpus(struct em_check *c, struct load *l, const json_t *e)
{
	bool broken = json_object_get(e, "broken") || number(e, "flags") & EARMARK_INTERVAL_BROKEN;
	const char *why = NULL;
	const json_t *o;
	size_t k;

	json_array_foreach(json_object_get(e, "gpus"), k, o) {
		struct gpu *g = gpu_of(l, (__u32)number(o, "gpu"));

		if (!g)
			return "out of memory";
		if (g->row == c->first + 1)
			return wrong(c, "GPU %u is in it twice", g->id);
		g->row = c->first + 1;
		c->counts.gpus++;
		if (!broken)
			why = why ?: check_conservation(c, e, o);
	}
	c->counts.broken += broken && number(e, "part") == 1;
	return why;
}

static const char *check_engines(struct em_check *c, struct load *l, const json_t *e)
{
	const json_t *o;
	size_t k;

	json_array_foreach(json_object_get(e, "engines"), k, o) {
		__u32 gpu = (__u32)number(o, "gpu"), id = (__u32)number(o, "engine");
		struct engine *engine = NULL;

		for (unsigned int i = 0; i < l->n_engines; i++) {
			if (l->engines[i].gpu == gpu && l->engines[i].id == id)
				engine = &l->engines[i];
		}
		if (!engine)
			engine = grown(&l->engines, &l->n_engines, sizeof(*engine));
		if (!engine)
			return "out of memory";
		if (engine->first == (__u64)number(o, "first") &&
		    engine->total > (__u64)number(o, "busy_total"))
			return wrong(c, "the busy time of engine %u of GPU %u went backwards", id,
				     gpu);
		*engine = (struct engine){ gpu, id, (__u64)number(o, "busy_total"),
					   (__u64)number(o, "first") };
	}
	return NULL;
}

/* A GPU that was there in the last entry of its load is there in this one, or was retired. */
static const char *check_inventory(struct em_check *c, struct load *l)
{
	for (unsigned int i = 0; i < l->n_gpus; i++) {
		struct gpu *g = &l->gpus[i];

		if (g->row && g->row != c->first + 1 && g->row == l->row && !g->retired)
			return wrong(c, "GPU %u is gone from the inventory, and nobody retired it",
				     g->id);
	}
	l->row = c->first + 1;
	return NULL;
}

/* Rows that are shown add up to the totals, under the tags that were set before. */
static const char *check_rows(struct em_check *c, const json_t *e, const json_t *items)
{
	const json_t *totals = json_object_get(e, "totals"), *total, *row;
	json_int_t left[3], all = 0;
	size_t k, i;

	json_array_foreach((json_t *)items, k, row) {
		if (json_is_null(row)) {
			c->counts.rows_hidden++;
			return NULL;
		}
		all += number(row, "gpu_time") + number(row, "busy");
	}
	json_array_foreach((json_t *)totals, k, total) {
		all -= number(total, "gpu_time") + number(total, "busy");
		left[0] = number(total, "gpu_time");
		left[1] = number(total, "held");
		left[2] = number(total, "busy");
		json_array_foreach((json_t *)items, i, row) {
			unsigned int purpose, by;

			if (!json_object_get(row, "gpu_time") ||
			    number(row, "gpu") != number(total, "gpu"))
				continue;
			tag_get(c, (__u32)number(row, "tag"), &purpose, &by);
			if (strcmp(em_purpose_name(purpose), string(total, "purpose")) ||
			    strcmp(em_tagged_by_name(by), string(total, "tagged_by")))
				continue;
			left[0] -= number(row, "gpu_time");
			left[1] -= number(row, "held");
			left[2] -= number(row, "busy");
		}
		if (left[0] || left[1] || left[2])
			return wrong(c,
				     "the rows of GPU %lld tagged %s by %s do not add up to its "
				     "total",
				     (long long)number(total, "gpu"), string(total, "purpose"),
				     string(total, "tagged_by"));
	}
	return all ? "it has rows that are in no total" : NULL;
}

/* --- entries ------------------------------------------------------------------------------ */

static const char *check_part(struct em_check *c, uint64_t index, const json_t *e)
{
	json_int_t part = number(e, "part"), parts = number(e, "parts");

	if (part < 1 || part > parts)
		return "it is no part of a whole";
	if (part != c->part + 1 && !(part == 1 && c->part == c->parts))
		return "it is not the part that was to follow";
	if (part > 1 && (parts != c->parts || number(e, "last") != c->last))
		return "it is a part of another interval than the one before it";
	if (part == 1)
		c->first = index;
	c->part = part;
	c->parts = parts;
	c->last = number(e, "last");
	return NULL;
}

static const char *check_usage(struct em_check *c, uint64_t index, const json_t *e,
			       const json_t *items)
{
	const char *why = check_part(c, index, e);
	struct load *l = load_of(c, string(e, "load"));

	if (why || !l)
		return why ?: "out of memory";
	c->load = (unsigned int)(l - c->loads);
	if (!c->counts.start)
		c->counts.start = number(e, "wall_start");
	c->counts.end = number(e, "wall_end");
	c->counts.usage += c->part == 1;
	why = check_headers(c, l, e);
	why = why ?: check_events(c, l, e, items);
	why = why ?: check_gpus(c, l, e);
	why = why ?: check_engines(c, l, e);
	if (!why && c->part == c->parts)
		why = check_inventory(c, l);
	if (!why && json_object_get(e, "private") && !items)
		c->counts.rows_hidden++;
	return why ?: items ? check_rows(c, e, items) : NULL;
}

static void take_learned(struct em_check *c, const json_t *data)
{
	int purpose = em_purpose_parse(string(data, "purpose"));
	int by = em_tagged_by_parse(string(data, "tagged_by"));
	struct load *l = load_of(c, string(data, "load_id"));

	if (l && number(data, "tag") && purpose >= 0 && by >= 0)
		tag_set(c, (unsigned int)(l - c->loads), (__u32)number(data, "tag"),
			(unsigned int)purpose, (unsigned int)by);
}

static const char *check_note(struct em_check *c, const json_t *e, const json_t *items)
{
	const char *kind = string(e, "kind");
	const json_t *data = json_object_get(e, "data");

	c->counts.notes++;
	data = data ?: json_object_get(json_array_get(items, 0), "note");
	if (!strcmp(kind, "learned") && data)
		take_learned(c, data);
	if (!strcmp(kind, "gpu-retired") &&
	    (!*string(data, "reason") || !json_object_get(data, "uid")))
		return "it retires a GPU without author and reason";
	return *kind ? NULL : "it is a note of no kind";
}

const char *em_check_entry(struct em_check *c, uint64_t index, const json_t *entry,
			   const json_t *items, const char *trouble)
{
	const char *type = string(entry, "type");

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
int em_check_key(const json_t *entry, struct em_key *key)
{
	_cleanup_json_ json_t *bare = json_copy((json_t *)entry);
	_cleanup_free_ char *text = NULL;
	struct em_key next, old;

	json_object_del(bare, "by_new");
	json_object_del(bare, "by_old");
	text = em_canonical(bare);
	if (!text || em_key_parse(&old, string(entry, "old")) ||
	    em_key_parse(&next, string(entry, "new")) || next.private || old.private ||
	    strcmp(next.name, key->name) || memcmp(old.public, key->public, sizeof(old.public)) ||
	    !em_verify_bytes(key, text, strlen(text), string(entry, "by_old")) ||
	    !em_verify_bytes(&next, text, strlen(text), string(entry, "by_new")))
		return -EBADMSG;
	*key = next;
	return 0;
}
