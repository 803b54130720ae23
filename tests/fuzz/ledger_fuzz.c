// SPDX-License-Identifier: GPL-2.0
/*
 * Entries, notes, keys, bundles, openings and proofs, mutated: nothing of them may crash, and
 * nothing that was changed may pass for what was signed. EARMARK_FUZZ_SECONDS of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "ledger/entry.h"
#include "ledger/ledger.h"
#include "ledger/openings.h"
#include "ledger/proof.h"
#include "ledger/verify.h"
#include "ledger/witness.h"

#define LEN_MAX 65536

static uint32_t state = 1;
static char dir[] = "/tmp/earmark-fuzz.XXXXXX";
static struct em_key key;
static unsigned long tries, accepted, failed;

static uint32_t dice(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

/* A few changes of bytes, cuts, copies and words that parsers know. */
static size_t mutate(const char *from, size_t len, char *to)
{
	static const char *const words[] = { "\"",
					     "{",
					     "}",
					     "[[[[",
					     "null",
					     "-1",
					     "1e9",
					     "\n",
					     "\n\n",
					     "\\u0000",
					     "99999999999999999999",
					     "\xff",
					     "\xe2\x80\x94 " };
	uint32_t n = 1 + dice(4);

	memcpy(to, from, len);
	while (n--) {
		uint32_t at = len ? dice((uint32_t)len) : 0;
		const char *word = words[dice(ARRAY_SIZE(words))];
		size_t w = strlen(word);

		switch (dice(4)) {
		case 0:
			if (len)
				to[at] ^= (char)(1 << dice(8));
			break;
		case 1:
			len = at;
			break;
		case 2:
			if (len + w < LEN_MAX) {
				memmove(to + at + w, to + at, len - at);
				memcpy(to + at, word, w);
				len += w;
			}
			break;
		case 3:
			if (len > 1)
				to[at] = to[dice((uint32_t)len)];
			break;
		}
	}
	return len;
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	failed++;
	printf("# %s passed for good at try %lu\n", what, tries);
}

static void file_put(const char *name, const char *bytes, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		exit(2);
	close(fd);
}

static char *file_get(const char *name, size_t *len)
{
	struct em_place *p = NULL;
	char err[256], *data = NULL;

	if (em_place_open(&p, dir, err, sizeof(err)) ||
	    em_place_read(p, name, LEN_MAX, &data, len)) {
		printf("not ok the seeds - %s\n", name);
		exit(1);
	}
	em_place_close(p);
	return data;
}

/* A small ledger of notes: what is mutated. */
static void seeds(void)
{
	struct em_ledger *l = NULL;
	const char *why;
	char path[128];

	if (!mkdtemp(dir) || em_ledger_open(&l, dir, EM_LEDGER_WRITE)) {
		printf("not ok the seeds - %s\n", em_ledger_error(NULL));
		exit(1);
	}
	em_ledger_note(l, "event", "{\"name\":\"release\",\"at\":\"2026-01-01T00:00:00Z\"}");
	em_ledger_note(l, "request", "{\"id\":\"r\",\"gpus\":{\"num\":1,\"den\":2}}");
	em_ledger_note(l, "request", "{\"id\":\"s\"}");
	em_ledger_close(l);
	snprintf(path, sizeof(path), "%s/key.pub", dir);
	if (em_key_read(&key, path, &why))
		exit(1);
}

/* --- one of each -------------------------------------------------------------------------- */

static void fuzz_entry(const char *text, size_t len)
{
	const char *why = NULL;
	json_t *entry = em_entry_parse(text, len, &why);
	struct em_check *c = em_check_new();
	char *again;

	if (entry) {
		again = em_canonical(entry);
		check(again && strlen(again) == len && !memcmp(again, text, len),
		      "an entry that is not canonical");
		free(again);
		em_check_entry(c, 0, entry, NULL, NULL);
		em_check_entry(c, 1, entry, NULL, NULL);
		em_check_end(c);
		accepted++;
	} else {
		check(why, "an entry refused without a word");
	}
	em_check_free(c);
	json_decref(entry);
}

static void fuzz_note(const char *note, size_t len, const char *seed, size_t seed_len)
{
	struct em_checkpoint c;
	size_t text;

	if (em_checkpoint_parse(&c, note, len))
		return;
	accepted++;
	if (em_note_verify(note, len, c.text_len, &key, NULL))
		return;
	/* signatures of others may come and go; what the log signed may not change */
	text = c.text_len;
	check(text < seed_len && !memcmp(note, seed, text), "a checkpoint that was changed");
}

