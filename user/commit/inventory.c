// SPDX-License-Identifier: GPL-2.0
/* The inventory of a cluster; see inventory.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cyaml/cyaml.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/inventory.h"
#include "commit/loader.h"
#include "ledger/signature.h"

#define NODES_MAX 100000
#define GPUS_MAX 1024
#define TEXT_MAX 255

struct gpu {
	char *name, *model, *since, *until;
};

struct node {
	char *origin, *key;
	struct gpu *gpus;
	unsigned int gpus_count;
};

struct file {
	struct node *nodes;
	unsigned int nodes_count;
};

#define TEXT(type, name, flags) \
	CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | (flags), struct type, name, 1, TEXT_MAX)

static const cyaml_schema_field_t gpu_fields[] = {
	TEXT(gpu, name, 0),  TEXT(gpu, model, 0),
	TEXT(gpu, since, 0), TEXT(gpu, until, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t gpu_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct gpu, gpu_fields),
};

static const cyaml_schema_field_t node_fields[] = {
	TEXT(node, origin, 0),
	TEXT(node, key, 0),
	CYAML_FIELD_SEQUENCE("gpus", CYAML_FLAG_POINTER, struct node, gpus, &gpu_value, 1,
			     GPUS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t node_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct node, node_fields),
};

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_SEQUENCE("nodes", CYAML_FLAG_POINTER, struct file, nodes, &node_value, 1,
			     NODES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, fields),
};

/* The first thing that it complains of, and where. */
static void complain(cyaml_log_t level, void *arg, const char *format, va_list args)
{
	char *said = arg;
	size_t n = strlen(said);

	(void)level;
	vsnprintf(said + n, 256 - n, format, args);
	said[strcspn(said, "\n")] = '\0';
}

/* --- what it says -------------------------------------------------------------------------- */

static bool label(const char *s)
{
	return s && *s && em_text_label(s, TEXT_MAX);
}

static const char *string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static const char *gpu_problem(const json_t *gpu)
{
	const char *until = string(gpu, "until"), *since = string(gpu, "since");
	int64_t from, to;

	if (!label(string(gpu, "name")) || !label(string(gpu, "model")))
		return "a \"name\" and a \"model\" of each GPU";
	if (!since || em_value_date(since, &from))
		return "\"since\" when each GPU was there: a day or an RFC 3339 instant";
	if (json_object_get(gpu, "until") && (!until || em_value_date(until, &to) || to <= from))
		return "\"until\" after \"since\": a day or an RFC 3339 instant";
	return NULL;
}

static const char *node_problem(const json_t *node)
{
	const json_t *gpus = json_object_get(node, "gpus"), *gpu;
	const char *origin = string(node, "origin"), *key = string(node, "key"), *why = NULL;
	struct em_key k;
	size_t i;

	if (!label(origin))
		return "an \"origin\" of each node: ORG/CLUSTER/NODE, as its log says";
	if (!key || em_key_parse(&k, key) || k.private || strcmp(k.name, origin))
		return "a \"key\" of each node, of that origin: earmark ledger key shows it";
	if (!json_array_size(gpus))
		return "\"gpus\" of each node";
	json_array_foreach((json_t *)gpus, i, gpu) {
		why = why ?: gpu_problem(gpu);
	}
	return why;
}

const char *em_inventory_problem(const json_t *nodes)
{
	const char *why = NULL;
	const json_t *node;
	size_t i;

	if (!json_array_size(nodes))
		return "a list of nodes";
	json_array_foreach((json_t *)nodes, i, node) {
		why = why ?: node_problem(node);
	}
	return why;
}

/* --- the file ------------------------------------------------------------------------------ */

/* An instant that stays where it is, however it was written; as it stands where it is none. */
static json_t *instant(const char *s)
{
	char text[EM_TIME_LEN];
	int64_t ns;

	return em_value_date(s, &ns) ? json_string(s) : json_string(em_time_format(text, ns, 0));
}

static json_t *gpu_json(const struct gpu *g)
{
	json_t *o = json_pack("{s:s,s:s,s:o}", "name", g->name, "model", g->model, "since",
			      instant(g->since));

	if (o && g->until)
		json_object_set_new(o, "until", instant(g->until));
	return o;
}

static json_t *node_json(const struct node *n)
{
	json_t *gpus = json_array();

	for (unsigned int i = 0; i < n->gpus_count; i++)
		json_array_append_new(gpus, gpu_json(&n->gpus[i]));
	return json_pack("{s:s,s:s,s:o}", "origin", n->origin, "key", n->key, "gpus", gpus);
}

/* A GPU that stands there twice could have two times: which is meant? */
static bool twice(const struct file *f, char *err, size_t len, const char *file)
{
	json_t *seen = json_object();
	bool found = false;

	for (unsigned int i = 0; i < f->nodes_count && !found; i++) {
		found = json_object_get(seen, f->nodes[i].origin);
		json_object_set_new(seen, f->nodes[i].origin, json_true());
		if (found)
			snprintf(err, len, "%s: node %s is in it twice", file, f->nodes[i].origin);
	}
	json_decref(seen);
	return found;
}

static int take(json_t **nodes, const struct file *f, const char *file, char *err, size_t len)
{
	const char *why;

	*nodes = json_array();
	for (unsigned int i = 0; i < f->nodes_count; i++)
		json_array_append_new(*nodes, node_json(&f->nodes[i]));
	why = em_inventory_problem(*nodes);
	if (!why && !twice(f, err, len, file))
		return 0;
	if (why)
		snprintf(err, len, "%s: expected: %s", file, why);
	json_decref(*nodes);
	*nodes = NULL;
	return -EINVAL;
}

int em_inventory_load(json_t **nodes, const char *file, char *err, size_t len)
{
	char said[256] = "", safe[256];
	cyaml_config_t config = { .log_fn = complain,
				  .log_ctx = said,
				  .mem_fn = cyaml_mem,
				  .log_level = CYAML_LOG_ERROR,
				  .flags = CYAML_CFG_NO_ALIAS };
	struct file *f = NULL;
	cyaml_err_t c;
	int r;

	*nodes = NULL;
	if (access(file, R_OK)) {
		snprintf(err, len, "%s cannot be read: %s", file, strerror(errno));
		return -errno;
	}
	c = cyaml_load_file(file, &config, &schema, (cyaml_data_t **)&f, NULL);
	if (c != CYAML_OK) {
		snprintf(err, len, "%s: %s", file,
			 *said ? em_text_safe(safe, sizeof(safe), said) : cyaml_strerror(c));
		return -EINVAL;
	}
	r = f ? take(nodes, f, file, err, len) : -EINVAL;
	if (!f)
		snprintf(err, len, "%s is empty: expected: a list of nodes", file);
	cyaml_free(&config, &schema, f, 0);
	return r;
}
