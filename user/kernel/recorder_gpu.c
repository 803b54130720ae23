// SPDX-License-Identifier: GPL-2.0
/* The recorder's inventory: GPUs, their engines, and why a GPU is not observed. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "kernel/cgroup.h"
#include "kernel/recorder.h"
#include "kernel/sensor_map.h"

struct rec_gpu *em_rec_gpu_by_name(struct rec *r, const char *name)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (!gpu->retired && !strcmp(gpu->info.name, name))
			return gpu;
	}
	return NULL;
}

struct rec_gpu *em_rec_gpu_by_id(struct rec *r, u32 id)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->info.gpu == id)
			return gpu;
	}
	return NULL;
}

struct rec_gpu *em_rec_gpu_by_devnum(struct rec *r, u32 devnum)
{
	struct rec_gpu *gpu;
	u32 i;

	list_for_each_entry(gpu, &r->gpus, node) {
		for (i = 0; !gpu->retired && i < gpu->info.nr_devnums; i++) {
			if (gpu->info.devnums[i] == devnum)
				return gpu;
		}
	}
	return NULL;
}

static bool unmetered(const struct rec *r, const struct rec_gpu *gpu)
{
	return gpu->info.meter == EARMARK_METER_NONE ||
	       (gpu->info.meter == EARMARK_METER_DRM && !r->drm);
}

/* All that is known of it is told: no file shows who may hold it. */
static bool fileless(const struct rec_gpu *gpu)
{
	return gpu->info.meter == EARMARK_METER_TOLD && !gpu->info.nr_devnums;
}

/*
 * Bring every GPU's blindness up to what is known now. A GPU without device numbers has no
 * files that could be watched; where they are needed, it is blind.
 */
void em_rec_gpu_observe(struct rec *r, u64 now)
{
	const u32 mine = EARMARK_BLIND_METER | EARMARK_BLIND_HOLD | EARMARK_BLIND_ABSENT |
			 EARMARK_BLIND_LOST;
	struct rec_gpu *gpu;
	u32 set;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired)
			continue;
		set = 0;
		if (unmetered(r, gpu))
			set |= EARMARK_BLIND_METER;
		if (!fileless(gpu) &&
		    (!(r->hold ? gpu->seeded : gpu->watched) || !gpu->info.nr_devnums))
			set |= EARMARK_BLIND_HOLD;
		if (gpu->absent)
			set |= EARMARK_BLIND_ABSENT;
		if (gpu->lost)
			set |= EARMARK_BLIND_LOST;
		if ((gpu->account.blind & mine) != set)
			earmark_gpu_blind(&r->account, &gpu->account, set, mine & ~set, now);
	}
}

/* What is open on it is to be looked for again. */
static void unseed(struct rec_gpu *gpu)
{
	gpu->seeded = gpu->watched = gpu->steady = false;
}

/*
 * Holds were not watched for some of the open interval (@why HOLD, METER), or an edge of one was
 * lost (LOST), nobody knows when: nothing of it stands, and what is open is to be looked for again.
 */
void em_rec_gpu_distrust(struct rec *r, u32 why, u64 now)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired || fileless(gpu))
			continue;
		earmark_gpu_disavow(&r->account, &gpu->account, why, now);
		gpu->lost |= why == EARMARK_BLIND_LOST;
		unseed(gpu);
	}
	em_rec_gpu_observe(r, now);
}

static struct rec_gpu *gpu_add(struct rec *r, const char *name, u64 now)
{
	struct rec_gpu *gpu = calloc(1, sizeof(*gpu));

	if (!gpu)
		return NULL;
	gpu->info.gpu = ++r->p.last_gpu;
	gpu->info.since = now;
	snprintf(gpu->info.name, sizeof(gpu->info.name), "%s", name);
	list_add_tail(&gpu->node, &r->gpus);
	earmark_gpu_init(&r->account, &gpu->account, gpu->info.gpu, EARMARK_BLIND_HOLD, now);
	return gpu;
}

