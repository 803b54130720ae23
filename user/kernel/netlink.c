// SPDX-License-Identifier: GPL-2.0
/* Generic netlink, as far as the module needs it; see request.h and netlink.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "base/cleanup.h"
#include "kernel/request.h"

#define ANSWER_TIMEOUT_S 10
#define RECEIVE_BYTES 65536 /* a message's length is 16 bits */

struct em_netlink {
	struct nl_sock *sock, *events;
	int family;
	int result;       /* of the request being answered */
	char extack[160]; /* the kernel's sentence about it */
	char error[256];
};

/* Lengths are checked where records are read; a string's NUL is what needs the policy. */
#define POLICY_TYPE(id, name, nltype, length) [EARMARK_A_##id] = { .type = NLA_##nltype },
static struct nla_policy policy[EARMARK_A_COUNT] = { EARMARK_ATTRS(POLICY_TYPE) };

#define COMMAND_NAME(id, name) [EARMARK_CMD_##id] = (name),
static const char *const commands[EARMARK_CMD_COUNT] = { EARMARK_COMMANDS(COMMAND_NAME) };

EM_CLEANUP(struct em_netlink *, em_netlink_close);
EM_CLEANUP(struct nl_msg *, nlmsg_free);
EM_CLEANUP(struct nl_cb *, nl_cb_put);

static int from_nl(int r)
{
	switch (r < 0 ? -r : r) {
	case NLE_SUCCESS:
		return 0;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_NOMEM: /* what libnl makes of ENOBUFS too */
		return -ENOBUFS;
	case NLE_PERM:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_MSG_TRUNC:
	case NLE_MSG_TOOSHORT:
	case NLE_MISSING_ATTR:
	case NLE_RANGE:
	case NLE_INVAL:
	case NLE_SEQ_MISMATCH:
		return -EPROTO;
	default:
		return -EIO;
	}
}

static struct nl_sock *socket_open(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };
	int on = 1;

	if (!sock)
		return NULL;
	if (genl_connect(sock)) {
		nl_socket_free(sock);
		return NULL;
	}
	nl_socket_disable_msg_peek(sock);
	nl_socket_set_msg_buf_size(sock, RECEIVE_BYTES);
	/* CAP_ACK: errors without a copy of the request, so that the sentence follows at once */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return sock;
}

/* What is left of an answer nobody waits for goes away with its socket. */
static int reconnect(struct em_netlink *nl)
{
	struct nl_sock *sock = socket_open();

	if (!sock)
		return -EIO;
	nl_socket_free(nl->sock);
	nl->sock = sock;
	return 0;
}

static void extack_take(struct em_netlink *nl, const void *tlvs, int len)
{
	struct nlattr *a = nla_find(tlvs, len, NLMSGERR_ATTR_MSG);

	if (a && nla_len(a) > 0)
		snprintf(nl->extack, sizeof(nl->extack), "%.*s", nla_len(a),
			 (const char *)nla_data(a));
}

/*
 * struct answer - who reads the messages of an answer
 * @result: of the request; valid once @done
 * @stopped: @read ended it before its end
 */
struct answer {
	struct em_netlink *nl;
	em_netlink_reader *read;
	void *arg;
	int result;
	bool done, stopped;
};

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct answer *answer = arg;
	int at = sizeof(*e);

	(void)who;
	answer->done = true;
	answer->result = e->error;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += (int)e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && at <= nlmsg_datalen(h))
		extack_take(answer->nl, (char *)e + at, nlmsg_datalen(h) - at);
	return NL_STOP;
}

/* The end of a dump carries its result, which libnl does not look at. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct answer *answer = arg;
	int r = 0, at = NLMSG_ALIGN(sizeof(r));

	if (nlmsg_datalen(h) >= (int)sizeof(r))
		memcpy(&r, nlmsg_data(h), sizeof(r));
	answer->done = true;
	answer->result = r < 0 ? r : 0;
	if (r < 0 && h->nlmsg_flags & NLM_F_ACK_TLVS)
		extack_take(answer->nl, (char *)nlmsg_data(h) + at, nlmsg_datalen(h) - at);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct answer *)arg)->done = true;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct em_netlink_attr attrs[EARMARK_A_COUNT] = { 0 };
	struct nlattr *raw[EARMARK_A_COUNT];
	struct answer *answer = arg;
	int r = -EPROTO;

	if (!genlmsg_parse(nlmsg_hdr(msg), 0, raw, EARMARK_A_COUNT - 1, policy)) {
		for (int i = 0; i < EARMARK_A_COUNT; i++) {
			if (raw[i])
				attrs[i] = (struct em_netlink_attr){ nla_data(raw[i]),
								     (size_t)nla_len(raw[i]) };
		}
		r = answer->read ? answer->read(attrs, answer->arg) : 0;
	}
	if (!r)
		return NL_OK;
	answer->result = r;
	answer->done = answer->stopped = true;
	return NL_STOP;
}

int em_netlink_fail(struct em_netlink *nl, int cmd, int r)
{
	if (*nl->extack)
		snprintf(nl->error, sizeof(nl->error), "%s", nl->extack);
	else if (r == -ENOENT)
		snprintf(nl->error, sizeof(nl->error),
			 "the earmark module is not loaded; load it with: modprobe earmark");
	else if (r == -EPROTO)
		snprintf(nl->error, sizeof(nl->error),
			 "the module's answer to %s is not of version %d of the contract",
			 commands[cmd], EARMARK_VERSION);
	else
		snprintf(nl->error, sizeof(nl->error), "the module refused %s: %s", commands[cmd],
			 strerror(-r));
	return r;
}

/* Puts one attribute; a text that is empty is said by leaving it out. */
static int put(struct nl_msg *msg, int attr, va_list *values)
{
	const char *text;

	switch (policy[attr].type) {
	case NLA_U8:
		return nla_put_u8(msg, attr, (__u8)va_arg(*values, __u64));
	case NLA_S32:
		return nla_put_s32(msg, attr, (__s32)va_arg(*values, __u64));
	case NLA_U32:
		return nla_put_u32(msg, attr, (__u32)va_arg(*values, __u64));
	case NLA_U64:
		return nla_put_u64(msg, attr, va_arg(*values, __u64));
	case NLA_NUL_STRING:
		text = va_arg(*values, const char *);
		return text && *text ? nla_put_string(msg, attr, text) : 0;
	default:
		text = va_arg(*values, const char *);
		return nla_put(msg, attr, va_arg(*values, int), text);
	}
}

