// SPDX-License-Identifier: GPL-2.0
/* What a job is, apart from its tags; see profile.h. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <string.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/profile.h"
#include "kernel/process.h"

#define PIDS_MAX 256  /* of a job that are looked at */
#define FILES_MAX 512 /* of a process */
#define CMDLINE_MAX 4096
#define NAME_LEAST 8 /* of a hexadecimal name: shorter ones may be words */

/* --- templates ----------------------------------------------------------------------------- */

/* A UUID with - or _ between its parts; its length or 0. */
static size_t uuid(const char *s)
{
	static const unsigned char parts[] = { 8, 4, 4, 4, 12 };
	size_t at = 0;

	for (size_t p = 0; p < sizeof(parts); p++) {
		for (unsigned int i = 0; i < parts[p]; i++) {
			if (!isxdigit((unsigned char)s[at++]))
				return 0;
		}
		if (p + 1 < sizeof(parts) && s[at] != '-' && s[at] != '_')
			return 0;
		at += p + 1 < sizeof(parts);
	}
	return at;
}

/* A hexadecimal name that stands by itself; its length or 0. */
static size_t hex_name(const char *path, const char *s)
{
	size_t n = 0;
	bool digit = false;

	if (s > path && isalnum((unsigned char)s[-1]))
		return 0;
	for (; isxdigit((unsigned char)s[n]); n++)
		digit |= isdigit((unsigned char)s[n]) != 0;
	return n >= NAME_LEAST && digit && !isalnum((unsigned char)s[n]) ? n : 0;
}

static size_t digits(const char *s)
{
	size_t n = 0;

	while (isdigit((unsigned char)s[n]))
		n++;
	return n;
}

void em_profile_template(char out[EM_PROFILE_TEMPLATE], const char *path)
{
	size_t n = 0;

	for (const char *s = path; *s && n + 1 < EM_PROFILE_TEMPLATE;) {
		size_t skip = uuid(s) ?: hex_name(path, s) ?: digits(s);

		out[n++] = skip ? 'N' : *s;
		s += skip ?: 1;
	}
	out[n] = '\0';
}

static bool has_letter(const char *s)
{
	while (*s && !isalpha((unsigned char)*s))
		s++;
	return *s;
}

void em_profile_script(char out[EM_PROFILE_TEMPLATE], const char *cmdline, size_t size)
{
	const char *end = cmdline + size, *s = cmdline + strnlen(cmdline, size) + 1;

	*out = '\0';
	for (; s < end; s += strnlen(s, (size_t)(end - s)) + 1) {
		char word[CMDLINE_MAX];
		const char *name;

		snprintf(word, sizeof(word), "%.*s", (int)strnlen(s, (size_t)(end - s)), s);
		name = strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
		if (*word == '-' || !has_letter(name))
			continue;
		em_profile_template(out, name);
		return;
	}
}

/* --- hashes -------------------------------------------------------------------------------- */

static void add_text(crypto_hash_sha256_state *state, const char *text)
{
	crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text) + 1);
}

void em_profile_uid(char out[EM_PROFILE_UID], const char *salt, unsigned int uid)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	crypto_hash_sha256_init(&state);
	add_text(&state, salt);
	add_text(&state, number);
	crypto_hash_sha256_final(&state, sum);
	em_hex(out, sum, (EM_PROFILE_UID - 1) / 2);
}

void em_profile_fingerprint(char out[65], const char *executable, const char *script,
			    const char *template, const char *uid_hash)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	add_text(&state, executable);
	add_text(&state, script);
	add_text(&state, template);
	add_text(&state, uid_hash);
	crypto_hash_sha256_final(&state, sum);
	em_hex(out, sum, sizeof(sum));
}

/* --- looking ------------------------------------------------------------------------------- */

/* struct finder - one look under way; @out holds @n */
struct finder {
	const struct em_profile_look *look;
	const char *salt;
	struct em_executables *known;
	const atomic_bool *stop;
	struct em_job_profile *out;
	unsigned int n;
	char why[160];
};

/* A path of full length may be the tail of a longer one. */
static bool is_path(const char *whole, const char *path)
{
	size_t n = strlen(whole), tail = strlen(path);

	if (tail + 1 >= EARMARK_TEXT_LEN)
		return n >= tail && !strcmp(whole + n - tail, path);
	return !strcmp(whole, path);
}

/* Process ids are used again: is it still one of the job? */
static bool is_of_job(unsigned int pid, const char *path)
{
	char at[PATH_MAX];

	return !em_process_cgroup(NULL, pid, at, sizeof(at)) && is_path(at, path);
}

