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

/* The value of @key in one line, which ends at @end; without it NULL. */
static const char *value_of(const char *line, const char *end, const char *key, size_t *n)
{
	size_t len = strlen(key);

	for (const char *p = line; p + len < end; p++) {
		if (p != line && !isspace((unsigned char)p[-1]))
			continue;
		if (strncasecmp(p, key, len) || p[len] != '=')
			continue;
		p += len + 1;
		*n = strcspn(p, " \t\r\n#");
		return p;
	}
	return NULL;
}

static bool number_at_end(const char *file, unsigned int number)
{
	size_t n = strlen(file);

	while (n && isdigit((unsigned char)file[n - 1]))
		n--;
	return file[n] && strtoul(file + n, NULL, 10) == number;
}

/* Is @number in "0-3,7"? @end: of the text */
static bool in_ranges(const char *s, const char *end, unsigned int number)
{
	while (s < end && isdigit((unsigned char)*s)) {
		char *after;
		unsigned long low = strtoul(s, &after, 10), high = low;

		if (*after == '-')
			high = strtoul(after + 1, &after, 10);
		if (low <= number && number <= high)
			return true;
		s = after + (*after == ',');
	}
	return false;
}

/* One name such as /dev/nvidia[0-3] or /dev/dri/renderD128, @n long. */
static bool expand(const char *name, size_t n, unsigned int number, char *out, size_t len)
{
	const char *open = memchr(name, '[', n), *close = memchr(name, ']', n);

	if (open && close && open < close) {
		snprintf(out, len, "%.*s%u%.*s", (int)(open - name), name, number,
			 (int)(name + n - close - 1), close + 1);
		return in_ranges(open + 1, close, number);
	}
	snprintf(out, len, "%.*s", (int)n, name);
	return number_at_end(out, number);
}

/* Names between commas, except for those inside brackets. */
static bool any_expands(const char *s, size_t n, unsigned int number, char *out, size_t len)
{
	size_t from = 0;
	int depth = 0;

	for (size_t i = 0; i <= n; i++) {
		depth += i < n && s[i] == '[';
		depth -= i < n && s[i] == ']';
		if (i < n && (s[i] != ',' || depth))
			continue;
		if (expand(s + from, i - from, number, out, len))
			return true;
		from = i + 1;
	}
	return false;
}

bool em_slurm_gres_file(const char *conf, unsigned int number, char *out, size_t len)
{
	for (const char *line = conf, *end; *line; line = *end ? end + 1 : end) {
		const char *name, *file;
		size_t n, m;

		end = line + strcspn(line, "\n");
		if (line[strspn(line, " \t")] == '#')
			continue;
		name = value_of(line, end, "Name", &n);
		file = value_of(line, end, "File", &m);
		if (name && file && n == 3 && !strncasecmp(name, "gpu", 3) &&
		    any_expands(file, m, number, out, len))
			return true;
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

unsigned int em_slurm_gres_devices(const char *conf, const char *list, char *out, size_t len)
{
	unsigned int found = 0;

	*out = '\0';
	for (unsigned int i = 0; i < GPUS_MAX && strlen(out) + 24 < len; i++) {
		char file[FILE_LEN];

		if (!in_ranges(list, list + strlen(list), i))
			continue;
		if (!em_slurm_gres_file(conf, i, file, sizeof(file)))
			snprintf(file, sizeof(file), "/dev/nvidia%u", i);
		found += add_device(file, out, len);
	}
	return found;
}
