// SPDX-License-Identifier: GPL-2.0
/* Canonical text, and what is private in it; see entry.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ledger/entry.h"

/* Has it no reals? *sorted becomes false where an object's keys are not in their order. */
static bool is_exact(const json_t *json, bool *sorted)
{
	const char *key, *before = NULL;
	json_t *value;
	size_t i;

	if (json_is_real(json))
		return false;
	json_array_foreach((json_t *)json, i, value) {
		if (!is_exact(value, sorted))
			return false;
	}
	json_object_foreach((json_t *)json, key, value) {
		if (!is_exact(value, sorted))
			return false;
		*sorted = *sorted && (!before || strcmp(before, key) < 0);
		before = key;
	}
	return true;
}

/* What was read from canonical text is in order already, and sorting it costs more than the rest.
 */
char *em_canonical(const json_t *json)
{
	bool sorted = true;

	if (!is_exact(json, &sorted))
		return NULL;
	return json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? 0 : JSON_SORT_KEYS));
}

json_t *em_entry_parse(const char *text, size_t len, const char **why)
{
	_cleanup_json_ json_t *entry = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	_cleanup_free_ char *again = NULL;

	*why = NULL;
	if (!json_is_object(entry))
		*why = "it is no JSON object";
	else if (json_integer_value(json_object_get(entry, "v")) != EM_ENTRY_VERSION)
		*why = "its version is not one that this earmark knows";
	else if (!json_is_string(json_object_get(entry, "type")) ||
		 !json_is_integer(json_object_get(entry, "at")))
		*why = "it has no type or no time";
	else if (!(again = em_canonical(entry)) || strlen(again) != len || memcmp(again, text, len))
		*why = "it is not written canonically";
	return *why ? NULL : TAKE_PTR(entry);
}

/* --- what is private ---------------------------------------------------------------------- */

void em_item_salt(const uint8_t salt[EM_SALT_LEN], uint64_t k, uint8_t out[EM_SALT_LEN])
{
	uint8_t number[8];

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(k >> (56 - 8 * i));
	crypto_auth_hmacsha256(out, number, sizeof(number), salt);
}

struct em_hash em_item_leaf(const uint8_t salt[EM_SALT_LEN], const char *item)
{
	crypto_hash_sha256_state s;
	struct em_hash h;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t[]){ 0 }, 1);
	crypto_hash_sha256_update(&s, salt, EM_SALT_LEN);
	crypto_hash_sha256_update(&s, (const uint8_t *)item, strlen(item));
	crypto_hash_sha256_final(&s, h.b);
	return h;
}

static int leaf_of(const uint8_t salt[EM_SALT_LEN], const json_t *item, struct em_hash *leaf)
{
	_cleanup_free_ char *text = em_canonical(item);

	if (!text)
		return -EINVAL;
	*leaf = em_item_leaf(salt, text);
	return 0;
}

static int items_root(const uint8_t salt[EM_SALT_LEN], const json_t *items, struct em_hash *root)
{
	struct em_range range = { 0 };
	const json_t *item;
	size_t k;

	json_array_foreach((json_t *)items, k, item) {
		uint8_t own[EM_SALT_LEN];
		struct em_hash leaf;

		em_item_salt(salt, k, own);
		if (leaf_of(own, item, &leaf))
			return -EINVAL;
		em_range_add(&range, &leaf);
	}
	*root = em_range_root(&range);
	return 0;
}

char *em_entry_close(json_t *entry, json_t *items, char **opening)
{
	_cleanup_json_ json_t *open = NULL;
	char hex[2 * EM_SALT_LEN + 1], root_hex[2 * EM_HASH_LEN + 1];
	uint8_t salt[EM_SALT_LEN];
	struct em_hash root;

	if (!json_array_size(items)) {
		*opening = strdup("");
		return *opening ? em_canonical(entry) : NULL;
	}
	randombytes_buf(salt, sizeof(salt));
	if (items_root(salt, items, &root))
		return NULL;
	json_object_set_new(entry, "private",
			    json_pack("{s:I,s:s}", "n", (json_int_t)json_array_size(items), "root",
				      em_hex(root_hex, root.b, EM_HASH_LEN)));
	open = json_pack("{s:s,s:O}", "salt", em_hex(hex, salt, sizeof(salt)), "items", items);
	*opening = open ? em_canonical(open) : NULL;
	return *opening ? em_canonical(entry) : NULL;
}

