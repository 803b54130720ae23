// SPDX-License-Identifier: GPL-2.0
/* The accounting core: which job uses which open file of a GPU; see account.h. */
#include "account.h"

static void use_known(struct earmark_account *a, struct earmark_use *use, u64 now)
{
	struct earmark_gpu_account *gpu = use->holder->gpu;

	if (!use->unknown)
		return;
	use->unknown = false;
	if (!--gpu->unknown)
		earmark_gpu_blind(a, gpu, 0, EARMARK_BLIND_FILE, now);
}

/* Every unknown use of @h is explained: it works. */
void earmark_holder_known(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	struct earmark_use *use;
	u32 i;

	if (!h->gpu->unknown)
		return;
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &a->files[i], node) {
			if (use->holder == h)
				use_known(a, use, now);
		}
	}
}

static struct list_head *file_bucket(struct earmark_account *a, u64 file)
{
	return &a->files[hash_64(file, EARMARK_FILE_BITS)];
}

/* Return: does @job use @file already? Under the account lock or in an RCU section. */
bool earmark_file_used(struct earmark_account *a, u64 file, const struct earmark_job_account *job)
{
	struct earmark_use *use;

	list_for_each_entry_rcu(use, file_bucket(a, file), node, true) {
		if (use->file == file && use->holder->job == job)
			return true;
	}
	return false;
}

/* Return: does anybody use @file? Under the account lock or in an RCU section. */
bool earmark_file_known(struct earmark_account *a, u64 file)
{
	struct earmark_use *use;

	list_for_each_entry_rcu(use, file_bucket(a, file), node, true) {
		if (use->file == file)
			return true;
	}
	return false;
}

/**
 * earmark_use_add() - the job uses a file of the GPU
 * @use: allocated by the caller, owned by the core from here
 * @unknown: found open at start: it may hold the GPU or not, which is blind until known; so it
 *	is with every use on a GPU of METER_TOLD, until somebody has looked
 * @seed: current seed generation
 */
void earmark_use_add(struct earmark_account *a, struct earmark_use *use, struct earmark_holder *h,
		     u64 file, bool unknown, u32 seed, u64 now)
{
	now = earmark_account_clamp(a, now);
	memset(use, 0, sizeof(*use));
	use->holder = h;
	use->file = file;
	use->id = a->next_use++;
	use->seen = seed;
	list_add_rcu(&use->node, file_bucket(a, file));
	h->uses++;
	h->fileless = false;
	h->gpu->turnover++;
	if ((unknown || h->gpu->meter == EARMARK_METER_TOLD) && !h->submitted) {
		use->unknown = true;
		h->since = now;
		h->gpu->unknown++;
		earmark_gpu_blind(a, h->gpu, EARMARK_BLIND_FILE, 0, now);
	}
	earmark_holder_update(a, h, now);
}

/* A seed came by a file that is in the books: keep it. Return: was it? */
bool earmark_use_seen(struct earmark_account *a, u64 file, const struct earmark_job_account *job,
		      u32 seed, u64 *id)
{
	struct earmark_use *use;

	list_for_each_entry(use, file_bucket(a, file), node) {
		if (use->file != file || use->holder->job != job)
			continue;
		use->seen = seed;
		*id = use->id;
		return true;
	}
	return false;
}

/* Whether the job works on the GPU is not known from now on. */
static void holder_doubt(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	struct earmark_use *use;
	u32 i;

	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &a->files[i], node) {
			if (use->holder != h || use->unknown)
				continue;
			use->unknown = true;
			h->gpu->unknown++;
		}
	}
	h->since = now;
	earmark_gpu_blind(a, h->gpu, EARMARK_BLIND_FILE, 0, now);
}

static bool may_be_on(const struct earmark_holder *h, const struct earmark_gpu_account *gpu)
{
	return h->uses && !h->gpu->retired && h->gpu->meter == EARMARK_METER_CHANNEL &&
	       (!gpu || h->gpu == gpu);
}

/**
 * earmark_job_channel() - the job asked for a channel on a GPU of METER_CHANNEL
 * @gpu: on which, or NULL: on one of those that it uses, and the request does not say which
 * @certain: false: it may have been a channel
 *
 * Where it can be one GPU only, the job holds it from now on. Else it may hold each of them that
 * it does not hold already: their time is unobserved until that is told (WORK_ADD).
 *
 * Return: how many GPUs it can have been on.
 */
