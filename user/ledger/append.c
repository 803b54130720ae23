// SPDX-License-Identifier: GPL-2.0
/* Taking intervals, once each; see ledger.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "ledger/entry.h"
#include "ledger/store.h"

/*
 * Losses that can hide busy time. The others are of work that is there all the same: unattributed
 * (context, history, unknown), or of what says no time (event, challenge: the GPU is blind then).
 */
#define HIDING                                                                                \
	(1U << EARMARK_LOST_MEMORY | 1U << EARMARK_LOST_FILE | 1U << EARMARK_LOST_RECURSION | \
	 1U << EARMARK_LOST_MISSED | 1U << EARMARK_LOST_RING)

/**
 * struct append - an interval on its way
 * @load: the ledger's id of its load, 0 = never heard of
 * @item: as it will be folded; item.i is borrowed
 * @before: the interval before it, as far as it is known
 * @problem: what is wrong with how it follows, NULL = nothing
 */
struct append {
	int64_t load;
	struct em_fold_item item;
	struct earmark_interval before;
	__u8 before_hash[EARMARK_HASH_LEN];
	const char *problem;
};

/* 1: it is there, byte for byte; -EEXIST: another one is; 0: neither. */
static int look_for(struct em_ledger *l, const struct append *a)
{
	const struct em_interval *i = &a->item.i;
	bool same = false;
	sqlite3_stmt *s;
	int r;

	for (unsigned int n = 0; n < l->fold.n; n++) {
		const struct em_interval *waits = &l->fold.list[n].i;

		if (!memcmp(waits->header.load_id, i->header.load_id, 16) &&
		    waits->header.number == i->header.number)
			return memcmp(waits->hash, i->hash, EARMARK_HASH_LEN) ? -EEXIST : 1;
	}
	s = em_store_bind(l, "SELECT header FROM header WHERE load=? AND number=?", "ii", a->load,
			  (int64_t)i->header.number);
	r = em_store_step(l, s);
	if (r <= 0)
		return r;
	same = sqlite3_column_bytes(s, 0) == sizeof(i->header) &&
	       !memcmp(sqlite3_column_blob(s, 0), &i->header, sizeof(i->header)) && !a->item.why;
	sqlite3_reset(s);
	return same ? 1 : -EEXIST;
}

static int find_before(struct em_ledger *l, struct append *a)
{
	const struct earmark_interval *h = &a->item.i.header;
	const struct em_interval *waits = l->fold.n ? &l->fold.list[l->fold.n - 1].i : NULL;
	sqlite3_stmt *s;
	int r;

	if (waits && !memcmp(waits->header.load_id, h->load_id, 16)) {
		a->before = waits->header;
		memcpy(a->before_hash, waits->hash, EARMARK_HASH_LEN);
		return 0;
	}
	s = em_store_bind(l,
			  "SELECT header, hash FROM header WHERE load=? AND number<? "
			  "ORDER BY number DESC LIMIT 1",
			  "ii", a->load, (int64_t)h->number);
	r = em_store_step(l, s);
	if (r <= 0)
		return r;
	if (sqlite3_column_bytes(s, 0) == sizeof(a->before) &&
	    sqlite3_column_bytes(s, 1) == EARMARK_HASH_LEN) {
		memcpy(&a->before, sqlite3_column_blob(s, 0), sizeof(a->before));
		memcpy(a->before_hash, sqlite3_column_blob(s, 1), EARMARK_HASH_LEN);
	}
	sqlite3_reset(s);
	return 0;
}

/* Compares with the interval before it, of the same load; lost counters count from there. */
static void chain(struct append *a)
{
	const struct earmark_interval *h = &a->item.i.header, *before = &a->before;

	if (before->number + 1 != h->number)
		a->problem = before->number ? "intervals before it are missing"
					    : "the load's first intervals are not in this ledger";
	else if (memcmp(a->before_hash, h->previous, EARMARK_HASH_LEN))
		a->problem = "it does not chain to the interval before it";
	else if (before->number && before->end != h->start)
		a->problem = "it does not start where the interval before it ended";
	for (unsigned int c = 0; c < EARMARK_LOST_COUNT; c++) {
		a->item.lost[c] = h->lost[c] - before->lost[c];
		if (h->lost[c] < before->lost[c]) {
			a->item.lost[c] = h->lost[c];
			a->problem = a->problem ?: "a lost counter went backwards";
		}
		a->item.hiding |= a->item.lost[c] && HIDING >> c & 1;
	}
	if (!a->problem && a->item.why)
		a->problem = a->item.why;
	else if (!a->problem && h->flags & EARMARK_INTERVAL_BROKEN)
		a->problem = "the recorder says that a sum did not come out";
}

static int integrity_note(struct em_ledger *l, const struct append *a)
{
	char json[512], load[33];

	if (!a->problem)
		return 0;
	snprintf(json, sizeof(json),
		 "{\"load_id\":\"%s\",\"number\":%" PRIu64 ",\"problem\":\"%s\"}",
		 em_hex(load, a->item.i.header.load_id, 16), (uint64_t)a->item.i.header.number,
		 a->problem);
	return em_ledger_note(l, "integrity", json);
}

