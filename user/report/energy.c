// SPDX-License-Identifier: GPL-2.0
/* Energy and memory, divided among purposes; see energy.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/time.h"
#include "report/energy.h"

#define CHUNK (24 * 3600 * EM_NS_PER_S) /* of notes that are in memory at the same time */
#define LATE CHUNK /* a note may be written so long after what it says, and after later ones */

/**
 * struct meter - a note on its way
 * @gpu: name, or number as its load called it
 * @share: what its amount is divided by
 * @found: the GPU's name, or the job's path
 */
struct meter {
	bool memory;
	char boot_id[33], gpu[EARMARK_NAME_LEN];
	int64_t since, until;
	uint64_t job, amount, share[EM_ENERGY_PARTS];
	char *found;
};

/* struct reading - notes of a chunk, in order once they are sorted */
struct reading {
	struct em_energy *e;
	int64_t since, until; /* of the window */
	struct meter *list;
	size_t n, room;
	int64_t longest; /* of a note */
};

/* --- notes -------------------------------------------------------------------------------- */

static int parse_time(const json_t *note, const char *key, int64_t *ns)
{
	return em_time_parse(em_json_string(note, key), 0, ns);
}

static int parse(struct meter *m, const json_t *note, bool memory)
{
	const json_t *gpu = json_object_get(note, "gpu"), *job = json_object_get(note, "job");
	const json_t *amount = json_object_get(note, memory ? "byte_s" : "mj");
	const char *boot = em_json_string(note, "boot_id"); /* with dashes or without */

	*m = (struct meter){ .memory = memory };
	for (size_t n = 0; *boot && n < sizeof(m->boot_id) - 1; boot++)
		if (*boot != '-')
			m->boot_id[n++] = *boot;
	if (json_is_integer(gpu))
		snprintf(m->gpu, sizeof(m->gpu), "%lld", json_integer_value(gpu));
	else
		snprintf(m->gpu, sizeof(m->gpu), "%s", json_string_value(gpu) ?: "");
	m->job = json_is_string(job) ? strtoull(json_string_value(job), NULL, 10)
				     : (uint64_t)json_integer_value(job);
	if (parse_time(note, "since", &m->since) || parse_time(note, "until", &m->until) ||
	    m->until <= m->since || !*m->gpu || !json_is_integer(amount) ||
	    json_integer_value(amount) < 0 || (memory && !m->job))
		return -EINVAL;
	m->amount = (uint64_t)json_integer_value(amount);
	return 0;
}

static unsigned int class_of(const json_t *note)
{
	int class = em_class_parse(em_json_string(note, "class"));

	return class < 0 ? EARMARK_CLASS_ESTIMATE : (unsigned int)class;
}

static int add_note(int64_t wall, const char *kind, const char *json, void *arg)
{
	_cleanup_json_ json_t *note = json_loads(json, 0, NULL);
	struct reading *r = arg;
	bool memory = !strcmp(kind, "memory");
	struct em_metered *of = memory ? &r->e->memory : &r->e->energy;
	struct meter m, *more;

	(void)wall;
	if (parse(&m, note, memory)) {
		of->bad++;
		return 0;
	}
	if (m.since < r->since || m.until > r->until)
		return 0;
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 256;
		more = reallocarray(r->list, r->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->list = more;
	}
	r->list[r->n++] = m;
	r->longest = m.until - m.since > r->longest ? m.until - m.since : r->longest;
	of->notes++;
	of->class = class_of(note) > of->class ? class_of(note) : of->class;
	return 0;
}

/* --- what was done meanwhile -------------------------------------------------------------- */

static int order(const void *left, const void *right)
{
	const struct meter *a = left, *b = right;
	int r = strcmp(a->boot_id, b->boot_id) ?: strcmp(a->gpu, b->gpu);

	return r ? r : a->since != b->since ? (a->since < b->since ? -1 : 1) : 0;
}

