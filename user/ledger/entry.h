/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries: canonical JSON (UTF-8, keys sorted, no blanks, integers only), whose fields
 * docs/ledger.md describes. What is private in one - rows of single jobs, names, paths, users - is
 * a list of items that stands outside it; in it stand their number and the root of a Merkle tree
 * over them, each leaf salted:
 *
 *	leaf k = SHA-256(0x00 || salt_k || canonical JSON of item k)
 *	salt_k = HMAC-SHA-256(salt of the entry, k as 8 bytes, big-endian)
 *
 * so that one item can be shown with its salt and its audit path, and says nothing of another.
 * An opening is the JSON that holds the items:
 *	{"salt": HEX, "items": [ITEM, …]}				all of them
 *	{"leaves": [{"salt": HEX, "item": ITEM} | {"hash": HEX}, …]}	some of them
 */
#ifndef EM_ENTRY_H
#define EM_ENTRY_H

#include <stdint.h>
#include <jansson.h>
#include "ledger/fold.h"
#include "ledger/merkle.h"

#define EM_ENTRY_VERSION 1
#define EM_SALT_LEN 32

/* Canonical text, NULL: no memory, or reals in it. The caller frees. */
char *em_canonical(const json_t *json);
/* An entry as it stands in the log; NULL with *why if it is none. A new reference. */
json_t *em_entry_parse(const char *text, size_t len, const char **why);

/**
 * em_entry_close() - puts the root over @items into @entry
 * @items: an array; with none of them the entry has no "private"
 * @opening: their opening as one line of text, "" if there are none; the caller frees
 *
 * Return: the entry's text, which the caller frees; NULL: no memory.
 */
char *em_entry_close(json_t *entry, json_t *items, char **opening);

/* One salted leaf. */
struct em_hash em_item_leaf(const uint8_t salt[EM_SALT_LEN], const char *item);
void em_item_salt(const uint8_t salt[EM_SALT_LEN], uint64_t k, uint8_t out[EM_SALT_LEN]);

/*
 * The items of an opening that belongs to @entry: an array in which those that are not shown are
 * null; a new reference. NULL with *why: it does not belong to it.
 */
json_t *em_opening_items(const json_t *entry, const json_t *opening, const char **why);
/* The same opening with only the items left that @keep says yes to; a new reference. */
json_t *em_opening_redact(const json_t *opening, bool (*keep)(const json_t *item));

/* The purpose and tagged-by of a tag, as far as the ledger knows. */
typedef void (*em_tag_fn)(void *arg, __u32 tag, unsigned int *purpose, unsigned int *tagged_by);

/**
 * em_entry_usage() - the entries that say what the intervals of @f say
 *
 * Usually one; what would be longer than an entry can be is part k of n, GPUs whole. Return: an
 * array of {"entry": …, "items": […]}, a new reference; NULL: no memory.
 */
json_t *em_entry_usage(const struct em_fold *f, em_tag_fn tag, void *arg);

/* {"entry": …, "items": …} of a note; private ones are an item of it. */
json_t *em_entry_note(int64_t wall, const char *kind, json_t *data);

/* Of @entry and the items that are known of it (NULL: none), what they say. */
int em_entry_event(const json_t *event, const json_t *items, struct earmark_event *e);

#endif
