// SPDX-License-Identifier: GPL-2.0
/* Commitments from their YAML; every refusal names file, line, key and what is right. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "commit/loader.h"

#define FILE_MAX_LEN (1 << 20)
#define COMMITMENTS_MAX 1000

static int refuse_at(struct em_loader *l, size_t line, size_t column, const char *what)
{
	snprintf(l->err, l->len, "%s:%zu:%zu: %s", l->file, line + 1, column + 1, what);
	return -EINVAL;
}

int em_loader_refuse(struct em_loader *l, const yaml_node_t *at, const char *format, ...)
{
	va_list args;
	int n = snprintf(l->err, l->len, "%s:%zu:%zu: ", l->file, at ? at->start_mark.line + 1 : 1,
			 at ? at->start_mark.column + 1 : 1);

	va_start(args, format);
	if (n >= 0 && (size_t)n < l->len)
		vsnprintf(l->err + n, l->len - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

const char *em_loader_text(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
						      : NULL;
}

static int load_commitment(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c)
{
	if (node->type != YAML_MAPPING_NODE)
		return em_loader_refuse(l, node, "a commitment is a mapping of keys to values");
	c->min_coverage.den = 1;
	c->line = (unsigned int)node->start_mark.line + 1;
	c->column = (unsigned int)node->start_mark.column + 1;
	return em_loader_keys(l, node, c);
}

static int load_list(struct em_loader *l, const yaml_node_t *list, struct em_commitments *c)
{
	size_t n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	int ret;

	if (n > COMMITMENTS_MAX)
		return em_loader_refuse(l, list, "at most %d commitments", COMMITMENTS_MAX);
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
				return em_loader_refuse(l, node,
							"name: another commitment has this name");
		}
	}
	return em_loader_sane(l, c);
}

static int load_root(struct em_loader *l, struct em_commitments *c)
{
	const yaml_node_t *root = yaml_document_get_root_node(&l->doc), *key, *value;
	int ret;

	if (!root)
		return 0; /* an empty file promises nothing */
	if (root->type != YAML_MAPPING_NODE)
		return em_loader_refuse(l, root, "expected \"commitments:\" and a list");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		key = yaml_document_get_node(&l->doc, p->key);
		value = yaml_document_get_node(&l->doc, p->value);
		if (!em_loader_text(key) || strcmp(em_loader_text(key), "commitments"))
			return em_loader_refuse(l, key, "unknown key; expected \"commitments:\"");
		if (c->list)
			return em_loader_refuse(l, key, "commitments: given twice");
		if (value->type == YAML_SCALAR_NODE && !*em_loader_text(value))
			continue;
		if (value->type != YAML_SEQUENCE_NODE)
			return em_loader_refuse(l, value, "commitments: expected a list");
		ret = load_list(l, value, c);
		if (ret)
			return ret;
	}
	return 0;
}

/* --- the text ---------------------------------------------------------------------------- */

static bool parser_open(yaml_parser_t *parser, const char *text)
{
	if (!yaml_parser_initialize(parser))
		return false;
	yaml_parser_set_input_string(parser, (const unsigned char *)text, strlen(text));
	return true;
}

static int refuse_parser(struct em_loader *l, const yaml_parser_t *parser)
{
	return refuse_at(l, parser->problem_mark.line, parser->problem_mark.column,
			 parser->problem ?: "not YAML");
}

/* An alias stands for any amount of text that is not there to be read: none is taken. */
static int refuse_aliases(struct em_loader *l, const char *text)
{
	static const char sentence[] = "anchors and aliases are not taken: write it out";
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_parser_t parser;
	yaml_event_t e;
	int ret = 0;

	if (!parser_open(&parser, text))
		return -ENOMEM;
	while (!ret && type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(&parser, &e)) {
			ret = refuse_parser(l, &parser);
			break;
		}
		type = e.type;
		if (type == YAML_ALIAS_EVENT ||
		    (type == YAML_SCALAR_EVENT && e.data.scalar.anchor) ||
		    (type == YAML_SEQUENCE_START_EVENT && e.data.sequence_start.anchor) ||
		    (type == YAML_MAPPING_START_EVENT && e.data.mapping_start.anchor))
			ret = refuse_at(l, e.start_mark.line, e.start_mark.column, sentence);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return ret;
}

int em_commitments_parse(struct em_commitments *c, const char *name, const char *text, char *err,
			 size_t len)
{
	struct em_loader l = { .file = name, .err = err, .len = len };
	yaml_parser_t parser;
	int ret;

	memset(c, 0, sizeof(*c));
	ret = refuse_aliases(&l, text);
	if (ret)
		return ret;
	if (!parser_open(&parser, text))
		return -ENOMEM;
	if (!yaml_parser_load(&parser, &l.doc)) {
		ret = refuse_parser(&l, &parser);
		yaml_parser_delete(&parser);
		return ret;
	}
	ret = load_root(&l, c);
	yaml_document_delete(&l.doc);
	yaml_parser_delete(&parser);
	if (ret)
		em_commitments_clear(c);
	return ret;
}

int em_commitments_load(struct em_commitments *c, const char *file, char *err, size_t len)
{
	_cleanup_free_ char *text = NULL;
	long n = em_file_read(AT_FDCWD, file, FILE_MAX_LEN, &text);

	memset(c, 0, sizeof(*c));
	if (n < 0) {
		snprintf(err, len, "%s: %s", file,
			 n == -EFBIG ? "not a file of at most 1 MiB" : strerror((int)-n));
		return (int)n;
	}
	if (strlen(text) != (size_t)n) {
		snprintf(err, len, "%s: holds a NUL byte; a text is expected", file);
		return -EINVAL;
	}
	return em_commitments_parse(c, file, text, err, len);
}

static void commitment_clear(struct em_commitment *c)
{
	free(c->name);
	free(c->text);
	free(c->source);
	free(c->by);
	for (int i = 0; i < EM_SCOPE_COUNT; i++)
		free(c->scope[i]);
	em_weights_clear(&c->weights);
	free(c->when);
	free(c->definitions);
	free(c->within_of);
	free(c->approvers);
}

void em_commitments_clear(struct em_commitments *c)
{
	for (unsigned int i = 0; i < c->n; i++)
		commitment_clear(&c->list[i]);
	free(c->list);
	memset(c, 0, sizeof(*c));
}
