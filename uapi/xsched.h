/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * xsched.h - the ABI of /dev/xsched: suspend and resume KFD compute queues.
 *
 * A process registers its own hardware queues; that is its consent. Whoever
 * may control them suspends and resumes them. A suspension belongs to the open
 * file that asked for it: a queue runs again when the last file that holds it
 * lets go, closes (SIGKILL included), or lets its lease expire.
 *
 * Conventions:
 *  - Every ioctl takes a pointer to one structure, whose first field is its
 *    size in bytes as the caller knows it. The numbers carry no size: later
 *    versions append fields. Bytes beyond what this module knows must be zero.
 *  - "in" is read, "out" is written, "inout" both. Unused bits and padding
 *    ("must be 0") are checked.
 *  - Times ending in _ns are nanoseconds (of CLOCK_MONOTONIC where absolute),
 *    _us microseconds, _ms milliseconds.
 *  - A call that fails has changed nothing, but for EFAULT while results are
 *    written back and EINTR. SUSPEND and RESUME return 0 when the request was
 *    carried out, and say for each queue how that went.
 *
 * Errors that every ioctl has:
 *  ENOTTY  unknown number
 *  EFAULT  a pointer does not lead to readable or writable memory
 *  EINVAL  size below that of version 1.0, an unknown flag, non-zero padding,
 *          or a value outside what its field allows
 *  E2BIG   size above 4096, or a non-zero byte in the part that this module
 *          does not know
 *  ENOMEM  out of memory
 */
#ifndef _UAPI_XSCHED_H
#define _UAPI_XSCHED_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define XSCHED_DEVICE_NAME "xsched"

/* A new major breaks programs; a new minor adds. */
#define XSCHED_ABI_MAJOR 1
#define XSCHED_ABI_MINOR 0

/* Items in one call at most; a longer list is EINVAL. */
#define XSCHED_MAX_BATCH 256

/* Ways to suspend; the bit of engine N in a mask is 1 << N. */
#define XSCHED_ENGINE_AUTO 0 /* the module's choice (parameter "engine") */
#define XSCHED_ENGINE_UPDATE_QUEUE 1 /* one queue: percentage 0 and back */
#define XSCHED_ENGINE_QUIESCE 2 /* all queues of a process */
#define XSCHED_ENGINE_SUSPEND_QUEUES 3 /* KFD's debugger call; grace period */
#define XSCHED_ENGINE_MOCK 4 /* xsched_mock.ko: no hardware, for tests */
#define XSCHED_ENGINE_SLOTS 8 /* room in struct xsched_query */

/* What an engine reaches. */
#define XSCHED_LEVEL_DEACTIVATE 2 /* nothing behind the running kernel starts */
#define XSCHED_LEVEL_INTERRUPT 3 /* running waves are saved (CWSR) */

/* Why one engine is on or off. */
struct xsched_engine_state {
	__s32 error; /* out: 0 if usable, else a negative errno */
	__u32 levels; /* out: mask of 1 << XSCHED_LEVEL_*, 0 if off */
	char why[56]; /* out: the reason, NUL-terminated; "" if usable */
};

/*
 * QUERY: what this module and this file can do. Any file.
 * Errors: the general ones.
 */
struct xsched_query {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u32 abi_major; /* out: XSCHED_ABI_MAJOR of the module */
	__u32 abi_minor; /* out: XSCHED_ABI_MINOR of the module */
	__u32 engines; /* out: mask of usable engines */
	__u32 default_engine; /* out: what AUTO means now; 0 if nothing works */
	__u32 role; /* out: XSCHED_ROLE_* of this file */
	__u32 lease_default_ms; /* out: lease used for lease_ms == 0 */
	__u32 lease_max_ms; /* out: longest lease */
	__u32 max_batch; /* out: items in one call */
	__u32 max_queues; /* out: queues that one file may register */
	__u32 num_queues; /* out: queues registered by all files */
	char driver_version[64]; /* out: amdgpu's version or srcversion */
	struct xsched_engine_state engine[XSCHED_ENGINE_SLOTS]; /* out */
};

/*
 * Roles. CONTROL: opened with CAP_SYS_ADMIN, or by a member of the (non-root)
 * group that owns the node and may read and write it. It may act on queues of
 * other processes.
 */
#define XSCHED_ROLE_OWNER 0
#define XSCHED_ROLE_CONTROL 1

/* Values of xsched_register_queue.type are KFD_IOC_QUEUE_TYPE_*. */
#define XSCHED_QUEUE_TYPE_MAX 4