static void script_of(char out[EM_PROFILE_TEMPLATE], unsigned int pid)
{
	_cleanup_close_ int fd = -1;
	char file[32], text[CMDLINE_MAX];
	ssize_t n;

	*out = '\0';
	snprintf(file, sizeof(file), "/proc/%u/cmdline", pid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n > 0)
		em_profile_script(out, text, (size_t)n);
}

static struct em_job_profile *add(struct finder *f)
{
	struct em_job_profile *p = &f->out[f->n++];

	memset(p, 0, sizeof(*p));
	p->look = *f->look;
	p->at = em_time_now();
	em_profile_template(p->template, f->look->path);
	em_profile_uid(p->uid_hash, f->salt, f->look->uid);
	return p;
}

static void look_at(struct finder *f, unsigned int pid)
{
	char id[EM_EXECUTABLE_LEN], script[EM_PROFILE_TEMPLATE];
	_cleanup_close_ int fd = em_executable_open(pid, f->why, sizeof(f->why));
	char print[65], uid[EM_PROFILE_UID], template[EM_PROFILE_TEMPLATE];
	struct em_job_profile *p;

	if (fd < 0 || em_executable_identify(f->known, fd, EM_EXECUTABLE_LARGEST, f->stop, id,
					     f->why, sizeof(f->why)))
		return;
	script_of(script, pid);
	em_profile_template(template, f->look->path);
	em_profile_uid(uid, f->salt, f->look->uid);
	em_profile_fingerprint(print, id, script, template, uid);
	for (unsigned int i = 0; i < f->n; i++) {
		if (!strcmp(f->out[i].fingerprint, print))
			return;
	}
	p = add(f);
	strcpy(p->executable, id);
	strcpy(p->fingerprint, print);
}

static bool is_gpu_file(const char *target)
{
	return !strncmp(target, "/dev/dri/", 9) || !strncmp(target, "/dev/nvidia", 11) ||
	       !strcmp(target, "/dev/kfd");
}

/* By what its descriptors are called: a name is read, nothing is opened. */
static bool holds_gpu(unsigned int pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *e;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	for (int i = 0; dir && i < FILES_MAX && (e = readdir(dir)); i++) {
		char target[64];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		if (is_gpu_file(target))
			return true;
	}
	return false;
}

/* The processes of the job's cgroup, if its path is whole and still means the same. */
static FILE *open_processes(const struct finder *f, const char *mount)
{
	_cleanup_close_ int dir = -1;
	char path[512];
	struct stat st;
	int fd;

	if (!mount || *f->look->path != '/')
		return NULL;
	snprintf(path, sizeof(path), "%s%s", mount, f->look->path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) || st.st_ino != f->look->job)
		return NULL;
	fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

static void look_through(struct finder *f, const char *mount)
{
	_cleanup_fclose_ FILE *pids = open_processes(f, mount);
	unsigned int pid;

	for (int i = 0; pids && i < PIDS_MAX && fscanf(pids, "%u", &pid) == 1; i++) {
		if (f->n >= EM_PROFILES_EACH || atomic_load(f->stop))
			return;
		if (holds_gpu(pid))
			look_at(f, pid);
	}
}

unsigned int em_profile_make(struct em_job_profile out[EM_PROFILES_EACH],
			     const struct em_profile_look *look, const char *mount,
			     const char *salt, struct em_executables *known,
			     const atomic_bool *stop)
{
	struct finder f = { look, salt, known, stop, out, 0, "" };

	if (look->pid && is_of_job(look->pid, look->path))
		look_at(&f, look->pid);
	if (!f.n)
		look_through(&f, mount);
	if (!f.n && !atomic_load(stop))
		snprintf(add(&f)->why, sizeof(out->why), "%s",
			 *f.why ? f.why
				: "no process that uses a GPU was left when it was looked at");
	return f.n;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *em_profile_json(const struct em_job_profile *p)
{
	char at[EM_TIME_LEN], safe[4 * EM_PROFILE_TEMPLATE];
	json_t *o = json_pack("{s:s,s:I,s:o,s:o,s:s,s:s,s:s}", "boot_id", p->look.boot_id, "job",
			      (json_int_t)p->look.job, "fingerprint", text_or_null(p->fingerprint),
			      "executable", text_or_null(p->executable), "template",
			      em_text_safe(safe, sizeof(safe), p->template), "uid_hash",
			      p->uid_hash, "at", em_time_format(at, p->at, 6));

	if (o && *p->why)
		json_object_set_new(o, "reason", json_string(p->why));
	return o;
}
