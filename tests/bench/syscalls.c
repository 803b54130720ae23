// SPDX-License-Identifier: GPL-2.0
/* syscalls FILE N - nanoseconds of ioctl() on an ordinary file, and of open() + close(). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 100000, fd = open(argv[1], O_RDONLY);
	double start = now(), ioctls, opens;

	for (int i = 0; i < n; i++)
		ioctl(fd, 0x5401, 0); /* TCGETS: not a terminal */
	ioctls = (now() - start) / n;
	start = now();
	for (int i = 0; i < n; i++)
		close(open(argv[1], O_RDONLY));
	opens = (now() - start) / n;
	printf("%.0f %.0f\n", ioctls, opens);
	return 0;
}