/* A name comes back that was retired: its engines, if they still work, are another GPU's. */
static void engines_forget(struct rec *r, const char *name)
{
	struct rec_engine *e, *next;
	u32 i;

	for (i = 0; i < REC_HASH; i++) {
		list_for_each_entry_safe(e, next, &r->engines[i], node) {
			if (!e->gpu->retired || strcmp(e->gpu->info.name, name))
				continue;
			earmark_engine_remove(&r->account, &e->engine);
			list_del_init(&e->node);
			free(e);
		}
	}
}

static void gpu_tell(struct rec *r, const struct rec_gpu *gpu, u64 now)
{
	struct earmark_event *e = em_rec_event(r, EARMARK_EVENT_GPU, now);

	if (!e)
		return;
	e->gpu = gpu->info.gpu;
	e->value = gpu->info.weight;
	memcpy(e->text, gpu->info.name, sizeof(gpu->info.name));
	memcpy(e->project, gpu->info.model, sizeof(e->project));
	memcpy(e->ref, gpu->info.uuid, sizeof(e->ref));
}

/* Return: the engine's entry in the map of BPF, which knows its device. */
static bool engine_look_up(struct rec *r, u64 id, struct em_engine *e)
{
	struct em_engine_key key, next;
	int end;

	if (r->fd_engines < 0)
		r->fd_engines = em_map_open("engines");
	if (r->fd_engines < 0)
		return false;
	for (end = em_map_next(r->fd_engines, NULL, &next); !end;
	     end = em_map_next(r->fd_engines, &key, &next)) {
		key = next;
		if (!em_map_get(r->fd_engines, &key, e) && e->id == id)
			return true;
	}
	return false;
}

/* Return: the engine, with its GPU, both made if they are new; NULL: it is gone. */
struct rec_engine *em_rec_engine_get(struct rec *r, u64 id)
{
	struct em_engine e = {};
	struct rec_engine *engine;
	struct rec_gpu *gpu;
	u64 now;

	list_for_each_entry(engine, &r->engines[em_rec_hash(id)], node) {
		if (engine->id == id)
			return engine;
	}
	if (!engine_look_up(r, id, &e))
		return NULL;
	e.name[sizeof(e.name) - 1] = '\0';
	gpu = em_rec_gpu_by_name(r, e.name);
	if (!gpu) {
		now = earmark_account_clamp(&r->account, em_time_monotonic());
		gpu = gpu_add(r, e.name, now);
		if (gpu) {
			gpu->account.meter = gpu->info.meter = EARMARK_METER_DRM;
			gpu_tell(r, gpu, now);
			em_rec_gpu_observe(r, now);
		}
	}
	engine = calloc(1, sizeof(*engine));
	if (!gpu || !engine) {
		free(engine);
		r->p.lost[EARMARK_LOST_MEMORY]++;
		return NULL;
	}
	engine->id = id;
	engine->gpu = gpu;
	engine->gpu_id = gpu->info.gpu;
	earmark_engine_init(&r->account, &engine->engine, &gpu->account, (u32)id, e.first);
	list_add_tail(&engine->node, &r->engines[em_rec_hash(id)]);
	return engine;
}

/* Tell BPF which devices are GPUs, and whether NVIDIA's control device matters. */
int em_rec_gpu_devnums(struct rec *r)
{
	_cleanup_free_ u32 *all = NULL;
	bool channels = false;
	struct rec_gpu *gpu;
	size_t n = 0;

	list_for_each_entry(gpu, &r->gpus, node)
		n += EARMARK_DEVNUMS_MAX;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = 0;
	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired || gpu->absent)
			continue;
		memcpy(all + n, gpu->info.devnums, gpu->info.nr_devnums * sizeof(*all));
		n += gpu->info.nr_devnums;
		channels |= gpu->info.meter == EARMARK_METER_CHANNEL;
	}
	if (channels)
		all[n++] = EARMARK_NVIDIA_MAJOR << 20 | EARMARK_NVIDIA_CONTROL;
	return em_sensor_devnums(r->source.sensor, all, n);
}

