// SPDX-License-Identifier: GPL-2.0
/*
 * Work that no recorder sees is looked for, and told to it: fdinfo of the files in use on GPUs of
 * METER_TOLD, and KFD's queues. One timer; see kernel/sampler.h and kernel/kfd.h for what is told.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "daemon/checking.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/sampling.h"
#include "kernel/jobset.h"
#include "kernel/kfd.h"
#include "kernel/sampler.h"

#define STATE_KEY "sampling"
#define SAVE_EVERY (60 * EM_NS_PER_S)
#define SOON (50 * EM_NS_PER_MS)   /* its first ioctl may be followed by others */
#define APART (250 * EM_NS_PER_MS) /* looks, however much is new */

/**
 * struct em_sampling - the sensors that sample
 * @load_id: of the recorder whose GPUs' numbers they know
 * @at, @saved: when was last looked, and when that was last kept: CLOCK_MONOTONIC, ns
 * @error: why that failed; "" = it did not
 * @told: GPUs that fdinfo is asked about
 * @counts: as of the last look
 */
struct em_sampling {
	struct em_sampler *sampler;
	struct em_kfd *kfd;
	struct em_checking *check;
	sd_event_source *timer;
	__u8 load_id[16];
	uint64_t at, saved, next;
	char error[256];
	unsigned int told;
	struct em_sampling_counts counts;
};

static __u64 every(const struct em_manager *m)
{
	return (__u64)(m->config->sample ?: EM_SAMPLE_DEFAULT);
}

/* --- from one daemon to the next ----------------------------------------------------------- */

static void boot_id(struct em_manager *m, char hex[33])
{
	struct earmark_status s = {};

	m->source->ops->status(m->source, &s);
	em_hex(hex, s.boot_id, sizeof(s.boot_id));
}

/* When a predecessor last looked; 0: in another boot, or never. */
static __u64 last_look(struct em_manager *m)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *o = NULL;
	char boot[33];

	if (em_ledger_state_get(m->ledger, STATE_KEY, &text) || !text)
		return 0;
	o = json_loads(text, 0, NULL);
	boot_id(m, boot);
	if (strcmp(json_string_value(json_object_get(o, "boot")) ?: "", boot))
		return 0;
	return (__u64)json_integer_value(json_object_get(o, "at"));
}

static void save(struct em_manager *m)
{
	_cleanup_json_ json_t *o = NULL;
	_cleanup_free_ char *text = NULL;
	char boot[33];

	if (!m->source || !m->sampling->at)
		return;
	boot_id(m, boot);
	o = json_pack("{s:s,s:I}", "boot", boot, "at", (json_int_t)m->sampling->at);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text && !em_ledger_state_set(m->ledger, STATE_KEY, text))
		m->sampling->saved = em_time_monotonic();
}

/* Another recorder, or the same one loaded anew, numbers GPUs anew. */
static int meet(struct em_manager *m)
{
	struct em_sampling *s = m->sampling;

	if (s->sampler && !memcmp(s->load_id, m->load_id, sizeof(s->load_id)))
		return 0;
	em_sampler_free(s->sampler);
	em_kfd_free(s->kfd);
	em_checking_free(s->check);
	s->check = em_checking_new();
	s->sampler = em_sampler_new(last_look(m));
	s->kfd = em_kfd_new(EM_KFD_ROOT);
	memcpy(s->load_id, m->load_id, sizeof(s->load_id));
	return s->sampler && s->kfd && s->check ? 0 : -ENOMEM;
}

/* --- fdinfo -------------------------------------------------------------------------------- */

static bool wanted(const struct earmark_gpu_info *gpu, void *arg)
{
	struct em_manager *m = arg;

	if (gpu->meter != EARMARK_METER_TOLD || !gpu->nr_devnums)
		return false;
	m->sampling->told++;
	return true;
}

static int tell(const struct em_work *work, void *arg)
{
	struct em_manager *m = arg;

	return m->source->ops->work(m->source, work);
}

