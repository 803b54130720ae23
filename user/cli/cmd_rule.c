// SPDX-License-Identifier: GPL-2.0
/* earmark rule - which purpose the site gives to whose work. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "kernel/interval.h"
#include "report/report.h"
#include "rule/facts.h"

static const struct em_column columns[] = {
	{ "number", "RULE", EM_TEXT },     { "line", "LINE", EM_TEXT },
	{ "name", "NAME", EM_TEXT },       { "match", "MATCH", EM_TEXT },
	{ "purpose", "PURPOSE", EM_TEXT }, { "project", "PROJECT", EM_TEXT },
	{ "ref", "REF", EM_TEXT },
};

static json_t *rule_json(const struct em_rules *rules, unsigned int i)
{
	const struct em_rule *rule = &rules->list[i];
	json_t *match = json_array();

	for (unsigned int key = 0; key < EM_RULE_KEY_COUNT; key++) {
		char pair[300];

		if (!rule->match[key])
			continue;
		snprintf(pair, sizeof(pair), "%s: %s", em_rule_key_name(key), rule->match[key]);
		json_array_append_new(match, em_json_text(pair));
	}
	return json_pack("{s:I,s:I,s:o,s:o,s:s,s:o,s:o}", "number", (json_int_t)i + 1, "line",
			 (json_int_t)rule->line, "name",
			 rule->name ? em_json_text(rule->name) : json_null(), "match", match,
			 "purpose", em_purpose_name(rule->purpose), "project",
			 rule->project ? em_json_text(rule->project) : json_null(), "ref",
			 rule->ref ? em_json_text(rule->ref) : json_null());
}

/* A user by name or number, with what the system knows of it. Return: 0 or EM_NO_ANSWER. */
static int take_user(struct em_args *a, struct em_facts *f, const struct em_rules *rules)
{
	const char *user = em_opt(a, "user"), *uid = em_opt(a, "uid");
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	char *end = NULL;
	unsigned long n = uid ? strtoul(uid, &end, 10) : 0;
	int r = 0;

	if (uid && (*uid < '0' || *uid > '9' || *end || n >= UINT32_MAX))
		return em_fail(a, "--uid: \"%s\" is no number of a user", uid);
	if (pw || uid)
		r = em_facts_user(f, rules, uid ? (uid_t)n : pw->pw_uid);
	/* who is unknown here may be known there */
	if (!r && user)
		r = em_facts_add(f, EM_RULE_USER, user);
	return r ? em_fail(a, "out of memory") : 0;
}

static int take_facts(struct em_args *a, struct em_facts *f, const struct em_rules *rules)
{
	static const struct {
		const char *option;
		enum em_rule_key key;
	} more[] = {
		{ "group", EM_RULE_GROUP },
		{ "unit", EM_RULE_UNIT },
		{ "executable", EM_RULE_EXECUTABLE },
		{ "account", EM_RULE_ACCOUNT },
		{ "qos", EM_RULE_QOS },
		{ "partition", EM_RULE_PARTITION },
		{ "wckey", EM_RULE_WCKEY },
		{ "pod", EM_RULE_POD },
		{ "namespace", EM_RULE_NAMESPACE },
		{ "label", EM_RULE_LABEL },
		{ "annotation", EM_RULE_ANNOTATION },
	};
	const char *cgroup = em_opt(a, "cgroup"), *value;
	int r = cgroup && !em_opt(a, "unit") ? em_facts_cgroup(f, cgroup)
		: cgroup                     ? em_facts_add(f, EM_RULE_CGROUP, cgroup)
					     : 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(more); i++) {
		for (int n = 0; !r && (value = em_opt_nth(a, more[i].option, n)); n++)
			r = em_facts_add(f, more[i].key, value);
	}
	return r ? em_fail(a, "out of memory") : take_user(a, f, rules);
}

static json_t *facts_json(const struct em_facts *f)
{
	json_t *o = json_object();

	for (unsigned int key = 0; key < EM_RULE_KEY_COUNT; key++) {
		json_t *values = f->n[key] ? json_array() : NULL;

		for (unsigned int i = 0; i < f->n[key]; i++)
			json_array_append_new(values, em_json_text(f->values[key][i]));
		if (values)
			json_object_set_new(o, em_rule_key_name(key), values);
	}
	return o;
}

