// SPDX-License-Identifier: GPL-2.0
/* Values of the language that are lists or mappings: scope, weights, definitions, approvers. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "commit/loader.h"
#include "commit/near.h"

#define GLOB_MAX_LEN 63
#define LIST_MAX 100
#define CASE_MAX_LEN 512

/* One scalar, or a list of them, joined by line ends into *out. */
static int join(struct em_loader *l, const yaml_node_t *node, const char *what, size_t most,
		char **out)
{
	bool list = node->type == YAML_SEQUENCE_NODE;
	long n = list ? node->data.sequence.items.top - node->data.sequence.items.start : 1;

	if (n < 1 || n > LIST_MAX || node->type == YAML_MAPPING_NODE)
		return em_loader_refuse(l, node, "%s: one, or a list of 1 to %d", what, LIST_MAX);
	for (long i = 0; i < n; i++) {
		const yaml_node_t *item =
			list ? yaml_document_get_node(&l->doc, node->data.sequence.items.start[i])
			     : node;
		const char *s = em_loader_text(item);
		char *more;

		if (!s || !*s || !em_text_label(s, most))
			return em_loader_refuse(l, item, "%s: 1 to %zu bytes of printable text",
						what, most);
		if (asprintf(&more, "%s%s%s", *out ?: "", *out ? "\n" : "", s) < 0)
			return -ENOMEM;
		free(*out);
		*out = more;
	}
	return 0;
}

typedef int (*pair_setter)(struct em_loader *l, const yaml_node_t *key, const yaml_node_t *value,
			   struct em_commitment *c);

/* Each pair of a mapping; the same key twice is refused. */
static int pairs(struct em_loader *l, const yaml_node_t *node, const char *what, pair_setter set,
		 struct em_commitment *c)
{
	_cleanup_json_ json_t *seen = json_object();
	int ret = 0;

	if (node->type != YAML_MAPPING_NODE)
		return em_loader_refuse(l, node, "%s: a mapping is expected", what);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     !ret && p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(&l->doc, p->key);
		const yaml_node_t *value = yaml_document_get_node(&l->doc, p->value);
		const char *name = em_loader_text(key);

		if (!name || !em_text_label(name, CASE_MAX_LEN))
			return em_loader_refuse(l, key, "%s: a plain key is expected", what);
		if (json_object_get(seen, name))
			return em_loader_refuse(l, key, "%s: \"%s\" is given twice", what, name);
		json_object_set_new(seen, name, json_true());
		ret = set(l, key, value, c);
	}
	return ret;
}

static int set_scope(struct em_loader *l, const yaml_node_t *key, const yaml_node_t *value,
		     struct em_commitment *c)
{
	static const char *const words[] = { "node", "cluster", "project", "user", NULL };
	const char *name = em_loader_text(key);

	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], name))
			return join(l, value, name, GLOB_MAX_LEN, &c->scope[i]);
	}
	return em_loader_refuse(l, key, "scope: \"%s\" is no key of it; did you mean %s?", name,
				em_near(words, name));
}

int em_loader_scope(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	return pairs(l, node, "scope", set_scope, c);
}

static int set_weight(struct em_loader *l, const yaml_node_t *key, const yaml_node_t *value,
		      struct em_commitment *c)
{
	const char *s = em_loader_text(value);
	unsigned int weight;

	if (!s || em_value_whole(s, EM_WEIGHT_MAX, &weight))
		return em_loader_refuse(l, value, "weights: a whole number from 1 to %d",
					EM_WEIGHT_MAX);
	return em_weights_add(&c->weights, em_loader_text(key), weight);
}

int em_loader_weights(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	const char *s = em_loader_text(node);
	int ret;

	if (s && !strcmp(s, "flops"))
		return em_weights_flops(&c->weights);
	if (s)
		return em_loader_refuse(l, node,
					"weights: \"flops\", or GPU models with a whole number");
	ret = pairs(l, node, "weights", set_weight, c);
	return ret || c->weights.n ? ret : em_loader_refuse(l, node, "weights: none is given");
}

