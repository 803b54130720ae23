/* SPDX-License-Identifier: GPL-2.0 */
/* A sink's thread: tells what is spooled until the sink stops. */
#ifndef EM_SINK_WORK_H
#define EM_SINK_WORK_H

struct em_sink;

void em_sink_work(struct em_sink *s);

#endif
