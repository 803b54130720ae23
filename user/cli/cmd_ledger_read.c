// SPDX-License-Identifier: GPL-2.0
/* earmark ledger show, tail, grep, prove, check-proof, export: single entries, and copies. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/ledger.h"
#include "ledger/disk.h"
#include "ledger/entry.h"
#include "ledger/export.h"
#include "ledger/openings.h"
#include "ledger/proof.h"

#define PROOF_MAX (64UL << 20)

EM_CLEANUP(struct em_place *, em_place_close);

static int number_of(struct em_args *a, const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return em_fail(a, "\"%s\" is no number of an entry", text);
	return 0;
}

static int size_of(struct em_args *a, struct em_place *p, uint64_t *size)
{
	_cleanup_free_ char *note = NULL;
	struct em_checkpoint c;
	size_t len;
	int r = em_place_read(p, "checkpoint", EM_NOTE_MAX - 1, &note, &len);

	if (r)
		return em_fail(a, "%s", em_place_error(p));
	if (em_checkpoint_parse(&c, note, len))
		return em_fail(a, "%s/checkpoint is no checkpoint", a->ledger);
	*size = c.size;
	return 0;
}

/* Entry @index as JSON, with its number, and its items where @open. NULL: said why. */
static json_t *entry_of(struct em_args *a, struct em_place *p, uint64_t index, uint64_t size,
			bool open)
{
	uint64_t bundle = index / EM_TILE_WIDTH;
	unsigned int at = (unsigned int)(index % EM_TILE_WIDTH);
	struct em_openings o = { 0 };
	struct em_bundle b = { 0 };
	const char *why = NULL;
	json_t *entry = NULL, *items;
	int r = index < size ? 0 : -ERANGE;

	r = r ?: em_bundle_read(p, bundle, em_tile_width(EM_TILE_ENTRIES, bundle, size), &b);
	if (!r)
		entry = em_entry_parse(b.entry[at], b.len[at], &why);
	if (!entry)
		em_fail(a, "entry %" PRIu64 ": %s", index,
			why            ? why
			: r == -ERANGE ? "the log has no such entry"
				       : strerror(-r));
	if (entry && open && !em_openings_read(p, bundle, &o)) {
		items = em_openings_items(&o, index, entry, &why);
		if (items)
			json_object_set_new(entry, "opened", items);
	}
	if (entry)
		json_object_set_new(entry, "entry", json_integer((json_int_t)index));
	em_openings_clear(&o);
	em_bundle_clear(&b);
	return entry;
}

int em_ledger_show(struct em_args *a)
{
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	uint64_t index, size;
	json_t *entry;

	if (!p || number_of(a, a->argv[0], &index) || size_of(a, p, &size))
		return EM_NO_ANSWER;
	entry = entry_of(a, p, index, size, em_opt(a, "open"));
	return entry ? em_json_out(entry, EM_FINE) : EM_NO_ANSWER;
}

static const struct em_column columns[] = {
	{ "entry", "ENTRY", EM_TEXT },
	{ "time", "TIME", EM_TIME },
	{ "type", "TYPE", EM_TEXT },
	{ "says", "SAYS", EM_TEXT },
};

/* A line of what an entry says. */
static json_t *row_of(const json_t *entry)
{
	const char *type = json_string_value(json_object_get(entry, "type"));
	char time[EM_TIME_LEN], says[200] = "";
	_cleanup_free_ char *data = NULL;

	if (!strcmp(type, "usage")) {
		snprintf(says, sizeof(says), "intervals %lld to %lld of load %.8s, %zu GPUs",
			 json_integer_value(json_object_get(entry, "first")),
			 json_integer_value(json_object_get(entry, "last")),
			 json_string_value(json_object_get(entry, "load")),
			 json_array_size(json_object_get(entry, "gpus")));
	} else if (!strcmp(type, "note")) {
		type = json_string_value(json_object_get(entry, "kind")) ?: "?";
		data = json_object_get(entry, "data") ? em_canonical(json_object_get(entry, "data"))
						      : strdup("(private)");
		snprintf(says, sizeof(says), "%.180s", data ?: "");
	}
	/* what was cut in the middle of a character is shown up to there */
	return json_pack("{s:O,s:s,s:s,s:o}", "entry", json_object_get(entry, "entry"), "time",
			 em_time_format(time, json_integer_value(json_object_get(entry, "at")), 6),
			 "type", type, "says", json_string(says) ?: json_string("…"));
}

