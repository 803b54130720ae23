// SPDX-License-Identifier: GPL-2.0
/*
 * Mutated netlink messages against the loaded module: starts from a valid message of every
 * command, changes bytes, lengths, types, order and number of attributes, and sends it.
 *
 * Passes if every command answered at least once each way it can, every refusal by the module
 * carried a sentence, and the module still answers at the end. The kernel's own complaints are
 * the guest's console's to show. Usage: netlink_fuzz [MESSAGES [SEED]]; needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "earmark.h"

#define EARMARK_CMD_NAME(id, name) name,
static const char *const cmd_names[] = { EARMARK_COMMANDS(EARMARK_CMD_NAME) };

struct message {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	__u8 attrs[4000];
};

enum { SENTENCES = 256 };

static struct {
	unsigned long sent, fine[EARMARK_CMD_COUNT], refused[EARMARK_CMD_COUNT], silent;
	char sentence[SENTENCES][128];
	unsigned long said[SENTENCES];
	unsigned int nr;
} seen;

/* the last interval that a dump showed: what can truly be acknowledged */
static struct {
	__u64 number;
	__u8 hash[EARMARK_HASH_LEN];
} shown;

static __u64 rng = 1;
static int sock, family, cgroup_fd;

static __u64 rnd(__u64 n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (rng >> 33) % n;
}