static bool same_devnums(const struct earmark_gpu_info *a, const struct earmark_gpu_info *b)
{
	return a->nr_devnums == b->nr_devnums &&
	       !memcmp(a->devnums, b->devnums, a->nr_devnums * sizeof(a->devnums[0]));
}

/* What is given is taken over; an empty string or a 0 leaves what was known. */
static bool gpu_amend(struct rec_gpu *gpu, const struct earmark_gpu_info *info)
{
	struct earmark_gpu_info old = gpu->info;

	if (info->model[0])
		memcpy(gpu->info.model, info->model, sizeof(info->model));
	if (info->uuid[0])
		memcpy(gpu->info.uuid, info->uuid, sizeof(info->uuid));
	if (info->weight)
		gpu->info.weight = info->weight;
	if (info->meter)
		gpu->account.meter = gpu->info.meter = info->meter;
	if (info->nr_devnums) {
		gpu->info.nr_devnums = info->nr_devnums;
		memcpy(gpu->info.devnums, info->devnums, sizeof(info->devnums));
	}
	if (gpu->absent || !same_devnums(&old, &gpu->info))
		unseed(gpu);
	gpu->absent = false;
	return memcmp(&old, &gpu->info, sizeof(old)) != 0;
}

int em_rec_gpu_set(struct em_source *s, const struct earmark_gpu_info *info, __u32 *id)
{
	struct rec *r = container_of(s, struct rec, source);
	struct rec_gpu *gpu = em_rec_gpu_by_name(r, info->name);
	bool fresh = !gpu, was_absent;
	u64 now;
	int rc;

	if (info->meter >= EARMARK_METER_COUNT)
		return em_rec_error(r, -EINVAL, "no such meter");
	if (!info->name[0] || info->nr_devnums > EARMARK_DEVNUMS_MAX)
		return em_rec_error(r, -EINVAL, "a GPU has a name and at most %d device numbers",
				    EARMARK_DEVNUMS_MAX);
	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	if (fresh) {
		engines_forget(r, info->name);
		gpu = gpu_add(r, info->name, now);
	}
	if (!gpu)
		return em_rec_error(r, -ENOMEM, "no memory for another GPU");
	*id = gpu->info.gpu;
	was_absent = gpu->absent;
	if (gpu_amend(gpu, info) || fresh || was_absent)
		gpu_tell(r, gpu, now);
	else
		return 0;
	rc = em_rec_gpu_devnums(r);
	if (rc)
		return em_rec_error(r, rc, "cannot tell the sensors the device numbers of %s: %s",
				    gpu->info.name, strerror(-rc));
	em_rec_gpu_observe(r, now);
	em_rec_seed(r);
	return em_rec_state_save(r);
}

/* Return: where the cgroup's job stands with the GPU, or NULL with the sentence set. */
static struct earmark_holder *work_holder(struct rec *r, const struct em_work *work, u64 now)
{
	struct rec_gpu *gpu = em_rec_gpu_by_id(r, work->gpu);
	struct rec_cgroup *cg = em_rec_cgroup_find(r, work->job);
	struct earmark_holder *h;

	if (!gpu || gpu->retired) {
		em_rec_error(r, -ENOENT, "no GPU has the id %u", work->gpu);
		return NULL;
	}
	if (!cg && em_cgroup_exists(work->job, ""))
		cg = em_rec_cgroup_get(r, work->job, NULL);
	if (!cg) {
		em_rec_error(r, -ENOENT, "there is no such cgroup");
		return NULL;
	}
	h = em_rec_holder_get(r, em_rec_cgroup_job(r, cg, ~0ULL), gpu, now);
	if (!h)
		em_rec_error(r, -ENOENT, "there is no memory for another job's books");
	return h;
}

