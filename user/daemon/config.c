// SPDX-License-Identifier: GPL-2.0
/* The command line and the configuration file; see config.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cyaml/cyaml.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "daemon/config.h"
#include "ledger/witness.h"

#define PERIOD_MIN (100 * EM_NS_PER_MS)
#define PERIOD_MAX (3600 * EM_NS_PER_S)

/* --- the file, as text; what it means is decided below ----------------------------------- */

struct file_gpu {
	char *name, *model, *uuid, *weight;
};

struct file_receiver {
	char *url, *secret;
};

struct file_alert {
	char *hold, *keep_firing, *command;
	struct file_receiver *webhook, *alertmanager;
};

struct file {
	char *ledger, *socket, *commitments, *rules, *recorder, *period, *keep, *entry, *origin,
		*key, *metrics, *sample, *told_drivers, *nvml, *pods;
	struct file_alert *alert;
	struct file_gpu *gpus;
	unsigned int gpus_count;
	char **witnesses;
	unsigned int witnesses_count;
	char *witness_every;
};

#define TEXT(key, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, 4096)

static const cyaml_schema_field_t gpu_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct file_gpu, name, 1, 63),
	TEXT("model", struct file_gpu, model),
	TEXT("uuid", struct file_gpu, uuid),
	TEXT("weight", struct file_gpu, weight),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t gpu_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_gpu, gpu_fields),
};

#define RECEIVER(key, member, fields)                                               \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL, \
				struct file_alert, member, fields)

static const cyaml_schema_field_t webhook_fields[] = {
	TEXT("url", struct file_receiver, url),
	TEXT("secret_file", struct file_receiver, secret),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t alertmanager_fields[] = {
	TEXT("url", struct file_receiver, url),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t alert_fields[] = {
	TEXT("for", struct file_alert, hold),
	TEXT("keep_firing_for", struct file_alert, keep_firing),
	TEXT("command", struct file_alert, command),
	RECEIVER("webhook", webhook, webhook_fields),
	RECEIVER("alertmanager", alertmanager, alertmanager_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t witness_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};

static const cyaml_schema_field_t fields[] = {
	TEXT("ledger", struct file, ledger),
	TEXT("socket", struct file, socket),
	TEXT("commitments", struct file, commitments),
	TEXT("rules", struct file, rules),
	TEXT("pods", struct file, pods),
	TEXT("recorder", struct file, recorder),
	TEXT("period", struct file, period),
	TEXT("keep", struct file, keep),
	TEXT("entry", struct file, entry),
	TEXT("origin", struct file, origin),
	TEXT("key", struct file, key),
	TEXT("metrics", struct file, metrics),
	TEXT("sample", struct file, sample),
	TEXT("told_drivers", struct file, told_drivers),
	TEXT("nvml", struct file, nvml),
	CYAML_FIELD_MAPPING_PTR("alert", CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL, struct file,
				alert, alert_fields),
	CYAML_FIELD_SEQUENCE("gpus", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, gpus,
			     &gpu_value, 0, 1024),
	CYAML_FIELD_SEQUENCE("witnesses", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file,
			     witnesses, &witness_value, 0, 16),
	TEXT("witness_every", struct file, witness_every),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, fields),
};

/* struct complaint - what libcyaml says, put together to one sentence */
struct complaint {
	char text[384];
};

static void on_cyaml_log(cyaml_log_t level, void *arg, const char *format, va_list args)
{
	struct complaint *c = arg;
	size_t at = strlen(c->text);
	char line[256];

	(void)level;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "Load: ", 6))
		memmove(line, line + 6, strlen(line + 6) + 1);
	if (strcmp(line, "Backtrace:"))
		snprintf(c->text + at, sizeof(c->text) - at, "%s%s", at ? ", " : "",
			 line + strspn(line, " "));
}

static cyaml_config_t cyaml_config(struct complaint *complaint)
{
	return (cyaml_config_t){ .log_fn = on_cyaml_log,
				 .log_ctx = complaint,
				 .mem_fn = cyaml_mem,
				 .log_level = CYAML_LOG_ERROR };
}