/* Replace ring, priority and percentage of a queue registered by this file. */
#define XSCHED_REGISTER_REPLACE 0x1

/*
 * REGISTER_QUEUE: offer a KFD queue of the calling process. The values must be
 * those given to AMDKFD_IOC_CREATE_QUEUE (or the last UPDATE_QUEUE): they are
 * written back when the queue resumes, and KFD refuses a wrong ring. From then
 * on the process itself must not call UPDATE_QUEUE while the queue is
 * suspended; it tells a change with REGISTER_REPLACE.
 * The registration ends with UNREGISTER_QUEUE, with the file, or with the
 * process. A queue that an earlier registration left suspended is resumed.
 * Errors: EEXIST  this process already registered queue_id
 *         ENOENT  REPLACE of a queue that is not registered
 *         EPERM   REPLACE of a queue that another file registered
 *         EBUSY   REPLACE of the ring of a suspended queue
 *         EINVAL  also: REPLACE with another gpu_id
 *         EINTR   a signal came while a queue of that id, whose registration
 *                 has ended, was still being resumed
 *         ENOSPC  max_queues reached, or no room for one more node
 *         ESRCH   the caller has no memory of its own (it is exiting)
 */
struct xsched_register_queue {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: XSCHED_REGISTER_* */
	__u32 queue_id; /* in: KFD's id, unique in the process */
	__u32 gpu_id; /* in: KFD's gpu_id, not 0 */
	__u64 ring_base; /* in: address of the ring in the process, not 0 */
	__u32 ring_size; /* in: bytes, a power of two, or 0 as KFD allows */
	__u32 type; /* in: KFD_IOC_QUEUE_TYPE_*, 0..XSCHED_QUEUE_TYPE_MAX */
	__u32 priority; /* in: KFD's queue priority, 0..15 */
	__u32 percentage; /* in: KFD's queue percentage when running, 1..100 */
	__u64 handle; /* out: names the queue from now on; never reused */
};

/*
 * UNREGISTER_QUEUE: withdraw the consent. A suspended queue is resumed first;
 * its holders get XSCHED_EVENT_GONE.
 * Errors: ENOENT  no such handle
 *         EPERM   registered by another file
 *         EINTR   a signal came while another call worked on the queue
 */
struct xsched_unregister_queue {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u64 handle; /* in */
};

#define XSCHED_QUEUE_SUSPENDED 0x1 /* does not run */
#define XSCHED_QUEUE_BUSY 0x2 /* an operation is under way */
#define XSCHED_QUEUE_DEAD 0x4 /* process gone, or queue reset by KFD */
#define XSCHED_QUEUE_HELD 0x8 /* this file holds a suspension */
#define XSCHED_QUEUE_OWN 0x10 /* registered by this file */
#define XSCHED_QUEUE_PROCESS_SUSPENDED 0x20 /* by SUSPEND_PROCESS */
#define XSCHED_QUEUE_RETRYING 0x40 /* resume failed, is tried again */

/* One row of LIST_QUEUES. */
struct xsched_queue_info {
	__u64 handle; /* out */
	__u32 queue_id; /* out */
	__u32 gpu_id; /* out */
	__u32 pid; /* out: in the caller's pid namespace; 0 if not visible */
	__u32 state; /* out: XSCHED_QUEUE_* */
	__u32 type; /* out: KFD_IOC_QUEUE_TYPE_* */
	__u32 priority; /* out */
	__u32 ring_size; /* out: bytes */
	__u32 holders; /* out: files that hold a suspension */
	__u32 engine; /* out: engine that suspended it last, 0 if none did */
	__s32 last_error; /* out: last negative errno of an operation, or 0 */
	__u64 suspends; /* out: times it stopped */
	__u64 resumes; /* out: times it ran again */
	__u64 lease_expiries; /* out: holds dropped by an expired lease */
	__u64 suspended_ns; /* out: time spent suspended, now included */
	__u64 last_op_ns; /* out: duration of the last engine operation */
	__u64 lease_deadline_ns; /* out: latest deadline of its holds, or 0 */
};

/*
 * LIST_QUEUES: a control file sees all queues, others their own process's.
 * In the order of registration; start with cursor 0 and call again until
 * count < what was asked for.
 * Errors: EINVAL  also: entry_size below that of version 1.0 or above 4096,
 *                 count above XSCHED_MAX_BATCH
 */
struct xsched_list_queues {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u32 count; /* inout: rows that fit -> rows written */
	__u32 entry_size; /* inout: caller's row size -> bytes filled of each */
	__u64 cursor; /* inout: rows with a handle above it */
	__u64 entries; /* in: address of struct xsched_queue_info[count] */
};

