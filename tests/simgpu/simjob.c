// SPDX-License-Identifier: GPL-2.0
/* simjob: gives work of known length to a simulated GPU. */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simgpu_drm.h"

#define MAX_CGROUPS 64
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct {
	uint64_t gpu, ring, count, duration_us, depth, who, pace_us, forks;
	double hold_s;
	uint32_t flags;
	bool open_only, nop_only, thread, leave;
	const char *send, *recv;
	const char *cgroups[MAX_CGROUPS];
	unsigned int ncgroups;
} opt = { .count = 1, .duration_us = 1000, .depth = 8 };

/* What became of one process's work. */
struct result {
	uint64_t jobs;
	uint64_t errors; /* jobs seen to end with an error */
	int error;       /* the last one */
};

static const char usage_text[] =
	"usage: simjob [OPTION...]\n"
	"Submits work to a simulated GPU, waits for it and prints what the GPU's clock says.\n"
	"  -g GPU        device simgpu.GPU (0)\n"
	"  -r RING       ring (0)\n"
	"  -n COUNT      jobs (1)\n"
	"  -d US         duration of each, microseconds (1000)\n"
	"  -q DEPTH      jobs in flight at most (8); 0: all\n"
	"  -w WHO        label for the oracle (0); fork N has WHO + N\n"
	"  -p US         pause between submissions\n"
	"  -s SECONDS    keep the file open after the work\n"
	"  -i open|ioctl no work: only open the file, or make an ioctl that does nothing\n"
	"  -f FORKS      so many children do the work each, sharing one open file\n"
	"  -t            submit from a thread\n"
	"  -F fail|hang  the jobs fail to start, or never end\n"
	"  -k            exit with the work queued\n"
	"  -c, --cgroup DIR  move there before submitting; the Nth DIR is fork N's\n"
	"      --send PATH   open the file, pass it to the simjob that receives at PATH, work none\n"
	"      --recv PATH   work on a file that is passed there\n";

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *end || end == text)
		errx(2, "'%s' does not count anything", text);
	return value;
}

static void parse_fault(const char *name)
{
	if (!strcmp(name, "fail"))
		opt.flags = SIMGPU_SUBMIT_FAIL;
	else if (!strcmp(name, "hang"))
		opt.flags = SIMGPU_SUBMIT_HANG;
	else
		errx(2, "no such fault: %s", name);
}

static void parse_idle(const char *name)
{
	if (!strcmp(name, "open"))
		opt.open_only = true;
	else if (!strcmp(name, "ioctl"))
		opt.nop_only = true;
	else
		errx(2, "no such idling: %s", name);
}

static bool parse_number(int c)
{
	static const struct {
		int c;
		uint64_t *value;
	} numbers[] = {
		{ 'g', &opt.gpu },         { 'r', &opt.ring },  { 'n', &opt.count },
		{ 'd', &opt.duration_us }, { 'q', &opt.depth }, { 'w', &opt.who },
		{ 'p', &opt.pace_us },     { 'f', &opt.forks },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i].c == c) {
			*numbers[i].value = number(optarg);
			return true;
		}
	}
	return false;
}

static void add_cgroup(const char *path)
{
	if (opt.ncgroups == MAX_CGROUPS)
		errx(2, "too many cgroups");
	opt.cgroups[opt.ncgroups++] = path;
}

static void parse_option(int c)
{
	switch (c) {
	case 's':
		opt.hold_s = strtod(optarg, NULL);
		break;
	case 'i':
		parse_idle(optarg);
		break;
	case 't':
		opt.thread = true;
		break;
	case 'F':
		parse_fault(optarg);
		break;
	case 'k':
		opt.leave = true;
		break;
	case 'c':
		add_cgroup(optarg);
		break;
	case 'S':
		opt.send = optarg;
		break;
	case 'R':
		opt.recv = optarg;
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	default:
		fputs(usage_text, stderr);
		exit(2);
	}
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = { { "cgroup", required_argument, NULL, 'c' },
						 { "send", required_argument, NULL, 'S' },
						 { "recv", required_argument, NULL, 'R' },
						 { "help", no_argument, NULL, 'h' },
						 {} };
	int c;

	while ((c = getopt_long(argc, argv, "g:r:n:d:q:w:p:s:i:f:tF:kc:h", options, NULL)) != -1)
		if (!parse_number(c))
			parse_option(c);
	if (optind < argc)
		errx(2, "no arguments are taken: %s", argv[optind]);
}

