// SPDX-License-Identifier: GPL-2.0
/*
 * The engines on KFD. amdgpu exports none of these functions: a kprobe that is
 * registered and removed again finds them, and static calls reach them, for
 * most have had their ENDBR sealed and must not be called through a pointer.
 * Prototypes are checked against amdgpu's BTF where the kernel has it; no
 * structure of KFD is ever looked into.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/static_call.h>
#include <linux/utsname.h>

#include "core/btf.h"
#include "glue.h"

struct kfd_process;

/* struct kfd_ioctl_update_queue_args of the stable uAPI. */
struct xs_update_queue {
	u64 ring_base;
	u32 queue_id;
	u32 ring_size;
	u32 percentage;
	u32 priority;
};

/* Only tells KFD's event log why: KFD_QUEUE_EVICTION_TRIGGER_SUSPEND. */
#define XS_QUIESCE_TRIGGER 3

/* What the calls lead to while nothing is bound. */
static int xs_no_update(struct file *filp, struct kfd_process *p, void *args)
{
	return -ENODEV;
}

static int xs_no_quiesce(struct mm_struct *mm, u32 trigger)
{
	return -ENODEV;
}

static int xs_no_resume(struct mm_struct *mm)
{
	return -ENODEV;
}

static struct kfd_process *xs_no_lookup(struct pid *pid)
{
	return NULL;
}

static void xs_no_unref(struct kfd_process *p)
{
}

#ifdef HAVE_STATIC_CALL_UPDATE
DEFINE_STATIC_CALL(xs_update, xs_no_update);
DEFINE_STATIC_CALL(xs_quiesce, xs_no_quiesce);
DEFINE_STATIC_CALL(xs_resume, xs_no_resume);
DEFINE_STATIC_CALL(xs_lookup, xs_no_lookup);
DEFINE_STATIC_CALL(xs_unref, xs_no_unref);
#define xs_call(name) static_call(name)
#define xs_set_call(name, address) \
	static_call_update(name, (typeof(&STATIC_CALL_TRAMP(name)))(address))
#else
/* Before 5.18: no static calls from modules, but no sealing either. */
static int (*xs_update)(struct file *filp, struct kfd_process *p, void *args) = xs_no_update;
static int (*xs_quiesce)(struct mm_struct *mm, u32 trigger) = xs_no_quiesce;
static int (*xs_resume)(struct mm_struct *mm) = xs_no_resume;
static struct kfd_process *(*xs_lookup)(struct pid *pid) = xs_no_lookup;
static void (*xs_unref)(struct kfd_process *p) = xs_no_unref;
#define xs_call(name) (name)
#define xs_set_call(name, address) ((name) = (typeof(name))(address))
#endif

static bool xs_have_quiesce;

/*
 * KFD's process for a task. It is found by a thread's mm, so any thread will
 * do, and the first may have exited. After an exec the mm is another one: then
 * there is nothing of ours left.
 */
static struct kfd_process *xs_get_process(const struct xs_task *task)
{
	struct task_struct *leader, *thread;
	struct kfd_process *p;
	struct pid *pid = NULL;
	bool same = false;

	rcu_read_lock();
	leader = pid_task(task->pid, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, thread) {
			if (READ_ONCE(thread->mm) == task->mm) {
				pid = get_pid(task_pid(thread));
				break;
			}
		}
	}
	rcu_read_unlock();
	if (!pid)
		return NULL;
	p = xs_call(xs_lookup)(pid);
	if (IS_ERR_OR_NULL(p)) {
		put_pid(pid);
		return NULL;
	}
	/* An mm never comes back: the same now is the same at the lookup. */
	rcu_read_lock();
	thread = pid_task(pid, PIDTYPE_PID);
	same = thread && READ_ONCE(thread->mm) == task->mm;
	rcu_read_unlock();
	put_pid(pid);
	if (same)
		return p;
	xs_call(xs_unref)(p);
	return NULL;
}

/*
 * Refcounted in KFD: exactly one resume for a quiesce that worked. While the GPU
 * resets, KFD has counted and answers -EIO all the same, both ways.
 */
