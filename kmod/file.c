// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/xsched: open files, their events, and what the core asks of the kernel.
 *
 * A close never works in the closing task, which may be one that SIGKILL ends:
 * a work item lets go of what the file holds, again and again until all of it
 * runs. Until then amdgpu stays pinned. The tick is an hrtimer that queues a
 * work item: the timer wheel is too coarse for leases.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "glue.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

#define XS_CLOSE_AGAIN_MS 10

struct xs_handle {
	struct xs_file *file;
	wait_queue_head_t readers;
	struct delayed_work close;
};

static struct workqueue_struct *xs_wq;
static struct hrtimer xs_timer;
static atomic_t xs_handles = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(xs_all_closed);
static bool xs_stopping;

static void xs_tick(struct work_struct *work)
{
	xs_core_tick(xs_core);
}

static DECLARE_WORK(xs_tick_work, xs_tick);

static enum hrtimer_restart xs_timer_fired(struct hrtimer *timer)
{
	queue_work(xs_wq, &xs_tick_work);
	return HRTIMER_NORESTART;
}

static u64 xs_kernel_now(void *ctx)
{
	return ktime_get_ns();
}

static void xs_kernel_arm(void *ctx, u64 when)
{
	hrtimer_start(&xs_timer, ns_to_ktime(when), HRTIMER_MODE_ABS);
}

static void xs_kernel_wake(void *cookie)
{
	struct xs_handle *h = cookie;

	wake_up_interruptible(&h->readers);
}

/* The mm is the identity; kept from being freed, not from being torn down. */
static void xs_task_ref(const struct xs_task *task)
{
	mmgrab(task->mm);
	get_pid(task->pid);
}

static void xs_task_unref(const struct xs_task *task)
{
	mmdrop(task->mm);
	put_pid(task->pid);
}

static bool xs_kernel_task_alive(const struct xs_task *task)
{
	const struct mm_struct *mm = task->mm;

	return atomic_read(&mm->mm_users) > 0;
}

static u32 xs_task_number(const struct xs_task *task)
{
	return pid_vnr(task->pid);
}

static void xs_trace(void *ctx, int kind, u64 handle, u32 gpu_id, s32 status, u64 ns)
{
	switch (kind) {
	case XS_TRACE_SUSPEND:
		trace_xsched_suspend(handle, gpu_id, status, ns);
		break;
	case XS_TRACE_RESUME:
		trace_xsched_resume(handle, gpu_id, status, ns);
		break;
	default:
		trace_xsched_lease_expired(handle, gpu_id, status, ns);
	}
}

const struct xs_platform xs_kernel_platform = {
	.now = xs_kernel_now,
	.arm = xs_kernel_arm,
	.wake = xs_kernel_wake,
	.task_ref = xs_task_ref,
	.task_unref = xs_task_unref,
	.task_alive = xs_kernel_task_alive,
	.task_number = xs_task_number,
	.trace = xs_trace,
};

static void xs_close(struct work_struct *work)
{
	struct xs_handle *h = container_of(to_delayed_work(work), struct xs_handle, close);

	if (!xs_file_close(h->file, READ_ONCE(xs_stopping))) {
		queue_delayed_work(xs_wq, &h->close, msecs_to_jiffies(XS_CLOSE_AGAIN_MS));
		return;
	}
	kfree(h);
	xs_unpin();
	if (atomic_dec_and_test(&xs_handles))
		wake_up(&xs_all_closed);
}

/* A member of the group that the node was given to, with its full access. */
static bool xs_in_group(const struct inode *inode)
{
	return !gid_eq(inode->i_gid, GLOBAL_ROOT_GID) && (inode->i_mode & 0060) == 0060 &&
	       in_egroup_p(inode->i_gid);
}

static int xs_open(struct inode *inode, struct file *filp)
{
	struct xs_handle *h;
	u32 flags = 0;

	h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	if (!h)
		return -ENOMEM;
	init_waitqueue_head(&h->readers);
	INIT_DELAYED_WORK(&h->close, xs_close);
	if (capable(CAP_SYS_ADMIN))
		flags |= XS_FILE_ADMIN | XS_FILE_CONTROL;
	else if (xs_in_group(inode))
		flags |= XS_FILE_CONTROL;
	h->file = xs_file_open(xs_core, flags, h);
	if (!h->file) {
		kfree(h);
		return -ENOMEM;
	}
	xs_pin();
	atomic_inc(&xs_handles);
	filp->private_data = h;
	return nonseekable_open(inode, filp);
}

static int xs_release(struct inode *inode, struct file *filp)
{
	struct xs_handle *h = filp->private_data;

	xs_file_retire(h->file);
	queue_delayed_work(xs_wq, &h->close, 0);
	return 0;
}

static long xs_unlocked_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct xs_handle *h = filp->private_data;
	struct xs_task caller = { current->mm, task_tgid(current) };

	return xs_ioctl(h->file, &caller, cmd, (void __user *)arg);
}

static ssize_t xs_read(struct file *filp, char __user *to, size_t len, loff_t *pos)
{
	struct xs_handle *h = filp->private_data;
	struct xsched_event event;
	size_t done = 0;
	int ret;

	if (len < sizeof(event))
		return -EINVAL;
	while (done + sizeof(event) <= len) {
		if (xs_file_take_events(h->file, &event, 1)) {
			if (copy_to_user(to + done, &event, sizeof(event)))
				return done ? done : -EFAULT;
			done += sizeof(event);
			continue;
		}
		if (done)
			break;
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(h->readers, xs_file_has_events(h->file));
		if (ret)
			return ret;
	}
	return done;
}

static __poll_t xs_poll(struct file *filp, poll_table *wait)
{
	struct xs_handle *h = filp->private_data;

	poll_wait(filp, &h->readers, wait);
	return xs_file_has_events(h->file) ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_operations xs_fops = {
	.owner = THIS_MODULE,
	.open = xs_open,
	.release = xs_release,
	.unlocked_ioctl = xs_unlocked_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read = xs_read,
	.poll = xs_poll,
};

int xs_files_init(void)
{
	xs_wq = alloc_workqueue("xsched", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!xs_wq)
		return -ENOMEM;
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(&xs_timer, xs_timer_fired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(&xs_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	xs_timer.function = xs_timer_fired;
#endif
	return 0;
}

void xs_files_exit(void)
{
	/* What KFD would not resume by now is given up. */
	WRITE_ONCE(xs_stopping, true);
	wait_event(xs_all_closed, !atomic_read(&xs_handles));
	/* A tick may arm the timer, which queues a tick: the last one wins. */
	hrtimer_cancel(&xs_timer);
	flush_work(&xs_tick_work);
	hrtimer_cancel(&xs_timer);
	destroy_workqueue(xs_wq);
}