/* Row of LIST_NODES. */
struct xsched_node_info {
	__u32 gpu_id; /* out */
	__u32 queues; /* out: registered now */
	__u64 passes; /* out: times an engine preempted and remapped the node */
	__u64 suspends; /* out: queues stopped */
	__u64 resumes; /* out: queues started again */
	__u64 errors; /* out: operations on queues that failed */
	__u64 limited; /* out: calls turned away by the rate limit */
	__u64 total_ns; /* out: time spent in engines */
	__u64 max_ns; /* out: longest pass */
};

/*
 * LIST_NODES: counters of every KFD node that has or had queues.
 * Structure, paging (cursor = last gpu_id) and errors as of LIST_QUEUES.
 */
struct xsched_list_nodes {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u32 count; /* inout: rows that fit -> rows written */
	__u32 entry_size; /* inout: caller's row size -> bytes filled of each */
	__u64 cursor; /* inout: rows with a gpu_id above it */
	__u64 entries; /* in: address of struct xsched_node_info[count] */
};

/* One queue of a SUSPEND or RESUME call. */
struct xsched_item {
	__u64 handle; /* in */
	__s32 status; /* out: 0 or a negative errno, see each call */
	__u32 state; /* out: XSCHED_QUEUE_* afterwards */
	__u64 ns; /* out: time of the engine pass that did it, 0 if none */
};

/* Skip items that are invalid (their status says why); do the others. */
#define XSCHED_ITEMS_PARTIAL 0x1
/* RESUME only: all suspensions of this file; count and items must be 0. */
#define XSCHED_RESUME_ALL 0x2

/* lease_ms: no lease, until RESUME or close. Needs CAP_SYS_ADMIN. */
#define XSCHED_LEASE_NONE 0xffffffffU

/*
 * SUSPEND: hold the queues. One that this file already holds gets a new lease
 * and costs nothing; so does one that another file holds. All others are
 * handed to the engine in one batch a node.
 * Errors: ENODEV      AUTO, and no engine works (QUERY says why)
 *         EOPNOTSUPP  the engine named, the level or the grace period is not
 *                     to be had
 *         EPERM       XSCHED_LEASE_NONE without CAP_SYS_ADMIN; the mock engine
 *                     by name without the control role; or an item names the
 *                     queue of another process, and this file has no control
 *         ENOENT      an item's handle is unknown
 *         ESRCH       an item's process is gone
 *         EINVAL      also: the same handle twice
 *         ERANGE      lease_ms above lease_max_ms
 *         EAGAIN      the node's rate limit; come back after retry_us
 *         EINTR       a signal came while another call worked on these queues;
 *                     items already done stay held (RESUME undoes them)
 * For EPERM, ENOENT, ESRCH and EINVAL the items' status tells the offender.
 * Status of an item: 0; these; or of the operation: EBUSY (held through
 * another engine), EIO, ETIME, EACCES (queue reset: dead), EFAULT (KFD did not
 * accept the registered ring), ESRCH (process or queue gone). An item with a
 * status other than 0 is not held by this call.
 */
struct xsched_suspend {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: XSCHED_ITEMS_PARTIAL */
	__u32 count; /* in: items, 1..XSCHED_MAX_BATCH */
	__u32 level; /* inout: lowest XSCHED_LEVEL_* wanted -> level reached */
	__u32 engine; /* inout: XSCHED_ENGINE_* wanted -> engine used */
	__u32 lease_ms; /* in: 0 for the default, or XSCHED_LEASE_NONE */
	/*
	 * in: time that running waves get to finish. A hint: KFD counts in
	 * thousands of GPU clocks, the module takes the clock for 2 GHz.
	 */
	__u32 grace_us;
	__u32 retry_us; /* out: with EAGAIN, else 0 */
	__u64 items; /* in: address of struct xsched_item[count] */
	__u32 held; /* out: items held by this file now */
	__u32 passes; /* out: engine passes that this call caused */
	__u64 ns; /* out: time in the module, entry to return */
};

/*
 * RESUME: let go. The queue runs again when nobody holds it.
 * Errors: EPERM, ENOENT, EINVAL, EINTR as SUSPEND; a handle that this file
 *         does not hold has status ENOENT too.
 * Status of an item: 0 (let go; state tells whether it runs), or the engine's
 *         error: this file's hold is gone all the same, and the module tries
 *         again by itself (XSCHED_QUEUE_RETRYING).
 */
