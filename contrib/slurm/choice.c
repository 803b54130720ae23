// SPDX-License-Identifier: GPL-2.0
/* What the plugin decides; see choice.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "choice.h"
#include "commit/near.h"

#define PURPOSE_NAME(id, name) name,
#define NOT_AN_ARRAY 0xfffffffe /* Slurm's NO_VAL */
#define SOCKET "/run/earmark/earmarkd.sock"

static const char *const purposes[] = { EARMARK_PURPOSES(PURPOSE_NAME) NULL };

const char *em_slurm_purpose_name(unsigned int purpose)
{
	return purpose < EARMARK_PURPOSE_COUNT ? purposes[purpose] : "?";
}

static int wrong_purpose(const char *word, char *err, size_t len)
{
	char safe[80];

	if (!strcmp(word, purposes[EARMARK_PURPOSE_UNTAGGED]))
		snprintf(err, len,
			 "--earmark: untagged is what work without this option is; leave it out");
	else
		snprintf(err, len,
			 "--earmark: \"%s\" is no purpose; did you mean %s? There are alignment, "
			 "capabilities, mixed, serving and infrastructure",
			 em_text_safe(safe, sizeof(safe), word), em_near(purposes + 1, word));
	return -EINVAL;
}

int em_slurm_choice_parse(struct em_slurm_choice *c, const char *text, char *err, size_t len)
{
	size_t n = strcspn(text, ":");
	const char *project = text[n] ? text + n + 1 : NULL;
	char word[64];

	*c = (struct em_slurm_choice){ 0 };
	snprintf(word, sizeof(word), "%.*s", n < INT_MAX ? (int)n : INT_MAX, text);
	for (unsigned int p = 1; p < EARMARK_PURPOSE_COUNT && !c->purpose; p++)
		c->purpose = strcmp(word, purposes[p]) ? 0 : p;
	if (!c->purpose)
		return wrong_purpose(word, err, len);
	if (project && (!*project || !em_text_label(project, EARMARK_PROJECT_LEN - 1))) {
		c->purpose = EARMARK_PURPOSE_UNTAGGED;
		snprintf(err, len,
			 "--earmark: the project after \"%s:\" must be 1 to %d bytes of printable "
			 "text",
			 word, EARMARK_PROJECT_LEN - 1);
		return -EINVAL;
	}
	snprintf(c->project, sizeof(c->project), "%s", project ?: "");
	return 0;
}

bool em_slurm_choice_equal(const struct em_slurm_choice *a, const struct em_slurm_choice *b)
{
	return a->purpose == b->purpose && !strcmp(a->project, b->project);
}

/* --- the site ---------------------------------------------------------------------------- */

/* One of two words; @second is true. */
static int either(const char *key, const char *value, const char *first, const char *second,
		  bool *out, char *err, size_t len)
{
	char safe[80];

	*out = !strcmp(value, second);
	if (*out || !strcmp(value, first))
		return 0;
	snprintf(err, len, "plugstack.conf: %s=%s: it must be %s or %s", key,
		 em_text_safe(safe, sizeof(safe), value), first, second);
	return -EINVAL;
}

static int word(const char *key, const char *value, char *out, size_t size, char *err, size_t len)
{
	if (*value && em_text_label(value, size - 1)) {
		snprintf(out, size, "%s", value);
		return 0;
	}
	snprintf(err, len, "plugstack.conf: %s: it must be 1 to %zu bytes of printable text", key,
		 size - 1);
	return -EINVAL;
}

static int set(struct em_slurm_site *s, const char *key, const char *value, char *err, size_t len)
{
	static const char *const keys[] = {
		"require", "on_error", "map", "socket", "cluster", NULL
	};
	char safe[80];

	if (!strcmp(key, "require"))
		return either(key, value, "no", "yes", &s->require, err, len);
	if (!strcmp(key, "on_error"))
		return either(key, value, "ignore", "fail", &s->fail, err, len);
	if (!strcmp(key, "map"))
		return either(key, value, "no", "yes", &s->map, err, len);
	if (!strcmp(key, "socket"))
		return word(key, value, s->socket, sizeof(s->socket), err, len);
	if (!strcmp(key, "cluster"))
		return word(key, value, s->cluster, sizeof(s->cluster), err, len);
	snprintf(err, len, "plugstack.conf: earmark.so has no argument \"%s\"; did you mean %s=?",
		 em_text_safe(safe, sizeof(safe), key), em_near(keys, key));
	return -EINVAL;
}

int em_slurm_site_parse(struct em_slurm_site *s, int argc, char **argv, char *err, size_t len)
{
	int r = 0;

	*s = (struct em_slurm_site){ .socket = SOCKET };
	for (int i = 0; i < argc && !r; i++) {
		size_t n = strcspn(argv[i], "=");
		char key[64];

		snprintf(key, sizeof(key), "%.*s", n < sizeof(key) ? (int)n : 63, argv[i]);
		r = set(s, key, argv[i][n] ? argv[i] + n + 1 : "", err, len);
	}
	return r;
}

bool em_slurm_cluster_parse(const char *conf, char out[EM_SLURM_CLUSTER_MAX + 1])
{
	static const char key[] = "ClusterName";

	for (const char *line = conf; line && *line; line = strchr(line, '\n')) {
		size_t n;

		line += strspn(line, " \t\r\n");
		if (strncasecmp(line, key, strlen(key)))
			continue;
		line += strlen(key);
		line += strspn(line, " \t");
		if (*line != '=')
			continue;
		line += 1 + strspn(line + 1, " \t");
		n = strcspn(line, " \t\r\n#");
		if (!n || n > EM_SLURM_CLUSTER_MAX)
			return false;
		snprintf(out, EM_SLURM_CLUSTER_MAX + 1, "%.*s", (int)n, line);
		return em_text_label(out, EM_SLURM_CLUSTER_MAX);
	}
	return false;
}

/* --- a step ------------------------------------------------------------------------------ */

void em_slurm_ref(char out[EARMARK_REF_LEN], const char *cluster, uint32_t job, uint32_t array,
		  uint32_t task)
{
	const char *dot = *cluster ? "." : "";

	if (array && task != NOT_AN_ARRAY)
		snprintf(out, EARMARK_REF_LEN, "%.40s%s%u_%u", cluster, dot, array, task);
	else
		snprintf(out, EARMARK_REF_LEN, "%.40s%s%u", cluster, dot, job);
}

bool em_slurm_cgroup(const char *own, uint32_t id, char job[PATH_MAX], char step[PATH_MAX])
{
	char part[32];
	size_t n = (size_t)snprintf(part, sizeof(part), "/job_%u", id), end;
	const char *at = own;

	*job = *step = '\0';
	while ((at = strstr(at, part)) && at[n] && at[n] != '/')
		at += n;
	if (!at || strlen(own) >= PATH_MAX)
		return false;
	end = (size_t)(at - own) + n;
	snprintf(job, PATH_MAX, "%.*s", (int)end, own);
	if (!strncmp(own + end, "/step_", 6)) {
		end += 1 + strcspn(own + end + 1, "/");
		snprintf(step, PATH_MAX, "%.*s", (int)end, own);
	}
	return true;
}

void em_slurm_plan(struct em_slurm_plan *p, const struct em_slurm_step *s)
{
	const struct em_slurm_choice *own = s->said.purpose     ? &s->said
					    : s->passed.purpose ? &s->passed
								: &s->inherited;

	*p = (struct em_slurm_plan){ .job = s->whole ? *own : s->inherited };
	if (!s->whole && own->purpose && !em_slurm_choice_equal(own, &s->inherited))
		p->step = *own;
}
