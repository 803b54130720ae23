// SPDX-License-Identifier: GPL-2.0
/* What jobs run: templates, fingerprints, real executables, and the thread that looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/wait.h>

#include "../../user/daemon/executable.c"
#undef CHUNK
#include "../../user/daemon/profile.c"
#define find find_job
#include "../../user/daemon/profiler.c"
#undef find
#include "probe/notes.h"

static atomic_bool go_on;
static char why[160];

/* --- the pure part ------------------------------------------------------------------------- */

static void templates(void **state)
{
	static const struct {
		const char *path, *template;
	} table[] = {
		{ "/", "/" },
		{ "", "" },
		{ "/slurm/uid_1000/job_123/step_0", "/slurm/uid_N/job_N/step_N" },
		{ "/slurm/uid_1000/job_4/step_77", "/slurm/uid_N/job_N/step_N" },
		{ "/user.slice/earmark-7.scope", "/user.slice/earmark-N.scope" },
		{ "/system.slice/docker-4f1c0a9be1d24f1c0a9be1d2.scope",
		  "/system.slice/docker-N.scope" },
		{ "/kubepods/pod4f1c0a9b-e1d2-4f1c-aa9b-e1d24f1c0a9b/x", "/kubepods/podN/x" },
		{ "/pod4f1c0a9b_e1d2_4f1c_aa9b_e1d24f1c0a9b", "/podN" },
		{ "/deadbeef/facade", "/deadbeef/facade" }, /* words may be hexadecimal */
		{ "/node12345678", "/nodeN" },
		{ "/node1234567", "/nodeN" },
		{ "/4f1c0a9b-e1d2-4f1c", "/N-eNdN-NfNc" }, /* too short for a UUID */
	};
	char out[EM_PROFILE_TEMPLATE], long_path[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		em_profile_template(out, table[i].path);
		assert_string_equal(out, table[i].template);
	}
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	em_profile_template(out, long_path);
	assert_int_equal(strlen(out), EM_PROFILE_TEMPLATE - 1);
}

#define CMDLINE(text) text, sizeof(text)

static void scripts(void **state)
{
	static const struct {
		const char *cmdline;
		size_t size;
		const char *script;
	} table[] = {
		{ CMDLINE("python\0train.py\0--lr\0"
			  "3"),
		  "train.py" },
		{ CMDLINE("python\0-u\0/home/a/run12/train3.py"), "trainN.py" },
		{ CMDLINE("torchrun\0--nproc\0"
			  "8\0train.py"),
		  "train.py" },
		{ CMDLINE("./train"), "" },
		{ CMDLINE("./train\0-v\0--fast"), "" },
		{ CMDLINE(""), "" },
		{ "x", 1, "" },                /* not ended */
		{ "x\0train.py", 7, "train" }, /* cut */
	};
	char out[EM_PROFILE_TEMPLATE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		em_profile_script(out, table[i].cmdline, table[i].size);
		assert_string_equal(out, table[i].script);
	}
	em_profile_script(out, "", 0);
	assert_string_equal(out, "");
}

/* Each part counts, and none runs into the next. */
static void fingerprints(void **state)
{
	static const char *const parts[][4] = {
		{ "a", "b", "c", "d" }, { "x", "b", "c", "d" }, { "a", "x", "c", "d" },
		{ "a", "b", "x", "d" }, { "a", "b", "c", "x" }, { "ab", "", "c", "d" },
		{ "a", "bc", "", "d" }, { "", "", "", "" },
	};
	char print[ARRAY_SIZE(parts)][65], again[65], uid[EM_PROFILE_UID], other[EM_PROFILE_UID];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		em_profile_fingerprint(print[i], parts[i][0], parts[i][1], parts[i][2],
				       parts[i][3]);
		assert_int_equal(strlen(print[i]), 64);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(print[i], print[k]);
	}
	em_profile_fingerprint(again, "a", "b", "c", "d");
	assert_string_equal(again, print[0]);
	em_profile_uid(uid, "salt", 1000);
	em_profile_uid(other, "salt", 1001);
	assert_string_not_equal(uid, other);
	em_profile_uid(other, "salz", 1000);
	assert_string_not_equal(uid, other);
	em_profile_uid(other, "salt", 1000);
	assert_string_equal(uid, other);
	assert_int_equal(strlen(uid), EM_PROFILE_UID - 1);
}

