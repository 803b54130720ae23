/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules: which purpose work has that nobody tagged by hand, from what is known of it.
 *
 *	rules:
 *	  - match: { group: "safety-*", user: "*" }
 *	    purpose: alignment
 *	    project: interpretability
 *	    ref: gate-7
 *	outage: idle | unobserved
 *
 * The first rule whose every glob matches decides. An empty match matches all; work that no
 * rule matches is untagged. A match key is one line of EM_RULE_KEYS: the loader, what it
 * suggests and the matching are made from it.
 *
 * A scheduler's history has what EM_RULE_HISTORY_KEYS name, in one value each. A site's rules are
 * about live cgroups: they know those of EM_RULE_SITE_MASK, of which group and executable can
 * have several values; one that matches is enough (facts.h). Account, QOS, partition and wckey are
 * known of Slurm's jobs only, where its plugin tells them.
 */
#ifndef EM_RULE_H
#define EM_RULE_H

#include <stdbool.h>
#include <stddef.h>

#define EM_RULE_HISTORY_KEYS(X) \
	X(GROUP, "group")       \
	X(USER, "user")         \
	X(JOB, "job")           \
	X(ACCOUNT, "account")   \
	X(QOS, "qos")           \
	X(PARTITION, "partition")

#define EM_RULE_SITE_KEYS(X)        \
	X(CGROUP, "cgroup")         \
	X(UID, "uid")               \
	X(UNIT, "unit")             \
	X(EXECUTABLE, "executable") \
	X(WCKEY, "wckey")

/* Of a Kubernetes pod: a cgroup that is part of none matches no glob of these, not even "*". */
#define EM_RULE_POD_KEYS(X)       \
	X(POD, "pod")             \
	X(NAMESPACE, "namespace") \
	X(LABEL, "label")         \
	X(ANNOTATION, "annotation")

#define EM_RULE_KEYS(X) EM_RULE_HISTORY_KEYS(X) EM_RULE_SITE_KEYS(X) EM_RULE_POD_KEYS(X)

#define EM_RULE_ENUM(id, name) EM_RULE_##id,
enum em_rule_key { EM_RULE_KEYS(EM_RULE_ENUM) EM_RULE_KEY_COUNT };

#define EM_RULE_POD_MASK                                                     \
	(1u << EM_RULE_POD | 1u << EM_RULE_NAMESPACE | 1u << EM_RULE_LABEL | \
	 1u << EM_RULE_ANNOTATION)
#define EM_RULE_SITE_MASK                                                      \
	(1u << EM_RULE_CGROUP | 1u << EM_RULE_UID | 1u << EM_RULE_UNIT |       \
	 1u << EM_RULE_EXECUTABLE | 1u << EM_RULE_USER | 1u << EM_RULE_GROUP | \
	 1u << EM_RULE_ACCOUNT | 1u << EM_RULE_QOS | 1u << EM_RULE_PARTITION | \
	 1u << EM_RULE_WCKEY | EM_RULE_POD_MASK)

/**
 * struct em_rule - one rule
 * @match: a glob as fnmatch(3) knows them, by enum em_rule_key; NULL = anything. Of labels and
 *	annotations: "key=glob", one a line, all of which must match
 * @purpose: enum earmark_purpose, UNTAGGED where the rule says so
 * @project, @ref: NULL = none
 * @name: what it is called where it is applied, NULL = nothing
 * @line: where it begins in its file, from 1
 */
struct em_rule {
	char *match[EM_RULE_KEY_COUNT];
	unsigned int purpose;
	char *project, *ref, *name;
	unsigned int line;
};

/* struct em_rules - in the order of the file; @outage_unobserved: "outage: unobserved" */
struct em_rules {
	struct em_rule *list;
	unsigned int n;
	bool outage_unobserved;
};

/* From a YAML file. Return: 0 or -errno, with file, line, column and what is right in @err. */
int em_rules_load(struct em_rules *r, const char *file, char *err, size_t len);
/* … of a site: only what is known of live cgroups may be asked for. */
int em_rules_load_site(struct em_rules *r, const char *file, char *err, size_t len);
void em_rules_clear(struct em_rules *r);

/*
 * em_rules_find() - the first rule that matches
 * @subject: by enum em_rule_key; NULL is matched as the empty string
 *
 * Return: its index, -1 if none does.
 */
int em_rules_find(const struct em_rules *r, const char *const subject[EM_RULE_KEY_COUNT]);

/* Does any rule ask for more of this key than "*"? */
bool em_rules_ask(const struct em_rules *r, enum em_rule_key key);
/* Does any rule ask for a pod? */
bool em_rules_ask_pods(const struct em_rules *r);

const char *em_rule_key_name(enum em_rule_key key);

bool em_rule_glob(const char *glob, const char *s); /* @glob: NULL matches all */

#endif
