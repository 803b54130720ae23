/* SPDX-License-Identifier: GPL-2.0 */
/* What a site's rules are matched against: what is known of a cgroup with GPU work. */
#ifndef EM_FACTS_H
#define EM_FACTS_H

#include <sys/types.h>

#include "rule/rule.h"

#define EM_FACTS_MAX 64 /* values of one key; a process or a group beyond them is not asked */

/* struct em_facts - values by enum em_rule_key, owned; a key without any is the empty string */
struct em_facts {
	char *values[EM_RULE_KEY_COUNT][EM_FACTS_MAX];
	unsigned int n[EM_RULE_KEY_COUNT];
};

/* One more value, once; what exceeds EM_FACTS_MAX is left out. 0 or -ENOMEM. */
int em_facts_add(struct em_facts *f, enum em_rule_key key, const char *value);
void em_facts_forget(struct em_facts *f, enum em_rule_key key);
void em_facts_clear(struct em_facts *f);

/*
 * em_facts_user() - uid, and as far as @r asks for them, the name and the groups of @uid
 *
 * An account that the system does not know has a uid and no more. 0 or -ENOMEM.
 */
int em_facts_user(struct em_facts *f, const struct em_rules *r, uid_t uid);

/* The path, and the unit that it is part of. 0 or -ENOMEM. */
int em_facts_cgroup(struct em_facts *f, const char *path);

/* The executables of those in the cgroup now. @proc: a directory such as /proc. 0 or -ENOMEM. */
int em_facts_executables(struct em_facts *f, int cgroup_fd, const char *proc);

/*
 * em_unit_of_cgroup() - the unit of the system's systemd that a cgroup is part of
 *
 * The first part of the path that is no slice, as sd_pid_get_unit(3) has it: what lies below it
 * can be named by whom it was delegated to, so it never decides. Without any, the last slice.
 *
 * Return: whether there is one; it is in @out.
 */
bool em_unit_of_cgroup(const char *path, char *out, size_t len);

/* The first rule whose every glob matches a value. Return: its index, -1 if none does. */
int em_rules_match(const struct em_rules *r, const struct em_facts *f);

#endif
