// SPDX-License-Identifier: GPL-2.0
/* Rules from their YAML file; every refusal names file, line, column and what is right. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commit/near.h"
#include "kernel/interval.h"
#include "rule/rule.h"

#define GLOB_MAX_LEN 255
#define NAME_MAX_LEN 63
#define ALL_KEYS ((1u << EM_RULE_KEY_COUNT) - 1)
#define FILE_MAX_LEN (1 << 20)
#define RULES_MAX 10000
#define PURPOSE_NAME(id, name) name,

/* struct loader - what a refusal needs to say where; @keys: bits of those that may be matched */
struct loader {
	const char *file;
	yaml_document_t doc;
	struct em_rules *rules;
	unsigned int keys;
	char *err;
	size_t len;
};

/* struct key - a key of a mapping and who takes its value; @what: the struct it goes into */
struct key {
	const char *name;
	int (*set)(struct loader *l, const yaml_node_t *value, void *what, size_t which);
};

__attribute__((format(printf, 3, 4))) static int refuse(struct loader *l, const yaml_node_t *at,
							const char *format, ...)
{
	va_list args;
	int n = snprintf(l->err, l->len, "%s:%zu:%zu: ", l->file, at ? at->start_mark.line + 1 : 1,
			 at ? at->start_mark.column + 1 : 1);

	va_start(args, format);
	if (n >= 0 && (size_t)n < l->len)
		vsnprintf(l->err + n, l->len - n, format, args);
	va_end(args);
	return -EINVAL;
}

/* A scalar's text; NULL if it is none, or has a NUL in it. */
static const char *text_of(const yaml_node_t *node)
{
	const char *s;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	s = (const char *)node->data.scalar.value;
	return strlen(s) == node->data.scalar.length ? s : NULL;
}

static int unknown_key(struct loader *l, const yaml_node_t *at, const char *name,
		       const struct key *keys, size_t n)
{
	const char *words[n + 1];
	char safe[64];

	for (size_t i = 0; i < n; i++)
		words[i] = keys[i].name;
	words[n] = NULL;
	return refuse(l, at, "%s: no such key; did you mean %s?",
		      em_text_safe(safe, sizeof(safe), name), em_near(words, name));
}

/* Gives each pair of the mapping @node to its key's setter, once. */
static int load_mapping(struct loader *l, const yaml_node_t *node, const struct key *keys, size_t n,
			void *what)
{
	unsigned int seen = 0;

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(&l->doc, p->key);
		const yaml_node_t *value = yaml_document_get_node(&l->doc, p->value);
		const char *name = text_of(key);
		size_t i = 0;
		int ret;

		while (name && i < n && strcmp(keys[i].name, name))
			i++;
		if (!name || i == n)
			return unknown_key(l, key, name ?: "?", keys, n);
		if (seen & 1u << i)
			return refuse(l, key, "%s: given twice", name);
		seen |= 1u << i;
		ret = keys[i].set(l, value, what, i);
		if (ret)
			return ret;
	}
	return 0;
}

