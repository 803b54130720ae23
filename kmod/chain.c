// SPDX-License-Identifier: GPL-2.0
/* The chain of sealed intervals, kept until acknowledged in a keep bounded in bytes. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/sha2.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "interval.h"

/**
 * struct chain - of this load
 * @mutex: guards @sealed, @bytes, @first; taken inside the interval's mutex
 * @last, @hash: of the last sealed interval; written by the sealer alone
 */
static struct {
	struct mutex mutex; /* of the list */
	struct list_head sealed;
	u64 bytes;
	u64 keep;
	u64 last;
	u8 hash[EARMARK_HASH_LEN];
	u8 boot_id[16];
	u8 load_id[16];
} chain = {
	.mutex = __MUTEX_INITIALIZER(chain.mutex),
	.sealed = LIST_HEAD_INIT(chain.sealed),
};

/* The kernel exports its boot id to nobody: read it as user space does. */
static int boot_id_read(void)
{
	struct file *file = filp_open("/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
	char text[UUID_STRING_LEN + 1] = "";
	loff_t pos = 0;
	ssize_t n;
	uuid_t id;

	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_read(file, text, UUID_STRING_LEN, &pos);
	fput(file);
	if (n < 0)
		return n;
	if (uuid_parse(text, &id))
		return -EINVAL;
	export_uuid(chain.boot_id, &id);
	return 0;
}

static size_t size_of(u32 nr_segments, u32 nr_events)
{
	return sizeof(struct earmark_sealed) + nr_segments * sizeof(struct earmark_segment) +
	       nr_events * sizeof(struct earmark_event);
}

/* Return: may so large an interval be sealed? One is always kept. */
bool earmark_chain_room(u32 nr_segments, u32 nr_events)
{
	bool room;

	mutex_lock(&chain.mutex);
	room = list_empty(&chain.sealed) ||
	       chain.bytes + size_of(nr_segments, nr_events) <= chain.keep;
	mutex_unlock(&chain.mutex);
	return room;
}

/* Return: an interval with room for so many rows, or NULL. */
struct earmark_sealed *earmark_chain_new(u32 nr_segments, u32 nr_events)
{
	struct earmark_sealed *s = kzalloc(sizeof(*s), GFP_KERNEL | __GFP_NOWARN);

	if (!s)
		return NULL;
	refcount_set(&s->refs, 1);
	s->segments =
		kvmalloc_array(nr_segments + 1, sizeof(*s->segments), GFP_KERNEL | __GFP_NOWARN);
	s->events = kvmalloc_array(nr_events + 1, sizeof(*s->events), GFP_KERNEL | __GFP_NOWARN);
	if (s->segments && s->events)
		return s;
	earmark_chain_put(s);
	return NULL;
}

void earmark_chain_put(struct earmark_sealed *s)
{
	if (!s || !refcount_dec_and_test(&s->refs))
		return;
	kvfree(s->segments);
	kvfree(s->events);
	kfree(s);
}

static void digest(const void *data, size_t len, u8 *out)
{
	struct sha256_state state;
	const size_t step = 64 << 10;

	sha256_init(&state);
	for (; len > step; len -= step, data += step) {
		sha256_update(&state, data, step);
		cond_resched();
	}
	sha256_update(&state, data, len);
	sha256_final(&state, out);
}

/* The rows were counted for the worst case: give back what they do not need. */
static void shrink(struct earmark_sealed *s)
{
	size_t size = s->header.nr_segments * sizeof(*s->segments);
	void *exact = kvmalloc(size + 1, GFP_KERNEL | __GFP_NOWARN);

	if (!exact)
		return;
	memcpy(exact, s->segments, size);
	kvfree(s->segments);
	s->segments = exact;
}

/* Complete the header and append: by the sealer alone. The chain owns @s from here. */
void earmark_chain_add(struct earmark_sealed *s)
{
	struct earmark_interval *h = &s->header;

	shrink(s);
	h->number = chain.last + 1;
	memcpy(h->boot_id, chain.boot_id, sizeof(h->boot_id));
	memcpy(h->load_id, chain.load_id, sizeof(h->load_id));
	memcpy(h->previous, chain.hash, sizeof(h->previous));
	digest(s->segments, h->nr_segments * sizeof(*s->segments), h->segments_hash);
	digest(s->events, h->nr_events * sizeof(*s->events), h->events_hash);
	digest(h, sizeof(*h), s->hash);
	memcpy(chain.hash, s->hash, sizeof(chain.hash));
	s->bytes = size_of(h->nr_segments, h->nr_events);
	mutex_lock(&chain.mutex);
	WRITE_ONCE(chain.last, h->number);
	chain.bytes += s->bytes;
	list_add_tail(&s->node, &chain.sealed);
	mutex_unlock(&chain.mutex);
}

void earmark_chain_keep(u64 bytes)
{
	mutex_lock(&chain.mutex);
	chain.keep = bytes;
	mutex_unlock(&chain.mutex);
}

/**
 * earmark_chain_get() - the first kept interval that is not before @number
 * @last: the one read before, where the search begins if it is still kept; or NULL
 *
 * Return: with a reference, or NULL.
 */
struct earmark_sealed *earmark_chain_get(u64 number, struct earmark_sealed *last)
{
	struct earmark_sealed *s, *found = NULL;

	mutex_lock(&chain.mutex);
	s = last && !list_empty(&last->node)
		    ? last
		    : list_first_entry(&chain.sealed, struct earmark_sealed, node);
	for (; &s->node != &chain.sealed; s = list_next_entry(s, node)) {
		if (s->header.number < number)
			continue;
		refcount_inc(&s->refs);
		found = s;
		break;
	}
	mutex_unlock(&chain.mutex);
	return found;
}

/* Everything up to @number is stored elsewhere. */
int earmark_chain_ack(u64 number, const u8 *hash, struct netlink_ext_ack *extack)
{
	struct earmark_sealed *s, *next;
	int ret = -ENOENT;

	mutex_lock(&chain.mutex);
	list_for_each_entry(s, &chain.sealed, node) {
		if (s->header.number == number)
			ret = memcmp(s->hash, hash, sizeof(s->hash)) ? -EINVAL : 0;
	}
	list_for_each_entry_safe(s, next, &chain.sealed, node) {
		if (ret || s->header.number > number)
			break;
		list_del_init(&s->node);
		chain.bytes -= s->bytes;
		earmark_chain_put(s);
	}
	mutex_unlock(&chain.mutex);
	if (ret == -ENOENT)
		NL_SET_ERR_MSG(extack, "no interval of that number is kept");
	else if (ret)
		NL_SET_ERR_MSG(extack, "the hash is not that interval's");
	return ret;
}

void earmark_chain_status(struct earmark_status *st)
{
	struct earmark_sealed *first;

	memcpy(st->boot_id, chain.boot_id, sizeof(st->boot_id));
	memcpy(st->load_id, chain.load_id, sizeof(st->load_id));
	mutex_lock(&chain.mutex);
	first = list_first_entry_or_null(&chain.sealed, struct earmark_sealed, node);
	st->first_kept = first ? first->header.number : 0;
	st->last_sealed = chain.last;
	st->kept_bytes = chain.bytes;
	st->keep_bytes = chain.keep;
	mutex_unlock(&chain.mutex);
}

int earmark_chain_init(u64 keep)
{
	int ret = boot_id_read();

	if (ret) {
		pr_err("cannot read the boot id from /proc: error %d\n", ret);
		return ret;
	}
	get_random_bytes(chain.load_id, sizeof(chain.load_id));
	chain.keep = clamp(keep, EARMARK_KEEP_MIN, EARMARK_KEEP_MAX);
	return 0;
}

void earmark_chain_exit(void)
{
	struct earmark_sealed *s, *next;

	list_for_each_entry_safe(s, next, &chain.sealed, node)
		earmark_chain_put(s);
}