/* The minor's number depends on what else is there: the device knows it. */
static int open_gpu(void)
{
	char path[280] = "";
	struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/platform/devices/simgpu.%" PRIu64 "/drm", opt.gpu);
	dir = opendir(path);
	if (!dir)
		err(1, "%s", path);
	*path = 0;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "renderD", 7))
			snprintf(path, sizeof(path), "/dev/dri/%s", entry->d_name);
	closedir(dir);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "render node '%s'", path);
	return fd;
}

static void move_to(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", path);
	close(fd);
}

static int unix_socket(const char *path, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return fd;
}

/* One byte with a file beside it; sends if *FD is one, else receives into it. */
static void pass_file(int socket, int *fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (*fd >= 0) {
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), fd, sizeof(int));
		if (sendmsg(socket, &message, 0) != 1)
			err(1, "sending the file");
		return;
	}
	if (recvmsg(socket, &message, 0) != 1)
		err(1, "receiving the file");
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		errx(1, "no file came");
	memcpy(fd, CMSG_DATA(header), sizeof(int));
}

static void send_file(int fd)
{
	struct sockaddr_un address;
	int socket = unix_socket(opt.send, &address);
	int tries = 1000;

	/* The receiver may not be there yet. */
	while (connect(socket, (struct sockaddr *)&address, sizeof(address))) {
		if (!--tries)
			err(1, "%s", opt.send);
		usleep(10000);
	}
	pass_file(socket, &fd);
	close(socket);
}

static int receive_file(void)
{
	struct sockaddr_un address;
	int listener = unix_socket(opt.recv, &address);
	int socket, fd = -1;

	unlink(opt.recv);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		err(1, "%s", opt.recv);
	socket = accept(listener, NULL, NULL);
	if (socket < 0)
		err(1, "accept");
	pass_file(socket, &fd);
	close(socket);
	close(listener);
	return fd;
}

static int retry_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do
		ret = ioctl(fd, request, arg);
	while (ret && errno == EINTR);
	return ret;
}

static uint64_t submit(int fd, uint32_t count, unsigned int who)
{
	uint64_t seqno = 0;

	while (count) {
		struct drm_simgpu_submit args = {
			.ring = opt.ring,
			.count = count,
			.duration_ns = opt.duration_us * 1000,
			.flags = opt.flags,
			.who = who,
		};

		if (retry_ioctl(fd, DRM_IOCTL_SIMGPU_SUBMIT, &args))
			err(1, "submit");
		count -= args.count;
		seqno = args.seqno;
	}
	return seqno;
}

static void wait_for(int fd, uint64_t seqno, struct result *result)
{
	struct drm_simgpu_wait args = { .ring = opt.ring, .seqno = seqno, .timeout_ns = -1 };

	if (retry_ioctl(fd, DRM_IOCTL_SIMGPU_WAIT, &args))
		err(1, "wait");
	if (args.error) {
		result->errors++;
		result->error = args.error;
	}
}

/* Keeps the wanted number of jobs in flight; the last seqnos are in a ring buffer. */
static void work(int fd, unsigned int who, struct result *result)
{
	unsigned int depth = opt.depth;
	uint64_t *seqnos, i;

	if (!depth || opt.leave) {
		result->jobs = opt.count;
		i = submit(fd, opt.count, who);
		if (!opt.leave)
			wait_for(fd, i, result);
		return;
	}
	seqnos = calloc(depth, sizeof(*seqnos));
	if (!seqnos)
		err(1, "memory");
	for (i = 0; i < opt.count; i++) {
		if (i >= depth)
			wait_for(fd, seqnos[i % depth], result);
		seqnos[i % depth] = submit(fd, 1, who);
		result->jobs++;
		if (opt.pace_us)
			usleep(opt.pace_us);
	}
	for (i = opt.count > depth ? opt.count - depth : 0; i < opt.count; i++)
		wait_for(fd, seqnos[i % depth], result);
	free(seqnos);
}

