// SPDX-License-Identifier: GPL-2.0
/* Trees against the RFC's own words, keys and notes against what must not pass. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "base/text.h"
#include "ledger/signature.h"

#define N 256

static struct em_hash leaves[N];

/* --- the oracle: RFC 6962, section 2.1, word by word ---------------------------------------- */

static struct em_hash two(struct em_hash l, struct em_hash r)
{
	unsigned char b[65] = { 1 };
	struct em_hash h;

	memcpy(b + 1, l.b, 32);
	memcpy(b + 33, r.b, 32);
	crypto_hash_sha256(h.b, b, 65);
	return h;
}

static int largest(int n)
{
	int k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

/* MTH(D[from:to]) */
static struct em_hash mth(int from, int to)
{
	int k;

	if (to - from == 1)
		return leaves[from];
	k = largest(to - from);
	return two(mth(from, from + k), mth(from + k, to));
}

/* PATH(m, D[from:to]) */
static int path(int m, int from, int to, struct em_hash *out)
{
	int k, n;

	if (to - from == 1)
		return 0;
	k = largest(to - from);
	if (m < k) {
		n = path(m, from, from + k, out);
		out[n] = mth(from + k, to);
	} else {
		n = path(m - k, from + k, to, out);
		out[n] = mth(from, from + k);
	}
	return n + 1;
}

/* SUBPROOF(m, D[from:to], b) */
static int oracle_subproof(int m, int from, int to, bool b, struct em_hash *out)
{
	int n = to - from, k, len;

	if (m == n) {
		if (!b)
			out[0] = mth(from, to);
		return !b;
	}
	k = largest(n);
	if (m <= k) {
		len = oracle_subproof(m, from, from + k, b, out);
		out[len] = mth(from + k, to);
	} else {
		len = oracle_subproof(m - k, from + k, to, false, out);
		out[len] = mth(from, from + k);
	}
	return len + 1;
}

static struct em_hash roots[N + 1];

/* Roots of complete subtrees, made once. */
static struct em_hash nodes[9][N];

static int node(void *arg, unsigned int level, uint64_t index, struct em_hash *ret)
{
	(void)arg;
	if ((index + 1) << level > N)
		return -ERANGE;
	*ret = nodes[level][index];
	return 0;
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < N; i++)
		leaves[i] = em_merkle_leaf(&i, sizeof(i));
	for (int n = 1; n <= N; n++)
		roots[n] = mth(0, n);
	for (int level = 0; level <= 8; level++)
		for (int i = 0; (i + 1) << level <= N; i++)
			nodes[level][i] = mth(i << level, (i + 1) << level);
	return 0;
}

/* --- trees -------------------------------------------------------------------------------- */