/* --- definitions ------------------------------------------------------------------------- */

static bool hash_valid(const char *s)
{
	unsigned char bytes[32];

	return !strncmp(s, "sha256:", 7) && !em_unhex(bytes, sizeof(bytes), s + 7);
}

static int add_case(json_t *cases, struct em_loader *l, const yaml_node_t *key,
		    const yaml_node_t *value)
{
	const char *s = em_loader_text(key), *p = em_loader_text(value);

	if (!s || !*s || !em_text_label(s, CASE_MAX_LEN))
		return em_loader_refuse(l, key, "cases: 1 to %d bytes of printable text",
					CASE_MAX_LEN);
	if (!p || em_purpose_parse(p) <= EARMARK_PURPOSE_UNTAGGED)
		return em_loader_refuse(l, value,
					"cases: one of alignment, capabilities, mixed, serving, "
					"infrastructure");
	if (json_object_get(cases, s))
		return em_loader_refuse(l, key, "cases: this one is given twice");
	return json_object_set_new(cases, s, json_string(p)) ? -ENOMEM : 0;
}

static int read_cases(json_t *o, struct em_loader *l, const yaml_node_t *node)
{
	json_t *cases = json_object();
	int ret = 0;

	json_object_set_new(o, "cases", cases);
	if (node->type != YAML_MAPPING_NODE)
		return em_loader_refuse(l, node, "cases: what it is, and the purpose it counts as");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     !ret && p < node->data.mapping.pairs.top; p++)
		ret = add_case(cases, l, yaml_document_get_node(&l->doc, p->key),
			       yaml_document_get_node(&l->doc, p->value));
	return ret;
}

static int read_definition(json_t *o, struct em_loader *l, const yaml_node_t *key,
			   const yaml_node_t *value)
{
	static const char *const words[] = { "url", "hash", "cases", NULL };
	const char *name = em_loader_text(key) ?: "", *s = em_loader_text(value);
	char safe[64];

	if (json_object_get(o, name))
		return em_loader_refuse(l, key, "definitions: \"%s\" is given twice", name);
	if (!strcmp(name, "cases"))
		return read_cases(o, l, value);
	if (strcmp(name, "url") && strcmp(name, "hash"))
		return em_loader_refuse(
			l, key, "definitions: \"%s\" is no key of it; did you mean %s?",
			em_text_safe(safe, sizeof(safe), name), em_near(words, name));
	if (!s || !*s || !em_text_label(s, CASE_MAX_LEN) ||
	    (!strcmp(name, "hash") && !hash_valid(s)))
		return em_loader_refuse(l, value, "%s: %s", name,
					!strcmp(name, "hash") ? "sha256: and 64 hex digits"
							      : "an address");
	return json_object_set_new(o, name, json_string(s)) ? -ENOMEM : 0;
}

int em_loader_definitions(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	_cleanup_json_ json_t *o = json_object();
	int ret = 0;

	if (node->type != YAML_MAPPING_NODE)
		return em_loader_refuse(l, node, "definitions: url, hash and cases");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     !ret && p < node->data.mapping.pairs.top; p++)
		ret = read_definition(o, l, yaml_document_get_node(&l->doc, p->key),
				      yaml_document_get_node(&l->doc, p->value));
	if (ret)
		return ret;
	c->definitions = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	return c->definitions ? 0 : -ENOMEM;
}

int em_loader_approvers(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	_cleanup_free_ char *copy = NULL;
	unsigned char key[32];
	char *rest, *one;
	int ret = join(l, node, "approvers", 64, &c->approvers);

	if (ret)
		return ret;
	for (char *p = c->approvers; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	copy = strdup(c->approvers);
	for (rest = copy; rest && (one = strsep(&rest, "\n"));) {
		if (em_unhex(key, sizeof(key), one))
			return em_loader_refuse(l, node,
						"approvers: public keys of 64 hex digits each; "
						"earmark approve prints its own");
	}
	return copy ? 0 : -ENOMEM;
}
