// SPDX-License-Identifier: GPL-2.0
/* earmark ledger: the record, its log and its keys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/ledger.h"
#include "cli/note.h"
#include "ledger/witness.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);
EM_CLEANUP(struct em_place *, em_place_close);

struct em_place *em_log_place(struct em_args *a, const char *operand)
{
	struct em_place *p = NULL;
	char err[512];

	if (em_place_open(&p, operand ?: a->ledger, err, sizeof(err)))
		em_fail(a, "%s", err);
	return p;
}

static int read_key(struct em_args *a, struct em_key *key, const char *given, uint8_t type)
{
	const char *why = "";

	if (em_key_read(key, given, &why))
		return em_fail(a, "%s is no key: %s", given, why);
	if (key->type != type)
		return em_fail(a, "%s is the key of a %s, not of a %s", given,
			       type == EM_KEY_LOG ? "witness" : "log",
			       type == EM_KEY_LOG ? "log" : "witness");
	return 0;
}

int em_log_keys(struct em_args *a, struct em_key *key, struct em_key *witnesses,
		unsigned int *n_witnesses)
{
	const char *given = em_opt(a, "key");

	key->name[0] = '\0';
	*n_witnesses = 0;
	if (given && read_key(a, key, given, EM_KEY_LOG))
		return EM_NO_ANSWER;
	while ((given = em_opt_nth(a, "witness-key", (int)*n_witnesses))) {
		if (*n_witnesses == EM_WITNESSES_MAX)
			return em_fail(a, "there can be %d witnesses at most", EM_WITNESSES_MAX);
		if (read_key(a, &witnesses[(*n_witnesses)++], given, EM_KEY_WITNESS))
			return EM_NO_ANSWER;
	}
	return 0;
}

static int ledger_sync(struct em_args *a)
{
	char err[512];
	json_t *answer = em_ask(a, "POST", "/v1/seal", NULL, err, sizeof(err));

	if (!answer)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(answer, EM_FINE);
	printf("Everything until now is sealed and stored (interval %lld).\n",
	       json_integer_value(json_object_get(answer, "number")));
	json_decref(answer);
	return EM_FINE;
}

static int ledger_reindex(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;

	if (em_ledger_open(&l, a->ledger, EM_LEDGER_WRITE) || em_ledger_reindex(l))
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->json)
		return em_json_out(json_object(), EM_FINE);
	puts("The index was made anew from the log.");
	return EM_FINE;
}

/* The public key, as an auditor wants it. */
static int ledger_key(struct em_args *a)
{
	char path[4200], line[EM_KEY_TEXT_LEN];
	struct em_key key;
	int r;

	snprintf(path, sizeof(path), "%s/key.pub", a->ledger);
	r = em_file_line(AT_FDCWD, path, line, sizeof(line));
	if (!r)
		r = em_key_parse(&key, line);
	if (r)
		return em_fail(a, "%s: %s", path, r == -EINVAL ? "it is no key" : strerror(-r));
	if (a->json)
		return em_json_out(json_pack("{s:s,s:s}", "origin", key.name, "key", line), 0);
	puts(line);
	return EM_FINE;
}

static int ledger_turn_key(struct em_args *a)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = NULL;

	if (em_ledger_open_as(&l, a->ledger, "", em_opt(a, "key-file")) || em_ledger_turn_key(l))
		return em_fail(a, "%s", em_ledger_error(l));
	if (a->json)
		return em_json_out(json_object(), EM_FINE);
	puts("From here on the log is signed with a new key; both have signed the turn.");
	return EM_FINE;
}

static int ledger_cosign(struct em_args *a)
{
	const char *where = a->argc ? a->argv[0] : a->ledger, *given;
	struct em_witness_ask asks[EM_WITNESSES_MAX];
	_cleanup_(em_place_closep) struct em_place *p = NULL;
	_cleanup_close_ int dir = -1;
	unsigned int n = 0;
	char err[512];
	int r;

	while ((given = em_opt_nth(a, "witness", (int)n))) {
		if (n == EM_WITNESSES_MAX || em_witness_parse(&asks[n++], given))
			return em_fail(a, "--witness %s: write KEY=http://ADDRESS", given);
	}
	if (!n)
		return em_fail(a, "who is to sign? give --witness KEY=http://ADDRESS");
	p = em_log_place(a, where);
	dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!p || dir < 0)
		return p ? em_fail(a, "%s: %s", where, strerror(errno)) : EM_NO_ANSWER;
	r = em_cosign(dir, p, asks, n, err, sizeof(err));
	if (r < 0 && r != -EEXIST)
		return em_fail(a, "%s", err);
	if (a->json)
		return em_json_out(json_pack("{s:i,s:i,s:s}", "asked", (int)n, "signed",
					     r < 0 ? 0 : r, "error", err),
				   r == (int)n ? EM_FINE : EM_NOT_SO);
	if (r < 0)
		printf("FORK: %s\n", err);
	else
		printf("%d of %u witnesses signed%s%s\n", r, n, *err ? ": " : "", err);
	return r == (int)n ? EM_FINE : EM_NOT_SO;
}

