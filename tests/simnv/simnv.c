// SPDX-License-Identifier: GPL-2.0
/*
 * simnv DIR STEP... - does to simnv_dev's files what a CUDA process does to NVIDIA's.
 *
 * DIR has their nodes, named by minor. CLASS is hexadecimal. A step is
 *   open N             open GPU N (255: the control device); files are named by N
 *   use N              an ioctl on its file that allocates nothing
 *   alloc N CLASS      allocates an object of that class, on the file of N
 *   xfer N CLASS       the same, wrapped
 *   compat N CLASS     the same by way of the 32-bit system call
 *   compat-xfer N CLASS
 *   unreadable N       an allocation whose argument is nowhere; unreadable-xfer N
 *   close N
 *   stamp NAME         prints NAME and the monotonic clock, in ns
 *   sleep MS
 *   fork               the rest in a child; the parent closes its files when the child ends
 *   pass CGROUP        the rest in a child that moved into that cgroup and got the files over a
 *                      socket; the parent has closed them by then
 * Exit 0, or 1 with what failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "simnv.h"

enum { FILES = 256 };

/* below 4 GiB, where a 32-bit process could have it too */
static struct argument {
	struct simnv_alloc alloc;
	struct simnv_xfer xfer;
} * arg;

static int fds[FILES];

static void die(const char *what)
{
	fprintf(stderr, "simnv: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A 32-bit system call from a 64-bit process: 54 is ioctl there. */
static int compat_ioctl(int fd, unsigned long cmd, void *ptr)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(54L), "b"((long)fd), "c"(cmd), "d"((long)ptr)
		     : "memory", "r8", "r9", "r10", "r11");
	if ((int)ret >= 0)
		return (int)ret;
	errno = -(int)ret;
	return -1;
}

static void allocate(const char *how, int fd, __u32 class)
{
	int (*call)(int, unsigned long, ...) = (void *)ioctl;
	int ret;

	memset(arg, 0, sizeof(*arg));
	arg->alloc.class = class;
	arg->xfer.cmd = SIMNV_NR_ALLOC;
	arg->xfer.size = sizeof(arg->alloc);
	arg->xfer.ptr = (unsigned long)&arg->alloc;
	if (!strcmp(how, "alloc"))
		ret = call(fd, SIMNV_ALLOC, &arg->alloc);
	else if (!strcmp(how, "xfer"))
		ret = call(fd, SIMNV_XFER, &arg->xfer);
	else if (!strcmp(how, "compat"))
		ret = compat_ioctl(fd, SIMNV_ALLOC, &arg->alloc);
	else
		ret = compat_ioctl(fd, SIMNV_XFER, &arg->xfer);
	if (ret)
		die(how);
}

static void unreadable(const char *how, int fd)
{
	memset(arg, 0, sizeof(*arg));
	arg->xfer.cmd = SIMNV_NR_ALLOC;
	arg->xfer.ptr = 8;
	if (!strcmp(how, "unreadable") ? !ioctl(fd, SIMNV_ALLOC, (void *)8)
				       : !ioctl(fd, SIMNV_XFER, &arg->xfer))
		die(how);
}

static void open_file(const char *dir, int n)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%d", dir, n);
	fds[n] = open(path, O_RDWR | O_CLOEXEC);
	if (fds[n] < 0)
		die(path);
}

static void stamp(const char *name)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%s %lld\n", name, ts.tv_sec * 1000000000LL + ts.tv_nsec);
	fflush(stdout);
}

static void wait_child(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void fork_rest(void)
{
	pid_t pid = fork();

	if (pid)
		wait_child(pid);
}

static void move(const char *cgroup)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path, "we");
	if (!f || fprintf(f, "0\n") < 0 || fclose(f))
		die(path);
}

/* One file at a time, named by its number. */
static void file_send(int sock, int n)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { &n, sizeof(n) };
	struct msghdr m = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fds[n], sizeof(int));
	if (sendmsg(sock, &m, 0) != sizeof(n))
		die("send");
	close(fds[n]);
	fds[n] = -1;
}

static void files_receive(int sock)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr m;
	struct iovec io;
	int n;

	for (;;) {
		io = (struct iovec){ &n, sizeof(n) };
		m = (struct msghdr){ .msg_iov = &io,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control) };
		if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != sizeof(n))
			return;
		memcpy(&fds[n], CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	}
}

static void pass(const char *cgroup)
{
	int pair[2], n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	pid = fork();
	if (!pid) {
		close(pair[0]);
		for (n = 0; n < FILES; n++) {
			if (fds[n] >= 0)
				close(fds[n]);
			fds[n] = -1;
		}
		move(cgroup);
		files_receive(pair[1]);
		close(pair[1]);
		return;
	}
	close(pair[1]);
	for (n = 0; n < FILES; n++) {
		if (fds[n] >= 0)
			file_send(pair[0], n);
	}
	close(pair[0]);
	wait_child(pid);
}

static void file_step(const char *dir, const char *step, int n, const char *class)
{
	__u32 zero = 0;

	if (!strcmp(step, "open"))
		open_file(dir, n);
	else if (!strcmp(step, "use") && ioctl(fds[n], SIMNV_REGISTER_FD, &zero))
		die(step);
	else if (!strcmp(step, "close") && close(fds[n]))
		die(step);
	else if (!strncmp(step, "unreadable", 10))
		unreadable(step, fds[n]);
	else if (class)
		allocate(step, fds[n], (__u32)strtoul(class, NULL, 16));
	if (!strcmp(step, "close"))
		fds[n] = -1;
}

static int operands(const char *step)
{
	static const char *const allocs[] = { "alloc", "xfer", "compat", "compat-xfer" };
	size_t i;

	for (i = 0; i < sizeof(allocs) / sizeof(*allocs); i++) {
		if (!strcmp(step, allocs[i]))
			return 2;
	}
	return strcmp(step, "fork") != 0;
}

static void run(char **argv)
{
	const char *dir = argv[1];
	char **step;
	int n;

	for (step = argv + 2; *step; step += n + 1) {
		n = operands(*step);
		if ((n && !step[1]) || (n == 2 && !step[2])) {
			errno = EINVAL;
			die(*step);
		}
		if (!strcmp(*step, "fork"))
			fork_rest();
		else if (!strcmp(*step, "sleep"))
			usleep(atoi(step[1]) * 1000);
		else if (!strcmp(*step, "stamp"))
			stamp(step[1]);
		else if (!strcmp(*step, "pass"))
			pass(step[1]);
		else
			file_step(dir, *step, atoi(step[1]) & (FILES - 1), n == 2 ? step[2] : NULL);
	}
}

int main(int argc, char **argv)
{
	memset(fds, -1, sizeof(fds));
	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (argc < 3 || arg == MAP_FAILED) {
		fprintf(stderr, "usage: simnv DIR STEP...\n");
		return 1;
	}
	run(argv);
	return 0;
}
