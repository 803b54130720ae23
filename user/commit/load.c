// SPDX-License-Identifier: GPL-2.0
/* Commitments from their YAML file; every refusal names file, line, key and what is right. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/commitment.h"
#include "commit/near.h"

#define NAME_MAX_LEN 63
#define TEXT_MAX_LEN 4096
#define FILE_MAX_LEN (1 << 20)
#define COMMITMENTS_MAX 1000

/* struct loader - what a refusal needs to say where */
struct loader {
	const char *file;
	yaml_document_t doc;
	char *err;
	size_t len;
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

static const char *text_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
						      : NULL;
}

/* --- values ------------------------------------------------------------------------------ */

/* "20%", "12.5 %", "1/5" or "0.2", exactly. Return: 0 or -EINVAL. */
static int parse_fraction(const char *s, struct em_share *ret)
{
	em_ns num = 0, den = 1;
	int digits = 0;
	bool point = false;

	for (; *s && (*s == '.' || (*s >= '0' && *s <= '9')); s++) {
		if (*s == '.') {
			if (point)
				return -EINVAL;
			point = true;
			continue;
		}
		if (++digits > 12)
			return -EINVAL;
		num = num * 10 + (unsigned int)(*s - '0');
		den *= point ? 10 : 1;
	}
	if (!digits)
		return -EINVAL;
	if (*s == '/' && !point) {
		char *end;
		unsigned long q = strtoul(s + 1, &end, 10);

		if (s[1] < '1' || s[1] > '9' || *end || q > 1000000000)
			return -EINVAL;
		den = q;
	} else {
		while (*s == ' ')
			s++;
		if (*s == '%') {
			den *= 100;
			s++;
		}
		if (*s)
			return -EINVAL;
	}
	if (num > den)
		return -EINVAL;
	*ret = (struct em_share){ num, den };
	return 0;
}

typedef int (*setter)(struct loader *l, const yaml_node_t *node, const char *s,
		      struct em_commitment *c);

/* People's own words, of several lines if they like. */
static int set_string(struct loader *l, const yaml_node_t *node, const char *s, char **out)
{
	_cleanup_free_ char *flat = strdup(s);

	if (!flat)
		return -ENOMEM;
	for (char *p = flat; (p = strpbrk(p, "\n\t"));)
		*p = ' ';
	if (!em_text_label(flat, TEXT_MAX_LEN))
		return refuse(l, node, "at most %d bytes of printable text are expected here",
			      TEXT_MAX_LEN);
	free(*out);
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

static int set_name(struct loader *l, const yaml_node_t *node, const char *s,
		    struct em_commitment *c)
{
	if (!*s || !em_text_label(s, NAME_MAX_LEN))
		return refuse(l, node, "name: 1 to %d bytes of printable text", NAME_MAX_LEN);
	return set_string(l, node, s, &c->name);
}

static int set_text(struct loader *l, const yaml_node_t *node, const char *s,
		    struct em_commitment *c)
{
	return set_string(l, node, s, &c->text);
}

static int set_source(struct loader *l, const yaml_node_t *node, const char *s,
		      struct em_commitment *c)
{
	return set_string(l, node, s, &c->source);
}

static int set_by(struct loader *l, const yaml_node_t *node, const char *s, struct em_commitment *c)
{
	return set_string(l, node, s, &c->by);
}

static int set_kind(struct loader *l, const yaml_node_t *node, const char *s,
		    struct em_commitment *c)
{
	char safe[64];

	(void)c;
	if (!strcmp(s, "floor"))
		return 0;
	return refuse(l, node, "kind: \"%s\" cannot be judged by this version, \"floor\" can",
		      em_text_safe(safe, sizeof(safe), s));
}

static int set_purpose(struct loader *l, const yaml_node_t *node, const char *s,
		       struct em_commitment *c)
{
	int p = em_purpose_parse(s);

	if (p <= EARMARK_PURPOSE_UNTAGGED)
		return refuse(l, node,
			      "purpose: one of alignment, capabilities, mixed, serving, "
			      "infrastructure");
	c->purpose = (unsigned int)p;
	return 0;
}

static int set_share(struct loader *l, const yaml_node_t *node, const char *s,
		     struct em_commitment *c)
{
	if (parse_fraction(s, &c->share) || !c->share.num)
		return refuse(l, node, "share: more than 0 and at most 1, as 20%%, 1/5 or 0.2");
	return 0;
}

static int set_coverage(struct loader *l, const yaml_node_t *node, const char *s,
			struct em_commitment *c)
{
	if (parse_fraction(s, &c->min_coverage))
		return refuse(l, node, "min_coverage: from 0 to 1, as 95%%, 19/20 or 0.95");
	return 0;
}

static int set_window(struct loader *l, const yaml_node_t *node, const char *s,
		      struct em_commitment *c)
{
	if (strncmp(s, "rolling ", 8) || em_duration_parse(s + 8, &c->window) || c->window <= 0)
		return refuse(l, node, "window: \"rolling DURATION\", such as rolling 28d");
	return 0;
}

static int set_prove(struct loader *l, const yaml_node_t *node, const char *s,
		     struct em_commitment *c)
{
	if (em_duration_parse(s, &c->prove_within) || c->prove_within <= 0)
		return refuse(l, node, "prove_within: a duration, such as 28d");
	return 0;
}

static int set_declared(struct loader *l, const yaml_node_t *node, const char *s,
			struct em_commitment *c)
{
	/* a day of the calendar: what is counted from today would move with it */
	if (strspn(s, "0123456789") != 4 || em_time_parse(s, 0, &c->declared))
		return refuse(l, node, "declared: a date or RFC 3339 instant, such as 2026-07-05");
	return 0;
}

static int set_tagged_by(struct loader *l, const yaml_node_t *node, const char *s,
			 struct em_commitment *c)
{
	int by = em_tagged_by_parse(s);

	if (by <= EARMARK_TAGGED_BY_NOBODY)
		return refuse(l, node, "require_tagged_by: one of self, rule, scheduler, operator");
	c->require_tagged_by = (unsigned int)by;
	return 0;
}

/* The language: each key, once. */
static const struct {
	const char *key;
	setter set;
	bool required;
} keys[] = {
	{ "name", set_name, true },
	{ "kind", set_kind, true },
	{ "purpose", set_purpose, true },
	{ "share", set_share, true },
	{ "window", set_window, true },
	{ "text", set_text, false },
	{ "source", set_source, false },
	{ "declared", set_declared, false },
	{ "by", set_by, false },
	{ "require_tagged_by", set_tagged_by, false },
	{ "min_coverage", set_coverage, false },
	{ "prove_within", set_prove, false },
};

static const char *nearest_key(const char *name)
{
	const char *words[ARRAY_SIZE(keys) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		words[i] = keys[i].key;
	return em_near(words, name);
}

/* --- the document ------------------------------------------------------------------------ */

static int load_key(struct loader *l, yaml_node_pair_t *pair, struct em_commitment *c,
		    unsigned int *seen)
{
	const yaml_node_t *key = yaml_document_get_node(&l->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&l->doc, pair->value);
	const char *name = text_of(key), *s = text_of(value);
	char safe[64];

	for (size_t i = 0; name && i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].key, name))
			continue;
		if (*seen & (1u << i))
			return refuse(l, key, "%s: given twice", name);
		*seen |= 1u << i;
		if (!s)
			return refuse(l, value, "%s: a single value is expected", name);
		return keys[i].set(l, value, s, c);
	}
	return refuse(l, key, "%s: no such key; did you mean %s?",
		      em_text_safe(safe, sizeof(safe), name ?: "?"), nearest_key(name ?: ""));
}

