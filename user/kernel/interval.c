// SPDX-License-Identifier: GPL-2.0
/* The digests, the sums and the names of a sealed interval. */
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "kernel/interval.h"

_Static_assert(crypto_hash_sha256_BYTES == EARMARK_HASH_LEN, "SHA-256");

#define NAME(id, name) name,
#define NAMES(list)           \
	(const char *const[]) \
	{                     \
		list(NAME)    \
	}

static const char *name_of(const char *const *names, size_t n, unsigned int i)
{
	return i < n ? names[i] : "?";
}

void em_interval_clear(struct em_interval *i)
{
	free(i->segments);
	free(i->events);
	memset(i, 0, sizeof(*i));
}

static void digest_segments(const struct em_interval *i, __u8 out[EARMARK_HASH_LEN])
{
	crypto_hash_sha256(out, (const unsigned char *)i->segments,
			   (unsigned long long)i->header.nr_segments * sizeof(*i->segments));
}

static void digest_events(const struct em_interval *i, __u8 out[EARMARK_HASH_LEN])
{
	crypto_hash_sha256(out, (const unsigned char *)i->events,
			   (unsigned long long)i->header.nr_events * sizeof(*i->events));
}

void em_interval_hash(const struct em_interval *i, __u8 out[EARMARK_HASH_LEN])
{
	crypto_hash_sha256(out, (const unsigned char *)&i->header, sizeof(i->header));
}

void em_interval_seal(struct em_interval *i)
{
	digest_segments(i, i->header.segments_hash);
	digest_events(i, i->header.events_hash);
	em_interval_hash(i, i->hash);
}

/* Is the GPU's wall time given out completely? An unsigned sum that wrapped is not equal. */
static bool gpu_adds_up(const struct em_interval *i, const struct earmark_segment *gpu)
{
	__u64 sum = gpu->gpu_time.idle + gpu->gpu_time.unobserved;
	const struct earmark_segment *s;
	__u32 n;

	for (n = 0; n < i->header.nr_segments; n++) {
		s = &i->segments[n];
		if (s->kind == EARMARK_SEGMENT_USAGE && s->gpu == gpu->gpu)
			sum += s->usage.gpu_time;
	}
	return sum == gpu->gpu_time.wall;
}

static const char *interval_sums(const struct em_interval *i)
{
	const struct earmark_segment *s;
	__u32 n;

	if (i->header.flags & EARMARK_INTERVAL_BROKEN)
		return NULL; /* the recorder says so itself */
	for (n = 0; n < i->header.nr_segments; n++) {
		s = &i->segments[n];
		if (s->kind == EARMARK_SEGMENT_GPU && !gpu_adds_up(i, s))
			return "a GPU's used, idle and unobserved time do not add up to its wall "
			       "time";
	}
	return NULL;
}

int em_interval_check(const struct em_interval *i, const char **why)
{
	__u8 hash[EARMARK_HASH_LEN];

	*why = NULL;
	digest_segments(i, hash);
	if (memcmp(hash, i->header.segments_hash, sizeof(hash)))
		*why = "its rows are not those that were sealed";
	digest_events(i, hash);
	if (memcmp(hash, i->header.events_hash, sizeof(hash)))
		*why = "its events are not those that were sealed";
	em_interval_hash(i, hash);
	if (memcmp(hash, i->hash, sizeof(hash)))
		*why = "its header is not the one that was sealed";
	if (i->header.end < i->header.start)
		*why = "it ends before it starts";
	if (!*why)
		*why = interval_sums(i);
	return *why ? -EBADMSG : 0;
}

const char *em_purpose_name(unsigned int purpose)
{
	return name_of(NAMES(EARMARK_PURPOSES), EARMARK_PURPOSE_COUNT, purpose);
}

const char *em_tagged_by_name(unsigned int tagged_by)
{
	return name_of(NAMES(EARMARK_TAGGED_BY), EARMARK_TAGGED_BY_COUNT, tagged_by);
}

const char *em_event_name(unsigned int type)
{
	return name_of(NAMES(EARMARK_EVENTS), EARMARK_EVENT_COUNT, type);
}

const char *em_lost_name(unsigned int counter)
{
	return name_of(NAMES(EARMARK_LOST), EARMARK_LOST_COUNT, counter);
}

const char *em_blind_name(unsigned int bit)
{
	return name_of(NAMES(EARMARK_BLIND), EARMARK_BLIND_BIT_COUNT, bit);
}

const char *em_recorder_name(unsigned int recorder)
{
	static const char *const names[] = { "kernel", "daemon", "replay" };

	return name_of(names, ARRAY_SIZE(names), recorder);
}

const char *em_meter_name(unsigned int meter)
{
	return name_of(NAMES(EARMARK_METERS), EARMARK_METER_COUNT, meter);
}

const char *em_class_name(unsigned int class)
{
	return name_of(NAMES(EARMARK_CLASSES), EARMARK_CLASS_COUNT, class);
}

static int parse(const char *(*name)(unsigned int), unsigned int n, const char *s)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!strcmp(name(i), s))
			return (int)i;
	}
	return -EINVAL;
}

int em_purpose_parse(const char *name)
{
	return parse(em_purpose_name, EARMARK_PURPOSE_COUNT, name);
}

int em_tagged_by_parse(const char *name)
{
	return parse(em_tagged_by_name, EARMARK_TAGGED_BY_COUNT, name);
}

int em_meter_parse(const char *name)
{
	return parse(em_meter_name, EARMARK_METER_COUNT, name);
}

int em_class_parse(const char *name)
{
	return parse(em_class_name, EARMARK_CLASS_COUNT, name);
}
