// SPDX-License-Identifier: GPL-2.0
/* What a ledger knows of the replays into it: the state "replay"; see run.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "replay/run.h"

#define STATE "replay"
/* a history ends where it ends: what follows it is no gap in the record */
#define NEVER "1000000000000000000"

int em_run_failed(struct em_run *run, int ret)
{
	return em_gather_fail(run->g, ret, "%s", em_ledger_error(run->l));
}

/* --- the state ------------------------------------------------------------------------------ */

/*
 * {"capacity": bool, "inputs": [hash, …], "open": {…}}: whether all that was replayed said how
 * many GPUs there are, what was replayed, and the run that has not come to its end.
 */
static int state_load(struct em_run *run, json_t **state)
{
	_cleanup_free_ char *text = NULL;
	int ret = em_ledger_state_get(run->l, STATE, &text);

	*state = NULL;
	if (ret == -ENOENT) {
		*state = json_pack("{s:b, s:[]}", "capacity", 1, "inputs");
		return *state ? 0 : -ENOMEM;
	}
	if (ret)
		return em_run_failed(run, ret);
	*state = json_loads(text, 0, NULL);
	if (json_is_array(json_object_get(*state, "inputs")))
		return 0;
	json_decref(TAKE_PTR(*state));
	return em_gather_fail(run->g, -EBADMSG,
			      "the ledger's state \"replay\" cannot be read: replay into another");
}

static int state_save(struct em_run *run, const json_t *state)
{
	_cleanup_free_ char *text = json_dumps(state, JSON_COMPACT);
	int ret = text ? em_ledger_state_set(run->l, STATE, text) : -ENOMEM;

	return ret && text ? em_run_failed(run, ret) : ret;
}

/* --- what this run is ------------------------------------------------------------------------ */

static void hash_text(crypto_generichash_state *h, const char *s)
{
	s = s ?: "";
	crypto_generichash_update(h, (const unsigned char *)s, strlen(s) + 1);
}

/* All that makes intervals of inputs: another value, other intervals. */
static void options_hash(const struct em_gather *g, char hex[33])
{
	const struct em_replay_options *o = g->options;
	crypto_generichash_state h;
	uint8_t hash[16];
	char text[256];

	crypto_generichash_init(&h, NULL, 0, sizeof(hash));
	snprintf(text, sizeof(text), "%d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %d",
		 o->format, o->capacity, o->interval, o->since, o->until, o->requests,
		 g->rules.outage_unobserved);
	hash_text(&h, text);
	hash_text(&h, o->columns);
	hash_text(&h, o->zone);
	for (unsigned int i = 0; i < g->rules.n; i++) {
		const struct em_rule *rule = &g->rules.list[i];

		for (size_t k = 0; k < EM_RULE_KEY_COUNT; k++)
			hash_text(&h, rule->match[k]);
		hash_text(&h, em_purpose_name(rule->purpose));
		hash_text(&h, rule->project);
		hash_text(&h, rule->ref);
	}
	crypto_generichash_final(&h, hash, sizeof(hash));
	em_hex(hex, hash, sizeof(hash));
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, EM_DIGEST_LEN);
}

/* The same files in another order are the same history. */
static void boot_id(struct em_run *run)
{
	struct em_gather *g = run->g;

	qsort(g->digests, g->nr_digests, EM_DIGEST_LEN, compare_digests);
	crypto_generichash(run->boot_id, sizeof(run->boot_id), (const unsigned char *)g->digests,
			   g->nr_digests * EM_DIGEST_LEN, NULL, 0);
}

/* --- pools ------------------------------------------------------------------------------------ */

static int pool_seen(const struct em_gpu_usage *u, void *arg)
{
	struct em_run *run = arg;

	for (size_t i = 0; i < run->g->nr_pools; i++) {
		size_t n = strlen(run->g->pools[i]);
		unsigned long generation = 1;

		if (strncmp(u->name, run->g->pools[i], n) || (u->name[n] && u->name[n] != '-'))
			continue;
		if (u->name[n])
			generation = strtoul(u->name + n + 1, NULL, 10);
		if (generation >= run->pools[i].generation && generation < UINT32_MAX)
			run->pools[i] = (struct em_pool_name){ (unsigned int)generation, u->wall };
	}
	return 0;
}

static int pools_find(struct em_run *run)
{
	int ret;

	for (size_t i = 0; i < run->g->nr_pools; i++)
		run->pools[i].generation = 1;
	ret = em_ledger_gpus(run->l, 0, INT64_MAX, pool_seen, run);
	return ret ? em_run_failed(run, ret) : 0;
}

static json_t *pools_json(const struct em_run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->g->nr_pools; i++)
		json_array_append_new(list,
				      json_pack("[I, I]", (json_int_t)run->pools[i].generation,
						(json_int_t)run->pools[i].wall));
	return list;
}

static void pools_load(struct em_run *run, const json_t *list)
{
	for (size_t i = 0; i < run->g->nr_pools; i++) {
		const json_t *pool = json_array_get(list, i);
		json_int_t generation = json_integer_value(json_array_get(pool, 0));

		run->pools[i].generation = generation > 0 ? (unsigned int)generation : 1;
		run->pools[i].wall = (uint64_t)json_integer_value(json_array_get(pool, 1));
	}
}

/* --- beginning ---------------------------------------------------------------------------------
 */