static void fuzz_proof(const char *text, size_t len, const json_t *seed)
{
	json_t *proof = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct em_proven proven;
	char err[512] = "";
	int r;

	if (!proof)
		return;
	r = em_proof_check(proof, &key, NULL, 0, &proven, err, sizeof(err));
	if (!r)
		check(json_equal(json_object_get(proof, "entry"), json_object_get(seed, "entry")) &&
			      json_equal(json_object_get(proof, "index"),
					 json_object_get(seed, "index")),
		      "a proof of another entry");
	else
		check(*err, "a proof refused without a word");
	accepted += !r;
	em_proven_clear(&proven);
	json_decref(proof);
}

static void fuzz_tree(const char *bundle, size_t len, const char *seed, size_t seed_len)
{
	struct em_verify_order order = { .key = &key };
	struct em_place *p = NULL;
	struct em_verified v;
	char err[512];

	file_put("tile/entries/000.p/4", bundle, len);
	if (em_place_open(&p, dir, err, sizeof(err)))
		exit(1);
	if (!em_verify(p, &order, &v, err, sizeof(err)))
		check(v.n_problems || (len == seed_len && !memcmp(bundle, seed, len)),
		      "a bundle that was changed");
	em_verified_clear(&v);
	em_place_close(p);
}

static void fuzz_witness(struct em_witness *w, const char *body, size_t len)
{
	char answer[EM_NOTE_MAX];
	const char *type;
	unsigned int status = em_witness_add(w, body, len, answer, &type);

	check(status == 200 || (status >= 400 && status < 500), "a request that broke a witness");
}

int main(void)
{
	uint64_t until;
	const char *seconds = getenv("EARMARK_FUZZ_SECONDS");
	_cleanup_free_ char *mutated = malloc(LEN_MAX + 64), *proof_text = NULL, *body = NULL;
	size_t note_len, bundle_len, opening_len;
	_cleanup_free_ char *note = NULL, *bundle = NULL, *opening = NULL;
	char err[512];
	struct em_witness w;
	struct em_place *p = NULL;
	char witness_dir[64];
	json_t *proof;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seeds();
	note = file_get("checkpoint", &note_len);
	bundle = file_get("tile/entries/000.p/4", &bundle_len);
	opening = file_get("open/000", &opening_len);
	if (em_place_open(&p, dir, err, sizeof(err)) ||
	    !(proof = em_proof_make(p, 2, true, err, sizeof(err))))
		return 1;
	proof_text = json_dumps(proof, 0);
	snprintf(witness_dir, sizeof(witness_dir), "%s/w", dir);
	if (em_witness_open(&w, witness_dir, "w", err, sizeof(err)) ||
	    asprintf(&body, "old 0\n\n%s", note) < 0)
		return 1;
	w.logs = &key;
	w.n_logs = 1;
	until = em_time_monotonic() + strtoull(seconds ?: "60", NULL, 10) * EM_NS_PER_S;
	for (; em_time_monotonic() < until; tries++) {
		size_t len, head = 2 + (size_t)((uint8_t)bundle[0] << 8 | (uint8_t)bundle[1]);

		/* the second entry: its length stands before it */
		len = (size_t)((uint8_t)bundle[head] << 8 | (uint8_t)bundle[head + 1]);
		len = mutate(bundle + head + 2, len, mutated);
		fuzz_entry(mutated, len);
		len = mutate(note, note_len, mutated);
		fuzz_note(mutated, len, note, note_len);
		len = mutate(proof_text, strlen(proof_text), mutated);
		fuzz_proof(mutated, len, proof);
		len = mutate(body, strlen(body), mutated);
		fuzz_witness(&w, mutated, len);
		if (tries % 4)
			continue;
		len = mutate(bundle, bundle_len, mutated);
		fuzz_tree(mutated, len, bundle, bundle_len);
		file_put("tile/entries/000.p/4", bundle, bundle_len);
		len = mutate(opening, opening_len, mutated);
		file_put("open/000", mutated, len);
		fuzz_tree(bundle, bundle_len, bundle, bundle_len);
		file_put("open/000", opening, opening_len);
	}
	printf("%s entries, notes, proofs, bundles, openings and requests, mutated\n",
	       failed ? "not ok" : "ok");
	printf("# %lu rounds, %lu mutants were well-formed\n", tries, accepted);
	if (!accepted)
		puts("not ok the mutants - none was well-formed: the fuzzer tries nothing");
	em_place_close(p);
	json_decref(proof);
	snprintf(mutated, 128, "rm -rf %s", dir);
	return system(mutated) || failed || !accepted;
}
