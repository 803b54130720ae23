/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Merkle trees of RFC 6962, section 2.1: SHA-256, leaves and nodes told apart by a first byte.
 * Pure: no files. Proofs are lists of hashes in the order of the RFC.
 */
#ifndef EM_MERKLE_H
#define EM_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EM_HASH_LEN 32
#define EM_PROOF_MAX 128 /* hashes; a consistency proof in a tree of 2^63 has no more */

struct em_hash {
	uint8_t b[EM_HASH_LEN];
};

struct em_hash em_merkle_empty(void); /* of a tree without leaves */
struct em_hash em_merkle_leaf(const void *data, size_t len);
struct em_hash em_merkle_node(const struct em_hash *left, const struct em_hash *right);
bool em_hash_equal(const struct em_hash *a, const struct em_hash *b);

/**
 * struct em_range - the right edge of a growing tree
 * @size: leaves so far
 * @edge: roots of the complete subtrees, largest first; as many as @size has bits set
 */
struct em_range {
	uint64_t size;
	struct em_hash edge[64];
};

void em_range_add(struct em_range *r, const struct em_hash *leaf);
/* As if 2^level leaves with this root had been added; @r->size must be a multiple of 2^level. */
void em_range_add_subtree(struct em_range *r, const struct em_hash *root, unsigned int level);
struct em_hash em_range_root(const struct em_range *r);

/* The root over @n leaf hashes in memory. */
struct em_hash em_merkle_root(const struct em_hash *leaves, size_t n);

/*
 * Where hashes of complete subtrees come from: the node at @level (0 = leaves) and @index.
 * Return: 0 or -errno, which ends what asked for it.
 */
typedef int (*em_node_fn)(void *arg, unsigned int level, uint64_t index, struct em_hash *ret);

/*
 * The audit path of leaf @index in the tree of @size (RFC 6962, 2.1.1), and the proof that the
 * tree of @old is a prefix of that of @size (2.1.2). Return: how many hashes, or -errno.
 */
int em_prove_inclusion(em_node_fn node, void *arg, uint64_t index, uint64_t size,
		       struct em_hash proof[EM_PROOF_MAX]);
int em_prove_consistency(em_node_fn node, void *arg, uint64_t old, uint64_t size,
			 struct em_hash proof[EM_PROOF_MAX]);

/* The checks of RFC 9162, 2.1.3.2 and 2.1.4.2. */
bool em_check_inclusion(const struct em_hash *leaf, uint64_t index, uint64_t size,
			const struct em_hash *proof, size_t n, const struct em_hash *root);
bool em_check_consistency(uint64_t old, uint64_t size, const struct em_hash *proof, size_t n,
			  const struct em_hash *old_root, const struct em_hash *root);

#endif