static int rows_out(struct em_args *a, json_t *entries)
{
	json_t *rows = json_array(), *entry;
	size_t i;

	if (a->json) {
		json_decref(rows);
		return em_json_out(
			json_pack("{s:s,s:o}", "schema", "earmark-entries-1", "entries", entries),
			EM_FINE);
	}
	json_array_foreach(entries, i, entry)
		json_array_append_new(rows, row_of(entry));
	em_table(columns, ARRAY_SIZE(columns), rows, "No entry.");
	json_decref(rows);
	json_decref(entries);
	return EM_FINE;
}

int em_ledger_tail(struct em_args *a)
{
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	json_t *entries, *entry;
	uint64_t n = 10, size;

	if (!p || (em_opt(a, "n") && number_of(a, em_opt(a, "n"), &n)) || size_of(a, p, &size))
		return EM_NO_ANSWER;
	entries = json_array();
	for (uint64_t i = size > n ? size - n : 0; i < size; i++) {
		entry = entry_of(a, p, i, size, false);
		if (entry)
			json_array_append_new(entries, entry);
	}
	return rows_out(a, entries);
}

static void grep_bundle(struct em_place *p, uint64_t bundle, uint64_t size, const regex_t *re,
			json_t *found)
{
	struct em_bundle b;
	const char *why;

	if (em_bundle_read(p, bundle, em_tile_width(EM_TILE_ENTRIES, bundle, size), &b))
		return;
	for (unsigned int i = 0; i < b.n; i++) {
		_cleanup_free_ char *text = strndup(b.entry[i], b.len[i]);
		json_t *entry;

		if (!text || regexec(re, text, 0, NULL, 0))
			continue;
		entry = em_entry_parse(b.entry[i], b.len[i], &why);
		if (!entry)
			continue;
		json_object_set_new(entry, "entry",
				    json_integer((json_int_t)(bundle * EM_TILE_WIDTH + i)));
		json_array_append_new(found, entry);
	}
	em_bundle_clear(&b);
}

int em_ledger_grep(struct em_args *a)
{
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	json_t *found;
	uint64_t size;
	regex_t re;

	if (!p || size_of(a, p, &size))
		return EM_NO_ANSWER;
	if (regcomp(&re, a->argv[0], REG_EXTENDED | REG_NOSUB))
		return em_fail(a, "\"%s\" is no extended regular expression", a->argv[0]);
	found = json_array();
	for (uint64_t n = 0; n < size; n += EM_TILE_WIDTH)
		grep_bundle(p, n / EM_TILE_WIDTH, size, &re, found);
	regfree(&re);
	return rows_out(a, found);
}

/* --- proofs ------------------------------------------------------------------------------- */

int em_ledger_prove(struct em_args *a)
{
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	const char *out = em_opt(a, "out");
	_cleanup_json_ json_t *proof = NULL;
	_cleanup_free_ char *text = NULL;
	char err[512];
	uint64_t index;
	int r;

	if (!p || number_of(a, a->argv[0], &index))
		return EM_NO_ANSWER;
	proof = em_proof_make(p, index, em_opt(a, "open"), err, sizeof(err));
	if (!proof)
		return em_fail(a, "%s", err);
	if (!out)
		return em_json_out(TAKE_PTR(proof), EM_FINE);
	text = json_dumps(proof, JSON_INDENT(2) | JSON_SORT_KEYS);
	r = text ? em_disk_put(AT_FDCWD, out, text, strlen(text), 0644) : -ENOMEM;
	return r ? em_fail(a, "%s: %s", out, strerror(-r)) : EM_FINE;
}

