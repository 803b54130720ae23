// SPDX-License-Identifier: GPL-2.0
/* earmark approve - signatures that a gate asks for. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/note.h"
#include "commit/approval.h"

/* A key file's own name, without what is before it and its suffix. */
static void key_name(const char *path, char *out, size_t len)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	snprintf(out, len, "%.*s", (int)strcspn(base, "."), base);
}

/* With one key, --external names who signs; with several, which of them is from outside. */
static int sign(struct em_args *a, json_t *note, const char *path, bool alone)
{
	const char *external = em_opt(a, "external");
	char name[64], err[512] = "";
	bool outside;

	key_name(path, name, sizeof(name));
	outside = external && (alone || !strcmp(external, name));
	if (em_approval_sign(note, path, outside ? external : name, outside, err, sizeof(err)))
		return em_fail(a, "%s", *err ? err : "cannot sign");
	return 0;
}

static int sign_all(struct em_args *a, json_t *note)
{
	bool alone = !em_opt_nth(a, "key", 1);
	const char *path;

	for (int n = 0; (path = em_opt_nth(a, "key", n)); n++) {
		if (sign(a, note, path, alone))
			return EM_NO_ANSWER;
	}
	return 0;
}

static void say_keys(const json_t *note)
{
	json_t *signers = json_object_get(note, "signers"), *s;
	char safe[64];
	size_t i;

	json_array_foreach(signers, i, s)
		printf("signed by %s, key %s%s\n",
		       em_text_safe(safe, sizeof(safe),
				    json_string_value(json_object_get(s, "name")) ?: "?"),
		       json_string_value(json_object_get(s, "key")) ?: "?",
		       json_is_true(json_object_get(s, "external")) ? ", from outside" : "");
}

static int approve(struct em_args *a)
{
	const char *project = em_opt(a, "project"), *ref = em_opt(a, "ref");
	_cleanup_json_ json_t *note = NULL;

	if (!project == !ref)
		return em_fail(a, "one of --project and --ref says what is approved");
	if (!em_opt(a, "key"))
		return em_fail(a, "--key is missing: who signs? make one with: openssl genpkey "
				  "-algorithm ed25519 -out FILE");
	note = em_note_begin(a);
	if (!note)
		return EM_NO_ANSWER;
	json_object_set_new(note, "id", em_json_text(a->argv[0]));
	json_object_set_new(note, "project", project ? em_json_text(project) : json_null());
	json_object_set_new(note, "ref", ref ? em_json_text(ref) : json_null());
	json_object_set_new(note, "signers", json_array());
	if (em_note_count(a, note, "gpus", "gpus") ||
	    em_note_count(a, note, "gpu_hours", "gpu-hours") || sign_all(a, note))
		return EM_NO_ANSWER;
	if (!a->json)
		say_keys(note);
	return em_note_end(a, "approval", json_incref(note));
}

static const struct em_option options[] = {
	{ "project", "NAME", "every job of this project", NULL },
	{ "ref", "REF", "this cluster's job", NULL },
	{ "gpus", "N", "up to so many GPUs", NULL },
	{ "gpu-hours", "M", "up to so many GPU-hours", NULL },
	{ "key", "FILE", "an Ed25519 key that signs: PEM, or a seed in hex; repeatable", NULL },
	{ "external", "NAME", "this signer is from outside", NULL },
	EM_NOTE_OPTIONS,
	{},
};

static const struct em_verb verbs[] = {
	{ "", "ID", "signs an approval for large work and enters it into the record", 1, 1, false,
	  approve, options },
	{},
};

const struct em_object em_approve = { "approve", "signed approvals for large jobs", verbs };
