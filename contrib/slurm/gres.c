// SPDX-License-Identifier: GPL-2.0
/* GPUs of gres.conf; see gres.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "gres.h"

#define FILE_LEN 256
#define GPUS_MAX 256

/* struct list - a list of names as Slurm writes them: "a,b[0-3,7]c"; @end: of its text */
struct list {
	const char *at, *end;
};

/* The value of @key in one line, which ends at @end. */
static bool value_of(const char *line, const char *end, const char *key, struct list *value)
{
	size_t len = strlen(key);

	for (const char *p = line; p + len < end; p++) {
		if ((p == line || isspace((unsigned char)p[-1])) && !strncasecmp(p, key, len) &&
		    p[len] == '=') {
			value->at = p + len + 1;
			value->end = value->at + strcspn(value->at, " \t\r\n#");
			return true;
		}
	}
	return false;
}

/* The next name with at most one pair of brackets; it lies in the text of the list. */
static bool next_name(struct list *l, struct list *name)
{
	bool inside = false;
	const char *p;

	for (p = l->at; p < l->end && (inside || *p != ','); p++)
		inside = *p == '[' || (inside && *p != ']');
	*name = (struct list){ l->at, p };
	l->at = p < l->end ? p + 1 : p;
	return name->at < name->end;
}

/* One range of "0-3,7", in the text of the list; @width: "01-10" keep their zeros. */
static bool next_range(struct list *l, unsigned long *low, unsigned long *high, int *width)
{
	char *after;

	if (l->at >= l->end || !isdigit((unsigned char)*l->at))
		return false;
	*low = *high = strtoul(l->at, &after, 10);
	*width = (int)(after - l->at);
	if (*after == '-' && isdigit((unsigned char)after[1]))
		*high = strtoul(after + 1, &after, 10);
	l->at = after + (*after == ',');
	return true;
}

/* The *number-th of what the brackets hold; else *number less how many that are. */
static bool nth_in_ranges(struct list ranges, unsigned long *number, unsigned long *value,
			  int *width)
{
	unsigned long low, high;

	while (next_range(&ranges, &low, &high, width) && high >= low) {
		if (*number <= high - low) {
			*value = low + *number;
			return true;
		}
		*number -= high - low + 1;
	}
	return false;
}

/* The *number-th name of those that @name stands for; else *number less how many there are. */
static bool expand(const struct list *name, unsigned long *number, char *out, size_t len)
{
	const char *open = memchr(name->at, '[', (size_t)(name->end - name->at));
	const char *close = open ? memchr(open, ']', (size_t)(name->end - open)) : NULL;
	unsigned long value;
	int width;

	if (!close) {
		snprintf(out, len, "%.*s", (int)(name->end - name->at), name->at);
		return !(*number)--;
	}
	if (!nth_in_ranges((struct list){ open + 1, close }, number, &value, &width))
		return false;
	snprintf(out, len, "%.*s%0*lu%.*s", (int)(open - name->at), name->at, width, value,
		 (int)(name->end - close - 1), close + 1);
	return true;
}

static bool names(struct list l, const char *word)
{
	struct list name;

	while (next_name(&l, &name)) {
		char one[FILE_LEN];

		for (unsigned long i = 0, n = 0; i < 65536; n = ++i) {
			if (!expand(&name, &n, one, sizeof(one)))
				break;
			if (!strcmp(one, word))
				return true;
		}
	}
	return false;
}

bool em_slurm_gres_file(const char *conf, const char *node, unsigned int number, char *out,
			size_t len)
{
	unsigned long left = number;

	for (const char *line = conf, *end; *line; line = *end ? end + 1 : end) {
		struct list kind, files, nodes, file;

		end = line + strcspn(line, "\n");
		if (line[strspn(line, " \t")] == '#' || !value_of(line, end, "Name", &kind) ||
		    !value_of(line, end, "File", &files) || !names(kind, "gpu") ||
		    (value_of(line, end, "NodeName", &nodes) && !names(nodes, node)))
			continue;
		while (next_name(&files, &file)) {
			if (expand(&file, &left, out, len))
				return true;
		}
	}
	return false;
}

static bool add_device(const char *file, char *out, size_t len)
{
	size_t n = strlen(out);
	struct stat st;

	if (stat(file, &st) || !S_ISCHR(st.st_mode))
		return false;
	snprintf(out + n, len - n, "%s%u:%u", n ? " " : "", major(st.st_rdev), minor(st.st_rdev));
	return true;
}

unsigned int em_slurm_gres_devices(const char *conf, const char *node, const char *list, char *out,
				   size_t len)
{
	struct list l = { list, list + strlen(list) };
	unsigned long low, high;
	unsigned int found = 0;
	int width;

	*out = '\0';
	while (next_range(&l, &low, &high, &width)) {
		for (; low <= high && low < GPUS_MAX && strlen(out) + 24 < len; low++) {
			char file[FILE_LEN];

			if (!em_slurm_gres_file(conf, node, (unsigned int)low, file, sizeof(file)))
				snprintf(file, sizeof(file), "/dev/nvidia%lu", low);
			found += add_device(file, out, len);
		}
	}
	return found;
}
