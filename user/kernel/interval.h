/* SPDX-License-Identifier: GPL-2.0 */
/* A sealed interval as it travels through user space, whoever recorded it. */
#ifndef EM_INTERVAL_H
#define EM_INTERVAL_H

#include "earmark.h"

/**
 * struct em_interval - one interval; owns its arrays
 * @header: as recorded
 * @hash: SHA-256 of @header's bytes: the next interval's header.previous
 * @segments: header.nr_segments rows
 * @events: header.nr_events events, in order of when
 */
struct em_interval {
	struct earmark_interval header;
	__u8 hash[EARMARK_HASH_LEN];
	struct earmark_segment *segments;
	struct earmark_event *events;
};

void em_interval_clear(struct em_interval *i);

/* Computes the digests of both arrays into the header, then hash; header.previous is given. */
void em_interval_seal(struct em_interval *i);

/* The hash of its header. */
void em_interval_hash(const struct em_interval *i, __u8 out[EARMARK_HASH_LEN]);

/* Do the digests, the hash and every GPU's sum hold? Return: 0 or -EBADMSG with *why set. */
int em_interval_check(const struct em_interval *i, const char **why);

/* Return: the list's name, or "?" past its end. */
const char *em_purpose_name(unsigned int purpose);
const char *em_tagged_by_name(unsigned int tagged_by);
const char *em_event_name(unsigned int type);
const char *em_lost_name(unsigned int counter);
const char *em_blind_name(unsigned int bit);
const char *em_recorder_name(unsigned int recorder);
const char *em_meter_name(unsigned int meter);
const char *em_class_name(unsigned int class);
int em_purpose_parse(const char *name);   /* value or -EINVAL */
int em_tagged_by_parse(const char *name); /* value or -EINVAL */
int em_meter_parse(const char *name);     /* value or -EINVAL */
int em_class_parse(const char *name);     /* value or -EINVAL */

#endif