struct task {
	int fd;
	unsigned int who;
	struct result result;
};

static void *work_thread(void *arg)
{
	struct task *task = arg;

	work(task->fd, task->who, &task->result);
	return NULL;
}

static struct result work_once(int fd, unsigned int index)
{
	struct task task = { .fd = fd, .who = opt.who + index };
	pthread_t thread;

	if (index < opt.ncgroups)
		move_to(opt.cgroups[index]);
	if (!opt.thread) {
		work_thread(&task);
	} else {
		errno = pthread_create(&thread, NULL, work_thread, &task);
		if (errno)
			err(1, "thread");
		pthread_join(thread, NULL);
	}
	return task.result;
}

static struct result work_forked(int fd)
{
	struct result total = {}, part;
	int pipes[2], status, failed = 0;
	unsigned int i;

	if (pipe(pipes))
		err(1, "pipe");
	for (i = 0; i < opt.forks; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child)
			continue;
		part = work_once(fd, i);
		if (write(pipes[1], &part, sizeof(part)) != sizeof(part))
			err(1, "pipe");
		_exit(0);
	}
	close(pipes[1]);
	while (read(pipes[0], &part, sizeof(part)) == sizeof(part)) {
		total.jobs += part.jobs;
		total.errors += part.errors;
		total.error = part.error ?: total.error;
	}
	while (wait(&status) > 0)
		failed |= status;
	if (failed)
		errx(1, "a child failed");
	return total;
}

/* The file's own clock, all rings together and this one. */
static void read_fdinfo(int fd, uint64_t *client, uint64_t *ring_ns, uint64_t *all_ns)
{
	char path[64], line[256];
	uint64_t ns;
	unsigned int ring;
	FILE *file;

	*client = *ring_ns = *all_ns = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "drm-client-id: %" SCNu64, client) == 1)
			continue;
		if (sscanf(line, "drm-engine-ring%u: %" SCNu64, &ring, &ns) != 2)
			continue;
		*all_ns += ns;
		if (ring == opt.ring)
			*ring_ns = ns;
	}
	fclose(file);
}

static void report(int fd, const struct result *result, uint64_t wall_ns)
{
	uint64_t client, ring_ns, all_ns;

	read_fdinfo(fd, &client, &ring_ns, &all_ns);
	printf("{\"gpu\":%" PRIu64 ",\"ring\":%" PRIu64 ",\"who\":%" PRIu64 ",", opt.gpu, opt.ring,
	       opt.who);
	printf("\"client\":%" PRIu64 ",\"jobs\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"error\":%d,",
	       client, result->jobs, result->errors, result->error);
	printf("\"busy_ns\":%" PRIu64 ",\"all_busy_ns\":%" PRIu64 ",\"wall_ns\":%" PRIu64 "}\n",
	       ring_ns, all_ns, wall_ns);
	fflush(stdout);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct result result = {};
	uint64_t begin;
	int fd;

	parse(argc, argv);
	fd = opt.recv ? receive_file() : open_gpu();
	begin = now_ns();
	if (opt.send)
		send_file(fd);
	else if (opt.nop_only && ioctl(fd, DRM_IOCTL_SIMGPU_NOP))
		err(1, "ioctl");
	else if (opt.forks)
		result = work_forked(fd);
	else if (!opt.open_only && !opt.nop_only)
		result = work_once(fd, 0);
	if (opt.leave)
		_exit(0);
	report(fd, &result, now_ns() - begin);
	if (opt.hold_s)
		usleep(opt.hold_s * 1e6);
	return 0;
}