static int fdinfo_look(struct em_manager *m)
{
	const struct em_sampler_look look = { wanted, tell, m };

	m->sampling->told = 0;
	return em_sampler_look(m->sampling->sampler, m->source, &look);
}

/* --- KFD ----------------------------------------------------------------------------------- */

/* struct kfd_round - under way */
struct kfd_round {
	struct em_manager *m;
	struct em_jobset jobs;
	bool read;
};

/* Where it is now is where its work goes; when it is gone, where it was. */
static __u64 kfd_job(struct kfd_round *r, const struct em_kfd_use *use)
{
	__u64 job;

	if (!r->read && em_jobset_read(&r->jobs, r->m->source))
		return use->job;
	r->read = true;
	job = use->queues ? em_jobset_of_pid(&r->jobs, use->pid) : 0;
	return job ?: use->job;
}

static int kfd_tell(struct em_kfd_use *use, void *arg)
{
	struct kfd_round *r = arg;
	struct earmark_gpu_info gpu;
	struct em_work work = { .class = EARMARK_CLASS_SAMPLED,
				.start = use->start,
				.end = use->end,
				.busy = use->busy,
				.error = use->error,
				.works = use->queues > 0 };
	int ret;

	use->job = kfd_job(r, use);
	ret = em_source_gpu(r->m->source, use->gpu, &gpu);
	if (ret <= 0 || !use->job)
		return ret < 0 ? ret : 0;
	work.gpu = gpu.gpu;
	work.job = use->job;
	ret = tell(&work, r->m);
	return ret == -ENOENT ? 0 : ret;
}

static int kfd_look(struct em_manager *m)
{
	struct kfd_round r = { .m = m };
	int ret;

	if (!em_kfd_present(m->sampling->kfd))
		return 0;
	ret = em_kfd_look(m->sampling->kfd, em_time_monotonic(), kfd_tell, &r);
	em_jobset_clear(&r.jobs);
	return ret;
}

/* --- rounds -------------------------------------------------------------------------------- */

static const char *trouble(const struct em_manager *m, int r)
{
	if (r == -ENOTCONN)
		return "the hold sensor is not attached: it tells whose files are in use";
	return m->source->error[0] ? m->source->error : strerror(-r);
}

/* One line when it begins to fail, one when it works again. */
static void note_error(struct em_manager *m, int r)
{
	struct em_sampling *s = m->sampling;
	char now[sizeof(s->error)] = "";

	if (r)
		snprintf(now, sizeof(now), "%s", trouble(m, r));
	if (!strcmp(now, s->error))
		return;
	if (*now)
		em_log(LOG_WARNING, "work that fdinfo or KFD show is not told: %s", now);
	else
		em_log(LOG_NOTICE, "work that fdinfo and KFD show is told again");
	memcpy(s->error, now, sizeof(now));
}

static void look(struct em_manager *m)
{
	struct em_sampling *s = m->sampling;
	int r = meet(m), kfd, check;

	if (r)
		return;
	r = fdinfo_look(m);
	kfd = kfd_look(m);
	check = em_checking_look(s->check, m->source, em_time_monotonic(), every(m));
	note_error(m, r ?: kfd ?: check);
	s->counts =
		(struct em_sampling_counts){ *em_sampler_counts(s->sampler), *em_kfd_counts(s->kfd),
					     *em_checking_counts(s->check) };
	if (!r && s->told)
		s->at = em_time_monotonic();
	if (em_time_monotonic() - s->saved > SAVE_EVERY)
		save(m);
}