static void say_match(const struct em_rules *rules, int match)
{
	char name[256], project[256];
	const struct em_rule *rule = match < 0 ? NULL : &rules->list[match];

	if (!rule) {
		puts("no rule matches: it stays untagged");
		return;
	}
	printf("rule %d%s%s%s in line %u matches: ", match + 1, rule->name ? " (" : "",
	       em_text_safe(name, sizeof(name), rule->name ?: ""), rule->name ? ")" : "",
	       rule->line);
	if (rule->purpose == EARMARK_PURPOSE_UNTAGGED)
		puts("it stays untagged");
	else
		printf("%s%s%s\n", em_purpose_name(rule->purpose),
		       rule->project ? ", project " : "",
		       em_text_safe(project, sizeof(project), rule->project ?: ""));
}

/* Without anything to match it is the rules that are shown. */
static int answer(struct em_args *a, const struct em_rules *rules, const struct em_facts *facts)
{
	int match = a->n_given ? em_rules_match(rules, facts) : -1;
	int status = a->n_given && match < 0 ? EM_NOT_SO : EM_FINE;
	json_t *rows = json_array();

	for (unsigned int i = 0; i < rules->n; i++)
		json_array_append_new(rows, rule_json(rules, i));
	if (a->json)
		return em_json_out(
			json_pack("{s:s,s:o,s:o,s:o}", "schema", "earmark-rules-1", "rules", rows,
				  "asked", a->n_given ? facts_json(facts) : json_null(), "match",
				  match < 0 ? json_null() : rule_json(rules, (unsigned int)match)),
			status);
	if (a->n_given)
		say_match(rules, match);
	else
		em_table(columns, ARRAY_SIZE(columns), rows, "The file is right, and has no rule.");
	json_decref(rows);
	return status;
}

static int check(struct em_args *a)
{
	struct em_facts facts = { 0 };
	struct em_rules rules;
	char err[512], safe[600];
	int r = em_rules_load_site(&rules, a->argv[0], err, sizeof(err));

	if (r) {
		em_fail(a, "%s", em_text_safe(safe, sizeof(safe), err));
		return r == -EINVAL ? EM_NOT_SO : EM_NO_ANSWER;
	}
	r = take_facts(a, &facts, &rules);
	if (!r)
		r = answer(a, &rules, &facts);
	em_facts_clear(&facts);
	em_rules_clear(&rules);
	return r;
}

static const struct em_option check_options[] = {
	{ "cgroup", "PATH", "a cgroup, from the root of the hierarchy; its unit follows", NULL },
	{ "user", "NAME", "who submits; uid and groups follow where they are known here", NULL },
	{ "group", "NAME", "a group of the user's; may be repeated", NULL },
	{ "uid", "NUMBER", "the user by number", NULL },
	{ "unit", "NAME", "the unit, where it does not follow from the cgroup", NULL },
	{ "executable", "PATH", "of a process of the cgroup; may be repeated", NULL },
	{ "account", "NAME", "of a job of Slurm's, like the three that follow", NULL },
	{ "qos", "NAME", "its quality of service", NULL },
	{ "partition", "NAME", "its partition", NULL },
	{ "wckey", "NAME", "its workload characterization key", NULL },
	{ "pod", "NAME", "the Kubernetes pod that it is part of", NULL },
	{ "namespace", "NAME", "the pod's", NULL },
	{ "label", "KEY=VALUE", "of the pod's; may be repeated", NULL },
	{ "annotation", "KEY=VALUE", "of the pod's; may be repeated", NULL },
	{},
};

static const struct em_verb verbs[] = {
	{ "check", "FILE",
	  "is the file right, and which of its rules matches what the options say? The first\n"
	  "      that matches decides; status 1 if the file is wrong or no rule matches",
	  1, 1, false, check, check_options },
	{},
};

const struct em_object em_rule_object = { "rule", "purposes that the site gives by rule", verbs };
