/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module is exchanged for another build while tagged jobs run. What stands goes into the
 * record before the module is let go: a note "module-upgrade" with every tag, who set it and with
 * what authority, and every open account. Whichever load is met next in the same boot gets the
 * tags again, before it is told of any GPU, so that nothing is charged without them; jobs that
 * hold a GPU are found by the walk over the open files. What passes between is unobserved.
 *
 * The note is the only copy: a daemon that is stopped, killed or upgraded in between goes on
 * from it. Its states:
 *   released  {boot_id, load_id, part, jobs: [{job, path, gpus_held, [tag, purpose, tagged_by,
 *             project, ref, uid, gid, pid, comm]}]}; more than one if they are many
 *   restored  {boot_id, load_id, from (the earlier load), tags, open, newer, gone, refused}
 *   kept      {boot_id, load_id}: it was not exchanged after all; nothing had to be set
 */
#ifndef EM_DAEMON_HANDOVER_H
#define EM_DAEMON_HANDOVER_H

#include <stdbool.h>
#include <jansson.h>
#include "kernel/source.h"
#include "ledger/ledger.h"

#define EM_HANDOVER_KIND "module-upgrade"
#define EM_HANDOVER_WAITS                                                      \
	(300 * 1000000000ULL) /* ns, for another load, before the old is taken \
			       */

/**
 * struct em_handover - what waits to be set again
 * @jobs: as in the notes; NULL = nothing waits
 * @boot_id, @load_id: of the load that they were read from
 * @until: CLOCK_MONOTONIC, ns: until then the same load is not taken back; 0 = it is
 * @last: the last note "restored" or "kept" of this daemon, NULL = none
 */
struct em_handover {
	json_t *jobs, *last;
	__u8 boot_id[16], load_id[16];
	uint64_t until;
};

void em_handover_clear(struct em_handover *h);

/* What an earlier daemon let go in this boot and nobody has taken. 0 or -errno. */
int em_handover_read(struct em_handover *h, struct em_ledger *l);

/*
 * Writes down what stands, all of which is sealed and in the ledger. 0 or -errno; then nothing is
 * to be let go.
 */
int em_handover_write(struct em_handover *h, struct em_ledger *l, struct em_source *s);

/*
 * A load is met, as @status says. Sets what waits, if it is for this one, and writes that down.
 * @root: of the cgroup hierarchy. 0 or -errno.
 */
int em_handover_give(struct em_handover *h, struct em_ledger *l, struct em_source *s,
		     const struct earmark_status *status, const char *root);

/* Is the load that was let go to be left alone for now? */
bool em_handover_waits(const struct em_handover *h, const __u8 load_id[16], uint64_t now);

#endif