/* A message of the pairs that em_netlink_request() was given; NULL: no memory. */
static struct nl_msg *compose(struct em_netlink *nl, int cmd, int flags, va_list *values)
{
	_cleanup_(nlmsg_freep) struct nl_msg *msg = nlmsg_alloc();
	int attr, r = 0;

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, cmd,
				 EARMARK_VERSION))
		return NULL;
	while (!r && (attr = va_arg(*values, int)))
		r = put(msg, attr, values);
	return r ? NULL : TAKE_PTR(msg);
}

/* Sends @msg and reads the whole answer. Return: its result; > 0: the reader's own word. */
static int ask(struct em_netlink *nl, int cmd, struct nl_msg *msg, struct answer *answer)
{
	_cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	if (!msg || !cb)
		return em_netlink_fail(nl, cmd, -ENOMEM);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, answer);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answer);
	r = nl_send_auto(nl->sock, msg);
	while (r >= 0 && !answer->done)
		r = nl_recvmsgs(nl->sock, cb);
	if (!answer->done || answer->stopped)
		reconnect(nl);
	if (!answer->done)
		answer->result = from_nl(r);
	return answer->result < 0 ? em_netlink_fail(nl, cmd, answer->result) : answer->result;
}

int em_netlink_request(struct em_netlink *nl, int cmd, int kind, em_netlink_reader *read, void *arg,
		       ...)
{
	_cleanup_(nlmsg_freep) struct nl_msg *msg = NULL;
	struct answer answer = { .nl = nl, .read = read, .arg = arg };
	va_list values;

	*nl->extack = *nl->error = '\0';
	va_start(values, arg);
	msg = compose(nl, cmd, kind == EM_NETLINK_DUMP ? NLM_F_DUMP : NLM_F_ACK, &values);
	va_end(values);
	return ask(nl, cmd, msg, &answer);
}

static int check_version(struct em_netlink *nl)
{
	struct earmark_status status;
	int r = em_netlink_status(nl, &status);

	return r ? r : status.version == EARMARK_VERSION ? 0 : -EPROTO;
}

int em_netlink_open(struct em_netlink **ret)
{
	_cleanup_(em_netlink_closep) struct em_netlink *nl = calloc(1, sizeof(*nl));
	int r;

	if (!nl)
		return -ENOMEM;
	nl->sock = socket_open();
	if (!nl->sock)
		return -EIO;
	nl->family = genl_ctrl_resolve(nl->sock, EARMARK_FAMILY);
	if (nl->family < 0)
		return from_nl(nl->family);
	r = check_version(nl);
	if (!r)
		*ret = TAKE_PTR(nl);
	return r;
}

const char *em_netlink_trouble(int error)
{
	switch (error) {
	case -ENOENT:
		return "the module earmark is not loaded (modprobe earmark)";
	case -EPROTO:
		return "the module earmark is of another version than this program: install both "
		       "from one release";
	case -EPERM:
	case -EACCES:
		return "the module earmark answers only to root";
	default:
		return strerror(-error);
	}
}

void em_netlink_close(struct em_netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->events);
	nl_socket_free(nl->sock);
	free(nl);
}

const char *em_netlink_error(const struct em_netlink *nl)
{
	return nl->error;
}

int em_netlink_event_fd(struct em_netlink *nl)
{
	struct nl_sock *sock;
	int group;

	if (nl->events)
		return nl_socket_get_fd(nl->events);
	group = genl_ctrl_resolve_grp(nl->sock, EARMARK_FAMILY, EARMARK_MCGRP_EVENTS);
	if (group < 0)
		return from_nl(group);
	sock = socket_open();
	if (!sock)
		return -EIO;
	nl_socket_disable_seq_check(sock);
	if (nl_socket_add_membership(sock, group) || nl_socket_set_nonblocking(sock)) {
		nl_socket_free(sock);
		return -EIO;
	}
	nl->events = sock;
	return nl_socket_get_fd(sock);
}

int em_netlink_receive(struct em_netlink *nl, em_netlink_reader *read, void *arg)
{
	_cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct answer answer = { .nl = nl, .read = read, .arg = arg };
	int r = 0;

	if (!cb || !nl->events)
		return -EINVAL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &answer);
	while (r >= 0 && !answer.stopped)
		r = nl_recvmsgs(nl->events, cb);
	if (answer.stopped)
		return answer.result;
	return r == -NLE_AGAIN ? 0 : from_nl(r);
}