static void rearm(struct em_manager *m, uint64_t in_ns)
{
	struct em_sampling *s = m->sampling;

	s->next = em_time_monotonic() + in_ns;
	sd_event_source_set_time_relative(s->timer, in_ns / EM_NS_PER_US);
	sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

/* Not between a reload and the first word of the recorder after it: nothing is new then. */
static bool has_met(const struct em_manager *m)
{
	static const __u8 none[sizeof(m->load_id)];

	return m->source && memcmp(m->load_id, none, sizeof(none));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct em_manager *m = arg;

	(void)source;
	(void)usec;
	if (has_met(m))
		look(m);
	rearm(m, every(m));
	return 0;
}

static int unexplained(const struct earmark_gpu_info *gpu, void *arg)
{
	*(bool *)arg |= gpu->meter == EARMARK_METER_TOLD && gpu->blind & EARMARK_BLIND_FILE;
	return 0;
}

/* A GPU is unobserved for as long as nobody has looked at a file that is new. */
void em_sampling_soon(struct em_manager *m)
{
	struct em_sampling *s = m->sampling;
	uint64_t now = em_time_monotonic(), at;
	bool any = false;

	if (!s || !s->told || !m->source)
		return;
	at = s->at + APART > now + SOON ? s->at + APART : now + SOON;
	if (at >= s->next)
		return;
	m->source->ops->gpus(m->source, unexplained, &any);
	if (any)
		rearm(m, at - now);
}

void em_sampling_open(struct em_manager *m)
{
	int r;

	m->sampling = calloc(1, sizeof(*m->sampling));
	r = m->sampling ? sd_event_add_time_relative(m->event, &m->sampling->timer, CLOCK_MONOTONIC,
						     0, EM_NS_PER_MS / EM_NS_PER_US, on_timer, m)
			: -ENOMEM;
	if (r >= 0) {
		if (m->metrics)
			em_metrics_watch_sampling(m->metrics, &m->sampling->counts);
		return;
	}
	em_log(LOG_ERR, "work that fdinfo or KFD show is not told: %s", strerror(-r));
	free(TAKE_PTR(m->sampling));
}

void em_sampling_close(struct em_manager *m)
{
	if (!m->sampling)
		return;
	save(m);
	if (m->metrics)
		em_metrics_watch_sampling(m->metrics, NULL);
	sd_event_source_disable_unref(m->sampling->timer);
	em_sampler_free(m->sampling->sampler);
	em_kfd_free(m->sampling->kfd);
	em_checking_free(m->sampling->check);
	free(TAKE_PTR(m->sampling));
}

void em_sampling_see(struct em_manager *m, const struct em_interval *i)
{
	if (m->sampling && m->sampling->check)
		em_checking_see(m->sampling->check, i);
}

const struct em_sampling_counts *em_sampling_counts(const struct em_manager *m)
{
	return &m->sampling->counts;
}

static json_t *number(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *fdinfo_json(const struct em_sampling *s, const struct em_sampler_counts *c)
{
	return json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "gpus",
			 (json_int_t)s->told, "busy_us", number(c->busy / EM_NS_PER_US), "error_us",
			 number(c->error / EM_NS_PER_US), "rounds", number(c->rounds), "clients",
			 number(c->clients), "reads", number(c->reads), "unread", number(c->unread),
			 "silent", number(c->silent), "shared", number(c->shared), "excess_us",
			 number(c->excess / EM_NS_PER_US), "unplaced", number(c->unplaced));
}

static json_t *kfd_json(const struct em_sampling *s, const struct em_kfd_counts *k)
{
	return json_pack("{s:b,s:o,s:o,s:o}", "present", s->kfd && em_kfd_present(s->kfd), "looks",
			 number(k->looks), "uses", number(k->uses), "bad", number(k->bad));
}

json_t *em_sampling_json(const struct em_manager *m)
{
	const struct em_sampling *s = m->sampling;

	if (!s)
		return json_null();
	return json_pack("{s:I,s:s?,s:o,s:o,s:o}", "every_us",
			 (json_int_t)(every(m) / EM_NS_PER_US), "error",
			 *s->error ? s->error : NULL, "fdinfo", fdinfo_json(s, &s->counts.fdinfo),
			 "kfd", kfd_json(s, &s->counts.kfd), "crosscheck",
			 s->check ? em_checking_json(s->check) : json_null());
}