struct xsched_resume {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: XSCHED_ITEMS_PARTIAL, XSCHED_RESUME_ALL */
	__u32 count; /* in: items, 1..XSCHED_MAX_BATCH */
	__u32 passes; /* out: engine passes that this call caused */
	__u64 items; /* in: address of struct xsched_item[count] */
	__u64 ns; /* out: time in the module, entry to return */
};

/*
 * SUSPEND_PROCESS: stop every queue of a process on all its nodes, registered
 * or not (engine quiesce, or mock). RESUME_PROCESS: let go of that.
 * Held by the file and leased, as a queue is; independent of single queues.
 * Errors: as SUSPEND and RESUME; the engine's own error is returned.
 */
struct xsched_process {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u64 handle; /* in: any registered queue of the process */
	__u32 lease_ms; /* in: as in SUSPEND; RESUME_PROCESS: must be 0 */
	__u32 engine; /* inout: as in SUSPEND; RESUME_PROCESS: must be 0 */
	__u32 retry_us; /* out: with EAGAIN, else 0 */
	__u32 holders; /* out: files that hold the process now */
	__u64 ns; /* out: time in the module, entry to return */
};

/*
 * RENEW: a new lease for everything that this file holds, in one call. Leases
 * that have no end keep none.
 * Errors: ERANGE, EPERM as for lease_ms of SUSPEND.
 */
struct xsched_renew {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: must be 0 */
	__u32 lease_ms; /* in: as in SUSPEND */
	__u32 renewed; /* out: holds */
};

/*
 * Events. Every file gets those of queues that it registered or holds; a
 * control file may LISTEN to all. read() returns whole structures, as many as
 * fit and are there, and blocks for the first unless O_NONBLOCK. poll() says
 * POLLIN. When the file's buffer (256) is full, newer events are dropped and
 * counted in the next one that is delivered.
 * Errors of read: EINVAL (room for less than one), EAGAIN, EFAULT, EINTR.
 */
#define XSCHED_EVENT_SUSPENDED 1 /* stopped running */
#define XSCHED_EVENT_RESUMED 2 /* runs again */
#define XSCHED_EVENT_LEASE_EXPIRED 3 /* this file's hold was dropped */
#define XSCHED_EVENT_REGISTERED 4 /* new queue */
#define XSCHED_EVENT_GONE 5 /* unregistered, or its process ended */
#define XSCHED_EVENT_ERROR 6 /* an engine operation failed: value */
#define XSCHED_EVENT_LAST 6

struct xsched_event {
	__u64 time_ns; /* when */
	__u64 handle; /* which queue */
	__u32 type; /* XSCHED_EVENT_* */
	__s32 value; /* ERROR: negative errno; else 0 */
	__u32 lost; /* events dropped before this one */
	__u32 reserved; /* 0 */
};

/*
 * LISTEN: choose events.
 * Errors: EPERM  LISTEN_ALL without the control role
 *         EINVAL also: a bit in mask that is no event
 */
#define XSCHED_LISTEN_ALL 0x1

struct xsched_listen {
	__u32 size; /* in: bytes */
	__u32 flags; /* in: XSCHED_LISTEN_ALL */
	__u32 mask; /* in: 1 << XSCHED_EVENT_*; initially all */
	__u32 reserved; /* in: must be 0 */
};

#define XSCHED_IOC_TYPE 0xBE
#define XSCHED_IOC_QUERY _IO(XSCHED_IOC_TYPE, 0x00)
#define XSCHED_IOC_REGISTER_QUEUE _IO(XSCHED_IOC_TYPE, 0x01)
#define XSCHED_IOC_UNREGISTER_QUEUE _IO(XSCHED_IOC_TYPE, 0x02)
#define XSCHED_IOC_LIST_QUEUES _IO(XSCHED_IOC_TYPE, 0x03)
#define XSCHED_IOC_SUSPEND _IO(XSCHED_IOC_TYPE, 0x04)
#define XSCHED_IOC_RESUME _IO(XSCHED_IOC_TYPE, 0x05)
#define XSCHED_IOC_SUSPEND_PROCESS _IO(XSCHED_IOC_TYPE, 0x06)
#define XSCHED_IOC_RESUME_PROCESS _IO(XSCHED_IOC_TYPE, 0x07)
#define XSCHED_IOC_RENEW _IO(XSCHED_IOC_TYPE, 0x08)
#define XSCHED_IOC_LISTEN _IO(XSCHED_IOC_TYPE, 0x09)
#define XSCHED_IOC_LIST_NODES _IO(XSCHED_IOC_TYPE, 0x0a)

#endif /* _UAPI_XSCHED_H */
