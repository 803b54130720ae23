// SPDX-License-Identifier: GPL-2.0
/* attach OBJECT PROGRAM... - loads those programs of a BPF object, says "attached", waits. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/libbpf.h>

static void done(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc > 2 ? bpf_object__open(argv[1]) : NULL;
	struct bpf_program *prog;

	if (!obj)
		return 2;
	bpf_object__for_each_program(prog, obj)
	{
		bool wanted = false;

		for (int i = 2; i < argc; i++)
			wanted |= !strcmp(argv[i], bpf_program__name(prog));
		bpf_program__set_autoload(prog, wanted);
	}
	if (bpf_object__load(obj))
		return 1;
	for (int i = 2; i < argc; i++) {
		prog = bpf_object__find_program_by_name(obj, argv[i]);
		if (!prog || !bpf_program__attach(prog))
			return 1;
	}
	signal(SIGTERM, done);
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