int em_run_check(struct em_run *run)
{
	struct em_span span;
	int ret = em_ledger_span(run->l, 0, INT64_MAX, &span);

	if (ret)
		return em_run_failed(run, ret);
	if (span.intervals && span.recorders != 1U << EARMARK_RECORDER_REPLAY)
		return em_gather_fail(
			run->g, -EEXIST,
			"this ledger was recorded by a kernel or a daemon: a "
			"scheduler's history does not belong into it; name another one "
			"by --ledger DIR");
	return 0;
}

static int already_there(struct em_run *run, const json_t *state)
{
	const json_t *inputs = json_object_get(state, "inputs"), *input;
	char hex[2 * EM_DIGEST_LEN + 1];
	size_t i;

	for (size_t d = 0; d < run->g->nr_digests; d++) {
		em_hex(hex, run->g->digests[d], EM_DIGEST_LEN);
		json_array_foreach(inputs, i, input) {
			if (!strcmp(json_string_value(input) ?: "", hex))
				return em_gather_fail(run->g, -EEXIST,
						      "this history, or a file of it, was replayed "
						      "into this ledger already: it would count "
						      "twice");
		}
	}
	return 0;
}

static int overlaps(struct em_run *run)
{
	char end[EM_TIME_LEN], start[EM_TIME_LEN];
	struct em_span span;
	int ret = em_ledger_span(run->l, 0, INT64_MAX, &span);

	if (ret)
		return em_run_failed(run, ret);
	if (!span.intervals || run->g->result->start >= span.end)
		return 0;
	return em_gather_fail(run->g, -EEXIST,
			      "this history starts at %s and the ledger reaches to %s: replay what "
			      "follows (--since %s), or into another ledger",
			      em_time_format(start, run->g->result->start, 0),
			      em_time_format(end, span.end, 0), end);
}

static int run_new(struct em_run *run, json_t *state)
{
	json_t *inputs = json_object_get(state, "inputs");
	char boot[33], load[33], options[33], hex[2 * EM_DIGEST_LEN + 1];
	int ret = already_there(run, state) ?: overlaps(run) ?: pools_find(run);

	if (ret)
		return ret;
	randombytes_buf(run->load_id, sizeof(run->load_id));
	options_hash(run->g, options);
	for (size_t d = 0; d < run->g->nr_digests; d++)
		json_array_append_new(inputs,
				      json_string(em_hex(hex, run->g->digests[d], EM_DIGEST_LEN)));
	if (!run->g->result->capacity)
		json_object_set_new(state, "capacity", json_false());
	json_object_set_new(state, "open",
			    json_pack("{s:s, s:s, s:s, s:o}", "boot_id",
				      em_hex(boot, run->boot_id, 16), "load_id",
				      em_hex(load, run->load_id, 16), "options", options, "pools",
				      pools_json(run)));
	ret = em_ledger_note(run->l, "period", "{\"ns\":" NEVER "}");
	return ret ? em_run_failed(run, ret) : state_save(run, state);
}

static int run_resume(struct em_run *run, const json_t *open)
{
	char boot[33], options[33];
	__u64 last = 0;
	int ret;

	options_hash(run->g, options);
	if (strcmp(json_string_value(json_object_get(open, "boot_id")) ?: "",
		   em_hex(boot, run->boot_id, 16)) ||
	    strcmp(json_string_value(json_object_get(open, "options")) ?: "", options) ||
	    em_unhex(run->load_id, 16, json_string_value(json_object_get(open, "load_id")) ?: ""))
		return em_gather_fail(run->g, -EBUSY,
				      "an interrupted replay of other files or options is in this "
				      "ledger: end that one first by the command that began it, or "
				      "name another ledger");
	pools_load(run, json_object_get(open, "pools"));
	ret = em_ledger_last(run->l, run->load_id, &last, run->hash);
	run->last = last;
	run->g->result->resumed = true;
	return ret ? em_run_failed(run, ret) : 0;
}

int em_run_begin(struct em_run *run)
{
	_cleanup_json_ json_t *state = NULL;
	int ret = state_load(run, &state);

	if (ret)
		return ret;
	boot_id(run);
	run->pools = calloc(run->g->nr_pools ?: 1, sizeof(*run->pools));
	if (!run->pools)
		return -ENOMEM;
	if (json_object_get(state, "open"))
		return run_resume(run, json_object_get(state, "open"));
	return run_new(run, state);
}

/* What was left out or could not be read belongs into the record too. */
static int leave_note(struct em_run *run)
{
	_cleanup_json_ json_t *o = em_replay_json(run->g->result);
	_cleanup_free_ char *text = NULL;
	char boot[33];
	int ret;

	json_object_set_new(o, "boot_id", json_string(em_hex(boot, run->boot_id, 16)));
	text = json_dumps(o, JSON_COMPACT);
	ret = text ? em_ledger_note(run->l, STATE, text) : -ENOMEM;
	return ret && text ? em_run_failed(run, ret) : ret;
}

int em_run_end(struct em_run *run)
{
	_cleanup_json_ json_t *state = NULL;
	int ret = state_load(run, &state) ?: leave_note(run);

	if (ret)
		return ret;
	json_object_del(state, "open");
	return state_save(run, state);
}

void em_run_clear(struct em_run *run)
{
	free(run->pools);
}
