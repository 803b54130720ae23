// SPDX-License-Identifier: GPL-2.0
/* What an executable is; see executable.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "daemon/executable.h"

#define CHUNK (256 * 1024)
#define MOUNTS_MAX (4L << 20)
#define HEADERS_MAX 64 /* of programs: more is no program of ours to read */
#define NOTES_MAX 8192
#define BUILD_ID_MAX 32

/* --- opening ------------------------------------------------------------------------------- */

/* The type of the file system of a device, in the process's own list of mounts. */
static bool on_fuse(unsigned int pid, unsigned int major, unsigned int minor)
{
	_cleanup_free_ char *text = NULL;
	char path[48], device[32], *state = NULL, *line;

	snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
	if (em_file_read(AT_FDCWD, path, MOUNTS_MAX, &text) < 0)
		return true; /* not known not to be */
	snprintf(device, sizeof(device), " %u:%u ", major, minor);
	for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		const char *type = strstr(line, " - ");
		const char *at = strstr(line, device);

		/* "ID PARENT MAJOR:MINOR ROOT …": paths cannot hold spaces */
		if (type && at && at < type && !strncmp(type + 3, "fuse", 4))
			return true;
	}
	return false;
}

int em_executable_open(unsigned int pid, char *why, size_t len)
{
	struct statx st;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	/* asks no server */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st)) {
		snprintf(why, len, "the executable of process %u cannot be seen: %s", pid,
			 strerror(errno));
		return -errno;
	}
	if (!S_ISREG(st.stx_mode) || on_fuse(pid, st.stx_dev_major, st.stx_dev_minor)) {
		snprintf(why, len,
			 "the executable of process %u may lie on a FUSE file system, "
			 "whose server could keep a reader waiting",
			 pid);
		return -EREMOTE;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		snprintf(why, len, "the executable of process %u cannot be read: %s", pid,
			 strerror(errno));
		return -errno;
	}
	return fd;
}

/* --- its build id -------------------------------------------------------------------------- */

/* In one segment of notes; how many bytes of @id. */
static size_t find_in_notes(const unsigned char *notes, size_t size, unsigned char *id)
{
	size_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= size) {
		Elf64_Nhdr n;
		size_t name = at + sizeof(n), desc;

		memcpy(&n, notes + at, sizeof(n));
		if (n.n_namesz > NOTES_MAX || n.n_descsz > NOTES_MAX)
			return 0;
		desc = name + ((n.n_namesz + 3UL) & ~3UL);
		at = desc + ((n.n_descsz + 3UL) & ~3UL);
		if (desc + n.n_descsz > size)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp(notes + name, "GNU", 4) && n.n_descsz && n.n_descsz <= BUILD_ID_MAX) {
			memcpy(id, notes + desc, n.n_descsz);
			return n.n_descsz;
		}
	}
	return 0;
}

/* Of 64 bit programs of this byte order, which is what runs here. */
static size_t build_id(int fd, unsigned char id[BUILD_ID_MAX])
{
	_cleanup_free_ unsigned char *notes = malloc(NOTES_MAX);
	Elf64_Phdr p[HEADERS_MAX];
	Elf64_Ehdr e;
	size_t n = 0;

	if (!notes || pread(fd, &e, sizeof(e), 0) != sizeof(e) ||
	    memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_phentsize != sizeof(*p) || !e.e_phnum || e.e_phnum > HEADERS_MAX)
		return 0;
	if (pread(fd, p, e.e_phnum * sizeof(*p), (off_t)e.e_phoff) !=
	    (ssize_t)(e.e_phnum * sizeof(*p)))
		return 0;
	for (int i = 0; !n && i < e.e_phnum; i++) {
		size_t size = p[i].p_filesz < NOTES_MAX ? p[i].p_filesz : NOTES_MAX;
		ssize_t got;

		if (p[i].p_type != PT_NOTE)
			continue;
		got = pread(fd, notes, size, (off_t)p[i].p_offset);
		n = got > 0 ? find_in_notes(notes, (size_t)got, id) : 0;
	}
	return n;
}

static void name_large(int fd, const struct stat *st, char id[EM_EXECUTABLE_LEN])
{
	unsigned char bytes[BUILD_ID_MAX];
	size_t n = build_id(fd, bytes);

	if (n) {
		strcpy(id, "build-id:");
		em_hex(id + strlen(id), bytes, n);
		return;
	}
	snprintf(id, EM_EXECUTABLE_LEN, "size-inode:%lld-%llx-%llu", (long long)st->st_size,
		 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
}

/* --- its hash ------------------------------------------------------------------------------ */

static int hash(int fd, const atomic_bool *stop, char id[EM_EXECUTABLE_LEN])
{
	_cleanup_free_ unsigned char *chunk = malloc(CHUNK);
	unsigned char sum[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	off_t at = 0;
	ssize_t got;

	if (!chunk)
		return -ENOMEM;
	crypto_hash_sha256_init(&state);
	do {
		got = pread(fd, chunk, CHUNK, at);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (atomic_load(stop))
			return -EINTR;
		if (got > 0)
			crypto_hash_sha256_update(&state, chunk, (unsigned long long)got);
		at += got > 0 ? got : 0;
		/* it grows as it is read: the bound holds all the same */
	} while (got && at <= EM_EXECUTABLE_LARGEST);
	crypto_hash_sha256_final(&state, sum);
	strcpy(id, "sha256:");
	em_hex(id + strlen(id), sum, sizeof(sum));
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* mtime can be set back by whoever owns it; ctime cannot. */
static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

static const char *find(const struct em_executables *k, const struct stat *st)
{
	for (unsigned int i = 0; i < EM_EXECUTABLES_KNOWN; i++) {
		if (k->known[i].id[0] && same(&k->known[i].st, st))
			return k->known[i].id;
	}
	return NULL;
}

static void keep(struct em_executables *k, const struct stat *st, const char *id)
{
	struct em_executable_known *slot = &k->known[k->next++ % EM_EXECUTABLES_KNOWN];

	slot->st = *st;
	strcpy(slot->id, id);
}

int em_executable_identify(struct em_executables *known, int fd, off_t largest,
			   const atomic_bool *stop, char id[EM_EXECUTABLE_LEN], char *why,
			   size_t len)
{
	struct stat st, after;
	const char *before;
	int r = fstat(fd, &st) ? -errno : 0;

	before = r ? NULL : find(known, &st);
	if (before) {
		strcpy(id, before);
		return 0;
	}
	if (!r && st.st_size > largest) {
		name_large(fd, &st, id);
	} else if (!r) {
		known->read++;
		r = hash(fd, stop, id);
	}
	if (!r && (fstat(fd, &after) || !same(&st, &after)))
		r = -ESTALE;
	if (r)
		snprintf(why, len, "the executable %s",
			 r == -ESTALE ? "changed while it was read" : strerror(-r));
	else
		keep(known, &st, id);
	return r;
}