static int load_commitment(struct loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	unsigned int seen = 0;
	int ret;

	if (node->type != YAML_MAPPING_NODE)
		return refuse(l, node, "a commitment is a mapping of keys to values");
	c->min_coverage.den = 1;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		ret = load_key(l, p, c, &seen);
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].required && !(seen & (1u << i)))
			return refuse(l, node, "this commitment has no \"%s\"", keys[i].key);
	}
	if (!c->prove_within)
		c->prove_within = c->window;
	return 0;
}

static int load_list(struct loader *l, const yaml_node_t *list, struct em_commitments *c)
{
	size_t n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	int ret;

	if (n > COMMITMENTS_MAX)
		return refuse(l, list, "at most %d commitments", COMMITMENTS_MAX);
	c->list = calloc(n ?: 1, sizeof(*c->list));
	if (!c->list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *node =
			yaml_document_get_node(&l->doc, list->data.sequence.items.start[i]);

		c->n = (unsigned int)i + 1; /* cleared if it fails */
		ret = load_commitment(l, node, &c->list[i]);
		if (ret)
			return ret;
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(c->list[j].name, c->list[i].name))
				return refuse(l, node, "name: another commitment has this name");
		}
	}
	return 0;
}

static int load_root(struct loader *l, struct em_commitments *c)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->doc), *key, *value;

	if (!root)
		return 0; /* an empty file promises nothing */
	if (root->type != YAML_MAPPING_NODE)
		return refuse(l, root, "expected \"commitments:\" and a list");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		key = yaml_document_get_node(&l->doc, p->key);
		value = yaml_document_get_node(&l->doc, p->value);
		if (!text_of(key) || strcmp(text_of(key), "commitments"))
			return refuse(l, key, "unknown key; expected \"commitments:\"");
		if (c->list)
			return refuse(l, key, "commitments: given twice");
		if (value->type == YAML_SCALAR_NODE && !*text_of(value))
			continue;
		if (value->type != YAML_SEQUENCE_NODE)
			return refuse(l, value, "commitments: expected a list");
		if (load_list(l, value, c))
			return -EINVAL;
	}
	return 0;
}

int em_commitments_load(struct em_commitments *c, const char *file, char *err, size_t len)
{
	struct loader l = { .file = file, .err = err, .len = len };
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	yaml_parser_t parser;
	int ret;

	memset(c, 0, sizeof(*c));
	if (!f) {
		ret = -errno;
		snprintf(err, len, "%s: %s", file, strerror(errno));
		return ret;
	}
	if (fseek(f, 0, SEEK_END) || ftell(f) > FILE_MAX_LEN || fseek(f, 0, SEEK_SET))
		return refuse(&l, NULL, "not a file of at most 1 MiB");
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, &l.doc)) {
		snprintf(err, len, "%s:%zu:%zu: %s", file, parser.problem_mark.line + 1,
			 parser.problem_mark.column + 1, parser.problem ?: "not YAML");
		yaml_parser_delete(&parser);
		return -EINVAL;
	}
	ret = load_root(&l, c);
	yaml_document_delete(&l.doc);
	yaml_parser_delete(&parser);
	if (ret)
		em_commitments_clear(c);
	return ret;
}

void em_commitments_clear(struct em_commitments *c)
{
	for (unsigned int i = 0; i < c->n; i++) {
		free(c->list[i].name);
		free(c->list[i].text);
		free(c->list[i].source);
		free(c->list[i].by);
	}
	free(c->list);
	memset(c, 0, sizeof(*c));
}
