// SPDX-License-Identifier: GPL-2.0
/* Reading the recorder's snapshot; see recorder_state.h. */
#include <errno.h>
#include "kernel/cgroup.h"
#include "kernel/recorder_state.h"
#include "kernel/sensor_map.h"

struct in {
	struct rec *r;
	bool same; /* shape and maps: everything is taken over */
	struct rec_cgroup *cgroup;
	struct earmark_holder *holder;
	struct em_interval interval;
};

static void *copy(const void *data, size_t len)
{
	void *p = malloc(len + 1);

	if (p)
		memcpy(p, data, len);
	return p;
}

static int take_interval(struct in *in, u32 type, const void *data, size_t len)
{
	const struct state_interval *si = data;
	struct em_interval *i = &in->interval;

	if (type == STATE_INTERVAL) {
		if (len != sizeof(*si))
			return -EBADMSG;
		em_interval_clear(i);
		i->header = si->header;
		memcpy(i->hash, si->hash, sizeof(i->hash));
		return 0;
	}
	if (type == STATE_SEGMENTS) {
		if (len != i->header.nr_segments * sizeof(*i->segments))
			return -EBADMSG;
		i->segments = copy(data, len);
		return i->segments ? 0 : -ENOMEM;
	}
	if (len != i->header.nr_events * sizeof(*i->events) || !i->segments)
		return -EBADMSG;
	i->events = copy(data, len);
	return i->events ? em_rec_kept_add(in->r, i) : -ENOMEM;
}

static int take_gpu(struct in *in, const void *data)
{
	struct rec_gpu *gpu = copy(data, sizeof(*gpu));
	struct earmark_gpu_account *a = gpu ? &gpu->account : NULL;
	struct rec *r = in->r;

	if (!gpu)
		return -ENOMEM;
	INIT_LIST_HEAD(&a->holding);
	INIT_LIST_HEAD(&a->holders);
	INIT_LIST_HEAD(&a->engines);
	INIT_LIST_HEAD(&a->node);
	a->nr_holding = 0;
	a->unknown = 0;
	list_add_tail(&gpu->node, &r->gpus);
	if (!gpu->removed) {
		list_add_tail(&a->node, &r->account.gpus);
		r->account.nr_gpus++;
	}
	return 0;
}