/* --- real executables ---------------------------------------------------------------------- */

/* What another program prints: its first word. */
static void printed(char *out, size_t len, const char *command)
{
	FILE *f = popen(command, "r");

	assert_non_null(f);
	*out = '\0';
	if (fgets(out, (int)len, f))
		out[strcspn(out, " \n")] = '\0';
	assert_int_equal(pclose(f), 0);
}

static void identify(struct em_executables *known, const char *path, off_t largest, char *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(em_executable_identify(known, fd, largest, &go_on, id, why, sizeof(why)),
			 0);
	close(fd);
}

static void hashes(void **state)
{
	static struct em_executables known;
	char id[EM_EXECUTABLE_LEN], want[128] = "sha256:";
	char copy[] = "/tmp/earmark-exe.XXXXXX", command[128];
	int fd = mkstemp(copy);

	(void)state;
	printed(want + 7, sizeof(want) - 7, "sha256sum /bin/ls");
	identify(&known, "/bin/ls", EM_EXECUTABLE_LARGEST, id);
	assert_string_equal(id, want);
	assert_int_equal(known.read, 1);
	identify(&known, "/bin/ls", EM_EXECUTABLE_LARGEST, id);
	assert_string_equal(id, want);
	assert_int_equal(known.read, 1);
	snprintf(command, sizeof(command), "cat /bin/ls >%s", copy);
	assert_int_equal(system(command), 0);
	identify(&known, copy, EM_EXECUTABLE_LARGEST, id); /* another name, the same program */
	assert_string_equal(id, want);
	assert_int_equal(known.read, 2);
	assert_int_equal(write(fd, "#!", 2), 2); /* as long as before */
	identify(&known, copy, EM_EXECUTABLE_LARGEST, id);
	assert_string_not_equal(id, want);
	assert_int_equal(known.read, 3);
	close(fd);
	unlink(copy);
	/* more than are remembered */
	known.next = EM_EXECUTABLES_KNOWN;
	identify(&known, "/bin/cat", EM_EXECUTABLE_LARGEST, id);
	identify(&known, "/bin/ls", EM_EXECUTABLE_LARGEST, id);
	assert_string_equal(id, want);
	assert_int_equal(known.read, 5);
}