/* The first note of the row's GPU that begins at or after @since. */
static size_t first_of(const struct reading *r, const struct meter *key)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order(&r->list[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int name_it(struct meter *m, const char *name)
{
	if (!m->found)
		m->found = strdup(name);
	return m->found ? 0 : -ENOMEM;
}

/* As much of @whole as the part of the entry that lies in the note's time. */
static uint64_t part_of(uint64_t whole, const struct em_work_row *row, const struct meter *m)
{
	int64_t start = row->start > m->since ? row->start : m->since;
	int64_t end = row->end < m->until ? row->end : m->until;

	return (uint64_t)((em_ns)whole * (em_ns)(end - start) / (em_ns)(row->end - row->start));
}

static int share_out(struct meter *m, const struct em_work_row *row)
{
	unsigned int p = row->purpose < EM_ENERGY_PARTS ? row->purpose : 0;

	if (!m->memory) {
		m->share[p] += part_of(row->busy, row, m);
		return name_it(m, row->gpu);
	}
	if (row->job != m->job || row->purpose == EARMARK_PURPOSE_COUNT)
		return 0;
	m->share[p] += part_of(row->gpu_time, row, m);
	return row->path ? name_it(m, row->path) : 0;
}

static int share_key(struct reading *r, const struct em_work_row *row, const char *gpu)
{
	struct meter key = { .since = row->start - r->longest };
	int ret = 0;

	snprintf(key.boot_id, sizeof(key.boot_id), "%s", row->boot_id);
	snprintf(key.gpu, sizeof(key.gpu), "%s", gpu);
	for (size_t i = first_of(r, &key); !ret && i < r->n; i++) {
		struct meter *m = &r->list[i];

		if (strcmp(m->boot_id, key.boot_id) || strcmp(m->gpu, key.gpu) ||
		    m->since >= row->end)
			break;
		if (m->until > row->start)
			ret = share_out(m, row);
	}
	return ret;
}

/* Notes name a GPU by its number or its name; of many ledgers, the name has the node's before it.
 */
static int share_row(const struct em_work_row *row, void *arg)
{
	const char *slash = strchr(row->gpu, '/'), *own = row->gpu;
	struct reading *r = arg;
	char number[16];
	int ret;

	if (row->end <= row->start)
		return 0;
	for (const char *c = row->gpu; slash && c < slash; c++)
		own = *c == ':' ? c + 1 : own;
	snprintf(number, sizeof(number), "%u", row->gpu_id);
	ret = share_key(r, row, number);
	return ret ? ret : share_key(r, row, own);
}

/* --- sums --------------------------------------------------------------------------------- */

static struct em_energy_part *place_of(struct em_metered *of, const struct meter *m)
{
	const char *name = m->found ?: m->gpu;
	struct em_energy_part *more;

	for (size_t i = of->n; i--;) {
		struct em_energy_part *p = &of->list[i];

		if (p->job == m->job &&
		    (m->memory ? !strcmp(p->boot_id, m->boot_id) : !strcmp(p->name, name)))
			return p;
	}
	more = reallocarray(of->list, of->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	of->list = more;
	more = &of->list[of->n];
	*more = (struct em_energy_part){ .name = strdup(m->memory ? m->found ?: "" : name),
					 .job = m->job };
	snprintf(more->boot_id, sizeof(more->boot_id), "%s", m->boot_id);
	return more->name ? &of->list[of->n++] : NULL;
}

/*
 * Whole units by largest remainder; what is divided by nothing is idle, and of a job's memory
 * untagged.
 */
static void divide(const struct meter *m, em_ns part[EM_ENERGY_PARTS], em_ns *idle)
{
	em_ns all = 0, left = m->amount, rest[EM_ENERGY_PARTS];

	for (unsigned int p = 0; p < EM_ENERGY_PARTS; p++)
		all += m->share[p];
	*idle = 0;
	memset(part, 0, EM_ENERGY_PARTS * sizeof(*part));
	if (!all) {
		*(m->memory ? &part[EARMARK_PURPOSE_UNTAGGED] : idle) = m->amount;
		return;
	}
	for (unsigned int p = 0; p < EM_ENERGY_PARTS; p++) {
		part[p] = (em_ns)m->amount * m->share[p] / all;
		rest[p] = (em_ns)m->amount * m->share[p] % all;
		left -= part[p];
	}
	for (; left; left--) {
		unsigned int best = 0;

		for (unsigned int p = 1; p < EM_ENERGY_PARTS; p++)
			best = rest[p] > rest[best] ? p : best;
		rest[best] = 0;
		part[best]++;
	}
}

static void add_part(struct em_energy_part *to, const struct meter *m,
		     const em_ns part[EM_ENERGY_PARTS], em_ns idle)
{
	to->sum += m->amount;
	to->idle += idle;
	for (unsigned int p = 0; p < EM_ENERGY_PARTS; p++)
		to->part[p] += part[p];
}

static int add_meter(struct em_energy *e, const struct meter *m)
{
	struct em_metered *of = m->memory ? &e->memory : &e->energy;
	struct em_energy_part *place = place_of(of, m);
	em_ns part[EM_ENERGY_PARTS], idle;

	if (!place)
		return -ENOMEM;
	divide(m, part, &idle);
	add_part(place, m, part, idle);
	add_part(&of->whole, m, part, idle);
	return 0;
}

static int settle(struct reading *r, struct em_ledger *l)
{
	int64_t since = INT64_MAX, until = INT64_MIN;
	int ret;

	if (!r->n)
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		since = r->list[i].since < since ? r->list[i].since : since;
		until = r->list[i].until > until ? r->list[i].until : until;
	}
	qsort(r->list, r->n, sizeof(*r->list), order);
	ret = em_ledger_work(l, since, until, share_row, r);
	for (size_t i = 0; i < r->n; i++) {
		ret = ret ? ret : add_meter(r->e, &r->list[i]);
		free(r->list[i].found);
	}
	r->n = 0;
	return ret;
}

static int found(int64_t wall, const char *kind, const char *json, void *arg)
{
	(void)kind;
	(void)json;
	*(int64_t *)arg = wall;
	return 1;
}

/* Before all of them; *at stays if there is none. */
static int first_note(struct em_ledger *l, int64_t since, const char *kind, int64_t *at)
{
	int64_t wall = INT64_MAX;
	int ret = em_ledger_notes(l, since, INT64_MAX, kind, found, &wall);

	if (wall != INT64_MAX && wall - LATE < *at)
		*at = wall - LATE;
	return ret < 0 ? ret : 0;
}

static int read_chunk(struct reading *r, struct em_ledger *l, int64_t from, int64_t to)
{
	int ret = em_ledger_notes(l, from, to, "energy", add_note, r);

	ret = ret ? ret : em_ledger_notes(l, from, to, "memory", add_note, r);
	return ret ? ret : settle(r, l);
}

static int read_all(struct reading *r, struct em_ledger *l, int64_t at, int64_t end)
{
	int ret = 0;

	for (; !ret && at <= end; at += CHUNK)
		ret = read_chunk(r, l, at, at + CHUNK - 1 < end ? at + CHUNK - 1 : end);
	return ret;
}

int em_energy_make(struct em_energy *e, struct em_ledger *l, int64_t since, int64_t until)
{
	struct reading r = { .e = e, .since = since, .until = until };
	int64_t at = INT64_MAX, now = em_time_now();
	int64_t end = until < now ? until : now;
	int ret = first_note(l, since, "energy", &at);

	*e = (struct em_energy){ 0 };
	ret = ret ? ret : first_note(l, since, "memory", &at);
	end = end < INT64_MAX - LATE - CHUNK ? end + LATE : INT64_MAX - CHUNK;
	if (!ret && at != INT64_MAX)
		ret = read_all(&r, l, at > since ? at : since, end);
	free(r.list);
	return ret;
}

static void clear(struct em_metered *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->list[i].name);
	free(m->list);
	*m = (struct em_metered){ 0 };
}

void em_energy_clear(struct em_energy *e)
{
	clear(&e->energy);
	clear(&e->memory);
}

/* --- JSON --------------------------------------------------------------------------------- */

/* Byte-seconds pass 63 bits in a year of four GPUs: MiB-seconds, to the nearest. */
#define MIB ((em_ns)1 << 20)

static json_int_t shown(em_ns amount, bool memory)
{
	return (json_int_t)(memory ? (amount + MIB / 2) / MIB : amount);
}

static void put_parts(json_t *o, const struct em_energy_part *p, bool memory)
{
	json_t *purposes = json_object();

	for (unsigned int i = 0; i < EARMARK_PURPOSE_COUNT; i++)
		json_object_set_new(purposes, em_purpose_name(i),
				    json_integer(shown(p->part[i], memory)));
	json_object_set_new(o, memory ? "mib_s" : "mj", json_integer(shown(p->sum, memory)));
	json_object_set_new(o, "purposes", purposes);
	if (memory)
		return;
	json_object_set_new(o, "unattributed_mj",
			    json_integer((json_int_t)p->part[EARMARK_PURPOSE_COUNT]));
	json_object_set_new(o, "idle_mj", json_integer((json_int_t)p->idle));
}

static json_t *item_json(const struct em_energy_part *p, bool memory)
{
	char id[24];
	json_t *o;

	snprintf(id, sizeof(id), "%llu", (unsigned long long)p->job);
	o = memory ? json_pack("{s:s,s:s,s:o}", "boot_id", p->boot_id, "job", id, "path",
			       em_json_text(*p->name ? p->name : NULL))
		   : json_pack("{s:o}", "gpu", em_json_text(p->name));
	put_parts(o, p, memory);
	return o;
}

static json_t *metered_json(const struct em_metered *m, bool memory)
{
	json_t *o, *list = json_array();

	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(list, item_json(&m->list[i], memory));
	o = json_pack("{s:s,s:s,s:I,s:I,s:o}", "class", em_class_name(m->class), "model",
		      memory ? "by gpu-time" : EM_ENERGY_MODEL, "notes", (json_int_t)m->notes,
		      "unreadable", (json_int_t)m->bad, memory ? "jobs" : "gpus", list);
	put_parts(o, &m->whole, memory);
	return o;
}

void em_energy_json(json_t *o, const struct em_energy *e)
{
	const struct em_metered *energy = &e->energy, *memory = &e->memory;

	json_object_set_new(o, "energy",
			    energy->notes + energy->bad ? metered_json(energy, false)
							: json_null());
	json_object_set_new(o, "memory",
			    memory->notes + memory->bad ? metered_json(memory, true) : json_null());
}