static int take_engine(struct in *in, const void *data)
{
	const struct rec_engine *old = data;
	struct rec_engine *e = copy(data, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->gpu = em_rec_gpu_by_id(in->r, old->gpu_id);
	if (!e->gpu) {
		free(e);
		return -EBADMSG;
	}
	list_add_tail(&e->engine.node, &e->gpu->account.engines);
	list_add_tail(&e->node, &in->r->engines[em_rec_hash(e->id)]);
	in->r->account.nr_engines++;
	return 0;
}

static int take_cgroup(struct in *in, const void *data)
{
	const struct rec_cgroup *old = data;
	struct rec_cgroup *cg = em_rec_cgroup_new(in->r, old->id);
	struct list_head node;

	in->cgroup = cg;
	if (!cg)
		return -ENOMEM;
	node = cg->node;
	*cg = *old;
	cg->node = node;
	INIT_LIST_HEAD(&cg->account.holders);
	cg->own = NULL;
	cg->turns = NULL;
	cg->nr_turns = 0;
	in->r->nr_jobs += cg->is_job;
	return 0;
}

static int take_turns(struct in *in, const void *data, size_t len)
{
	if (!in->cgroup)
		return -EBADMSG;
	in->cgroup->turns = copy(data, len);
	if (!in->cgroup->turns)
		return -ENOMEM;
	in->cgroup->nr_turns = len / sizeof(struct rec_turn);
	return 0;
}

/* Who has a tag is a job, also where one above it was met first and would do its work. */
static int job_of_its_own(struct rec *r, struct rec_cgroup *cg)
{
	if (cg->is_job)
		return 0;
	em_rec_job_register(r, cg, r->account.now, 0, "");
	return em_rec_cgroup_turn(cg, 0, cg->id);
}

/* With new accounts the tag is told anew, with an id of theirs. */
static int take_tag(struct in *in, const void *data)
{
	struct earmark_event *tag = copy(data, sizeof(*tag)), *e;
	struct rec_cgroup *cg;

	if (!tag)
		return -ENOMEM;
	cg = em_rec_cgroup_find(in->r, tag->job);
	if (!cg && !in->same && em_cgroup_exists(tag->job, ""))
		cg = em_rec_cgroup_get(in->r, tag->job, NULL);
	if (!cg) {
		free(tag);
		return in->same ? -EBADMSG : 0;
	}
	cg->own = tag;
	in->r->nr_tags++;
	if (in->same)
		return 0;
	if (job_of_its_own(in->r, cg))
		return -ENOMEM;
	tag->tag = ++in->r->p.last_tag;
	tag->when = in->r->account.now;
	e = em_rec_event(in->r, EARMARK_EVENT_TAG, tag->when);
	if (e)
		*e = *tag;
	return 0;
}

static struct earmark_holder *find_holder(struct in *in, const struct state_holder *s)
{
	struct rec_cgroup *cg = em_rec_cgroup_find(in->r, s->job);
	struct rec_gpu *gpu = em_rec_gpu_by_id(in->r, s->gpu);

	return cg && cg->is_job && gpu ? earmark_job_holder(&cg->account, &gpu->account) : NULL;
}

static int take_holder(struct in *in, const void *data)
{
	const struct state_holder *s = data;
	struct rec_cgroup *cg = em_rec_cgroup_find(in->r, s->job);
	struct rec_gpu *gpu = em_rec_gpu_by_id(in->r, s->gpu);
	struct earmark_holder *h = calloc(1, sizeof(*h));

	if (!cg || !gpu || !h) {
		free(h);
		return -EBADMSG;
	}
	h->job = &cg->account;
	h->gpu = &gpu->account;
	h->submitted = s->submitted;
	h->fileless = s->fileless;
	h->since = s->since;
	INIT_LIST_HEAD(&h->cells);
	INIT_LIST_HEAD(&h->holding);
	list_add_tail(&h->of_gpu, &gpu->account.holders);
	list_add_tail(&h->of_job, &cg->account.holders);
	in->holder = h;
	return 0;
}

static int take_cell(struct in *in, const void *data)
{
	struct earmark_cell *cell = in->holder ? copy(data, sizeof(*cell)) : NULL;

	if (!cell)
		return -EBADMSG;
	list_add_tail(&cell->node, &in->holder->cells);
	in->holder->nr_cells++;
	in->r->account.nr_cells++;
	return 0;
}

static int take_holding(struct in *in, const void *data)
{
	struct earmark_holder *h = find_holder(in, data);

	if (!h)
		return -EBADMSG;
	list_add_tail(&h->holding, &h->gpu->holding);
	h->gpu->nr_holding++;
	return 0;
}

static int take_use(struct in *in, const void *data)
{
	const struct state_use *s = data;
	struct earmark_holder *h = find_holder(in, &s->holder);
	struct earmark_use *use = calloc(1, sizeof(*use));

	if (!h || !use) {
		free(use);
		return -EBADMSG;
	}
	use->holder = h;
	use->file = s->file;
	use->id = s->id;
	use->seen = s->seen;
	use->unknown = s->unknown;
	h->uses++;
	h->gpu->unknown += s->unknown;
	list_add_tail(&use->node, &in->r->account.files[hash_64(s->file, EARMARK_FILE_BITS)]);
	return 0;
}

static int take_array(void **array, u32 *n, size_t each, const void *data, size_t len)
{
	if (!len)
		return 0;
	*array = copy(data, len);
	if (!*array)
		return -ENOMEM;
	*n = (u32)(len / each);
	return 0;
}

static void take_saved(struct in *in, const void *data)
{
	struct rec *r = in->r;

	r->p = *(const struct rec_saved *)data;
	r->account.parity = r->p.acc_parity;
	r->account.start = r->p.acc_start;
	r->account.now = r->p.acc_now;
	r->account.next_use = r->p.acc_next_use;
}

static int take_own(struct in *in, u32 type, const void *data, size_t len)
{
	struct rec *r = in->r;

	switch (type) {
	case STATE_SAVED:
		take_saved(in, data);
		return 0;
	case STATE_EPOCHS:
		return take_array((void **)&r->epochs, &r->nr_epochs, sizeof(*r->epochs), data,
				  len);
	case STATE_OPEN_EVENTS:
		return take_array((void **)&r->events, &r->nr_events, sizeof(*r->events), data,
				  len);
	case STATE_GPU:
		return take_gpu(in, data);
	case STATE_ENGINE:
		return take_engine(in, data);
	case STATE_CGROUP:
		return take_cgroup(in, data);
	case STATE_TURNS:
		return take_turns(in, data, len);
	case STATE_HOLDER:
		return take_holder(in, data);
	case STATE_CELL:
		return take_cell(in, data);
	case STATE_HOLDING:
		return take_holding(in, data);
	case STATE_USE:
		return take_use(in, data);
	}
	return -EBADMSG;
}

static int take(struct in *in, u32 type, const void *data, size_t len)
{
	switch (type) {
	case STATE_SHAPE:
		in->same = len == sizeof(u64) && *(const u64 *)data == state_shape();
		return 0;
	case STATE_INTERVAL:
	case STATE_SEGMENTS:
	case STATE_EVENTS:
		return take_interval(in, type, data, len);
	case STATE_TAG:
		return len == sizeof(struct earmark_event) ? take_tag(in, data) : -EBADMSG;
	case STATE_SAVED:
		in->same &= len == sizeof(struct rec_saved) &&
			    ((const struct rec_saved *)data)->control == in->r->p.control;
		break;
	}
	return in->same ? take_own(in, type, data, len) : 0;
}

static int state_map(struct rec *r)
{
	_cleanup_close_ int fd = em_map_open("state");
	size_t whole;

	if (fd < 0)
		return fd;
	whole = em_map_size(fd);
	if (whole < STATE_HEAD + 2 * STATE_MIN)
		return -EBADMSG;
	r->state = em_map_mmap(fd, 0, whole, true);
	if (!r->state)
		return -errno;
	r->state_size = (whole - STATE_HEAD) / 2;
	return state_head(r)->magic == STATE_MAGIC ? 0 : -EBADMSG;
}

/**
 * em_rec_state_load() - read what a predecessor left
 * @same: its accounts go on; else only its tags and unacknowledged intervals were taken over
 *
 * Return: 0, -ENOENT, or -errno: it cannot be read.
 */
int em_rec_state_load(struct rec *r, bool *same)
{
	struct in in = { .r = r };
	const struct state_record *rec;
	const char *p, *end;
	u64 slot;
	int rc = state_map(r);

	*same = false;
	if (rc)
		return rc;
	slot = state_head(r)->turn & 1;
	p = r->state + STATE_HEAD + slot * r->state_size;
	if (state_head(r)->size[slot] > r->state_size)
		return -EBADMSG;
	end = p + state_head(r)->size[slot];
	for (; !rc && p + sizeof(*rec) <= end; p += sizeof(*rec) + ((rec->len + 7) & ~7U)) {
		rec = (const struct state_record *)p;
		if (rec->len > (size_t)(end - p) - sizeof(*rec))
			rc = -EBADMSG;
		else
			rc = take(&in, rec->type, p + sizeof(*rec), rec->len);
	}
	em_interval_clear(&in.interval);
	*same = in.same;
	return rc;
}