static void put(struct message *m, int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)m + NLMSG_ALIGN(m->nl.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, data, len);
	m->nl.nlmsg_len = NLMSG_ALIGN(m->nl.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static void put_u8(struct message *m, int type, __u8 v)
{
	put(m, type, &v, sizeof(v));
}

static void put_u32(struct message *m, int type, __u32 v)
{
	put(m, type, &v, sizeof(v));
}

static void put_u64(struct message *m, int type, __u64 v)
{
	put(m, type, &v, sizeof(v));
}

static void put_str(struct message *m, int type, const char *s)
{
	put(m, type, s, strlen(s) + 1);
}

static void start(struct message *m, int fam, int cmd, int flags)
{
	memset(m, 0, sizeof(*m));
	m->nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	m->nl.nlmsg_type = fam;
	m->nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	m->genl.cmd = cmd;
	m->genl.version = 1;
}

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void put_work(struct message *m)
{
	__u64 end = monotonic(), start = end - rnd(1000000000);
	bool works = rnd(4);
	struct stat st = { 0 };

	fstat(cgroup_fd, &st);
	put_u32(m, EARMARK_A_GPU, rnd(8));
	put_u64(m, EARMARK_A_JOB, rnd(8) ? st.st_ino : rnd(100));
	put_u64(m, EARMARK_A_START, start);
	put_u64(m, EARMARK_A_END, rnd(8) ? end : ~end);
	put_u64(m, EARMARK_A_VALUE, works ? rnd(end - start + 1) : 0);
	put_u64(m, EARMARK_A_ERROR, rnd(1000000));
	put_u32(m, EARMARK_A_CLASS, rnd(EARMARK_CLASS_COUNT));
	put_u8(m, EARMARK_A_STATE, works);
}

/* A message that would be accepted, or, where that would end the run's fun, nearly so. */
static void valid(struct message *m, int cmd)
{
	static const char *const names[] = { "pci/0000:41:00.0", "platform/fuzz.0",
					     "platform/fuzz.1" };
	__u32 devnums[2] = { 226 << 20 | (128 + rnd(40)), 226 << 20 | rnd(40) };
	bool dump = cmd == EARMARK_CMD_JOB_GET || cmd == EARMARK_CMD_GPU_GET ||
		    cmd == EARMARK_CMD_INTERVAL_GET;
	__u8 hash[EARMARK_HASH_LEN] = { rnd(256) };

	start(m, family, cmd, dump ? NLM_F_DUMP : 0);
	switch (cmd) {
	case EARMARK_CMD_TAG_SET:
		put(m, EARMARK_A_CGROUP_FD, &cgroup_fd, sizeof(cgroup_fd));
		put_u8(m, EARMARK_A_PURPOSE, rnd(EARMARK_PURPOSE_COUNT));
		put_u8(m, EARMARK_A_TAGGED_BY, 1 + rnd(EARMARK_TAGGED_BY_COUNT - 1));
		put_str(m, EARMARK_A_PROJECT, "interpretability");
		put_str(m, EARMARK_A_REF, "cluster/1234");
		if (rnd(2))
			break;
		put_u32(m, EARMARK_A_UID, rnd(3));
		put_u32(m, EARMARK_A_GID, rnd(3));
		put_u32(m, EARMARK_A_PID, rnd(1000));
		put_str(m, EARMARK_A_COMM, "somebody");
		break;
	case EARMARK_CMD_GPU_SET:
		put_str(m, EARMARK_A_NAME, names[rnd(3)]);
		put_str(m, EARMARK_A_MODEL, "H100");
		put_str(m, EARMARK_A_UUID, "GPU-1");
		put_u32(m, EARMARK_A_WEIGHT, rnd(1000));
		put_u32(m, EARMARK_A_METER, rnd(EARMARK_METER_COUNT + 1));
		put(m, EARMARK_A_DEVNUMS, devnums, sizeof(devnums));
		break;
	case EARMARK_CMD_GPU_RETIRE:
		put_u32(m, EARMARK_A_GPU, rnd(50));
		put_str(m, EARMARK_A_TEXT, "sold");
		break;
	case EARMARK_CMD_INTERVAL_GET:
		put_u64(m, EARMARK_A_NUMBER, rnd(100));
		break;
	case EARMARK_CMD_INTERVAL_ACK:
		put_u64(m, EARMARK_A_NUMBER, rnd(2) ? shown.number : rnd(100));
		put(m, EARMARK_A_HASH, rnd(4) ? shown.hash : hash, sizeof(hash));
		break;
	case EARMARK_CMD_CONFIG_SET:
		put_u64(m, EARMARK_A_PERIOD, rnd(4) ? 1000000000 : rnd(1000));
		put_u64(m, EARMARK_A_KEEP, rnd(4) ? 16 << 20 : rnd(1000));
		break;
	case EARMARK_CMD_FILE_SET:
		put_u64(m, EARMARK_A_FILE, rnd(10));
		put_u8(m, EARMARK_A_STATE, rnd(3));
		break;
	case EARMARK_CMD_WORK_ADD:
		put_work(m);
		break;
	case EARMARK_CMD_LOST_ADD:
		put_u32(m, EARMARK_A_COUNTER, rnd(EARMARK_LOST_COUNT + 2));
		put_u64(m, EARMARK_A_VALUE, rnd(3));
		put_u32(m, EARMARK_A_GPU, rnd(4));
		break;
	}
}

static void mutate(struct message *m)
{
	__u8 *bytes = m->attrs;
	int len = m->nl.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), n = rnd(4);
	struct nlattr *a;

	while (n-- && len > 0) {
		int at = rnd(len) & ~3;

		a = (struct nlattr *)(bytes + at);
		switch (rnd(7)) {
		case 0:
			bytes[rnd(len)] ^= 1 << rnd(8);
			break;
		case 1:
			bytes[rnd(len)] = rnd(256);
			break;
		case 2:
			a->nla_len = rnd(2) ? rnd(len + 8) : rnd(65536);
			break;
		case 3:
			a->nla_type = rnd(EARMARK_A_COUNT + 3) | (rnd(8) ? 0 : NLA_F_NESTED);
			break;
		case 4:
			m->nl.nlmsg_len -= rnd(len) & ~3;
			break;
		case 5: /* an attribute of any type and size more */
			if (m->nl.nlmsg_len < 3000) {
				__u8 junk[300];

				for (unsigned int i = 0; i < sizeof(junk); i++)
					junk[i] = rnd(256);
				put(m, rnd(EARMARK_A_COUNT + 2), junk, rnd(sizeof(junk)));
			}
			break;
		case 6:
			m->genl.cmd = rnd(EARMARK_CMD_COUNT + 2);
			if (rnd(2))
				m->nl.nlmsg_flags ^= NLM_F_DUMP;
			break;
		}
		len = m->nl.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	}
}

