// SPDX-License-Identifier: GPL-2.0
/* Parsing the line, help, and the table of objects; see cli.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"

static const struct em_object *const objects[] = {
	&em_run,           &em_tag,           &em_job,
	&em_gpu,           &em_report_object, &em_commitment_object,
	&em_event_object,  &em_order_object,  &em_request_object,
	&em_approve,       &em_audit_object,  &em_probe_object,
	&em_rule_object,   &em_alert_object,  &em_sensor_object,
	&em_module_object, &em_ledger_object, &em_replay_object,
	&em_doctor,        &em_completion,
};

int em_fail(const struct em_args *a, const char *format, ...)
{
	char text[1024], safe[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "earmark: %s\n", em_text_safe(safe, sizeof(safe), text));
	if (a && a->json)
		em_json_out(json_pack("{s:s}", "error", safe), 0);
	return EM_NO_ANSWER;
}

const char *em_opt(const struct em_args *a, const char *name)
{
	for (int i = 0; a->verb->options && a->verb->options[i].name; i++) {
		if (!strcmp(a->verb->options[i].name, name))
			return a->values[i];
	}
	return NULL;
}

const char *em_opt_nth(const struct em_args *a, const char *name, int n)
{
	for (int i = 0; i < a->n_given; i++) {
		if (!strcmp(a->given[i].name, name) && !n--)
			return a->given[i].value;
	}
	return NULL;
}

/* --- help -------------------------------------------------------------------------------- */

static void help_verb(const struct em_object *o, const struct em_verb *v)
{
	printf("  earmark %s%s%s%s%s%s\n      %s\n", o->name, *v->name ? " " : "", v->name,
	       v->options ? " [OPTION…]" : "", *v->operands ? " " : "", v->operands, v->help);
	for (int i = 0; v->options && v->options[i].name; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", v->options[i].name,
			 v->options[i].arg ? " " : "", v->options[i].arg ?: "");
		printf("      %-26s %s\n", left, v->options[i].help);
	}
}

void em_help(const struct em_object *object)
{
	if (object) {
		printf("earmark %s: %s\n\n", object->name, object->help);
		for (const struct em_verb *v = object->verbs; v->name; v++)
			help_verb(object, v);
		return;
	}
	puts("usage: earmark [-j|--json] [--ledger DIR] [--socket PATH] OBJECT VERB …\n"
	     "       earmark                     the node at a glance\n\n"
	     "objects:");
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		printf("  %-12s %s\n", objects[i]->name, objects[i]->help);
	puts("\noptions:\n"
	     "  -j, --json       answer in JSON; errors too\n"
	     "  --ledger DIR     the ledger to read (" EM_LEDGER_DIR
	     "); may be repeated, and may be\n"
	     "                   a directory of ledgers: the nodes of a cluster\n"
	     "  --socket PATH    earmarkd's socket (" EM_API_SOCKET ")\n"
	     "  -h, --help       this, or an object's own help: earmark OBJECT --help\n"
	     "  -V, --version\n\n"
	     "exit status: 0 fine, 1 what was asked about is not so, 2 no answer");
}

/* --- completion -------------------------------------------------------------------------- */

static void complete_verb(const struct em_object *o, const struct em_verb *v)
{
	printf("\t'%s %s') words='", o->name, v->name);
	for (int i = 0; v->options && v->options[i].name; i++)
		printf("--%s ", v->options[i].name);
	printf("%s' ;;\n", !strcmp(v->operands, "PURPOSE")
				   ? "alignment capabilities mixed serving infrastructure"
				   : "");
}

static void complete_object(const struct em_object *o)
{
	printf("%s) words='--help", o->name);
	for (const struct em_verb *v = o->verbs; v->name; v++) {
		if (*v->name) {
			printf(" %s", v->name);
			continue;
		}
		for (int i = 0; v->options && v->options[i].name; i++)
			printf(" --%s", v->options[i].name);
	}
	puts("' ;;");
}

int em_completion_bash(struct em_args *a)
{
	(void)a;
	puts("# bash completion for earmark; made by: earmark completion bash\n"
	     "_earmark() {\n"
	     "local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= i=1\n"
	     "while [[ ${COMP_WORDS[i]} == -* ]]; do ((i++)); "
	     "[[ ${COMP_WORDS[i-1]} == --ledger || ${COMP_WORDS[i-1]} == --socket ]] && ((i++)); done\n"
	     "case $prev in");
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		for (const struct em_verb *v = objects[i]->verbs; v->name; v++) {
			for (int k = 0; v->options && v->options[k].name; k++) {
				if (v->options[k].values)
					printf("--%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n",
					       v->options[k].name, v->options[k].values);
			}
		}
	}
	printf("--ledger) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\nesac\n"
	       "if ((COMP_CWORD == i)); then words='--json --ledger --socket --help --version");
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		printf(" %s", objects[i]->name);
	puts("'\nelse case ${COMP_WORDS[i]} in");
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		complete_object(objects[i]);
	}
	puts("esac\ncase \"${COMP_WORDS[i]} ${COMP_WORDS[i+1]}\" in");
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		for (const struct em_verb *v = objects[i]->verbs; v->name; v++) {
			if (*v->name && v->options)
				complete_verb(objects[i], v);
		}
	}
	puts("esac\nfi\nCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	     "complete -o default -F _earmark earmark");
	return EM_FINE;
}