static const struct em_option cosign_options[] = {
	{ "witness", "KEY=URL", "who is to sign; may be repeated", NULL },
	{},
};

static const struct em_option verify_options[] = {
	{ "key", "KEY", "the log's key, as kept since it was enrolled: text or file", NULL },
	{ "witness-key", "KEY", "a witness that must have signed; may be repeated", NULL },
	{ "from", "FILE", "a checkpoint kept earlier, which the log must continue", NULL },
	{ "no-verdicts", NULL, "the log alone: no shares, no commitments", NULL },
	{},
};

static const struct em_option prove_options[] = {
	{ "open", NULL, "with the entry's private rows and names", NULL },
	{ "out", "FILE", "where to (standard output)", NULL },
	{},
};

static const struct em_option check_options[] = {
	{ "key", "KEY", "the log's key: text or file", NULL },
	{ "witness-key", "KEY", "a witness that must have signed; may be repeated", NULL },
	{},
};

static const struct em_option export_options[] = {
	{ "to", "DIR", "where to; made, and empty", NULL },
	{ "privacy", "GRADE", "full, hashed or totals (totals)", "full hashed totals" },
	{},
};

static const struct em_option show_options[] = {
	{ "open", NULL, "with the entry's private rows and names", NULL },
	{},
};

static const struct em_option tail_options[] = {
	{ "n", "COUNT", "how many (10)", NULL },
	{},
};

static const struct em_option inventory_options[] = { EM_NOTE_OPTIONS, {} };

static const struct em_option key_options[] = {
	{ "key-file", "FILE", "where the ledger's private key is (key, in the ledger)", NULL },
	{},
};

static const struct em_option witness_options[] = {
	{ "state", "DIR", "its key, and what it signed for last (/var/lib/earmark-witness)", NULL },
	{ "log-key", "KEY", "a log to sign for: text or file; may be repeated", NULL },
	{ "name", "NAME", "of a witness that begins (witness/HOSTNAME)", NULL },
	{ "listen", "ADDRESS:PORT", "where it is asked (127.0.0.1:9766)", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "sync", "", "seals the open interval and waits until it is stored", 0, 0, false,
	  ledger_sync, NULL },
	{ "verify", "[DIR|URL]", "checks signatures, tree and all that the entries say", 0, 1,
	  false, em_ledger_verify, verify_options },
	{ "show", "ENTRY", "an entry, as it stands in the log", 1, 1, false, em_ledger_show,
	  show_options },
	{ "tail", "", "the last entries", 0, 0, false, em_ledger_tail, tail_options },
	{ "grep", "PATTERN", "entries that match an extended regular expression", 1, 1, false,
	  em_ledger_grep, NULL },
	{ "prove", "ENTRY", "a file that shows the entry to be in the log", 1, 1, false,
	  em_ledger_prove, prove_options },
	{ "prove-continues", "SIZE", "the proof that the log of so many entries is a part of it", 1,
	  1, false, em_ledger_prove_continues, NULL },
	{ "check-proof", "FILE", "whether such a file proves what it says", 1, 1, false,
	  em_ledger_check_proof, check_options },
	{ "export", "[DIR|URL]", "a copy for somebody else, with as much as they may see", 0, 1,
	  false, em_ledger_export, export_options },
	{ "inventory", "FILE", "records which nodes and GPUs a cluster has", 1, 1, false,
	  em_ledger_inventory, inventory_options },
	{ "key", "", "the key that an auditor needs", 0, 0, false, ledger_key, NULL },
	{ "turn-key", "", "signs with a new key from here on; earmarkd must be stopped", 0, 0,
	  false, ledger_turn_key, key_options },
	{ "reindex", "", "makes the index anew from the log; earmarkd must be stopped", 0, 0, false,
	  ledger_reindex, NULL },
	{ "cosign", "[DIR]", "has witnesses sign for the last checkpoint", 0, 1, false,
	  ledger_cosign, cosign_options },
	{ "witness", "", "signs for the checkpoints of others, if they continue", 0, 0, false,
	  em_ledger_witness, witness_options },
	{},
};

const struct em_object em_ledger_object = { "ledger", "the record", verbs };
