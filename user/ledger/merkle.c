// SPDX-License-Identifier: GPL-2.0
/* Merkle trees of RFC 6962; see merkle.h. */
#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "ledger/merkle.h"

struct em_hash em_merkle_empty(void)
{
	struct em_hash h;

	crypto_hash_sha256(h.b, NULL, 0);
	return h;
}

struct em_hash em_merkle_leaf(const void *data, size_t len)
{
	crypto_hash_sha256_state s;
	struct em_hash h;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t[]){ 0 }, 1);
	crypto_hash_sha256_update(&s, data, len);
	crypto_hash_sha256_final(&s, h.b);
	return h;
}

struct em_hash em_merkle_node(const struct em_hash *left, const struct em_hash *right)
{
	uint8_t bytes[1 + 2 * EM_HASH_LEN] = { 1 };
	struct em_hash h;

	memcpy(bytes + 1, left->b, EM_HASH_LEN);
	memcpy(bytes + 1 + EM_HASH_LEN, right->b, EM_HASH_LEN);
	crypto_hash_sha256(h.b, bytes, sizeof(bytes));
	return h;
}

bool em_hash_equal(const struct em_hash *a, const struct em_hash *b)
{
	return !memcmp(a->b, b->b, EM_HASH_LEN);
}

/* --- growing ------------------------------------------------------------------------------ */

void em_range_add_subtree(struct em_range *r, const struct em_hash *root, unsigned int level)
{
	unsigned int n = (unsigned int)__builtin_popcountll(r->size);
	struct em_hash h = *root;

	/* like adding one in binary: equal neighbours join as long as there are any */
	for (uint64_t carry = r->size >> level; carry & 1; carry >>= 1)
		h = em_merkle_node(&r->edge[--n], &h);
	r->edge[n] = h;
	r->size += 1ULL << level;
}

void em_range_add(struct em_range *r, const struct em_hash *leaf)
{
	em_range_add_subtree(r, leaf, 0);
}

struct em_hash em_range_root(const struct em_range *r)
{
	unsigned int n = (unsigned int)__builtin_popcountll(r->size);
	struct em_hash h;

	if (!n)
		return em_merkle_empty();
	h = r->edge[--n];
	while (n)
		h = em_merkle_node(&r->edge[--n], &h);
	return h;
}

struct em_hash em_merkle_root(const struct em_hash *leaves, size_t n)
{
	struct em_range r = { 0 };

	for (size_t i = 0; i < n; i++)
		em_range_add(&r, &leaves[i]);
	return em_range_root(&r);
}

/* --- proving ------------------------------------------------------------------------------ */

/* The largest power of two that is less than @n; n > 1. */
static uint64_t split(uint64_t n)
{
	return 1ULL << (63 - __builtin_clzll(n - 1));
}

/* The root over the leaves [start, start + n): complete subtrees, joined from the right. */
static int subtree(em_node_fn node, void *arg, uint64_t start, uint64_t n, struct em_hash *ret)
{
	struct em_hash left;
	uint64_t k;
	int r;

	if (!(n & (n - 1))) {
		unsigned int level = (unsigned int)__builtin_ctzll(n);

		return node(arg, level, start >> level, ret);
	}
	k = split(n);
	r = subtree(node, arg, start, k, &left);
	r = r ?: subtree(node, arg, start + k, n - k, ret);
	if (!r)
		*ret = em_merkle_node(&left, ret);
	return r;
}

/*
 * Down from the root to where @at lies, the other side of each fork kept; then turned about, for
 * the RFC lists them from the leaf up. @stop: a subtree that ends there is whole in the old tree.
 */
int em_prove_inclusion(em_node_fn node, void *arg, uint64_t index, uint64_t size,
		       struct em_hash proof[EM_PROOF_MAX])
{
	uint64_t start = 0, n = size;
	int len = 0, r;

	if (index >= size)
		return -ERANGE;
	while (n > 1) {
		uint64_t k = split(n);
		bool left = index - start < k;

		r = left ? subtree(node, arg, start + k, n - k, &proof[len])
			 : subtree(node, arg, start, k, &proof[len]);
		if (r)
			return r;
		len++;
		start += left ? 0 : k;
		n = left ? k : n - k;
	}
	for (int i = 0; i < len / 2; i++) {
		struct em_hash h = proof[i];

		proof[i] = proof[len - 1 - i];
		proof[len - 1 - i] = h;
	}
	return len;
}

/* SUBPROOF(m, D[start:start+n], whole) of RFC 6962, 2.1.2. */
static int subproof(em_node_fn node, void *arg, uint64_t m, uint64_t start, uint64_t n, bool whole,
		    struct em_hash *proof)
{
	uint64_t k;
	int len, r;

	if (m == n) {
		if (whole)
			return 0;
		r = subtree(node, arg, start, n, proof);
		return r ? r : 1;
	}
	k = split(n);
	if (m <= k) {
		len = subproof(node, arg, m, start, k, whole, proof);
		r = len < 0 ? len : subtree(node, arg, start + k, n - k, &proof[len]);
	} else {
		len = subproof(node, arg, m - k, start + k, n - k, false, proof);
		r = len < 0 ? len : subtree(node, arg, start, k, &proof[len]);
	}
	return r ? r : len + 1;
}

int em_prove_consistency(em_node_fn node, void *arg, uint64_t old, uint64_t size,
			 struct em_hash proof[EM_PROOF_MAX])
{
	if (old > size)
		return -ERANGE;
	return !old || old == size ? 0 : subproof(node, arg, old, 0, size, true, proof);
}

/* --- checking ----------------------------------------------------------------------------- */

bool em_check_inclusion(const struct em_hash *leaf, uint64_t index, uint64_t size,
			const struct em_hash *proof, size_t n, const struct em_hash *root)
{
	uint64_t fn = index, sn = size - 1;
	struct em_hash r = *leaf;

	if (index >= size)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			r = em_merkle_node(&proof[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			r = em_merkle_node(&r, &proof[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && em_hash_equal(&r, root);
}

bool em_check_consistency(uint64_t old, uint64_t size, const struct em_hash *proof, size_t n,
			  const struct em_hash *old_root, const struct em_hash *root)
{
	bool power = old && !(old & (old - 1));
	uint64_t fn = old - 1, sn = size - 1;
	struct em_hash fr, sr;
	size_t i = power ? 0 : 1;

	if (old > size)
		return false;
	if (!old || old == size)
		return !n && (!old || em_hash_equal(old_root, root));
	if (!n)
		return false;
	fr = sr = power ? *old_root : proof[0];
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; i < n; i++) {
		if (!sn)
			return false;
		if (fn & 1 || fn == sn) {
			fr = em_merkle_node(&proof[i], &fr);
			sr = em_merkle_node(&proof[i], &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sr = em_merkle_node(&sr, &proof[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return !sn && em_hash_equal(&fr, old_root) && em_hash_equal(&sr, root);
}