/* RFC 6962, 2.1.2, in the order of the RFC. */
int em_ledger_prove_continues(struct em_args *a)
{
	_cleanup_(em_place_closep) struct em_place *p = em_log_place(a, NULL);
	struct em_hash proof[EM_PROOF_MAX];
	struct em_nodes nodes = { p, 0 };
	json_t *hashes;
	uint64_t old;
	int n;

	if (!p || number_of(a, a->argv[0], &old) || size_of(a, p, &nodes.size))
		return EM_NO_ANSWER;
	n = em_prove_consistency(em_nodes_get, &nodes, old, nodes.size, proof);
	if (n < 0)
		return em_fail(a, "the log has %" PRIu64 " entries: %s", nodes.size,
			       n == -ERANGE ? "it is no continuation of more" : strerror(-n));
	hashes = json_array();
	for (int i = 0; i < n; i++) {
		char text[64];

		em_base64(text, sizeof(text), proof[i].b, EM_HASH_LEN);
		json_array_append_new(hashes, json_string(text));
	}
	return em_json_out(json_pack("{s:s,s:I,s:I,s:o}", "schema", "earmark-continues-1", "old",
				     (json_int_t)old, "size", (json_int_t)nodes.size, "proof",
				     hashes),
			   EM_FINE);
}

int em_ledger_check_proof(struct em_args *a)
{
	struct em_key key, witnesses[EM_WITNESSES_MAX];
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *proof = NULL;
	struct em_proven proven;
	unsigned int n;
	char err[512];
	long len;
	int r;

	if (em_log_keys(a, &key, witnesses, &n))
		return EM_NO_ANSWER;
	if (!*key.name)
		return em_fail(a, "a proof is checked against the log's key: give --key");
	len = em_file_read(AT_FDCWD, a->argv[0], PROOF_MAX, &text);
	proof = len < 0 ? NULL : json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
	if (!proof)
		return em_fail(a, "%s: %s", a->argv[0],
			       len < 0 ? strerror((int)-len) : "it is no JSON");
	r = em_proof_check(proof, &key, witnesses, n, &proven, err, sizeof(err));
	if (r == -EBADMSG && !a->json)
		printf("NOT PROVEN: %s\n", err);
	else if (!r && !a->json)
		printf("proven: entry %" PRIu64 " of %s, signed%s; it says:\n", proven.index,
		       key.name, n ? ", and by every witness asked for" : "");
	if (r == -EINVAL)
		r = em_fail(a, "%s: %s", a->argv[0], err);
	else if (r && a->json)
		r = em_json_out(json_pack("{s:b,s:s}", "proven", 0, "why", err), EM_NOT_SO);
	else if (r)
		r = EM_NOT_SO;
	else
		r = em_json_out(json_pack("{s:b,s:I,s:O,s:O?}", "proven", 1, "index",
					  (json_int_t)proven.index, "entry", proven.entry, "opened",
					  proven.items),
				EM_FINE);
	em_proven_clear(&proven);
	return r;
}

/* --- copies ------------------------------------------------------------------------------- */

int em_ledger_export(struct em_args *a)
{
	const char *to = em_opt(a, "to"), *grade = em_opt(a, "privacy") ?: "totals";
	int privacy = em_privacy_parse(grade), r;
	_cleanup_(em_place_closep) struct em_place *p = NULL;
	char err[600];

	if (!to)
		return em_fail(a, "where to? give --to DIR");
	if (privacy < 0)
		return em_fail(a, "--privacy %s: full, hashed or totals", grade);
	p = em_log_place(a, a->argc ? a->argv[0] : NULL);
	if (!p)
		return EM_NO_ANSWER;
	em_progress_begin();
	r = em_export(p, to, (enum em_privacy)privacy, em_progress, "copying", err, sizeof(err));
	em_progress_end();
	if (r)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_pack("{s:s,s:s}", "to", to, "privacy", grade), EM_FINE);
	printf("Copied to %s (%s). To check it: earmark ledger verify --key KEY %s\n", to, grade,
	       to);
	return EM_FINE;
}
