// SPDX-License-Identifier: GPL-2.0
/* Proofs of single entries; see proof.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/entry.h"
#include "ledger/openings.h"
#include "ledger/proof.h"

#define SCHEMA "earmark-proof-1"

static json_t *hashes_json(const struct em_hash *proof, int n)
{
	json_t *a = json_array();
	char text[64];

	for (int i = 0; i < n; i++) {
		em_base64(text, sizeof(text), proof[i].b, EM_HASH_LEN);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

/* The note to prove by: the cosigned one if it covers the entry, else the last. */
static int note_for(struct em_place *p, uint64_t index, char **note, struct em_checkpoint *c)
{
	static const char *const files[] = { "cosigned", "checkpoint" };
	size_t len;
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		free(TAKE_PTR(*note));
		r = em_place_read(p, files[i], EM_NOTE_MAX - 1, note, &len);
		if (!r)
			r = em_checkpoint_parse(c, *note, len) ? -EBADMSG : 0;
		if (!r && index < c->size)
			return 0;
	}
	return r ? r : -ERANGE;
}

json_t *em_proof_make(struct em_place *p, uint64_t index, bool open, char *err, size_t len)
{
	uint64_t bundle = index / EM_TILE_WIDTH;
	struct em_hash proof[EM_PROOF_MAX];
	_cleanup_free_ char *note = NULL;
	struct em_openings openings = { 0 };
	struct em_checkpoint c = { 0 };
	struct em_nodes nodes = { p, 0 };
	struct em_bundle b = { 0 };
	json_t *o;
	const char *line;
	int n, r = note_for(p, index, &note, &c);

	if (!r)
		r = em_bundle_read(p, bundle, em_tile_width(EM_TILE_ENTRIES, bundle, c.size), &b);
	if (!r && open)
		r = em_openings_read(p, bundle, &openings);
	nodes.size = c.size;
	n = r ? r : em_prove_inclusion(em_nodes_get, &nodes, index, c.size, proof);
	if (n < 0) {
		snprintf(err, len, "entry %llu: %s", (unsigned long long)index,
			 n == -ERANGE ? "the log has no such entry" : strerror(-n));
		em_bundle_clear(&b);
		em_openings_clear(&openings);
		return NULL;
	}
	o = json_pack("{s:s,s:I,s:s%,s:o,s:s}", "schema", SCHEMA, "index", (json_int_t)index,
		      "entry", b.entry[index % EM_TILE_WIDTH], (size_t)b.len[index % EM_TILE_WIDTH],
		      "proof", hashes_json(proof, n), "checkpoint", note);
	line = openings.line[index % EM_TILE_WIDTH];
	if (o && line)
		json_object_set_new(o, "opening", json_loads(line, 0, NULL));
	if (!o)
		snprintf(err, len, "entry %llu is no text", (unsigned long long)index);
	em_bundle_clear(&b);
	em_openings_clear(&openings);
	return o;
}

void em_proven_clear(struct em_proven *p)
{
	json_decref(p->entry);
	json_decref(p->items);
	memset(p, 0, sizeof(*p));
}

static int proof_hashes(const json_t *list, struct em_hash *proof)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > EM_PROOF_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i)) ?: "";

		if (em_base64_decode(proof[i].b, EM_HASH_LEN, text, strlen(text)) != EM_HASH_LEN)
			return -EINVAL;
	}
	return (int)n;
}

int em_proof_check(const json_t *o, const struct em_key *key, const struct em_key *witnesses,
		   unsigned int n_witnesses, struct em_proven *ret, char *err, size_t len)
{
	const char *text = json_string_value(json_object_get(o, "entry"));
	const char *note = json_string_value(json_object_get(o, "checkpoint"));
	const char *schema = json_string_value(json_object_get(o, "schema"));
	const json_t *opening = json_object_get(o, "opening");
	struct em_hash proof[EM_PROOF_MAX], leaf;
	const char *why = NULL;
	int n = proof_hashes(json_object_get(o, "proof"), proof);

#define SAY(r, ...) (snprintf(err, len, __VA_ARGS__), r)
	memset(ret, 0, sizeof(*ret));
	if (!schema || strcmp(schema, SCHEMA) || !text || !note || n < 0 ||
	    !json_is_integer(json_object_get(o, "index")))
		return SAY(-EINVAL, "it is no " SCHEMA);
	if (em_checkpoint_parse(&ret->checkpoint, note, strlen(note)))
		return SAY(-EBADMSG, "its checkpoint is none");
	if (strcmp(ret->checkpoint.origin, key->name))
		return SAY(-EBADMSG, "it is of the log %s, and the key is of %s",
			   ret->checkpoint.origin, key->name);
	if (em_note_verify(note, strlen(note), ret->checkpoint.text_len, key, NULL))
		return SAY(-EBADMSG, "the log's key did not sign its checkpoint");
	for (unsigned int i = 0; i < n_witnesses; i++) {
		if (em_note_verify(note, strlen(note), ret->checkpoint.text_len, &witnesses[i],
				   NULL))
			return SAY(-EBADMSG, "witness %s did not sign its checkpoint",
				   witnesses[i].name);
		ret->cosigned++;
	}
	ret->index = (uint64_t)json_integer_value(json_object_get(o, "index"));
	leaf = em_merkle_leaf(text, strlen(text));
	if (!em_check_inclusion(&leaf, ret->index, ret->checkpoint.size, proof, (size_t)n,
				&ret->checkpoint.root))
		return SAY(-EBADMSG, "the entry is not the one that the log has as number %llu",
			   (unsigned long long)ret->index);
	ret->entry = em_entry_parse(text, strlen(text), &why);
	if (!ret->entry)
		return SAY(-EBADMSG, "the entry: %s", why);
	if (!opening)
		return 0;
	ret->items = em_opening_items(ret->entry, opening, &why);
	return ret->items ? 0 : SAY(-EBADMSG, "its opening: %s", why);
#undef SAY
}