static void count_sentence(const char *s)
{
	unsigned int i;

	for (i = 0; i < seen.nr && strncmp(seen.sentence[i], s, 127); i++)
		;
	if (i == SENTENCES)
		return;
	if (i == seen.nr)
		snprintf(seen.sentence[seen.nr++], 128, "%s", s);
	seen.said[i]++;
}

/* Return: the extack sentence of an error, or NULL. */
static const char *sentence(const struct nlmsghdr *nl)
{
	const struct nlmsgerr *e = NLMSG_DATA(nl);
	size_t at = sizeof(*nl) + sizeof(*e);

	if (!(nl->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(nl->nlmsg_flags & NLM_F_CAPPED))
		at += e->msg.nlmsg_len - sizeof(e->msg);
	while (at + NLA_HDRLEN <= nl->nlmsg_len) {
		const struct nlattr *a = (const void *)((const char *)nl + NLMSG_ALIGN(at));

		if (a->nla_type == NLMSGERR_ATTR_MSG)
			return (const char *)a + NLA_HDRLEN;
		at = NLMSG_ALIGN(at) + NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

static void count_error(const struct nlmsghdr *nl, int cmd)
{
	const struct nlmsgerr *e = NLMSG_DATA(nl);
	const char *s;

	if (!e->error) {
		seen.fine[cmd]++;
		return;
	}
	seen.refused[cmd]++;
	s = sentence(nl);
	if (s)
		count_sentence(s);
	else if (e->error != -EOPNOTSUPP && e->error != -EBUSY && e->error != -EINTR) {
		if (!seen.silent++)
			fprintf(stderr, "a refusal without a sentence: %s: %s\n", cmd_names[cmd],
				strerror(-e->error));
	}
}

static void note_interval(const struct nlmsghdr *nl)
{
	const struct earmark_interval *header = NULL;
	const void *hash = NULL;

	for (size_t at = NLMSG_LENGTH(GENL_HDRLEN); at + NLA_HDRLEN <= nl->nlmsg_len;) {
		const struct nlattr *a = (const void *)((const char *)nl + at);

		if (a->nla_type == EARMARK_A_HEADER)
			header = (const void *)((const char *)a + NLA_HDRLEN);
		if (a->nla_type == EARMARK_A_HASH)
			hash = (const char *)a + NLA_HDRLEN;
		at += NLA_ALIGN(a->nla_len) ?: NLA_HDRLEN;
	}
	if (!header || !hash)
		return;
	memcpy(&shown.number, &header->number, sizeof(shown.number));
	memcpy(shown.hash, hash, sizeof(shown.hash));
}

/* Reads until the acknowledgement or the end of a dump. */
static void answer(int cmd)
{
	static char buf[65536];

	for (;;) {
		ssize_t n = recv(sock, buf, sizeof(buf), 0);
		struct nlmsghdr *nl = (void *)buf;

		if (n < 0 && errno == ENOBUFS)
			continue;
		if (n < 0)
			return; /* timed out: some mutations are not answered */
		for (; NLMSG_OK(nl, n); nl = NLMSG_NEXT(nl, n)) {
			if (nl->nlmsg_type == NLMSG_ERROR)
				return count_error(nl, cmd);
			if (nl->nlmsg_type == NLMSG_DONE) {
				seen.fine[cmd]++;
				return;
			}
			if (cmd == EARMARK_CMD_INTERVAL_GET)
				note_interval(nl);
		}
	}
}

static int resolve(void)
{
	struct message m;
	char buf[8192];
	ssize_t n;

	start(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	m.nl.nlmsg_flags &= ~NLM_F_ACK;
	put_str(&m, CTRL_ATTR_FAMILY_NAME, EARMARK_FAMILY);
	if (send(sock, &m, m.nl.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(sock, buf, sizeof(buf), 0);
	struct nlmsghdr *nl = (void *)buf;

	if (n <= 0 || !NLMSG_OK(nl, n) || nl->nlmsg_type == NLMSG_ERROR)
		return -ENOENT;
	for (size_t at = NLMSG_LENGTH(GENL_HDRLEN); at < nl->nlmsg_len;) {
		struct nlattr *a = (void *)(buf + at);

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(__u16 *)((char *)a + NLA_HDRLEN);
		at += NLA_ALIGN(a->nla_len);
	}
	return -ENOENT;
}

static int verdict(void)
{
	struct message m;
	int bad = 0;

	for (int c = EARMARK_CMD_STATUS_GET; c < EARMARK_CMD_COUNT; c++) {
		if (c == EARMARK_CMD_EVENT) /* what the kernel says, not what it is asked */
			continue;
		printf("# %-14s accepted %7lu refused %7lu\n", cmd_names[c], seen.fine[c],
		       seen.refused[c]);
		/* these are of the hold sensor's own doing */
		if (!seen.fine[c] && c != EARMARK_CMD_SENSOR_SEEDED && c != EARMARK_CMD_FILE_SET &&
		    c != EARMARK_CMD_SENSOR_POLLED)
			bad++, printf("not ok netlink_fuzz: %s was never accepted\n", cmd_names[c]);
		if (!seen.refused[c] && c != EARMARK_CMD_STATUS_GET && c != EARMARK_CMD_JOB_GET &&
		    c != EARMARK_CMD_GPU_GET && c != EARMARK_CMD_INTERVAL_SEAL)
			bad++, printf("not ok netlink_fuzz: %s was never refused\n", cmd_names[c]);
	}
	for (unsigned int i = 0; i < seen.nr; i++)
		printf("# %7lu x %s\n", seen.said[i], seen.sentence[i]);
	printf("%s netlink_fuzz: %lu messages, every command reached both ways\n",
	       bad ? "not ok" : "ok", seen.sent);
	printf("%s netlink_fuzz: %u different sentences, %lu refusals without one\n",
	       seen.silent ? "not ok" : "ok", seen.nr, seen.silent);
	seen.fine[EARMARK_CMD_STATUS_GET] = 0;
	valid(&m, EARMARK_CMD_STATUS_GET);
	send(sock, &m, m.nl.nlmsg_len, 0);
	answer(EARMARK_CMD_STATUS_GET);
	bad += !seen.fine[EARMARK_CMD_STATUS_GET];
	printf("%s netlink_fuzz: the module still answers\n",
	       seen.fine[EARMARK_CMD_STATUS_GET] ? "ok" : "not ok");
	return bad || seen.silent;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	struct timeval patience = { .tv_usec = 20000 };
	char dir[] = "/sys/fs/cgroup/earmark-fuzz";
	int on = 1;

	rng = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	family = resolve();
	if (family < 0) {
		printf("skip netlink_fuzz - the module is not loaded\n");
		return 77;
	}
	(void)!system("mkdir -p /sys/fs/cgroup/earmark-fuzz");
	cgroup_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (; seen.sent < n; seen.sent++) {
		int cmd = EARMARK_CMD_STATUS_GET + rnd(EARMARK_CMD_COUNT - EARMARK_CMD_STATUS_GET);
		struct message m;

		valid(&m, cmd == EARMARK_CMD_EVENT ? EARMARK_CMD_SENSOR_POLLED : cmd);
		if (rnd(4))
			mutate(&m);
		if (m.nl.nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
			m.nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
		cmd = m.genl.cmd < EARMARK_CMD_COUNT ? m.genl.cmd : EARMARK_CMD_UNSPEC;
		if (send(sock, &m, m.nl.nlmsg_len, 0) >= 0)
			answer(cmd);
	}
	close(cgroup_fd);
	rmdir(dir);
	return verdict();
}
