// SPDX-License-Identifier: GPL-2.0
/* Notes that people write; see note.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/approval.h"
#include "commit/inventory.h"
#include "commit/note.h"

#define WORDS_MAX 1024
#define SIGNERS_MAX 64

enum type { NAME, WORDS, PURPOSE, INSTANT, FRACTION, COUNT, FLAG, ARM, ACTION, SIGNERS, NODES };

/* struct field - one key of a note; of what, and whether it must be there (and not be null) */
struct field {
	const char *key;
	enum type type;
	bool needed;
};

static const struct field event_fields[] = { { "name", NAME, true }, {} };

static const struct field order_fields[] = {
	{ "name", NAME, true },
	{ "purpose", PURPOSE, true },
	{ "from", FRACTION, true },
	{ "to", FRACTION, true },
	{ "arm", ARM, false },
	{ "control", FLAG, false },
	{},
};

static const struct field request_fields[] = {
	{ "id", NAME, true },         { "action", ACTION, true },
	{ "purpose", PURPOSE, true }, { "how", ARM, false },
	{ "gpus", COUNT, false },     { "job", NAME, false },
	{ "project", NAME, false },   {},
};

static const struct field approval_fields[] = {
	{ "id", NAME, true },
	{ "project", NAME, false },
	{ "ref", NAME, false },
	{ "gpus", COUNT, false },
	{ "gpu_hours", COUNT, false },
	{ "signers", SIGNERS, true },
	{},
};

static const struct field audit_fields[] = {
	{ "of", COUNT, true },
	{ "misused", COUNT, false },
	{ "purpose", PURPOSE, true },
	{ "seed", WORDS, false },
	{},
};

static const struct field inventory_fields[] = { { "nodes", NODES, true }, {} };

static const struct field all_fields[] = {
	{ "at", INSTANT, true }, { "author", WORDS, true }, { "reason", WORDS, true }, {}
};

static const struct {
	const char *kind;
	const struct field *fields;
} kinds[] = {
	{ "event", event_fields },     { "order", order_fields },
	{ "request", request_fields }, { "approval", approval_fields },
	{ "audit", audit_fields },     { "inventory", inventory_fields },
};

static bool one_of(const char *s, const char *const *words)
{
	while (*words && strcmp(*words, s))
		words++;
	return *words;
}

static bool fraction_valid(const json_t *v)
{
	const json_t *num = json_object_get(v, "num"), *den = json_object_get(v, "den");

	return json_object_size(v) == 2 && json_is_integer(num) && json_is_integer(den) &&
	       json_integer_value(num) >= 0 && json_integer_value(den) > 0 &&
	       json_integer_value(num) <= json_integer_value(den);
}

/* A word, an instant or a text. Return: what is expected, NULL if it is so. */
static const char *text_problem(enum type type, const char *s)
{
	static const char *const arms[] = { "add", "displace", NULL };
	static const char *const actions[] = { "open", "grant", "refuse", NULL };
	int64_t at;

	if (!s || !*s || !em_text_label(s, type == WORDS ? WORDS_MAX : EARMARK_PROJECT_LEN - 1))
		return type == WORDS ? "1 to 1024 bytes of printable text"
				     : "1 to 63 bytes of printable text";
	switch (type) {
	case PURPOSE:
		return em_purpose_parse(s) > EARMARK_PURPOSE_UNTAGGED ? NULL : "a purpose";
	case INSTANT:
		return strspn(s, "0123456789") == 4 && !em_time_parse(s, 0, &at)
			       ? NULL
			       : "an RFC 3339 instant";
	case ARM:
		return one_of(s, arms) ? NULL : "\"add\" or \"displace\"";
	case ACTION:
		return one_of(s, actions) ? NULL : "\"open\", \"grant\" or \"refuse\"";
	default:
		return NULL;
	}
}

/* Every signature is looked at again when it is read; but what is false need not be kept. */
static const char *signers_problem(const json_t *note, const json_t *v)
{
	if (!json_is_array(v) || !json_array_size(v) || json_array_size(v) > SIGNERS_MAX)
		return "1 to 64 signers";
	return em_approval_invalid(note) ? "signatures that hold" : NULL;
}

static const char *problem(const struct field *f, const json_t *note, const json_t *v)
{
	switch (f->type) {
	case FRACTION:
		return fraction_valid(v) ? NULL : "{\"num\", \"den\"}, from 0 to 1";
	case COUNT:
		return json_is_integer(v) && json_integer_value(v) > 0 ? NULL
								       : "a whole number above 0";
	case FLAG:
		return json_is_boolean(v) ? NULL : "true or false";
	case SIGNERS:
		return signers_problem(note, v);
	case NODES:
		return em_inventory_problem(v);
	default:
		return text_problem(f->type, json_string_value(v));
	}
}

/* Return: how many of the note's keys these fields are, or -EINVAL. */
static int check_fields(const struct field *f, const json_t *note, char *err, size_t len)
{
	int there = 0;

	for (; f->key; f++) {
		const json_t *v = json_object_get(note, f->key);
		const char *expected;

		there += !!v;
		if (!f->needed && (!v || json_is_null(v)))
			continue;
		expected = problem(f, note, v);
		if (!expected)
			continue;
		snprintf(err, len, "\"%s\": %s is expected", f->key, expected);
		return -EINVAL;
	}
	return there;
}

static bool given(const json_t *note, const char *key)
{
	return json_is_string(json_object_get(note, key));
}

/* An approval is of something, and for some size. */
static int check_approval(const json_t *note, char *err, size_t len)
{
	if (given(note, "project") == given(note, "ref"))
		snprintf(err, len, "an approval is for one \"project\" or one \"ref\"");
	else if (!json_is_integer(json_object_get(note, "gpus")) &&
		 !json_is_integer(json_object_get(note, "gpu_hours")))
		snprintf(err, len, "an approval says for how many \"gpus\" or \"gpu_hours\"");
	else
		return 0;
	return -EINVAL;
}

int em_note_check(const char *kind, const json_t *note, char *err, size_t len)
{
	const struct field *fields = NULL;
	int own, all;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		fields = strcmp(kinds[i].kind, kind) ? fields : kinds[i].fields;
	if (!fields || !json_is_object(note)) {
		snprintf(err, len,
			 "kind: event, order, request, approval, audit or inventory, and its "
			 "\"note\"");
		return -EINVAL;
	}
	own = check_fields(fields, note, err, len);
	all = own < 0 ? own : check_fields(all_fields, note, err, len);
	if (all < 0)
		return all;
	if ((size_t)(own + all) != json_object_size(note)) {
		snprintf(err, len, "the note has a key that an entry of the kind %s has not", kind);
		return -EINVAL;
	}
	return strcmp(kind, "approval") ? 0 : check_approval(note, err, len);
}

int em_note_write(struct em_ledger *l, const char *kind, json_t *note, uint32_t uid)
{
	_cleanup_free_ char *text = NULL;

	if (json_object_set_new(note, "uid", json_integer(uid)))
		return -ENOMEM;
	text = json_dumps(note, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? em_ledger_note(l, kind, text) : -ENOMEM;
}