/* A file that is not there is as good as an empty one, unless it was asked for. */
static int file_load(struct file **file, const char *path, bool asked, char *err, size_t len)
{
	struct complaint complaint = { "" };
	cyaml_config_t config = cyaml_config(&complaint);
	cyaml_err_t r;

	if (access(path, R_OK)) {
		if (errno == ENOENT && !asked)
			return 0;
		snprintf(err, len, "%s cannot be read: %s", path, strerror(errno));
		return -errno;
	}
	r = cyaml_load_file(path, &config, &schema, (cyaml_data_t **)file, NULL);
	if (r == CYAML_OK)
		return 0;
	snprintf(err, len, "%s: %s", path, *complaint.text ? complaint.text : cyaml_strerror(r));
	return -EINVAL;
}

/* --- what both say ------------------------------------------------------------------------ */

const char *const em_recorder_choices[] = { "auto", "kernel", "daemon" };

static int set_text(char **to, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static int set_duration(int64_t *to, const char *key, const char *value, int64_t min, int64_t max,
			char *err, size_t len)
{
	char lo[EM_DURATION_LEN], hi[EM_DURATION_LEN];
	int64_t ns;

	if (em_duration_parse(value, &ns) || ns < min || ns > max) {
		snprintf(err, len, "%s: \"%s\" is no duration between %s and %s", key, value,
			 em_duration_format(lo, min), em_duration_format(hi, max));
		return -EINVAL;
	}
	*to = ns;
	return 0;
}

static int set_number(uint64_t *to, const char *key, const char *value, uint64_t max, char *err,
		      size_t len)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || errno || *end || n > max) {
		snprintf(err, len, "%s: \"%s\" is no number up to %llu", key, value,
			 (unsigned long long)max);
		return -EINVAL;
	}
	*to = n;
	return 0;
}

/* One setting by its key, which the file and the command line share. */
static int set(struct em_config *c, const char *key, const char *value, char *err, size_t len)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{ "ledger", &c->ledger },   { "socket", &c->socket },
		{ "rules", &c->rules },     { "commitments", &c->commitments },
		{ "pin-dir", &c->pin_dir }, { "origin", &c->origin },
		{ "key", &c->key },         { "told_drivers", &c->told_drivers },
		{ "pods", &c->pods },
	};

	if (!value)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(texts[i].key, key))
			return set_text(texts[i].to, value);
	}
	if (!strcmp(key, "metrics"))
		return *value ? set_text(&c->metrics, value) : 0;
	if (!strcmp(key, "period"))
		return set_duration(&c->period, key, value, PERIOD_MIN, PERIOD_MAX, err, len);
	if (!strcmp(key, "sample"))
		return set_duration(&c->sample, key, value, PERIOD_MIN, EM_SAMPLE_MAX, err, len);
	if (!strcmp(key, "entry"))
		return set_duration(&c->entry, key, value, 0, PERIOD_MAX, err, len);
	if (!strcmp(key, "keep"))
		return set_number(&c->keep, key, value, UINT64_MAX, err, len);
	for (unsigned int i = 0; i < ARRAY_SIZE(em_recorder_choices); i++) {
		if (!strcmp(value, em_recorder_choices[i])) {
			c->recorder = i;
			return 0;
		}
	}
	snprintf(err, len, "recorder: \"%s\" is not auto, kernel or daemon", value);
	return -EINVAL;
}

static int take_path(char **to, const char *key, const char *value, char *err, size_t len)
{
	if (!value || !*value)
		return 0;
	if (*value == '/')
		return set_text(to, value);
	snprintf(err, len, "%s: \"%s\" is not an absolute path", key, value);
	return -EINVAL;
}

/* "auto" is what happens where nothing is said. */
static int take_nvml(struct em_config *c, const char *value, char *err, size_t len)
{
	if (!value || !strcmp(value, "auto"))
		return 0;
	if (*value == '/' || !strcmp(value, "off"))
		return set_text(&c->nvml, value);
	snprintf(err, len,
		 "nvml: \"%s\" is not auto, off or the absolute path of libnvidia-ml.so.1", value);
	return -EINVAL;
}

static int take_url(char **to, const char *key, const char *value, char *err, size_t len)
{
	if (!value || !*value)
		return 0;
	if (!strncmp(value, "http://", 7) || !strncmp(value, "https://", 8))
		return set_text(to, value);
	snprintf(err, len, "%s: \"%s\" is no http:// or https:// URL", key, value);
	return -EINVAL;
}

