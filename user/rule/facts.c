// SPDX-License-Identifier: GPL-2.0
/* What is known of a cgroup; see facts.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "rule/facts.h"

#define PROCS_MAX (1u << 20)

int em_facts_add(struct em_facts *f, enum em_rule_key key, const char *value)
{
	for (unsigned int i = 0; i < f->n[key]; i++) {
		if (!strcmp(f->values[key][i], value))
			return 0;
	}
	if (f->n[key] == EM_FACTS_MAX)
		return 0;
	f->values[key][f->n[key]] = strdup(value);
	if (!f->values[key][f->n[key]])
		return -ENOMEM;
	f->n[key]++;
	return 0;
}

void em_facts_forget(struct em_facts *f, enum em_rule_key key)
{
	while (f->n[key])
		free(f->values[key][--f->n[key]]);
}

void em_facts_clear(struct em_facts *f)
{
	for (unsigned int key = 0; key < EM_RULE_KEY_COUNT; key++)
		em_facts_forget(f, key);
}

static int add_groups(struct em_facts *f, const struct passwd *pw)
{
	gid_t gids[EM_FACTS_MAX];
	int n = EM_FACTS_MAX, r = 0;

	if (getgrouplist(pw->pw_name, pw->pw_gid, gids, &n) < 0)
		n = EM_FACTS_MAX;
	for (int i = 0; !r && i < n; i++) {
		const struct group *g = getgrgid(gids[i]);

		r = g ? em_facts_add(f, EM_RULE_GROUP, g->gr_name) : 0;
	}
	return r;
}

int em_facts_user(struct em_facts *f, const struct em_rules *r, uid_t uid)
{
	bool groups = em_rules_ask(r, EM_RULE_GROUP), user = em_rules_ask(r, EM_RULE_USER);
	const struct passwd *pw;
	char text[16];
	int ret;

	snprintf(text, sizeof(text), "%u", uid);
	ret = em_facts_add(f, EM_RULE_UID, text);
	/* a directory of users may be far away: it is not asked in vain */
	pw = !ret && (groups || user) ? getpwuid(uid) : NULL;
	if (pw && user)
		ret = em_facts_add(f, EM_RULE_USER, pw->pw_name);
	return pw && groups && !ret ? add_groups(f, pw) : ret;
}

/* Does the part of @n bytes end as @suffix does, with something before it? */
static bool ends(const char *part, size_t n, const char *suffix)
{
	size_t m = strlen(suffix);

	return n > m && !strncmp(part + n - m, suffix, m);
}

static bool is_unit(const char *part, size_t n)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (ends(part, n, kinds[i]))
			return true;
	}
	return false;
}

bool em_unit_of_cgroup(const char *path, char *out, size_t len)
{
	bool found = false;

	for (const char *part = path + strspn(path, "/"); *part; part += strspn(part, "/")) {
		size_t n = strcspn(part, "/");
		/* systemd escapes what could be taken for a file of the kernel's */
		size_t escape = *part == '_';
		bool slice = ends(part, n, ".slice");

		if (!slice && !is_unit(part, n))
			return found;
		snprintf(out, len, "%.*s", (int)(n - escape), part + escape);
		found = true;
		if (!slice)
			return true;
		part += n;
	}
	return found;
}

int em_facts_cgroup(struct em_facts *f, const char *path)
{
	char unit[NAME_MAX + 1];
	int r = em_facts_add(f, EM_RULE_CGROUP, path);

	if (!r && em_unit_of_cgroup(path, unit, sizeof(unit)))
		r = em_facts_add(f, EM_RULE_UNIT, unit);
	return r;
}

static int add_executable(struct em_facts *f, const char *proc, const char *pid)
{
	static const char deleted[] = " (deleted)";
	char link[PATH_MAX], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/%s/exe", proc, pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0) /* a thread of the kernel's, or gone */
		return 0;
	path[n] = '\0';
	if (ends(path, (size_t)n, deleted))
		path[(size_t)n - strlen(deleted)] = '\0';
	return em_facts_add(f, EM_RULE_EXECUTABLE, path);
}

int em_facts_executables(struct em_facts *f, int cgroup_fd, const char *proc)
{
	_cleanup_free_ char *text = NULL;
	char *save, *pid;
	int r = 0, asked = 0;

	if (em_file_read(cgroup_fd, "cgroup.procs", PROCS_MAX, &text) < 0)
		return 0;
	for (pid = strtok_r(text, "\n", &save); pid && !r && asked < EM_FACTS_MAX;
	     pid = strtok_r(NULL, "\n", &save), asked++)
		r = add_executable(f, proc, pid);
	return r;
}

/* One line, "key=glob", of @n bytes: the key as it is, its value by the glob. */
static bool pair_matches(const char *line, size_t n, const struct em_facts *f, unsigned int key)
{
	_cleanup_free_ char *pair = strndup(line, n);
	const char *glob = pair ? strchr(pair, '=') : NULL;
	size_t name = glob ? (size_t)(glob - pair) + 1 : 0;

	for (unsigned int i = 0; glob && i < f->n[key]; i++) {
		if (!strncmp(f->values[key][i], pair, name) &&
		    em_rule_glob(glob + 1, f->values[key][i] + name))
			return true;
	}
	return false;
}

static bool all_pairs_match(const char *lines, const struct em_facts *f, unsigned int key)
{
	bool all = true;

	for (; all && *lines; lines += strspn(lines, "\n")) {
		size_t n = strcspn(lines, "\n");

		all = pair_matches(lines, n, f, key);
		lines += n;
	}
	return all;
}

static bool any_matches(const char *glob, const struct em_facts *f, unsigned int key)
{
	if (key == EM_RULE_LABEL || key == EM_RULE_ANNOTATION)
		return all_pairs_match(glob, f, key);
	if (!f->n[key])
		return !(EM_RULE_POD_MASK & 1u << key) && em_rule_glob(glob, "");
	for (unsigned int i = 0; i < f->n[key]; i++) {
		if (em_rule_glob(glob, f->values[key][i]))
			return true;
	}
	return false;
}

int em_rules_match(const struct em_rules *r, const struct em_facts *f)
{
	for (unsigned int i = 0; i < r->n; i++) {
		unsigned int key = 0;

		while (key < EM_RULE_KEY_COUNT &&
		       (!r->list[i].match[key] || any_matches(r->list[i].match[key], f, key)))
			key++;
		if (key == EM_RULE_KEY_COUNT)
			return (int)i;
	}
	return -1;
}