/* --- storing ------------------------------------------------------------------------------ */

/* struct tags - where a tag's purpose is looked up; @load 0: nothing of it is stored yet */
struct tags {
	struct em_ledger *l;
	int64_t load;
};

static void tag_of(void *arg, __u32 tag, unsigned int *purpose, unsigned int *tagged_by)
{
	struct tags *t = arg;
	const struct em_fold *f = &t->l->fold;
	sqlite3_stmt *s;

	for (unsigned int i = 0; i < f->n; i++) {
		for (__u32 k = 0; k < f->list[i].i.header.nr_events; k++) {
			const struct earmark_event *e = &f->list[i].i.events[k];

			if (e->type == EARMARK_EVENT_TAG && e->tag == tag) {
				*purpose = e->purpose;
				*tagged_by = e->tagged_by;
				return;
			}
		}
	}
	s = em_store_bind(t->l, "SELECT purpose, tagged_by FROM tag WHERE load=? AND id=?", "iu",
			  t->load, tag);
	if (em_store_step(t->l, s) > 0) {
		*purpose = (unsigned int)sqlite3_column_int64(s, 0);
		*tagged_by = (unsigned int)sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
}

static int store_fold(struct em_ledger *l)
{
	struct tags tags = { .l = l };
	_cleanup_json_ json_t *parts = NULL;
	json_t *part;
	size_t k;
	int r = em_names_find_load(l, l->fold.list[0].i.header.load_id, &tags.load);

	if (r && r != -ENOENT)
		return r;
	parts = em_entry_usage(&l->fold, tag_of, &tags);
	if (!parts)
		return em_store_fail(l, -ENOMEM, "out of memory");
	r = 0;
	json_array_foreach(parts, k, part) {
		r = r ? r : em_change_entry(l, json_incref(part));
	}
	return r;
}

int em_ledger_flush(struct em_ledger *l)
{
	int r;

	if (!l->fold.n)
		return 0;
	r = em_store_begin(l);
	r = r ? r : em_store_end(l, store_fold(l));
	em_fold_clear(&l->fold);
	return r ? r : em_ledger_batch_next(l);
}

void em_ledger_fold(struct em_ledger *l, int64_t span)
{
	l->span = span;
}

/* What is wrong with an interval is told together with it. */
static int store(struct em_ledger *l, const struct append *a, bool whole)
{
	int r;

	if (!a->problem && !whole)
		return 0;
	r = em_store_begin(l);
	if (r)
		return r;
	r = integrity_note(l, a);
	if (!r && whole)
		r = store_fold(l);
	r = em_store_end(l, r);
	if (whole)
		em_fold_clear(&l->fold);
	return r ? r : em_ledger_batch_next(l);
}

static int take(struct em_ledger *l, struct append *a)
{
	const struct earmark_interval *h = &a->item.i.header;
	int r = em_store_ready(l);

	r = r ? r : em_names_find_load(l, h->load_id, &a->load);
	if (r && r != -ENOENT)
		return r;
	r = look_for(l, a);
	if (r == -EEXIST)
		return em_store_fail(l, r,
				     "ledger %s: interval %" PRIu64 " is there already, and is "
				     "another one",
				     l->dir, (uint64_t)h->number);
	if (r)
		return r < 0 ? r : 0;
	if (l->fold.n && !em_fold_joins(&l->fold, &a->item.i, l->span))
		r = em_ledger_flush(l);
	r = r ? r : find_before(l, a);
	if (r)
		return r;
	chain(a);
	if (em_fold_add(&l->fold, &a->item))
		return em_store_fail(l, -ENOMEM, "out of memory");
	return store(l, a, em_fold_whole(&l->fold, l->span));
}

int em_ledger_append_allocated(struct em_ledger *l, const struct em_interval *i,
			       const struct em_allocated *allocated, unsigned int n)
{
	struct append a = { .item = { .i = *i, .allocated = allocated, .nr_allocated = n } };
	int r;

	em_interval_check(i, &a.item.why);
	r = take(l, &a);
	if (r && r != -EEXIST)
		em_fold_clear(&l->fold);
	return r;
}

int em_ledger_append(struct em_ledger *l, const struct em_interval *i)
{
	return em_ledger_append_allocated(l, i, NULL, 0);
}

int em_ledger_last(struct em_ledger *l, const __u8 load_id[16], __u64 *ret_number,
		   __u8 hash[EARMARK_HASH_LEN])
{
	sqlite3_stmt *s = em_store_bind(l,
					"SELECT h.number, h.hash FROM header h JOIN load l ON "
					"l.id=h.load WHERE l.load_id=? ORDER BY h.number DESC "
					"LIMIT 1",
					"b", load_id, 16);
	int r = em_store_step(l, s);

	if (r < 0)
		return r;
	*ret_number = 0;
	if (!r)
		return 0;
	*ret_number = (__u64)sqlite3_column_int64(s, 0);
	if (sqlite3_column_bytes(s, 1) == EARMARK_HASH_LEN)
		memcpy(hash, sqlite3_column_blob(s, 1), EARMARK_HASH_LEN);
	sqlite3_reset(s);
	return 0;
}
