// SPDX-License-Identifier: GPL-2.0
/*
 * Who uses which file of a GPU. A file is used by a cgroup from its first ioctl there, which
 * covers inherited and passed files without a look at open, fork or receive; it ceases when
 * the file is freed.
 *
 * With the module (mode.kmod) the kfuncs keep the books and know which devices are GPUs.
 * Without it the edges go through the ring; the recorder gives the device numbers.
 */
#include "earmark.bpf.h"

const volatile struct em_hold_mode mode = {};

/* Weak, and called only where mode.kmod says so: the verifier drops the other branch. */
extern int earmark_hold_ioctl(struct file *file) __ksym __weak;
extern int earmark_hold_channel(struct file *file, int certain) __ksym __weak;
extern int earmark_hold_free(struct file *file) __ksym __weak;
extern int earmark_seed_begin(void) __ksym __weak;
extern u64 earmark_hold_seed(struct task_struct *task, struct file *file) __ksym __weak;
extern int earmark_challenge_answer(u64 nonce, u64 missed, u64 recursion) __ksym __weak;

#define NV_CONTROL (EARMARK_NVIDIA_MAJOR << 20 | EARMARK_NVIDIA_CONTROL)

/* Of GPUs; and NV_CONTROL, where one of them is listened to for channels. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u32);
} devnums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct em_file);
} files SEC(".maps");

/* (file, cgroup) told of beside em_file.cgroup -> use_gen; losing one only tells it again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct em_use_key);
	__type(value, u64);
} uses SEC(".maps");

static __always_inline u32 char_device(struct file *file)
{
	struct inode *inode = file->f_inode;

	return (inode->i_mode & S_IFMT) == S_IFCHR ? inode->i_rdev : 0;
}

/* Return: the book entry of a file, made if there is none; NULL: no room, counted. */
static __always_inline struct em_file *file_get(struct em_control *c, u64 file, u32 devnum)
{
	struct em_file *f = bpf_map_lookup_elem(&files, &file);
	struct em_file new = { .devnum = devnum };

	if (f)
		return f;
	new.id = __sync_fetch_and_add(&c->next_file, 1) + 1;
	bpf_map_update_elem(&files, &file, &new, BPF_NOEXIST);
	f = bpf_map_lookup_elem(&files, &file);
	if (!f) {
		count(&lost, EARMARK_LOST_FILE);
		count(&missed, EM_FAMILY_HOLD);
		hole(c);
	}
	return f;
}

/* Return: must this use be told? Marks it as told. */
static __always_inline bool use_note(struct em_file *f, u64 cgroup, u64 gen)
{
	struct em_use_key key = { .file = f->id, .cgroup = cgroup };
	u64 *told;

	if (!f->cgroup && !__sync_val_compare_and_swap(&f->cgroup, 0, cgroup)) {
		f->gen = gen;
		return true;
	}
	if (f->cgroup == cgroup) {
		if (f->gen == gen)
			return false;
		f->gen = gen;
		return true;
	}
	told = bpf_map_lookup_elem(&uses, &key);
	if (told && *told == gen)
		return false;
	bpf_map_update_elem(&uses, &key, &gen, BPF_ANY);
	return true;
}

static __always_inline void use_tell(struct file *file, u32 devnum)
{
	struct em_control *c = control_get();
	u64 cgroup = bpf_get_current_cgroup_id();
	struct earmark_ring *r;
	struct em_file *f;
	bool fresh;

	if (!c)
		return;
	count(&runs, EM_FAMILY_HOLD);
	f = file_get(c, (u64)file, devnum);
	if (!f || !use_note(f, cgroup, *(volatile u64 *)&c->use_gen))
		return;
	fresh = job_note(EM_FAMILY_HOLD, cgroup);
	r = ring_get(c, EARMARK_RING_USE);
	if (!r)
		return;
	r->devnum = devnum;
	r->file = f->id;
	r->cgroup = cgroup;
	ring_put(r, fresh);
}

/*
 * NVIDIA's launches pass no kernel, but before them a process asks the resource manager for a
 * channel (RM_ALLOC with one of these classes, one a generation). Where in its argument the
 * class stands, and that large arguments are wrapped, has not changed since there are channels.
 */
#define NV_MAGIC 'F'
#define NV_RM_ALLOC 0x2b
#define NV_XFER 0xd3
#define NV_CLASS_AT 12

struct nv_xfer {
	u32 cmd;
	u32 size;
	u64 ptr;
};

static __always_inline bool is_channel_class(u32 class)
{
	switch (class) {
	case 0xc36f: /* Volta */
	case 0xc46f: /* Turing */
	case 0xc56f: /* Ampere */
	case 0xc86f: /* Hopper */
	case 0xc96f: /* Blackwell */
	case 0xca6f:
		return true;
	}
	return false;
}