static int set_text(struct loader *l, const yaml_node_t *value, char **out, const char *key,
		    size_t max)
{
	const char *s = text_of(value);

	if (!s || !em_text_label(s, max))
		return refuse(l, value, "%s: at most %zu bytes of printable text", key, max);
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

/* --- match ------------------------------------------------------------------------------- */

/* One more line of "key=glob". A key is matched as it is: what looks like a glob is a mistake. */
static int add_pair(struct loader *l, const yaml_node_t *key, const yaml_node_t *value, char **out,
		    const char *which)
{
	_cleanup_free_ char *glob = NULL, *before = TAKE_PTR(*out);
	const char *name = text_of(key);
	int ret;

	if (!name || !em_text_label(name, GLOB_MAX_LEN) || strpbrk(name, "*?[\\="))
		return refuse(l, key, "%s: expected { key: glob, … }, the key as it is", which);
	ret = set_text(l, value, &glob, which, GLOB_MAX_LEN);
	if (!ret && asprintf(out, "%s%s=%s\n", before ?: "", name, glob) < 0) {
		*out = NULL;
		ret = -ENOMEM;
	}
	return ret;
}

static int set_pairs(struct loader *l, const yaml_node_t *value, char **out, const char *which)
{
	int ret = 0;

	if (value->type != YAML_MAPPING_NODE ||
	    value->data.mapping.pairs.start == value->data.mapping.pairs.top)
		return refuse(l, value, "%s: expected { key: glob, … }, the key as it is", which);
	for (yaml_node_pair_t *p = value->data.mapping.pairs.start;
	     !ret && p < value->data.mapping.pairs.top; p++)
		ret = add_pair(l, yaml_document_get_node(&l->doc, p->key),
			       yaml_document_get_node(&l->doc, p->value), out, which);
	return ret;
}

static int set_glob(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	struct em_rule *rule = what;

	if (!(l->keys & 1u << which))
		return refuse(
			l, value,
			"%s: a scheduler knows that, a node does not; match cgroup, user, group, "
			"uid, unit, executable, pod, namespace, label, annotation, or of Slurm "
			"account, qos, partition or wckey",
			em_rule_key_name(which));
	if (which == EM_RULE_LABEL || which == EM_RULE_ANNOTATION)
		return set_pairs(l, value, &rule->match[which], em_rule_key_name(which));
	return set_text(l, value, &rule->match[which], em_rule_key_name(which), GLOB_MAX_LEN);
}

#define MATCH_KEY(id, name) { name, set_glob },

static const struct key match_keys[] = { EM_RULE_KEYS(MATCH_KEY) };

static int set_match(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	(void)which;
	if (value->type == YAML_SCALAR_NODE && !value->data.scalar.length)
		return 0;
	if (value->type != YAML_MAPPING_NODE)
		return refuse(l, value, "match: expected { key: glob, … }, or {} for everything");
	return load_mapping(l, value, match_keys, ARRAY_SIZE(match_keys), what);
}

/* --- a rule ------------------------------------------------------------------------------ */

static int set_purpose(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	static const char *const purposes[] = { EARMARK_PURPOSES(PURPOSE_NAME) NULL };
	const char *s = text_of(value);
	int purpose = s ? em_purpose_parse(s) : -EINVAL;
	char safe[64];

	(void)which;
	if (purpose < 0)
		return refuse(l, value, "purpose: \"%s\" is none; did you mean %s?",
			      em_text_safe(safe, sizeof(safe), s ?: "?"),
			      em_near(purposes, s ?: ""));
	((struct em_rule *)what)->purpose = (unsigned int)purpose;
	return 0;
}

static int set_project(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	(void)which;
	return set_text(l, value, &((struct em_rule *)what)->project, "project",
			EARMARK_PROJECT_LEN - 1);
}

static int set_ref(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	(void)which;
	return set_text(l, value, &((struct em_rule *)what)->ref, "ref", EARMARK_REF_LEN - 1);
}

static int set_name(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	(void)which;
	return set_text(l, value, &((struct em_rule *)what)->name, "name", NAME_MAX_LEN);
}

static const struct key rule_keys[] = {
	{ "name", set_name },       { "match", set_match }, { "purpose", set_purpose },
	{ "project", set_project }, { "ref", set_ref },
};

static int load_rule(struct loader *l, const yaml_node_t *node, struct em_rule *rule)
{
	int ret;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(l, node, "a rule is a mapping: match, purpose, project, ref");
	rule->line = (unsigned int)node->start_mark.line + 1;
	rule->purpose = EARMARK_PURPOSE_COUNT;
	ret = load_mapping(l, node, rule_keys, ARRAY_SIZE(rule_keys), rule);
	if (!ret && rule->purpose == EARMARK_PURPOSE_COUNT)
		return refuse(l, node, "this rule has no \"purpose\"");
	return ret;
}

/* --- the document ------------------------------------------------------------------------ */

static int set_rules(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	struct em_rules *r = what;
	size_t n;

	(void)which;
	if (value->type == YAML_SCALAR_NODE && !value->data.scalar.length)
		return 0;
	if (value->type != YAML_SEQUENCE_NODE)
		return refuse(l, value, "rules: expected a list of rules");
	n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
	if (n > RULES_MAX)
		return refuse(l, value, "rules: at most %d", RULES_MAX);
	r->list = calloc(n ?: 1, sizeof(*r->list));
	if (!r->list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int ret;

		r->n = (unsigned int)i + 1; /* cleared if it fails */
		ret = load_rule(
			l, yaml_document_get_node(&l->doc, value->data.sequence.items.start[i]),
			&r->list[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int set_outage(struct loader *l, const yaml_node_t *value, void *what, size_t which)
{
	const char *s = text_of(value);

	(void)which;
	if (l->keys != ALL_KEYS)
		return refuse(l, value,
			      "outage: it is for the map of a history; a node sees for itself");
	if (!s || (strcmp(s, "idle") && strcmp(s, "unobserved")))
		return refuse(l, value, "outage: idle or unobserved");
	((struct em_rules *)what)->outage_unobserved = !strcmp(s, "unobserved");
	return 0;
}

static const struct key root_keys[] = { { "rules", set_rules }, { "outage", set_outage } };

static int load_root(struct loader *l)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->doc);

	if (!root)
		return refuse(l, NULL, "it is empty; expected \"rules:\" and a list");
	if (root->type != YAML_MAPPING_NODE)
		return refuse(l, root, "expected \"rules:\" and a list");
	return load_mapping(l, root, root_keys, ARRAY_SIZE(root_keys), l->rules);
}

static int load_document(struct loader *l, FILE *f)
{
	yaml_parser_t parser;
	int ret;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &l->doc)) {
		ret = load_root(l);
		yaml_document_delete(&l->doc);
	} else {
		ret = -EINVAL;
		snprintf(l->err, l->len, "%s:%zu:%zu: %s", l->file, parser.problem_mark.line + 1,
			 parser.problem_mark.column + 1, parser.problem ?: "not YAML");
	}
	yaml_parser_delete(&parser);
	return ret;
}

static int load(struct em_rules *r, const char *file, unsigned int keys, char *err, size_t len)
{
	struct loader l = { .file = file, .rules = r, .keys = keys, .err = err, .len = len };
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	int ret;

	memset(r, 0, sizeof(*r));
	if (!f) {
		ret = -errno;
		snprintf(err, len, "%s: %s", file, strerror(errno));
		return ret;
	}
	if (fseek(f, 0, SEEK_END) || ftell(f) > FILE_MAX_LEN || fseek(f, 0, SEEK_SET))
		return refuse(&l, NULL, "not a file of at most 1 MiB");
	ret = load_document(&l, f);
	if (ret == -ENOMEM)
		snprintf(err, len, "%s: out of memory", file);
	if (ret)
		em_rules_clear(r);
	return ret;
}

int em_rules_load(struct em_rules *r, const char *file, char *err, size_t len)
{
	return load(r, file, ALL_KEYS, err, len);
}

int em_rules_load_site(struct em_rules *r, const char *file, char *err, size_t len)
{
	return load(r, file, EM_RULE_SITE_MASK, err, len);
}