static int xs_quiesce_apply(void *ctx, const struct xs_task *task, bool suspend)
{
	int ret = suspend ? xs_call(xs_quiesce)(task->mm, XS_QUIESCE_TRIGGER) :
			    xs_call(xs_resume)(task->mm);

	return ret == -EIO ? 0 : ret;
}

/*
 * After a queue reset KFD refuses to update and leaves the node's queues
 * unmapped: evicting and restoring the process has them mapped again.
 */
static void xs_refresh(const struct xs_task *task)
{
	if (xs_have_quiesce && !xs_quiesce_apply(NULL, task, true))
		xs_quiesce_apply(NULL, task, false);
}

static s32 xs_update_one(struct kfd_process *p, const struct xs_op *op, bool suspend)
{
	struct xs_update_queue args = {
		.ring_base = op->ring_base,
		.queue_id = op->queue_id,
		.ring_size = op->ring_size,
		.percentage = suspend ? 0 : op->percentage,
		.priority = op->priority,
	};
	int ret = xs_call(xs_update)(NULL, p, &args);

	if (ret == -EACCES)
		xs_refresh(op->task);
	/* The same ring was right when it was suspended: the queue is gone. */
	if (ret == -EFAULT && !suspend)
		return -ESRCH;
	/* KFD waits for the process's VM, but not through a signal. */
	if (ret == -ERESTARTSYS)
		return -EINTR;
	/* The GPU resets: what we asked for is noted and holds afterwards. */
	return ret == -EIO ? 0 : ret;
}

static u32 xs_update_apply(void *ctx, struct xs_op *ops, u32 n, bool suspend, u32 grace_us)
{
	struct kfd_process *p = NULL;
	u64 start;
	u32 i;

	for (i = 0; i < n; i++) {
		start = ktime_get_ns();
		if (i && ops[i].task->mm != ops[i - 1].task->mm && p) {
			xs_call(xs_unref)(p);
			p = NULL;
		}
		if (!p)
			p = xs_get_process(ops[i].task);
		ops[i].status = p ? xs_update_one(p, &ops[i], suspend) : -ESRCH;
		ops[i].ns = ktime_get_ns() - start;
	}
	if (p)
		xs_call(xs_unref)(p);
	/* KFD takes one queue at a time, and remaps the node for each. */
	return n;
}

static const struct xs_engine_ops xs_update_ops = {
	.levels = 1U << XSCHED_LEVEL_INTERRUPT,
	.apply = xs_update_apply,
};

static const struct xs_engine_ops xs_quiesce_ops = {
	.levels = 1U << XSCHED_LEVEL_INTERRUPT,
	.apply_process = xs_quiesce_apply,
};

/* Entry of a function in @module, 0 if it cannot be had. */
static unsigned long xs_resolve(struct module *module, const char *name)
{
	char symbol[KSYM_NAME_LEN + 16], found[KSYM_SYMBOL_LEN], want[KSYM_NAME_LEN + 2];
	struct kprobe probe = { .symbol_name = symbol };
	unsigned long address, offset;
	char *plus;

	snprintf(symbol, sizeof(symbol), "%s:%s", module->name, name);
	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);

	/* The probe may sit behind an ENDBR. */
	sprint_symbol(found, address);
	snprintf(want, sizeof(want), "%s+", name);
	plus = strchr(found, '+');
	if (!plus || strncmp(found, want, strlen(want)) ||
	    sscanf(plus, "+0x%lx/", &offset) != 1 || !within_module(address - offset, module))
		return 0;
	return address - offset;
}

struct xs_symbol {
	const char *name;
	const char *prototype, *older; /* as BTF tells it */
	unsigned long address;
	char why[56];
};

static void xs_find(struct module *module, const struct xs_btf *btf, struct xs_symbol *s)
{
	char proto[128];
	int ret;

	s->address = xs_resolve(module, s->name);
	if (!s->address) {
		snprintf(s->why, sizeof(s->why), "%s: not found", s->name);
		return;
	}
	if (!btf)
		return;
	ret = xs_btf_prototype(btf, s->name, proto, sizeof(proto));
	if (!ret && (!strcmp(proto, s->prototype) || (s->older && !strcmp(proto, s->older))))
		return;
	s->address = 0;
	snprintf(s->why, sizeof(s->why), "%s: other prototype", s->name);
	if (ret)
		pr_warn("%s: no usable BTF (%d)\n", s->name, ret);
	else
		pr_warn("%s is '%s', expected '%s': engine off\n", s->name, proto, s->prototype);
}