/* A leaf of an opening that shows some: the item, or null in *item and its hash. */
static int leaf_shown(const json_t *shown, struct em_hash *leaf, json_t **item)
{
	const char *salt = json_string_value(json_object_get(shown, "salt"));
	const char *hash = json_string_value(json_object_get(shown, "hash"));
	uint8_t bytes[EM_SALT_LEN];

	*item = json_object_get(shown, "item");
	if (hash && !*item && !salt) {
		*item = json_null();
		return em_unhex(leaf->b, EM_HASH_LEN, hash);
	}
	if (!salt || hash || !*item || em_unhex(bytes, sizeof(bytes), salt))
		return -EINVAL;
	json_incref(*item);
	return leaf_of(bytes, *item, leaf);
}

static json_t *leaves_shown(const json_t *leaves, struct em_hash *root)
{
	json_t *items = json_array(), *item;
	struct em_range range = { 0 };
	const json_t *shown;
	size_t k;

	json_array_foreach((json_t *)leaves, k, shown) {
		struct em_hash leaf;

		if (leaf_shown(shown, &leaf, &item)) {
			json_decref(items);
			return NULL;
		}
		em_range_add(&range, &leaf);
		json_array_append_new(items, item);
	}
	*root = em_range_root(&range);
	return items;
}

json_t *em_opening_items(const json_t *entry, const json_t *opening, const char **why)
{
	const json_t *private = json_object_get(entry, "private");
	const char *hex = json_string_value(json_object_get(private, "root"));
	const char *salt_hex = json_string_value(json_object_get(opening, "salt"));
	json_t *items = json_object_get(opening, "items");
	uint8_t salt[EM_SALT_LEN];
	struct em_hash root, want;
	bool good;

	*why = "it does not open what the entry holds";
	if (salt_hex) {
		good = json_is_array(items) && !em_unhex(salt, sizeof(salt), salt_hex) &&
		       !items_root(salt, items, &root);
		items = good ? json_incref(items) : NULL;
	} else {
		items = leaves_shown(json_object_get(opening, "leaves"), &root);
	}
	good = items && hex && !em_unhex(want.b, EM_HASH_LEN, hex) && em_hash_equal(&root, &want) &&
	       json_integer_value(json_object_get(private, "n")) ==
		       (json_int_t)json_array_size(items);
	if (!good) {
		json_decref(items);
		return NULL;
	}
	*why = NULL;
	return items;
}

json_t *em_opening_redact(const json_t *opening, bool (*keep)(const json_t *item))
{
	const char *hex = json_string_value(json_object_get(opening, "salt"));
	json_t *leaves = json_array(), *item;
	uint8_t salt[EM_SALT_LEN], own[EM_SALT_LEN];
	char text[2 * EM_SALT_LEN + 1];
	struct em_hash leaf;
	size_t k;

	if (!hex || em_unhex(salt, sizeof(salt), hex)) {
		json_decref(leaves);
		return NULL;
	}
	json_array_foreach(json_object_get(opening, "items"), k, item) {
		em_item_salt(salt, k, own);
		leaf_of(own, item, &leaf);
		if (keep(item))
			json_array_append_new(leaves, json_pack("{s:s,s:O}", "salt",
								em_hex(text, own, sizeof(own)),
								"item", item));
		else
			json_array_append_new(leaves, json_pack("{s:s}", "hash",
								em_hex(text, leaf.b, EM_HASH_LEN)));
	}
	return json_pack("{s:o}", "leaves", leaves);
}
