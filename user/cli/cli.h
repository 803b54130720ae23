/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CLI's frame: objects, verbs and options as tables, from which the parser, --help and the
 * completion are made; and one way to show rows, as a table for people or as JSON.
 *
 * Exit status: 0 fine; 1 the thing asked about is not so; 2 the question could not be answered.
 */
#ifndef EM_CLI_H
#define EM_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "ledger/ledger.h"

enum { EM_FINE, EM_NOT_SO, EM_NO_ANSWER };

#define EM_LEDGER_DIR "/var/lib/earmark"
#define EM_OPTIONS_MAX 16
#define EM_GIVEN_MAX 32
#define EM_LEDGERS_MAX 256

/**
 * struct em_option - "--name ARG"
 * @arg: what stands for its argument in help; NULL = it takes none
 * @values: words that complete it, separated by spaces, or NULL
 */
struct em_option {
	const char *name, *arg, *help, *values;
};

struct em_args;

/**
 * struct em_verb - what can be done with an object
 * @operands: as in help, "" = none
 * @least, @most: how many operands
 * @command: the rest of the line is a command (run)
 * @options: ended by a NULL name
 */
struct em_verb {
	const char *name, *operands, *help;
	int least, most;
	bool command;
	int (*run)(struct em_args *a);
	const struct em_option *options;
};

/* struct em_object - @verbs ended by a NULL name; the first is the default where it is "" */
struct em_object {
	const char *name, *help;
	const struct em_verb *verbs;
};

/**
 * struct em_args - a parsed line
 * @ledger_given, @socket_given: said on the line, not a default
 */
struct em_args {
	bool json, ledger_given, socket_given;
	const char *ledger, *socket;
	const char *ledgers[EM_LEDGERS_MAX]; /* each --ledger; @ledger is the first */
	unsigned int n_ledgers;
	const struct em_object *object;
	const struct em_verb *verb;
	const char *values[EM_OPTIONS_MAX];
	struct em_given {
		const char *name, *value;
	} given[EM_GIVEN_MAX]; /* every option of the verb, in order */
	int n_given;
	int argc;
	char **argv;
};

extern const struct em_object em_run, em_tag, em_job, em_gpu, em_report_object,
	em_commitment_object, em_alert_object, em_sensor_object, em_ledger_object, em_replay_object,
	em_doctor, em_completion, em_event_object, em_order_object, em_request_object, em_approve,
	em_audit_object, em_probe_object, em_rule_object, em_module_object;

/* The @n-th argument of an option that may be given more than once, from 0; NULL: no more. */
const char *em_opt_nth(const struct em_args *a, const char *name, int n);

int em_cli_main(int argc, char **argv);

/* Return: the option's argument, "" if it takes none and was given, or NULL. */
const char *em_opt(const struct em_args *a, const char *name);

/* Says why on standard error, and as {"error": …} with --json. Return: EM_NO_ANSWER. */
int em_fail(const struct em_args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

int em_status_show(struct em_args *a); /* bare earmark */
int em_job_show(struct em_args *a);

/* Of rows with a "path", keeps those of one cgroup, however it was written. */
void em_keep_path(json_t *rows, const char *given);

int em_completion_bash(struct em_args *a);
void em_help(const struct em_object *object);

/* --- showing ----------------------------------------------------------------------------- */

enum em_kind {
	EM_TEXT,     /* a string, shown safely; numbers as they are; arrays joined by commas */
	EM_DURATION, /* microseconds */
	EM_TIME,     /* RFC 3339, shown to the second */
	EM_SHARE,    /* {num, den} as a percentage */
	EM_STATE,    /* a string, coloured by how good it is */
};

struct em_column {
	const char *key, *title;
	enum em_kind kind;
};

/* Rows as a table on standard output; nothing but @none if there are none. The JSON of the rows
 * is the truth, which the columns describe for people. */
void em_table(const struct em_column *columns, size_t n, json_t *rows, const char *none);

/* One field as people read it; into @out. */
const char *em_show(char *out, size_t len, const json_t *value, enum em_kind kind);

/* The whole answer: JSON with --json, else nothing. Takes @o over. Return: @status. */
int em_json_out(json_t *o, int status);

bool em_colour(void); /* standard output is a terminal, and nobody asked for none */

/* --- asking ------------------------------------------------------------------------------ */

/* NULL if it cannot be opened; it has been said why. */
struct em_ledger *em_open_ledger(struct em_args *a);

/* The daemon's answer, or NULL with @err set. */
json_t *em_ask(struct em_args *a, const char *method, const char *path, json_t *body, char *err,
	       size_t len);

/* A window from --since, --until, --window; all there is without them. 0 or EM_NO_ANSWER. */
int em_window(struct em_args *a, int64_t *since, int64_t *until);

/*
 * Judges, as of @at, every commitment that is known of: --file, the daemon's, or the default
 * file. @status: EM_NOT_SO if one is breached, infeasible or too long unproven.
 */
int em_judge_all(struct em_args *a, struct em_ledger *l, int64_t at, json_t **verdicts,
		 int *status);
/* … with where each is heading, what would settle it, and the table of it seen every way. */
int em_judge_fully(struct em_args *a, struct em_ledger *l, int64_t at, json_t **verdicts,
		   int *status);

struct em_commitments;

/* Those that em_judge_all() judges; none is fine. 0 or EM_NO_ANSWER, and it has been said why. */
int em_commitments_known(struct em_args *a, struct em_ledger *l, struct em_commitments *c);

/* Alerts as people read them; not @all: only what is, or was, of note. */
void em_alert_table(json_t *alerts, bool all, const char *none);

/* A verdict in words: what is missing, and what would settle it. */
void em_verdict_explain(const json_t *verdict);
extern const struct em_column em_verdict_columns[];
enum { EM_VERDICT_COLUMNS = 7 };

#endif
