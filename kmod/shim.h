/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few kernel facilities that the accounting core (account.c) uses, and their user-space
 * twins, so that the module, the daemon and the unit tests compile the very same file.
 *
 * User-space twins are single-threaded: no RCU, no atomics, no fences.
 */
#ifndef EARMARK_SHIM_H
#define EARMARK_SHIM_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>

#define shim_free_rcu(ptr) kfree_rcu(ptr, rcu)

#else

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef __u64 u64; /* as in the uapi header, so that pointers to both agree */
typedef __s64 s64;
typedef __u32 u32;

struct rcu_head {
	void *unused;
};

typedef struct {
	u64 v;
} atomic64_t;

#define atomic64_read(a) ((a)->v)
#define atomic64_set(a, n) ((a)->v = (n))
#define atomic64_add(n, a) ((a)->v += (n))

static inline u64 atomic64_xchg(atomic64_t *a, u64 n)
{
	u64 old = a->v;

	a->v = n;
	return old;
}

static inline bool atomic64_try_cmpxchg(atomic64_t *a, s64 *old, u64 n)
{
	(void)old;
	a->v = n;
	return true;
}

#define smp_mb() ((void)0)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define div_u64(n, d) ((n) / (d))
#define mul_u64_u64_div_u64(a, b, d) ((u64)((unsigned __int128)(a) * (b) / (d)))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define shim_free_rcu(ptr) free(ptr)

/* Circular doubly linked lists, as in the kernel. */
struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h->prev = h;
}

static inline void list_insert(struct list_head *n, struct list_head *prev, struct list_head *next)
{
	n->next = next;
	n->prev = prev;
	prev->next = n;
	next->prev = n;
}

static inline void list_add(struct list_head *n, struct list_head *h)
{
	list_insert(n, h, h->next);
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	list_insert(n, h->prev, h);
}

static inline void list_del_init(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	INIT_LIST_HEAD(n);
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_rotate_left(struct list_head *h)
{
	struct list_head *first = h->next;

	if (list_empty(h))
		return;
	list_del_init(first);
	list_add_tail(first, h);
}

#define list_add_rcu list_add
#define list_add_tail_rcu list_add_tail
#define list_del_rcu list_del_init
#define list_entry container_of
#define list_first_entry(h, type, m) list_entry((h)->next, type, m)
#define list_for_each_entry(p, h, m)                                     \
	for (p = list_entry((h)->next, __typeof__(*p), m); &p->m != (h); \
	     p = list_entry(p->m.next, __typeof__(*p), m))
#define list_for_each_entry_safe(p, t, h, m)               \
	for (p = list_entry((h)->next, __typeof__(*p), m), \
	    t = list_entry(p->m.next, __typeof__(*p), m);  \
	     &p->m != (h); p = t, t = list_entry(t->m.next, __typeof__(*t), m))
#define list_for_each_entry_rcu(p, h, m, ...) list_for_each_entry(p, h, m)

static inline u32 hash_64(u64 v, u32 bits)
{
	return (u32)((v * 0x61C8864680B583EBull) >> (64 - bits)); /* GOLDEN_RATIO_64 */
}

#endif /* __KERNEL__ */

#endif /* EARMARK_SHIM_H */
