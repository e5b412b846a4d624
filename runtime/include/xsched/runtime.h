/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The in-process API of xsched: what an application that knows of xsched may
 * ask of its own queues. C99 and C++; exported by the preloaded libshimhip.so,
 * so look the functions up with dlsym(RTLD_DEFAULT, ...) or declare them weak
 * if the program shall also run without it.
 *
 * Every function is thread-safe. Those that return int return 0 (or a count)
 * or one of these, negative as in the kernel:
 *   -ENODEV     no queue was created yet, or queues are not scheduled
 *   -ENOENT     no XQueue has this id
 *   -EINVAL     an argument is out of its range
 *   -ESHUTDOWN  the process ends: nothing is scheduled any more
 *   -ENOMEM     no memory
 *   -ENOTSUP    a part of what was asked cannot be reached (see there)
 * None may be called from a signal handler.
 */
#ifndef XSCHED_RUNTIME_H
#define XSCHED_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define XSCHED_API __attribute__((visibility("default")))
#else
#define XSCHED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with an incompatible change of this header. */
#define XSCHED_API_VERSION 1

#define XSCHED_ALL 0u /* as an id: every XQueue that there is now */

/* A snapshot of one XQueue: one hardware queue that the application created. */
typedef struct xsched_xqueue {
  uint32_t id;             /* from 1, never used again in this process */
  uint32_t kfd_queue_id;   /* UINT32_MAX: unknown */
  uint32_t gpu_id;         /* KFD's (sysfs topology); 0: unknown */
  int32_t priority;        /* -255..255, higher is more urgent */
  uint32_t level_wanted;   /* 1..3 */
  uint32_t level_actual;   /* what the engine reaches */
  char engine[8];          /* "gate", "kfd", "kmod" */
  uint32_t window;         /* packets in the hardware queue under competition, level 1 */
  uint32_t suspended;      /* 1: a suspend holds now, whoever asked for it */
  uint64_t submitted;      /* packets that the application wrote */
  uint64_t moved;          /* of those, passed on to the hardware queue */
  uint64_t in_flight;      /* packets in the hardware queue now, xsched's own included */
  uint64_t suspends;       /* suspends carried out */
  uint64_t last_suspend_ns; /* how long the last one took */
} xsched_xqueue;

/* XSCHED_API_VERSION of the library. */
XSCHED_API int xsched_version(void);

/*
 * Fills at most `capacity` entries in the order of creation; returns how many
 * XQueues there are, which may be more. `size` is sizeof(xsched_xqueue).
 */
XSCHED_API int xsched_list(xsched_xqueue* out, size_t capacity, size_t size);

/*
 * Holds an XQueue (or XSCHED_ALL) until xsched_resume, whatever the scheduler
 * decides meanwhile; holds do not add up. When it returns no packet enters the
 * hardware queue any more; at level 3 its running waves are saved and off the
 * GPU; at level 2 no kernel starts after the one that runs; at level 1 what
 * entered before runs to its end. Levels 1 and 2 bound what may be inside by a
 * window or by guard barriers; an XQueue that nobody competes with does so
 * from its first xsched_suspend on, so that the first one may find more.
 */
XSCHED_API int xsched_suspend(uint32_t id);
/* Ends the hold. The XQueue runs if the scheduler lets it. */
XSCHED_API int xsched_resume(uint32_t id);

/*
 * 1..3; also while suspended. Returns 0 if the level is reached, -ENOTSUP if
 * only a lower one is (xsched_list tells; it is in force).
 */
XSCHED_API int xsched_set_level(uint32_t id, uint32_t level);
/* -255..255; the scheduler decides anew. */
XSCHED_API int xsched_set_priority(uint32_t id, int32_t priority);
/* 1..65536 packets at once in the hardware queue under competition (level 1). */
XSCHED_API int xsched_set_window(uint32_t id, uint32_t packets);

#ifdef __cplusplus
}
#endif

#endif /* XSCHED_RUNTIME_H */