/* Return: 1 a channel is asked for, 0 it is not, -1 it cannot be read. */
static __always_inline int asks_channel(u32 cmd, u64 arg)
{
	u32 class, nr = cmd & 0xff;
	struct nv_xfer xfer;

	if ((cmd >> 8 & 0xff) != NV_MAGIC)
		return 0;
	if (nr == NV_XFER) {
		if (bpf_probe_read_user(&xfer, sizeof(xfer), (void *)arg))
			return -1;
		nr = xfer.cmd;
		arg = xfer.ptr;
	}
	if (nr != NV_RM_ALLOC)
		return 0;
	if (bpf_probe_read_user(&class, sizeof(class), (void *)(arg + NV_CLASS_AT)))
		return -1;
	return is_channel_class(class);
}

static __always_inline void channel_tell(u32 devnum, bool certain)
{
	struct em_control *c = control_get();
	struct earmark_ring *r = c ? ring_get(c, EARMARK_RING_CHANNEL) : NULL;

	if (!r)
		return;
	r->devnum = devnum;
	r->cgroup = bpf_get_current_cgroup_id();
	r->fd = !certain;
	ring_put(r, false);
}

static __always_inline int ioctl(struct file *file, u32 cmd, u64 arg)
{
	u32 devnum = char_device(file);
	int asks;

	if (!devnum)
		return 0;
	if (mode.kmod)
		earmark_hold_ioctl(file);
	else if (!bpf_map_lookup_elem(&devnums, &devnum))
		return 0;
	else if (devnum != NV_CONTROL)
		use_tell(file, devnum);
	asks = devnum >> 20 == EARMARK_NVIDIA_MAJOR ? asks_channel(cmd, arg) : 0;
	if (!asks)
		return 0;
	if (mode.kmod)
		earmark_hold_channel(file, asks > 0);
	else
		channel_tell(devnum, asks > 0);
	return 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(hold_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
{
	return ioctl(file, cmd, arg);
}

/* A hook of its own since "lsm: new security_file_ioctl_compat() hook" (6.8, and backports). */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(hold_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg)
{
	return ioctl(file, cmd, arg);
}

/* The inode is gone by now: the file's address is all that can be looked up. */
SEC("lsm/file_free_security")
int BPF_PROG(hold_free, struct file *file)
{
	struct em_control *c;
	struct earmark_ring *r;
	u64 key = (u64)file, id;
	struct em_file *f;

	if (mode.kmod) {
		earmark_hold_free(file);
		return 0;
	}
	f = bpf_map_lookup_elem(&files, &key);
	c = control_get();
	if (!f || !c)
		return 0;
	id = f->id;
	bpf_map_delete_elem(&files, &key);
	r = ring_get(c, EARMARK_RING_FREE);
	if (r) {
		r->file = id;
		ring_put(r, false);
	}
	/* After the record: whoever submits from now on tells so behind it. */
	__sync_fetch_and_add(&c->free_gen, 1);
	return 0;
}

/* Runs for every open file of every process; writes the GPUs' as struct earmark_ring. */
SEC("iter/task_file")
int hold_seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct earmark_ring r = { .type = EARMARK_RING_SEED };
	struct file *file = ctx->file;
	struct em_control *c;
	struct em_file *f;

	if (mode.kmod && !ctx->meta->seq_num)
		earmark_seed_begin();
	if (!task || !file)
		return 0;
	r.devnum = char_device(file);
	if (!r.devnum)
		return 0;
	if (mode.kmod) {
		r.file = earmark_hold_seed(task, file);
	} else if (r.devnum == NV_CONTROL || !bpf_map_lookup_elem(&devnums, &r.devnum)) {
		return 0;
	} else if (mode.walks) {
		r.file = (u64)file;
	} else {
		c = control_get();
		f = c ? file_get(c, (u64)file, r.devnum) : NULL;
		r.file = f ? f->id : 0;
	}
	if (!r.file)
		return 0;
	r.when = bpf_ktime_get_ns();
	r.cgroup = task->cgroups->dfl_cgrp->kn->id;
	r.pid = task->tgid;
	r.fd = ctx->fd;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

/*
 * The module asks whether anybody is there. With it, nothing here can be missed that it does
 * not count itself: LSM programs are not skipped when they nest, and they use no map.
 */
SEC("tp_btf/earmark_challenge")
int BPF_PROG(hold_challenge, u64 nonce)
{
	if (mode.kmod)
		earmark_challenge_answer(nonce, 0, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
