/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sampler: whose engines worked for how long, by what fdinfo says of the files in use, for
 * GPUs whose driver shows that in no other way. The books; who looks is sampler_look.c.
 *
 * In rounds. Each file that is in use is read, its client's counters are compared with the round
 * before, and at the round's end each (GPU, job) is told once: how much more its clients' engines
 * have worked (class COUNTER), and whether they ever have (it holds the GPU, or it does not).
 *
 *   shared     A client whose file several jobs use (after a fork, or passed on): nobody can say
 *              for whom the engines worked. Each has an equal part, all of the rest is the bound,
 *              class ESTIMATE: what is told of one job is never narrower than what can be.
 *   closed     When a file's last use is seen to end, its counters are gone. What it did since it
 *              was last read is in nobody's figure, and in its jobs' bound.
 *   short      A file that came and went between two rounds was never read. Its use was seen: the
 *              GPU's time is unobserved for as long as it was open (no hold is claimed or denied).
 *   started    What a client had done before the sampler's first round is not counted; a
 *              predecessor that says when it last looked makes it part of the bound.
 */
#ifndef EM_SAMPLER_H
#define EM_SAMPLER_H

#include "kernel/client.h"
#include "kernel/source.h"

/**
 * struct em_sampler_counts - since it was made
 * @rounds: complete ones; @reads: of fdinfo; @unread: files that could not be read
 * @silent: files of which the driver says nothing
 * @shared: times that a client was several jobs'
 * @excess: ns that drivers said and that no engines can have done
 * @unplaced: tellings that the recorder did not take
 * @busy, @error: ns, of all that was told
 * @clients: known now
 */
struct em_sampler_counts {
	__u64 busy, error;
	__u64 rounds, reads, unread, silent, shared, excess, unplaced, clients;
};

struct em_sampler;

/* @last: when a predecessor last looked, in this boot; 0: none did, or it is not known. */
struct em_sampler *em_sampler_new(__u64 last);
void em_sampler_free(struct em_sampler *s);

/* A round begins at @now: first of all, before files are looked for. */
void em_sampler_begin(struct em_sampler *s, __u64 now);

/* All files of @gpu that are in use are seen in this round. */
void em_sampler_watch(struct em_sampler *s, __u32 gpu);

/**
 * em_sampler_see() - a file of @gpu that @job uses, read from @before to @after
 * @info: NULL: it is there, but could not be read or says nothing (@silent)
 */
void em_sampler_see(struct em_sampler *s, __u32 gpu, __u64 job, const struct em_fdinfo *info,
		    bool silent, __u64 before, __u64 after);

/*
 * em_sampler_end() - tells what this round found
 *
 * Return: 0 or the first failure of @tell, which is counted; -ENOENT is none: the job is gone.
 */
int em_sampler_end(struct em_sampler *s, int (*tell)(const struct em_work *work, void *arg),
		   void *arg);

const struct em_sampler_counts *em_sampler_counts(const struct em_sampler *s);

/**
 * struct em_sampler_look - whom a round is about, and who is told
 * @wanted: is the GPU? @tell: as for em_sampler_end(); @arg: for both
 */
struct em_sampler_look {
	bool (*wanted)(const struct earmark_gpu_info *gpu, void *arg);
	int (*tell)(const struct em_work *work, void *arg);
	void *arg;
};

/* sampler_look.c: one round over the files that are in use. Return: 0 or -errno. */
int em_sampler_look(struct em_sampler *s, struct em_source *source,
		    const struct em_sampler_look *look);

#endif
