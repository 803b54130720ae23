/* SPDX-License-Identifier: GPL-2.0 */
/* The challenge to the hold sensor. A TRACE_EVENT, because tp_btf needs the event's BTF. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM earmark

#if !defined(EARMARK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define EARMARK_TRACE_H

#include <linux/tracepoint.h>

/* clang-format off */
TRACE_EVENT(earmark_challenge,

	TP_PROTO(u64 nonce),

	TP_ARGS(nonce),

	TP_STRUCT__entry(
		__field(u64, nonce)
	),

	TP_fast_assign(
		__entry->nonce = nonce;
	),

	TP_printk("nonce=%llx", __entry->nonce)
);
/* clang-format on */

#endif /* EARMARK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