static int take_receivers(struct em_alert_config *c, const struct file_alert *f, char *err,
			  size_t len)
{
	const struct file_receiver none = { 0 };
	const struct file_receiver *hook = f->webhook ?: &none, *am = f->alertmanager ?: &none;
	int r = take_path(&c->command, "alert.command", f->command, err, len);

	r = r ?: take_url(&c->webhook, "alert.webhook.url", hook->url, err, len);
	r = r ?: take_path(&c->webhook_secret, "alert.webhook.secret_file", hook->secret, err, len);
	return r ?: take_url(&c->alertmanager, "alert.alertmanager.url", am->url, err, len);
}

static int take_alert(struct em_config *c, const struct file_alert *f, char *err, size_t len)
{
	int r = 0;

	if (f->hold)
		r = set_duration(&c->alert.for_ns, "alert.for", f->hold, 0, INT64_MAX, err, len);
	if (!r && f->keep_firing)
		r = set_duration(&c->alert.keep_firing_ns, "alert.keep_firing_for", f->keep_firing,
				 0, INT64_MAX, err, len);
	return r ?: take_receivers(&c->alert, f, err, len);
}

static int take_gpu(struct em_config_gpu *gpu, const struct file_gpu *f, char *err, size_t len)
{
	uint64_t weight = 0;
	int r = set_text(&gpu->name, f->name);

	if (!r && f->model)
		r = set_text(&gpu->model, f->model);
	if (!r && f->uuid)
		r = set_text(&gpu->uuid, f->uuid);
	if (!r && f->weight)
		r = set_number(&weight, "gpus.weight", f->weight, UINT32_MAX, err, len);
	gpu->weight = (unsigned int)weight;
	return r;
}

static int take_witnesses(struct em_config *c, const struct file *f, char *err, size_t len)
{
	struct em_witness_ask ask;
	int r = 0;

	if (f->witness_every)
		r = set_duration(&c->witness_every, "witness_every", f->witness_every, EM_NS_PER_S,
				 PERIOD_MAX, err, len);
	if (r || !f->witnesses_count)
		return r;
	c->witnesses = calloc(f->witnesses_count, sizeof(*c->witnesses));
	if (!c->witnesses)
		return -ENOMEM;
	for (; !r && c->n_witnesses < f->witnesses_count; c->n_witnesses++) {
		const char *text = f->witnesses[c->n_witnesses];

		r = set_text(&c->witnesses[c->n_witnesses], text);
		if (!r && em_witness_parse(&ask, text)) {
			snprintf(err, len, "witnesses: \"%s\" is not KEY=http://ADDRESS", text);
			r = -EINVAL;
		}
	}
	return r;
}

static int take_file(struct em_config *c, const struct file *f, char *err, size_t len)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "ledger", f->ledger },     { "socket", f->socket },
		{ "period", f->period },     { "commitments", f->commitments },
		{ "recorder", f->recorder }, { "keep", f->keep },
		{ "entry", f->entry },       { "origin", f->origin },
		{ "key", f->key },           { "metrics", f->metrics },
		{ "rules", f->rules },       { "pods", f->pods },
		{ "sample", f->sample },     { "told_drivers", f->told_drivers },
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(texts); i++)
		r = set(c, texts[i].key, texts[i].value, err, len);
	if (!r)
		r = take_nvml(c, f->nvml, err, len);
	if (!r && f->alert)
		r = take_alert(c, f->alert, err, len);
	if (!r)
		r = take_witnesses(c, f, err, len);
	if (r || !f->gpus_count)
		return r;
	c->gpus = calloc(f->gpus_count, sizeof(*c->gpus));
	if (!c->gpus)
		return -ENOMEM;
	for (; !r && c->n_gpus < f->gpus_count; c->n_gpus++)
		r = take_gpu(&c->gpus[c->n_gpus], &f->gpus[c->n_gpus], err, len);
	return r;
}

static int read_file(struct em_config *c, bool asked, char *err, size_t len)
{
	struct complaint ignored = { "" };
	cyaml_config_t config = cyaml_config(&ignored);
	struct file *file = NULL;
	char why[512] = "out of memory";
	int r = file_load(&file, c->file, asked, err, len);

	if (r || !file)
		return r;
	r = take_file(c, file, why, sizeof(why));
	if (r)
		snprintf(err, len, "%s: %s", c->file, why);
	cyaml_free(&config, &schema, file, 0);
	return r;
}