static void xs_offer(u32 engine, const struct xs_engine_ops *ops, struct xs_symbol **needs, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (needs[i]->address)
			continue;
		xs_core_set_engine(xs_core, engine, NULL, NULL, -ENOENT, needs[i]->why);
		return;
	}
	xs_core_set_engine(xs_core, engine, ops, NULL, 0, "");
}

/* bind.c holds @module and its lock. */
void xs_kfd_bind(struct module *module)
{
	struct xs_symbol update = { .name = "kfd_ioctl_update_queue",
		.prototype = "int(struct file *, struct kfd_process *, void *)" };
	struct xs_symbol quiesce = { .name = "kgd2kfd_quiesce_mm",
		.prototype = "int(struct mm_struct *, unsigned int)",
		.older = "int(struct mm_struct *)" };
	struct xs_symbol resume = { .name = "kgd2kfd_resume_mm",
		.prototype = "int(struct mm_struct *)" };
	struct xs_symbol lookup = { .name = "kfd_lookup_process_by_pid",
		.prototype = "struct kfd_process *(struct pid *)" };
	struct xs_symbol unref = { .name = "kfd_unref_process",
		.prototype = "void(struct kfd_process *)" };
	struct xs_symbol *all[] = { &update, &lookup, &unref, &quiesce, &resume };
	struct xs_btf *btf = xs_verify_open(module->name);
	char version[80];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		xs_find(module, btf, all[i]);
	if (update.address && lookup.address && unref.address) {
		xs_set_call(xs_update, update.address);
		xs_set_call(xs_lookup, lookup.address);
		xs_set_call(xs_unref, unref.address);
	}
	xs_have_quiesce = quiesce.address && resume.address;
	if (xs_have_quiesce) {
		xs_set_call(xs_quiesce, quiesce.address);
		xs_set_call(xs_resume, resume.address);
	}
	xs_offer(XSCHED_ENGINE_UPDATE_QUEUE, &xs_update_ops, all, 3);
	xs_offer(XSCHED_ENGINE_QUIESCE, &xs_quiesce_ops, all + 3, 2);
	/*
	 * KFD marks each queue as new and skips it for as long as it is; only a
	 * debugger's queries take that mark off.
	 */
	xs_core_set_engine(xs_core, XSCHED_ENGINE_SUSPEND_QUEUES, NULL, NULL, -EOPNOTSUPP,
			   xs_resolve(module, "suspend_queues") ?
			   "suspend_queues: skips queues no debugger has queried" :
			   "suspend_queues: not found (needs Linux 6.5)");

	/* In the kernel's tree it has no version of its own. */
	if (module->version)
		snprintf(version, sizeof(version), "%s", module->version);
	else
		snprintf(version, sizeof(version), "of Linux %s", init_utsname()->release);
	xs_core_set_driver(xs_core, version);
	pr_info("amdgpu %s bound: update_queue %s, quiesce %s, prototypes %s\n", version,
		update.address && lookup.address && unref.address ? "on" : "off",
		xs_have_quiesce ? "on" : "off", btf ? "checked" : "not checked (no BTF)");
	xs_verify_close(btf);
}

void xs_kfd_unbind(const char *why)
{
	u32 engine;

	for (engine = XSCHED_ENGINE_UPDATE_QUEUE; engine <= XSCHED_ENGINE_SUSPEND_QUEUES; engine++)
		xs_core_set_engine(xs_core, engine, NULL, NULL, -ENODEV, why);
	xs_core_set_driver(xs_core, "");
	xs_have_quiesce = false;
	xs_set_call(xs_update, xs_no_update);
	xs_set_call(xs_quiesce, xs_no_quiesce);
	xs_set_call(xs_resume, xs_no_resume);
	xs_set_call(xs_lookup, xs_no_lookup);
	xs_set_call(xs_unref, xs_no_unref);
}
