/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ledger's notes that probes read: orders, requests, events, approvals, job profiles. Others
 * wrote them: what cannot be understood is counted as bad and left out.
 */
#ifndef EM_NOTES_H
#define EM_NOTES_H

#include "probe/series.h"

#define EM_NOTE_NAME 64

enum em_how { EM_HOW_UNSAID, EM_HOW_ADD, EM_HOW_DISPLACE };

const char *em_how_name(enum em_how how);

/*
 * struct em_order - "move @part's share from @from to @to" at @at; @event: no order, an event
 * @written: when the note itself was
 */
struct em_order {
	char name[EM_NOTE_NAME];
	enum em_part_id part;
	double from, to;
	int64_t at, written;
	enum em_how arm;
	bool control, event;
};

enum em_action { EM_ACTION_OPEN, EM_ACTION_GRANT, EM_ACTION_REFUSE };

/* struct em_request_note - one act on a request; @gpus: asked or granted, 0 = not said */
struct em_request_note {
	char id[EM_NOTE_NAME];
	enum em_action action;
	enum em_part_id part;
	enum em_how how;
	double gpus;
	int64_t at;
};

/* struct em_approval - @gpu_hours: up to which, in ns of GPU time; 0 = without limit */
struct em_approval {
	char id[EM_NOTE_NAME], project[EM_NOTE_NAME], ref[EARMARK_REF_LEN];
	em_ns gpu_hours;
	unsigned int signers, external;
	int64_t at;
};

/* struct em_profile - what a job was, apart from its tags; @fingerprint in hex */
struct em_profile {
	char boot_id[33], fingerprint[65];
	uint64_t job;
	int64_t at;
};

/* struct em_notes - one kind of notes, in order of their time */
struct em_notes {
	union {
		void *list;
		struct em_order *orders;
		struct em_request_note *requests;
		struct em_approval *approvals;
		struct em_profile *profiles;
	};
	size_t n, room;
	unsigned int bad;
};

/*
 * Notes whose own time lies in the window. Orders and events come together, in time's order.
 * Return: 0 or -errno; em_notes_clear() in any case.
 */
int em_notes_orders(struct em_notes *n, struct em_ledger *l, struct em_range window);
int em_notes_requests(struct em_notes *n, struct em_ledger *l, struct em_range window);
int em_notes_approvals(struct em_notes *n, struct em_ledger *l, struct em_range window);
int em_notes_profiles(struct em_notes *n, struct em_ledger *l, struct em_range window);
void em_notes_clear(struct em_notes *n);

/* One note as it stands in the ledger. 0, or -EINVAL: bad. For tests and fuzzing too. */
int em_order_parse(struct em_order *o, const json_t *note, int64_t wall);
int em_event_parse(struct em_order *o, const json_t *note, int64_t wall);
int em_request_parse(struct em_request_note *r, const json_t *note, int64_t wall);
/* The same of its text, at a fraction of the cost. -EAGAIN: not plain enough; ask the other. */
int em_request_plain(struct em_request_note *r, const char *json, int64_t wall);
int em_approval_parse(struct em_approval *a, const json_t *note, int64_t wall);
/* -ENODATA too: it says that what the job ran is not known. */
int em_profile_parse(struct em_profile *p, const json_t *note, int64_t wall);

#endif