static void large_ones(void **state)
{
	static struct em_executables known;
	char id[EM_EXECUTABLE_LEN], want[128] = "build-id:", script[] = "/tmp/earmark-sh.XXXXXX";
	int fd = mkstemp(script);
	struct stat st;

	(void)state;
	printed(want + 9, sizeof(want) - 9, "readelf -n /bin/ls | sed -n 's/ *Build ID: //p'");
	assert_true(strlen(want) > 9 + 16);
	identify(&known, "/bin/ls", 10, id);
	assert_string_equal(id, want);
	assert_int_equal(known.read, 0); /* it was not */
	assert_int_equal(write(fd, "#!/bin/sh\nexit 0\n", 17), 17);
	fstat(fd, &st);
	snprintf(want, sizeof(want), "size-inode:17-%llx-%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	identify(&known, script, 10, id);
	assert_string_equal(id, want);
	close(fd);
	unlink(script);
}

/* Mangled headers are read without harm; ASan watches. */
static void mangled(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	char path[] = "/tmp/earmark-elf.XXXXXX";
	long size = em_file_read(AT_FDCWD, "/bin/true", 1 << 20, &bytes);
	unsigned char id[BUILD_ID_MAX];
	int fd = mkstemp(path), without = 0;

	(void)state;
	assert_true(size > 4096);
	srandom(1);
	for (int i = 0; i < 3000; i++) {
		char head[4096];

		memcpy(head, bytes, sizeof(head));
		for (int k = 0; k < 1 + i % 8; k++)
			head[4 + random() % 900] = (char)random();
		assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
		without += !build_id(fd, id);
	}
	assert_true(without > 0 && without < 3000);
	close(fd);
	unlink(path);
}

/* --- real processes ------------------------------------------------------------------------ */

static void own_path(char path[EARMARK_TEXT_LEN])
{
	_cleanup_free_ char *text = NULL;
	const char *line;

	assert_true(em_file_read(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text) > 0);
	line = strstr(text, "0::");
	if (!line)
		skip();
	snprintf(path, EARMARK_TEXT_LEN, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
}

/* A process that runs /bin/sleep, with a name of an argument. */
static pid_t sleeper(void)
{
	int pipes[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 0); /* closed by exec */
	close(pipes[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void processes(void **state)
{
	static struct em_executables known;
	struct em_profile_look look = { .boot_id = "00112233445566778899aabbccddeeff",
					.job = 77,
					.uid = 1000 };
	struct em_job_profile out[EM_PROFILES_EACH];
	char id[EM_EXECUTABLE_LEN], uid[EM_PROFILE_UID], print[65];
	char template[EM_PROFILE_TEMPLATE];

	(void)state;
	own_path(look.path);
	look.pid = (unsigned int)sleeper();
	assert_int_equal(em_profile_make(out, &look, NULL, "s", &known, &go_on), 1);
	identify(&known, "/bin/sleep", EM_EXECUTABLE_LARGEST, id);
	assert_string_equal(out->executable, id);
	assert_string_equal(out->why, "");
	em_profile_uid(uid, "s", 1000);
	em_profile_template(template, look.path);
	em_profile_fingerprint(print, id, "", template, uid);
	assert_string_equal(out->fingerprint, print);
	/* of another cgroup by now: the number was given anew */
	strcpy(look.path, "/elsewhere");
	assert_int_equal(em_profile_make(out, &look, NULL, "s", &known, &go_on), 1);
	assert_string_equal(out->executable, "");
	assert_string_equal(out->fingerprint, "");
	assert_non_null(strstr(out->why, "no process"));
	own_path(look.path);
	stop((pid_t)look.pid);
	assert_int_equal(em_profile_make(out, &look, "/nowhere", "s", &known, &go_on), 1);
	assert_string_equal(out->executable, "");
	assert_true(em_executable_open(look.pid, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "cannot be seen"));
}

/* By what a cgroup lists: its own processes, if they hold a GPU's file, and only of this cgroup. */
static void listed(void **state)
{
	static struct em_executables known;
	char dir[] = "/tmp/earmark-cg.XXXXXX", file[64];
	struct em_job_profile out[EM_PROFILES_EACH];
	struct em_profile_look look = { .path = "/" };
	struct finder f = { .look = &look };
	struct stat st;
	FILE *procs;
	int n = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/cgroup.procs", dir);
	procs = fopen(file, "w");
	fprintf(procs, "%d\n", getpid());
	fclose(procs);
	assert_int_equal(stat(dir, &st), 0);
	look.job = st.st_ino;
	procs = open_processes(&f, dir);
	assert_non_null(procs);
	assert_int_equal(fscanf(procs, "%d", &n), 1);
	assert_int_equal(n, getpid());
	fclose(procs);
	assert_int_equal(em_profile_make(out, &look, dir, "s", &known, &go_on), 1);
	assert_string_equal(out->executable, ""); /* this test holds no GPU */
	look.job++;
	assert_null(open_processes(&f, dir));
	strcpy(look.path, "tail/of/it");
	assert_null(open_processes(&f, dir));
	unlink(file);
	rmdir(dir);
	assert_true(is_gpu_file("/dev/dri/renderD128") && is_gpu_file("/dev/nvidia0") &&
		    is_gpu_file("/dev/kfd"));
	assert_false(is_gpu_file("/dev/null") || is_gpu_file("/tmp/dev/dri/renderD128") ||
		     is_gpu_file(""));
}

/* --- the thread ---------------------------------------------------------------------------- */

static struct earmark_event event(unsigned int type, uint64_t job, pid_t pid)
{
	struct earmark_event e = {
		.type = (__u16)type, .job = job, .pid = (__u32)pid, .uid = 1000
	};

	own_path(e.text);
	return e;
}

static struct earmark_segment use(uint64_t job, uint64_t gpu_time)
{
	return (struct earmark_segment){ .kind = EARMARK_SEGMENT_USAGE,
					 .gpu = 1,
					 .job = job,
					 .usage = { .gpu_time = gpu_time } };
}

static bool take(struct em_profiler *p, struct em_job_profile *out, int wait_ms)
{
	struct pollfd fd = { em_profiler_fd(p), POLLIN, 0 };

	for (; wait_ms >= 0; wait_ms -= 20) {
		if (em_profiler_take(p, out))
			return true;
		poll(&fd, 1, 20);
	}
	return false;
}

static void thread(void **state)
{
	pid_t pid = sleeper();
	struct earmark_event e[] = { event(EARMARK_EVENT_JOB, 1, pid),
				     event(EARMARK_EVENT_JOB, 2, pid),
				     event(EARMARK_EVENT_JOB, 3, 0) };
	struct earmark_segment s[] = { use(1, 5), use(2, 0), use(3, 5), use(1, 7), use(9, 5) };
	struct em_interval i = { .header = { .nr_segments = 5, .nr_events = 3 },
				 .segments = s,
				 .events = e };
	struct em_job_profile found;
	struct em_profiler *p;
	struct em_profile parsed;
	_cleanup_json_ json_t *seen = NULL, *unseen = NULL;

	(void)state;
	assert_int_equal(em_profiler_open(&p, NULL, "salt"), 0);
	em_profiler_see(p, &i);
	assert_true(take(p, &found, 5000));
	assert_int_equal(found.look.job, 1);
	assert_memory_equal(found.executable, "sha256:", 7);
	seen = em_profile_json(&found);
	assert_int_equal(em_profile_parse(&parsed, seen, 0), 0);
	assert_string_equal(parsed.fingerprint, found.fingerprint);
	assert_int_equal(parsed.at, found.at / 1000 * 1000);
	assert_true(take(p, &found, 5000)); /* not 2, which used nothing; 9 is not known */
	assert_int_equal(found.look.job, 3);
	unseen = em_profile_json(&found);
	assert_true(json_is_null(json_object_get(unseen, "fingerprint")));
	assert_true(json_is_null(json_object_get(unseen, "executable")));
	assert_true(json_is_string(json_object_get(unseen, "reason")));
	assert_int_equal(em_profile_parse(&parsed, unseen, 0), -ENODATA);
	i.header.nr_events = 0;
	em_profiler_see(p, &i); /* too early to look again */
	assert_false(take(p, &found, 100));
	find_job(p, 1)->next = 0;
	em_profiler_see(p, &i); /* nobody holds a GPU: no news */
	assert_false(take(p, &found, 100));
	assert_int_equal(em_profiler_missed(p), 0);
	em_profiler_close(p);
	em_profiler_close(NULL);
	em_profiler_see(NULL, &i);
	stop(pid);
}

/* More jobs than there is room for: put off, counted, and the bound holds. */
static void flood(void **state)
{
	enum { MANY = 20000 };
	struct earmark_event *e = calloc(MANY, sizeof(*e));
	struct earmark_segment *s = calloc(MANY, sizeof(*s));
	struct em_interval i = { .header = { .nr_segments = MANY, .nr_events = MANY },
				 .segments = s,
				 .events = e };
	struct em_job_profile found;
	struct em_profiler *p;
	unsigned int n = 0;

	(void)state;
	assert_true(e && s);
	for (int k = 0; k < MANY; k++) {
		e[k] = (struct earmark_event){ .type = EARMARK_EVENT_JOB,
					       .job = 1000 + k,
					       .text = "/gone" };
		s[k] = use(1000 + k, 1);
	}
	assert_int_equal(em_profiler_open(&p, NULL, "salt"), 0);
	em_profiler_see(p, &i);
	while (take(p, &found, 200))
		n++;
	assert_true(n >= WAITING && n <= JOBS);
	assert_true(em_profiler_missed(p) > 0);
	em_profiler_close(p);
	free(e);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates),    cmocka_unit_test(scripts),
		cmocka_unit_test(fingerprints), cmocka_unit_test(hashes),
		cmocka_unit_test(large_ones),   cmocka_unit_test(mangled),
		cmocka_unit_test(processes),    cmocka_unit_test(listed),
		cmocka_unit_test(thread),       cmocka_unit_test(flood),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