static const struct em_verb completion_verbs[] = {
	{ "bash", "", "prints the completion for bash", 0, 0, false, em_completion_bash, NULL },
	{},
};

const struct em_object em_completion = { "completion", "shell completion", completion_verbs };

/* --- the line ---------------------------------------------------------------------------- */

static const struct em_object *find_object(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (!strcmp(objects[i]->name, name))
			return objects[i];
	}
	return NULL;
}

/* "--name=VALUE" or "--name VALUE" of the verb. Return: words used, 0 if it is none of its. */
static int parse_option(struct em_args *a, char **argv, int argc)
{
	const char *word = argv[0] + 2, *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);

	for (int i = 0; a->verb->options && a->verb->options[i].name; i++) {
		const struct em_option *o = &a->verb->options[i];

		if (strlen(o->name) != len || strncmp(o->name, word, len))
			continue;
		if (!o->arg) {
			a->values[i] = "";
			return 1;
		}
		if (!equals && argc < 2)
			return 0;
		if (a->n_given == EM_GIVEN_MAX)
			return 0;
		a->values[i] = equals ? equals + 1 : argv[1];
		a->given[a->n_given++] = (struct em_given){ o->name, a->values[i] };
		return equals ? 1 : 2;
	}
	return 0;
}

/* Options of the program itself, before or after the object. Return: words used. */
static int parse_global(struct em_args *a, char **argv, int argc)
{
	if (!strcmp(argv[0], "-j") || !strcmp(argv[0], "--json")) {
		a->json = true;
		return 1;
	}
	if (!strcmp(argv[0], "--ledger") && argc > 1) {
		if (a->n_ledgers == EM_LEDGERS_MAX)
			return 0;
		a->ledgers[a->n_ledgers++] = argv[1];
		a->ledger = a->ledgers[0];
		a->ledger_given = true;
		return 2;
	}
	if (!strcmp(argv[0], "--socket") && argc > 1) {
		a->socket = argv[1];
		a->socket_given = true;
		return 2;
	}
	return 0;
}

static int parse_rest(struct em_args *a, int argc, char **argv)
{
	int n = 0, used;

	for (int i = 0; i < argc; i += used) {
		used = 1;
		if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				argv[n++] = argv[i];
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			argv[n++] = argv[i];
			if (a->verb->command) { /* the command's own options are its own */
				while (++i < argc)
					argv[n++] = argv[i];
				break;
			}
			continue;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			em_help(a->object);
			exit(0);
		}
		used = parse_option(a, argv + i, argc - i) ?: parse_global(a, argv + i, argc - i);
		if (!used)
			return em_fail(a,
				       "%s: unknown option or no argument; see earmark %s --help",
				       argv[i], a->object->name);
	}
	argv[n] = NULL; /* options went out of it: a command must not see what is left behind */
	a->argc = n;
	a->argv = argv;
	if (n < a->verb->least || (n > a->verb->most && !a->verb->command))
		return em_fail(a, "usage: earmark %s %s %s; see earmark %s --help", a->object->name,
			       a->verb->name, a->verb->operands, a->object->name);
	return 0;
}

static int parse_verb(struct em_args *a, int argc, char **argv)
{
	const struct em_verb *v = a->object->verbs;

	if (*v->name && argc && argv[0][0] != '-') {
		while (v->name && strcmp(v->name, argv[0]))
			v++;
		if (!v->name)
			return em_fail(a, "%s has no \"%s\"; see earmark %s --help",
				       a->object->name, argv[0], a->object->name);
		argc--;
		argv++;
	}
	a->verb = v;
	return parse_rest(a, argc, argv);
}

int em_cli_main(int argc, char **argv)
{
	struct em_args a = { .ledger = EM_LEDGER_DIR, .socket = EM_API_SOCKET };
	int i = 1, used, ret;

	for (; i < argc && argv[i][0] == '-'; i += used) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			em_help(NULL);
			return EM_FINE;
		}
		if (!strcmp(argv[i], "--version") || !strcmp(argv[i], "-V")) {
			puts("earmark " EARMARK_RELEASE);
			return EM_FINE;
		}
		used = parse_global(&a, argv + i, argc - i);
		if (!used)
			return em_fail(&a, "%s: unknown option or no argument; see earmark --help",
				       argv[i]);
	}
	if (i == argc)
		return em_status_show(&a);
	if (!strcmp(argv[i], "help")) {
		em_help(i + 1 < argc ? find_object(argv[i + 1]) : NULL);
		return EM_FINE;
	}
	if (!strcmp(argv[i], "version")) {
		puts("earmark " EARMARK_RELEASE);
		return EM_FINE;
	}
	a.object = find_object(argv[i]);
	if (!a.object)
		return em_fail(&a, "\"%s\" is no object; see earmark --help", argv[i]);
	ret = parse_verb(&a, argc - i - 1, argv + i + 1);
	return ret ? (a.object == &em_run ? 125 : ret) : a.verb->run(&a);
}
