// SPDX-License-Identifier: GPL-2.0
/* How far long work is, on a terminal; and ^C in the middle of it. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/ledger.h"

#define EVERY (100 * EM_NS_PER_MS)

static volatile sig_atomic_t stopped;
static uint64_t shown;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

void em_progress_begin(void)
{
	struct sigaction action = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	stopped = 0;
	shown = 0;
	sigaction(SIGINT, &action, NULL);
}

void em_progress_end(void)
{
	if (shown)
		fprintf(stderr, "\r\x1b[K");
	shown = 0;
	signal(SIGINT, SIG_DFL);
}

int em_progress(void *title, uint64_t done, uint64_t size)
{
	uint64_t now = em_time_monotonic();
	int width = size ? (int)(done * 40 / size) : 40;

	if (stopped)
		return 1;
	if (!isatty(STDERR_FILENO) || (shown && now - shown < EVERY))
		return 0;
	shown = now;
	fprintf(stderr, "\r%s [%.*s%*s] %d %%", (const char *)title, width,
		"########################################", 40 - width, "",
		size ? (int)(done * 100 / size) : 100);
	return 0;
}