/* --- the command line --------------------------------------------------------------------- */

static const struct {
	const char *name, *value, *help;
} options[] = {
	{ "config", "FILE", "configuration (default " EM_CONFIG_FILE ")" },
	{ "ledger", "DIR", "where the record is kept (default /var/lib/earmark)" },
	{ "socket", "PATH", "where the API is served (default " EM_API_SOCKET ")" },
	{ "commitments", "FILE", "what was promised (default /etc/earmark/commitments.yaml)" },
	{ "rules", "FILE", "the site's rules (default /etc/earmark/rules.yaml)" },
	{ "recorder", "WHO", "auto, kernel (the module) or daemon (BPF alone)" },
	{ "period", "TIME", "length of an interval, 100ms to 1h (default: the recorder's, 10s)" },
	{ "entry", "TIME",
	  "wall time that becomes one entry of the record (default: six periods)" },
	{ "pin-dir", "DIR", "where BPF objects are pinned (default /sys/fs/bpf/earmark)" },
	{ "version", NULL, "print the version" },
	{ "help", NULL, "print this" },
};

static void help(void)
{
	printf("usage: earmarkd [OPTION...]\n\nAccounts GPU time by research purpose and holds it "
	       "against commitments.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		printf("  --%s %-*s %s\n", options[i].name, (int)(18 - strlen(options[i].name)),
		       options[i].value ?: "", options[i].help);
}

/* Applies @key only, or all where it is NULL. Return: 1: --help or --version was answered. */
static int parse(struct em_config *c, int argc, char **argv, const char *key, bool *seen, char *err,
		 size_t len)
{
	struct option table[ARRAY_SIZE(options) + 1] = { 0 };
	int o, at, r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		table[i] = (struct option){ options[i].name,
					    options[i].value ? required_argument : no_argument,
					    NULL, 1 };
	optind = 0;
	opterr = 0;
	while (!r && (o = getopt_long(argc, argv, ":", table, &at)) != -1) {
		if (o != 1) {
			snprintf(err, len, "%s: %s; --help lists the options", argv[optind - 1],
				 o == ':' ? "needs a value" : "no such option");
			return -EINVAL;
		}
		if (!strcmp(options[at].name, "help")) {
			help();
			return 1;
		}
		if (!strcmp(options[at].name, "version")) {
			printf("earmarkd %s\n", EARMARK_RELEASE);
			return 1;
		}
		if (key && !strcmp(options[at].name, key)) {
			*seen = true;
			r = set_text(&c->file, optarg);
		} else if (!key && strcmp(options[at].name, "config")) {
			r = set(c, options[at].name, optarg, err, len);
		}
	}
	if (!r && optind < argc) {
		snprintf(err, len, "%s: takes no arguments; --help lists the options",
			 argv[optind]);
		return -EINVAL;
	}
	return r;
}

int em_config_load(struct em_config *ret, int argc, char **argv, char *err, size_t len)
{
	struct em_config c = { .alert = { .for_ns = 3600 * EM_NS_PER_S,
					  .keep_firing_ns = 6 * 3600 * EM_NS_PER_S },
			       .entry = EM_ENTRY_DEFAULT };
	bool asked = false;
	int r = set_text(&c.file, EM_CONFIG_FILE);

	snprintf(err, len, "out of memory");
	r = r ?: set_text(&c.pods, EM_PODS_URL) ?: set_text(&c.socket, EM_API_SOCKET);
	r = r ?: set_text(&c.ledger, "/var/lib/earmark");
	r = r ?: set_text(&c.commitments, "/etc/earmark/commitments.yaml");
	r = r ?: set_text(&c.rules, "/etc/earmark/rules.yaml");
	r = r ?: parse(&c, argc, argv, "config", &asked, err, len);
	r = r ?: read_file(&c, asked, err, len);
	r = r ?: parse(&c, argc, argv, NULL, NULL, err, len);
	if (!r && asprintf(&c.alert.spool, "%s/spool", c.ledger) < 0) {
		c.alert.spool = NULL;
		r = -ENOMEM;
	}
	if (r) {
		em_config_clear(&c);
		return r;
	}
	*ret = c;
	return 0;
}