u32 earmark_job_channel(struct earmark_account *a, struct earmark_job_account *job,
			struct earmark_gpu_account *gpu, bool certain, u64 now)
{
	struct earmark_holder *h, *one = NULL;
	u32 n = 0;

	now = earmark_account_clamp(a, now);
	list_for_each_entry(h, &job->holders, of_job) {
		if (!may_be_on(h, gpu))
			continue;
		one = h;
		n++;
	}
	if (n == 1 && certain) {
		earmark_holder_submit(a, one, now);
		return n;
	}
	list_for_each_entry(h, &job->holders, of_job) {
		if (may_be_on(h, gpu) && !h->submitted)
			holder_doubt(a, h, now);
	}
	return n;
}

/* What fdinfo says of a file found at start. Return: is there such a use? */
bool earmark_use_resolve(struct earmark_account *a, u64 id, bool works, u64 now)
{
	struct earmark_use *use;
	u32 i;

	now = earmark_account_clamp(a, now);
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry(use, &a->files[i], node) {
			if (use->id != id)
				continue;
			if (works)
				earmark_holder_submit(a, use->holder, now);
			else
				use_known(a, use, now);
			return true;
		}
	}
	return false;
}

static void use_drop(struct earmark_account *a, struct earmark_use *use, u64 now)
{
	struct earmark_holder *h = use->holder;

	use_known(a, use, now);
	list_del_rcu(&use->node);
	h->gpu->turnover++;
	if (!--h->uses && !h->fileless)
		h->submitted = false;
	earmark_holder_update(a, h, now);
	shim_free_rcu(use);
}

/* A file is gone. Return: how many jobs used it. */
u32 earmark_file_free(struct earmark_account *a, u64 file, u64 now)
{
	struct earmark_use *use, *next;
	u32 n = 0;

	now = earmark_account_clamp(a, now);
	list_for_each_entry_safe(use, next, file_bucket(a, file), node) {
		if (use->file != file)
			continue;
		use_drop(a, use, now);
		n++;
	}
	return n;
}

/* Drop every use that seed generation @seed did not see. Return: how many. */
u32 earmark_file_sweep(struct earmark_account *a, u32 seed, u64 now)
{
	struct earmark_use *use, *next;
	u32 i, n = 0;

	now = earmark_account_clamp(a, now);
	for (i = 0; i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_safe(use, next, &a->files[i], node) {
			if (use->seen == seed)
				continue;
			use_drop(a, use, now);
			n++;
		}
	}
	return n;
}

/* The holder holds nothing from now on, whoever still has its files. */
static void holder_release(struct earmark_account *a, struct earmark_holder *h, u64 now)
{
	struct earmark_use *use, *next;
	u32 i;

	h->gpu->turnover += h->fileless;
	h->fileless = false;
	h->submitted = h->submitted && h->uses;
	earmark_holder_update(a, h, now);
	for (i = 0; h->uses && i < 1 << EARMARK_FILE_BITS; i++) {
		list_for_each_entry_safe(use, next, &a->files[i], node) {
			if (use->holder == h)
				use_drop(a, use, now);
		}
	}
}

/* A walk over all open files found none of a job that submitted: it holds nothing. */
void earmark_gpu_drop_fileless(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now)
{
	struct earmark_holder *h;

	now = earmark_account_clamp(a, now);
	list_for_each_entry(h, &gpu->holders, of_gpu) {
		if (h->fileless)
			holder_release(a, h, now);
	}
}

/* The job's cgroup is empty. */
void earmark_job_empty(struct earmark_account *a, struct earmark_job_account *job, u64 now)
{
	struct earmark_holder *h;

	now = earmark_account_clamp(a, now);
	list_for_each_entry(h, &job->holders, of_job)
		holder_release(a, h, now);
}

/* The GPU's driver is unbound: files of it that are still open are of no use any more. */
void earmark_gpu_empty(struct earmark_account *a, struct earmark_gpu_account *gpu, u64 now)
{
	struct earmark_holder *h;

	now = earmark_account_clamp(a, now);
	list_for_each_entry(h, &gpu->holders, of_gpu)
		holder_release(a, h, now);
}