/* A job was seen to work on a GPU, or not to. What the ring knows of it comes first. */
int em_rec_gpu_work(struct em_source *s, const struct em_work *work)
{
	struct rec *r = container_of(s, struct rec, source);
	const struct earmark_work told = { .start = work->start,
					   .end = work->end,
					   .busy = work->busy,
					   .error = work->error,
					   .class = work->class,
					   .works = work->works };
	struct earmark_holder *h;
	const char *why;
	u64 now;

	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	why = earmark_work_check(&told, now);
	if (why)
		return em_rec_error(r, -EINVAL, "%s", why);
	h = work_holder(r, work, now);
	if (!h)
		return -ENOENT;
	if (earmark_holder_tell(&r->account, h, &told, now))
		r->p.lost[EARMARK_LOST_HISTORY]++;
	return 0;
}

int em_rec_gpu_absent(struct em_source *s, const char *name)
{
	struct rec *r = container_of(s, struct rec, source);
	struct rec_gpu *gpu = em_rec_gpu_by_name(r, name);
	struct earmark_event *e;
	u64 now;

	if (!gpu)
		return em_rec_error(r, -ENOENT, "no GPU is named %s", name);
	if (gpu->absent)
		return 0;
	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	gpu->absent = true;
	unseed(gpu);
	e = em_rec_event(r, EARMARK_EVENT_GPU_ABSENT, now);
	if (e)
		e->gpu = gpu->info.gpu;
	em_rec_gpu_observe(r, now);
	earmark_gpu_empty(&r->account, &gpu->account, now);
	em_rec_gpu_devnums(r);
	return em_rec_state_save(r);
}

/* Is it known that no driver is bound to it any more? */
static bool driver_gone(const struct rec_gpu *gpu)
{
	const char *device = strchr(gpu->info.name, '/');
	char path[256];

	if (!device)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/%.*s/devices", (int)(device - gpu->info.name),
		 gpu->info.name);
	if (access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/%.*s/devices%s/driver",
		 (int)(device - gpu->info.name), gpu->info.name, device);
	return access(path, F_OK) != 0;
}

/*
 * After a restart: GPUs may have gone meanwhile, which only those who knew them can tell; and
 * files that were unknown are looked for again, with their fdinfo.
 */
void em_rec_gpu_restart(struct rec *r)
{
	struct rec_gpu *gpu;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (!gpu->retired && !gpu->absent && driver_gone(gpu))
			em_rec_gpu_absent(&r->source, gpu->info.name);
		gpu->watched = false; /* no walk has ended what is open */
		if (gpu->account.unknown)
			r->look_again = true;
	}
}

/* Its engines stay in the books for work that is still to be gathered. */
int em_rec_gpu_retire(struct em_source *s, __u32 id, const char *reason)
{
	struct rec *r = container_of(s, struct rec, source);
	struct rec_gpu *gpu = em_rec_gpu_by_id(r, id);
	struct earmark_event *e;
	u64 now;

	if (!gpu || gpu->retired)
		return em_rec_error(r, -ENOENT, "no GPU has the id %u", id);
	em_rec_ring_drain(r);
	now = earmark_account_clamp(&r->account, em_time_monotonic());
	earmark_gpu_empty(&r->account, &gpu->account, now);
	earmark_gpu_retire(&r->account, &gpu->account, now);
	gpu->retired = true;
	e = em_rec_event(r, EARMARK_EVENT_GPU_RETIRED, now);
	if (e) {
		e->gpu = id;
		snprintf(e->text, sizeof(e->text), "%s", reason ? reason : "");
	}
	em_rec_gpu_devnums(r);
	return em_rec_state_save(r);
}

int em_rec_gpus(struct em_source *s, int (*each)(const struct earmark_gpu_info *, void *),
		void *arg)
{
	struct rec *r = container_of(s, struct rec, source);
	struct earmark_gpu_info info;
	struct earmark_engine *engine;
	struct rec_gpu *gpu;
	int rc = 0;

	list_for_each_entry(gpu, &r->gpus, node) {
		if (gpu->retired)
			continue;
		info = gpu->info;
		info.blind = gpu->account.blind;
		info.holders = gpu->account.nr_holding;
		info.engines = 0;
		list_for_each_entry(engine, &gpu->account.engines, node)
			info.engines++;
		rc = each(&info, arg);
		if (rc)
			break;
	}
	return rc;
}