/* The test vectors of the certificate transparency project. */
static void known_roots(void **state)
{
	static const struct {
		const char *leaf, *root;
	} table[] = {
		{ "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
		{ "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
		{ "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
		{ "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
		{ "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
		{ "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
		{ "5051525354555657",
		  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
		{ "606162636465666768696a6b6c6d6e6f",
		  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
	};
	struct em_range r = { 0 };
	struct em_hash h = em_merkle_empty();
	char hex[65];

	(void)state;
	assert_string_equal(em_hex(hex, h.b, 32),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		unsigned char bytes[32];
		size_t n = strlen(table[i].leaf) / 2;

		assert_int_equal(em_unhex(bytes, n, table[i].leaf), 0);
		h = em_merkle_leaf(bytes, n);
		em_range_add(&r, &h);
		h = em_range_root(&r);
		assert_string_equal(em_hex(hex, h.b, 32), table[i].root);
	}
}

static void all_roots(void **state)
{
	struct em_range r = { 0 }, s = { 0 };
	struct em_hash h;

	(void)state;
	for (int n = 1; n <= N; n++) {
		em_range_add(&r, &leaves[n - 1]);
		h = em_range_root(&r);
		assert_memory_equal(&h, &roots[n], sizeof(h));
	}
	/* whole subtrees at once, largest first, and then single leaves */
	em_range_add_subtree(&s, &nodes[7][0], 7);
	em_range_add_subtree(&s, &nodes[5][4], 5);
	em_range_add_subtree(&s, &leaves[160], 0);
	h = em_range_root(&s);
	assert_memory_equal(&h, &roots[161], sizeof(h));
}

static void all_inclusions(void **state)
{
	struct em_hash proof[EM_PROOF_MAX], want[64];

	(void)state;
	for (int n = 1; n <= N; n++) {
		for (int m = 0; m < n; m++) {
			int len = em_prove_inclusion(node, NULL, (uint64_t)m, (uint64_t)n, proof);

			if (n <= 40 || m % 17 == 0) {
				assert_int_equal(len, path(m, 0, n, want));
				assert_memory_equal(proof, want, (size_t)len * sizeof(*proof));
			}
			assert_true(em_check_inclusion(&leaves[m], (uint64_t)m, (uint64_t)n, proof,
						       (size_t)len, &roots[n]));
			/* not of another leaf, place or size, and not with a hash more or less */
			assert_false(em_check_inclusion(&leaves[(m + 1) % N], (uint64_t)m,
							(uint64_t)n, proof, (size_t)len,
							&roots[n]));
			if (n > 1)
				assert_false(em_check_inclusion(&leaves[m], (uint64_t)(m ^ 1),
								(uint64_t)n, proof, (size_t)len,
								&roots[n]));
			if (len)
				assert_false(em_check_inclusion(&leaves[m], (uint64_t)m,
								(uint64_t)n, proof, (size_t)len - 1,
								&roots[n]));
			proof[len] = leaves[0];
			assert_false(em_check_inclusion(&leaves[m], (uint64_t)m, (uint64_t)n, proof,
							(size_t)len + 1, &roots[n]));
		}
		assert_int_equal(em_prove_inclusion(node, NULL, (uint64_t)n, (uint64_t)n, proof),
				 -ERANGE);
	}
}

static void all_consistencies(void **state)
{
	struct em_hash proof[EM_PROOF_MAX], want[64], other = leaves[3];

	(void)state;
	for (int n = 1; n <= N; n++) {
		for (int m = 0; m <= n; m++) {
			int len = em_prove_consistency(node, NULL, (uint64_t)m, (uint64_t)n, proof);

			if (m && m < n && (n <= 40 || m % 17 == 0)) {
				assert_int_equal(len, oracle_subproof(m, 0, n, true, want));
				assert_memory_equal(proof, want, (size_t)len * sizeof(*proof));
			}
			assert_true(em_check_consistency((uint64_t)m, (uint64_t)n, proof,
							 (size_t)len, &roots[m], &roots[n]));
			if (!m)
				continue;
			assert_false(em_check_consistency((uint64_t)m, (uint64_t)n, proof,
							  (size_t)len, &other, &roots[n]));
			assert_false(em_check_consistency((uint64_t)m, (uint64_t)n, proof,
							  (size_t)len, &roots[m], &other));
			if (len) {
				proof[len - 1].b[5] ^= 1;
				assert_false(em_check_consistency((uint64_t)m, (uint64_t)n, proof,
								  (size_t)len, &roots[m],
								  &roots[n]));
			}
		}
		assert_false(em_check_consistency((uint64_t)n + 1, (uint64_t)n, proof, 0, &other,
						  &roots[n]));
	}
}

/* --- keys and notes ----------------------------------------------------------------------- */

static void keys(void **state)
{
	static const char *const bad[] = {
		"",
		"name",
		"name+00000000+AAAA",
		"na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+AhpcZQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T="
	};
	struct em_key k, again;
	char text[EM_KEY_TEXT_LEN], back[EM_KEY_TEXT_LEN];

	(void)state;
	/* the example of Go's golang.org/x/mod/sumdb/note */
	assert_int_equal(em_key_parse(&k, "PeterNeumann+c74f20a3+"
					  "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
			 0);
	assert_string_equal(k.name, "PeterNeumann");
	assert_false(k.private);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(em_key_parse(&k, bad[i]), -EINVAL);
	assert_int_equal(em_key_make(&k, "lab/cluster/node", EM_KEY_LOG), 0);
	em_key_text(&k, true, text);
	assert_int_equal(em_key_parse(&again, text), 0);
	assert_true(again.private);
	assert_memory_equal(k.secret, again.secret, sizeof(k.secret));
	em_key_text(&k, false, back);
	assert_int_equal(em_key_parse(&again, back), 0);
	assert_memory_equal(k.id, again.id, sizeof(k.id));
	assert_int_equal(em_key_make(&k, "a b", EM_KEY_LOG), -EINVAL);
	assert_int_equal(em_key_make(&k, "a+b", EM_KEY_LOG), -EINVAL);
	assert_int_equal(em_key_make(&k, "", EM_KEY_LOG), -EINVAL);
}

static void notes(void **state)
{
	struct em_checkpoint c = { .size = 42 }, back;
	struct em_key log, witness, other;
	char note[EM_NOTE_MAX];
	uint64_t time = 0;
	size_t text, len;

	(void)state;
	strcpy(c.origin, "lab/cluster/node");
	c.root = leaves[0];
	assert_int_equal(em_key_make(&log, c.origin, EM_KEY_LOG), 0);
	assert_int_equal(em_key_make(&other, c.origin, EM_KEY_LOG), 0);
	assert_int_equal(em_key_make(&witness, "w", EM_KEY_WITNESS), 0);
	text = em_checkpoint_text(&c, note);
	assert_int_equal(em_note_sign(note, text, &log, 0), 0);
	assert_int_equal(em_note_sign(note, text, &witness, 1700000000), 0);
	len = strlen(note);
	assert_int_equal(em_checkpoint_parse(&back, note, len), 0);
	assert_int_equal(back.size, 42);
	assert_int_equal(back.text_len, text);
	assert_memory_equal(&back.root, &c.root, sizeof(c.root));
	assert_int_equal(em_note_verify(note, len, text, &log, NULL), 0);
	assert_int_equal(em_note_verify(note, len, text, &witness, &time), 0);
	assert_int_equal(time, 1700000000);
	assert_int_equal(em_note_verify(note, len, text, &other, NULL), -ENOENT);
	for (size_t i = 0; i < len; i++) {
		bool good;

		note[i] ^= 1;
		good = !em_checkpoint_parse(&back, note, len) &&
		       !em_note_verify(note, len, back.text_len, &log, NULL) &&
		       !em_note_verify(note, len, back.text_len, &witness, NULL);
		assert_false(good);
		note[i] ^= 1;
	}
	for (size_t i = 0; i < len; i++) {
		bool good = !em_checkpoint_parse(&back, note, i) &&
			    !em_note_verify(note, i, back.text_len, &log, NULL) &&
			    !em_note_verify(note, i, back.text_len, &witness, NULL);

		assert_false(good);
	}
}

/* Numbers with signs, zeros, spaces; other roots; nothing of it is a checkpoint. */
static void odd_checkpoints(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"o\n1\n",
		"o\n1\nAAAA\n\n",
		"\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n",
		"o\n-1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n",
		"o\n01\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n",
		"o\n 1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n",
		"o\n18446744073709551616\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n",
		"o\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0\n\n",
		"o\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1=\n\n",
	};
	struct em_checkpoint c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(em_checkpoint_parse(&c, bad[i], strlen(bad[i])), -EINVAL);
	assert_int_equal(em_checkpoint_parse(
				 &c, "o\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n", 50),
			 0);
}

/* Every other byte in every place of a text: it is another text, or none. */
static void one_spelling(void **state)
{
	unsigned char bytes[64], back[96];
	char text[96];
	size_t len;

	(void)state;
	for (int i = 0; i < 64; i++)
		bytes[i] = (unsigned char)(i * 37);
	em_base64(text, sizeof(text), bytes, 64);
	len = strlen(text);
	assert_int_equal(em_base64_decode(back, sizeof(back), text, len), 64);
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];

		for (int c = 0; c < 256; c++) {
			text[i] = (char)c;
			if (text[i] != kept &&
			    em_base64_decode(back, sizeof(back), text, len) == 64)
				assert_memory_not_equal(back, bytes, 64);
		}
		text[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_roots),
		cmocka_unit_test(all_roots),
		cmocka_unit_test(all_inclusions),
		cmocka_unit_test(all_consistencies),
		cmocka_unit_test(keys),
		cmocka_unit_test(notes),
		cmocka_unit_test(odd_checkpoints),
		cmocka_unit_test(one_spelling),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
